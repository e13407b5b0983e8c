"""The verb `generate`: trajectories of a true system, as a Dataset."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset, plugins
from dynsamp.arguments import check_counts, check_flags, real_number
from dynsamp.interruption import obey
from dynsamp.kernels.methods import METHODS
from dynsamp.kernels.random import normals
from dynsamp.solve import Kernel, Options, field_values, scalar_values, solve
from dynsamp.solve.options import CHAOTIC_TOLERANCE, TRUTH_TOLERANCE, usual_step
from dynsamp.streams import checked_seed, stream
from dynsamp.system import System
from dynsamp.words import Box, listed, nearest, quoted
from dynsamp.workflow.chunks import Piece, Store, computed
from dynsamp.workflow.identity import Told, span
from dynsamp.workflow.signals import Signal, Signals, signal_values, signals_of_system
from dynsamp.workflow.starts import BLOCK, Starts, sampled_starts, saved_times, start_array, trajectory_count

VALID_TRUTH = 0.04  # of a standard deviation: a tenth of the error at which a forecast counts as lost
LAST_BITS = 2.0**-50


def generate(  # noqa: PLR0913 - a verb
    system: str | System,
    *,
    trajectories: int = 16,
    duration: float | None = None,
    dt: float | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    initial: Starts | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
    inputs: Mapping[str, Signal] | None = None,
    noise: float | Mapping[str, float] = 0.0,
    derivatives: bool | None = None,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    memory: int | None = None,
    verify: bool = True,
    workers: int | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Generate trajectories of a system.

    Parameters
    ----------
    system : str or System
        Name of a registered system, or the object itself.
    trajectories : int
        How many; ``initial`` or swept parameters with several rows decide it themselves.
    duration, dt : float, optional
        Length and spacing of the saved times, in the system's time unit; default: the system's experiment.
    times : array_like, optional
        Saved times, instead of ``duration`` and ``dt``; the first is the time of ``initial``.
    initial : Box, array (state,) or (trajectory, state), dict by state name, or callable (rng, n), optional
        Starts; default: the system's, after its spin-up.
    parameters : mapping, optional
        Values other than the defaults; an array sweeps over trajectories.
    inputs : mapping of str to (times, values) or callable, optional
        External signals of a system that has them; values are (time,) or (trajectory, time). A function of time, of
        all times at once or of one, is taken at the saved times: the Dataset then holds what drove the system. Give
        pairs for a signal that changes faster.
    noise : float or mapping of str to float
        Observation noise: a float is a fraction of each variable's standard deviation, a dict is absolute.
        Derivatives stay clean.
    derivatives : bool, optional
        Add ``tendency_of_<name>``; default: yes for ODE and Hamiltonian systems.
    method, step, rtol, atol : optional
        Solver; default DOP853 at 1e-12 (3e-14 for chaotic systems), Radau IIA for stiff ones, Euler-Maruyama for
        noise-driven systems. A fixed step is the system's own, or else the spacing of the saved times (the median one,
        where they are uneven), and at most that of its experiment.
    seed : int
        Seed of starts, paths and noise; a trajectory depends on (seed, its id) alone.
    store : path, optional
        Write a zarr store in chunks, resumable after an interruption, and return it opened: for results larger than
        memory. A store that is there is resumed, or returned, if it was begun with the same law, arguments and
        versions; else it is refused, with what differs. Noise must be absolute.
    memory : int, optional
        Bytes that the chunks of a store may take at a time.
    verify : bool
        Compare what such a store already holds with its checksums, and compute what is damaged again.
    workers : int, optional
        Threads; default: all cores. Results do not depend on it.
    progress : bool, optional
        Show progress; default: on a terminal.

    Returns
    -------
    Dataset
        One variable a state over (trajectory, time, ...), ``status``, diagnostics, and what was done as attributes.
        Chaotic truth carries ``truth_valid_until(trajectory)``.

    Raises
    ------
    ValueError
        Unknown system, parameter or state; contradicting times; a start or signal of the wrong shape.
    """
    law = plugins.system(system)
    starts = initial
    if initial is not None and not isinstance(initial, Box) and not callable(initial):
        starts = start_array(initial, law.states)
    theta = law.theta(parameters)
    saved = saved_times(duration, dt, times, default_duration=law.duration, default_dt=law.dt)
    check_counts(workers=workers, memory=memory)
    check_flags(progress=progress, verify=verify)
    options = Options(method=method, step=step, rtol=rtol, atol=atol, threads=workers)
    job = Generation(
        law=law,
        times=saved,
        theta=theta,
        count=trajectory_count(trajectories, starts, theta),
        starts=starts,
        signals=signals_of_system(law, inputs, saved) if law.inputs or inputs else None,
        noise=_absolute_or_fraction(law, noise),
        derivatives=_with_derivatives(law, derivatives),
        exact=law.generate is not None and method is None,
        options=_of_truth(law, options, saved),
        seed=checked_seed(seed),
    )
    if store is not None and isinstance(job.noise, float) and job.noise:
        raise ValueError(
            "noise as a fraction needs all trajectories at once; with store= give a dict of absolute values"
        )
    place = None if store is None else Store(store, memory, verify)
    return computed(job, f"generating {law.name}", place, progress)


