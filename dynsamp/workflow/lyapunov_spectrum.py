"""Lyapunov spectra of systems and of fitted models, as Datasets."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset
from dynsamp.arguments import check_counts, real_number
from dynsamp.models.base import Model
from dynsamp.solve import Options, jacobian_values
from dynsamp.solve.lyapunov import LyapunovSpectrum, between_starts, kaplan_yorke_dimension, lyapunov_spectrum
from dynsamp.streams import checked_seed, stream
from dynsamp.system import System
from dynsamp.workflow.orbits import Orbits, orbits
from dynsamp.workflow.starts import Starts, saved_times

INTERVALS = 2000  # between two orthonormalisations, by default
SHOWN = 200  # times of the running average
SAMPLED = 500  # states of a trajectory at which the divergence is taken


def lyapunov(  # noqa: PLR0913 - a verb
    source: str | System | Model,
    initial: Starts | None = None,
    *,
    exponents: int | None = None,
    duration: float | None = None,
    dt: float | None = None,
    transient: float = 0.1,
    parameters: Mapping[str, ArrayLike] | None = None,
    trajectories: int = 16,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    workers: int | None = None,
) -> xr.Dataset:
    """Lyapunov spectrum of a system or of a fitted model, with honest error bars.

    Parameters
    ----------
    source : str, System or Model
        Name of a system, the object, or a fitted model.
    initial : Dataset, Box, array, dict or callable, optional
        Starts; by default the system's own, after its spin-up. A model needs some; they should lie on the attractor.
    exponents : int, optional
        How many, the largest first; by default all.
    duration : float, optional
        Length of each trajectory; by default 2000 intervals of ``dt``.
    dt : float, optional
        Time between two orthonormalisations; by default the spacing of the system's (or the model's) saved times.
    transient : float
        Fraction of the run that is left out, while the tangent vectors find their directions.
    parameters, trajectories, seed : optional
        As for ``generate``; sweeping a parameter gives the spectrum along it.
    method, step, rtol, atol : optional
        Solver of state and tangent vectors; by default dop853 at 1e-9.
    workers : int, optional
        Threads; results do not depend on it.

    Returns
    -------
    Dataset
        ``lyapunov_exponent`` and ``standard_error`` over (trajectory, exponent), the latter no less than the spread
        over starts that seem to be draws of the same (four at least), ``running_exponent`` up to a time,
        ``mean_divergence`` (what all exponents must add up to), ``kaplan_yorke_dimension``, ``status``.

    Raises
    ------
    ValueError
        For a system with noise or external signals, or times that contradict each other.

    References
    ----------
    Benettin, Galgani, Giorgilli, Strelcyn (1980), Meccanica 15, 9 and 21.
    """
    runs = orbits(source, initial, parameters=parameters, trajectories=trajectories, seed=checked_seed(seed))
    if runs.kernel.inputs:
        raise ValueError(
            "a system with external signals has no Lyapunov spectrum of its own; fix the signals in its rhs"
        )
    check_counts(exponents=exponents, workers=workers)
    dt = None if dt is None else real_number("dt", dt)
    times = saved_times(duration, dt, None, default_duration=INTERVALS * (dt or runs.dt), default_dt=runs.dt)
    found = lyapunov_spectrum(
        runs.kernel,
        times,
        runs.y0,
        count=exponents,
        ids=runs.ids,
        seed=stream(seed, "directions"),
        transient=transient,
        options=Options(method=method, step=step, rtol=rtol, atol=atol, threads=workers),
    )
    shown = np.unique(np.linspace(1, len(times) - 1, SHOWN).astype(int))
    running = np.cumsum(found.growth, axis=1)[:, shown - 1] / (times[shown] - times[0])[:, np.newaxis]
    return dataset.spectra(
        exponents=found.exponents,
        errors=_errors(runs, found),
        running=running,
        times=times[shown],
        divergence=_mean_divergence(runs, found),
        dimension=kaplan_yorke_dimension(found.exponents),
        status=found.solution.status,
        ids=runs.ids,
        time_unit=runs.time_unit,
        attrs={
            "title": f"Lyapunov spectrum of {runs.name}",
            **runs.about,
            **found.solution.about(),
            "transient": transient,
            "seed": seed,
            "history": dataset.history("lyapunov"),
        },
    )


def _errors(runs: Orbits, found: LyapunovSpectrum) -> np.ndarray:
    """Standard errors (trajectory, exponent); starts with the same parameters are compared."""
    theta = np.broadcast_to(runs.kernel.theta, (len(runs.y0), runs.kernel.theta.shape[-1]))
    errors, law = found.errors.copy(), np.unique(theta, axis=0, return_inverse=True)[1].ravel()
    for rows in (law == one for one in range(law.max() + 1)):
        errors[rows] = between_starts(found.exponents[rows], found.errors[rows])
    return errors


def _mean_divergence(runs: Orbits, found: LyapunovSpectrum) -> np.ndarray:
    """Time average (trajectory,) of the trace of the Jacobian; of log |det| per unit of time, for a map."""
    kernel, y = runs.kernel, found.solution.states
    every = max(1, y.shape[1] // SAMPLED)
    times, states = found.times[::every], np.ascontiguousarray(y[:, ::every])
    rows = states.reshape(-1, states.shape[-1])
    theta = kernel.theta if kernel.theta.ndim == 1 else np.repeat(kernel.theta, len(times), axis=0)
    jacobians = jacobian_values(kernel, np.tile(times, len(states)), rows, theta)
    if kernel.kind == "map":
        with np.errstate(invalid="ignore"):  # NaN of a trajectory that failed
            rates = np.linalg.slogdet(jacobians)[1] / (kernel.dt or 1.0)
    else:
        rates = np.trace(jacobians, axis1=-2, axis2=-1)
    return np.asarray(rates.reshape(states.shape[:2]).mean(axis=1))