def _absolute_or_fraction(law: System, noise: float | Mapping[str, float]) -> float | np.ndarray:
    """A fraction of each variable's standard deviation (float), or absolute values (component,) from a mapping."""
    if not isinstance(noise, Mapping):
        fraction = real_number("noise", noise)
        if not 0 <= fraction < np.inf:
            raise ValueError(f"noise must be a fraction >= 0 or a dict of absolute values, got {noise}")
        return fraction
    names = [state.name for state in law.states]
    for key, value in noise.items():
        if key not in names:
            raise ValueError(
                f"noise names {quoted(key)}, which is no state of {law.name!r} ({listed(names)}){nearest(key, names)}"
            )
        if not 0 <= real_number(f"noise of {key!r}", value) < np.inf:
            raise ValueError(f"noise of {key!r} must be finite and >= 0, got {value}")
    return np.repeat([float(noise.get(name, 0.0)) for name in names], [state.size for state in law.states])


def _with_derivatives(law: System, asked: bool | None) -> bool:
    plain = law.smooth and not law.inputs
    check_flags(derivatives=asked)
    if asked and not plain:
        raise ValueError(f"{law.name!r} has no derivatives to add: they need an ODE without inputs or delays")
    return plain if asked is None else asked


def _of_truth(law: System, options: Options, saved: np.ndarray) -> Options:
    """What was asked for, and for the rest what a truth needs."""
    if options.method is None and options.step is None and law.smooth and not law.stiff:
        reason = "dop853: order 8 with adaptive steps, at tolerances tight enough for a truth"
        options = replace(options, method="dop853", reason=reason)
    if options.method == "dop853":
        tolerance = CHAOTIC_TOLERANCE if law.chaotic else TRUTH_TOLERANCE
        own: dict[str, Any] = {name: tolerance for name in ("rtol", "atol") if getattr(options, name) is None}
        return replace(options, **own)
    adaptive = law.stiff if options.method is None else options.method in METHODS and METHODS[options.method].adaptive
    if options.step is None and law.kind != "map" and not adaptive:
        return replace(options, step=law.solver_step or usual_step(saved, law.dt))
    return options


@dataclass(frozen=True)
class Generation:
    """One call of `generate`, every argument resolved; each trajectory depends on (seed, id) alone."""

    law: System
    times: np.ndarray  # (time,)
    theta: np.ndarray  # (parameter,) or (trajectory, parameter)
    count: int
    starts: Any  # None: the system's, after its spin-up; Box, callable or array
    signals: Signals | None  # times (n,), values (1 or trajectory, n, input)
    noise: float | np.ndarray  # fraction of the standard deviation, or (component,) absolute
    derivatives: bool
    exact: bool  # by the system's own function
    options: Options
    seed: int

    @property
    def size(self) -> int:
        """Numbers of a trajectory of the result."""
        return len(self.times) * (self.law.size * (1 + self.derivatives) + len(self.law.scalars()))

    def piece(self, low: int, high: int) -> Piece:
        """Everything about trajectories low..high-1."""
        ids = np.arange(low, high, dtype=np.int64)
        theta = self.theta if self.theta.ndim == 1 else self.theta[low:high]
        kernel = self.law.kernel(theta)
        y0 = self._first_states(kernel, ids)
        states, status, method = self._truth(kernel, y0, ids)
        result = {"ids": ids, "y": states, "status": status}
        rows, flat = states.reshape(-1, self.law.size), np.tile(self.times, len(ids))
        per_row = theta if theta.ndim == 1 else np.repeat(theta, len(self.times), axis=0)
        if self.derivatives:
            result["dy"] = field_values(kernel, flat, rows, per_row).reshape(states.shape)
        for name, scalar in self.law.scalars().items():
            values = scalar_values(scalar.function, flat, rows, per_row, (self.law.size, len(self.law.parameters)))
            result[f"diagnostic {name}"] = values.reshape(states.shape[:2])
        name = str(method["method"]).removesuffix("-scalar")
        if self.law.chaotic and len(self.times) > 1 and name in METHODS:
            result["valid_until"] = self._valid_until(kernel, y0, ids, states, name)
        if isinstance(self.noise, np.ndarray):
            result["y"] = states + self.noise * self._normals(ids, states.shape)
        if self.theta.ndim == 2:
            result["theta"] = theta
        return Piece(result, method)

    def _drawn(self, ids: np.ndarray) -> np.ndarray:
        starts: Any = self.law.initial if self.starts is None else self.starts
        return sampled_starts(starts, self.law.states, ids, self.seed)

    def _first_states(self, kernel: Kernel, ids: np.ndarray) -> np.ndarray:
        y0 = self._drawn(ids)
        if self.starts is not None or not self.law.spin_up:
            return y0
        times = np.array([self.times[0] - self.law.spin_up, self.times[0]])
        seed, signals = stream(self.seed, "spin-up"), self._signals(ids)
        spun = solve(kernel, times, y0, ids=ids, seed=seed, inputs=signals, options=self.options)
        return np.ascontiguousarray(spun.states[:, -1])

    def _truth(
        self, kernel: Kernel, y0: np.ndarray, ids: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
        seed = stream(self.seed, "paths")
        if self.exact and self.law.generate is not None:
            theta = np.broadcast_to(kernel.theta, (len(ids), kernel.theta.shape[-1]))
            exact: dict[str, object] = {"method": "exact", "method_reason": "the system brings its own generation"}
            return (*self.law.own_paths(self.times, y0, theta, ids, seed), exact)
        signals = self._signals(ids)
        solution = solve(kernel, self.times, y0, ids=ids, seed=seed, inputs=signals, options=self.options)
        return solution.states, solution.status, solution.about()

    def _valid_until(
        self, kernel: Kernel, y0: np.ndarray, ids: np.ndarray, states: np.ndarray, method: str
    ) -> np.ndarray:
        """Last saved time (trajectory,) up to which the truth agrees with another solution to 0.04 standard deviations.

        The other one is tighter by a factor of ten in its tolerances, or takes half the step. At tolerances where
        rounding is the larger part of the error no solution is better, so one at four times the tolerance is taken,
        whose errors are independent of those of the first; for a map, one from starts that differ in their last bits.
        """
        options = replace(self.options, method=method)
        given = {name: own for name in ("rtol", "atol") if (own := getattr(options, name)) is not None}
        if method == "map":
            y0 = y0 + LAST_BITS * np.abs(y0)  # a single last bit may be rounded away at once
        elif not METHODS[method].adaptive:
            options = replace(options, step=(options.step or usual_step(self.times)) / 2)
        elif given:
            factor = 0.1 if min(given.values()) >= 10 * CHAOTIC_TOLERANCE else 4.0
            options = replace(options, **{name: factor * tolerance for name, tolerance in given.items()})
        other = solve(kernel, self.times, y0, ids=ids, inputs=self._signals(ids), options=options)
        spread = np.nanstd(states, axis=1, keepdims=True) if states.shape[1] > 1 else np.ones_like(states)
        obey()  # a second of arithmetic goes by here
        error = np.sqrt(np.mean(((other.states - states) / np.where(spread > 0, spread, 1.0)) ** 2, axis=-1))
        left = ~(error <= VALID_TRUTH)  # NaN counts as left
        first = np.where(left.any(axis=1), left.argmax(axis=1), len(self.times) - 1)
        return np.asarray(self.times[np.maximum(first - left.any(axis=1), 0)])

    def _signals(self, ids: np.ndarray) -> Signals | None:
        if self.signals is None or len(self.signals[1]) == 1:
            return self.signals
        return self.signals[0], self.signals[1][ids]

    def _normals(self, ids: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normals (trajectory, time, component) of the observation, each a function of its place alone."""
        trajectory, time, component = np.ix_(ids, np.arange(shape[1]), np.arange(shape[2]))
        return np.asarray(normals(stream(self.seed, "noise"), trajectory, time, component))

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""
        law, arrays = self.law, piece.arrays
        y, ids = arrays["y"], arrays["ids"]
        if isinstance(self.noise, float) and self.noise:  # a fraction of what only the whole set knows
            scale = self.noise * np.nanstd(y, axis=(0, 1))
            y = y + scale * self._normals(ids, y.shape)
        labelled = {
            name: (arrays[f"diagnostic {name}"], scalar.units, scalar.long_name)
            for name, scalar in law.scalars().items()
        }
        swept = {}
        if "theta" in arrays:
            columns = zip(law.parameters, arrays["theta"].T, strict=True)
            swept = {name: column for name, column in columns if np.ptp(column) > 0}
        inputs = None if self.signals is None else signal_values(law, self.signals, self.times, len(y))
        return dataset.build(
            t=self.times,
            y=y,
            states=law.states,
            time_unit=law.time_unit,
            ids=ids,
            dy=arrays.get("dy"),
            status=arrays["status"],
            diagnostics=labelled,
            inputs=inputs,
            swept=swept,
            valid_until=arrays.get("valid_until"),
            attrs=self._attrs(piece.said),
        )

    def plan(self) -> Told:
        """See Job."""
        options, parameters = self.options, list(self.law.parameters)
        plan = Told(verb="generate", seed=self.seed, times=span(self.times))
        plan.add_law(self.law, self.exact)
        if self.theta.ndim == 1:
            plan["parameters"] = dict(zip(parameters, self.theta.tolist(), strict=True))
        else:
            plan.add("parameters", (parameters, self.theta))
        starts = self.law.initial if self.starts is None else self.starts
        plan.add("starts", self._all_drawn() if callable(starts) else starts)
        plan.add("starts given", self.starts is not None)  # else there is a spin-up
        plan.add("inputs", self.signals)
        plan.add("noise", self.noise)
        plan["derivatives"] = self.derivatives
        plan.update(method=options.method, step=options.step, rtol=options.rtol, atol=options.atol)
        return plan

    def _all_drawn(self) -> str:
        """Hash of what a function gives for starts."""
        total = hashlib.sha256()
        for low in range(0, self.count, 64 * BLOCK):
            total.update(self._drawn(np.arange(low, min(low + 64 * BLOCK, self.count))).tobytes())
        return f"#{total.hexdigest()[:40]}"

    def _attrs(self, method: Mapping[str, object]) -> dict[str, object]:
        law = self.law
        return {
            "title": law.title or law.name,
            "system": law.name,
            "facts": law.facts().to_json(),
            "parameters": dict(zip(law.parameters, np.atleast_2d(self.theta)[0].tolist(), strict=True)),
            "references": "; ".join(law.references),
            **method,
            "seed": self.seed,
            "observation_noise": np.asarray(self.noise).tolist(),
            "history": dataset.history(f"generate {law.name}"),
        }
