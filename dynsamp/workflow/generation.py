"""The verb `generate`: trajectories of a true system, as a Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset, plugins
from dynsamp.kernels.methods import METHODS
from dynsamp.solve import Kernel, field_values, scalar_values, solve
from dynsamp.streams import checked_seed, stream
from dynsamp.system import System
from dynsamp.words import Box
from dynsamp.workflow.chunks import Piece, computed, digest
from dynsamp.workflow.noise import absolute_or_fraction, observation_normals
from dynsamp.workflow.provenance import history, said
from dynsamp.workflow.scalars import labels, scalars
from dynsamp.workflow.signals import resampled, signal_values
from dynsamp.workflow.starts import sampled_starts, start_array, trajectory_count
from dynsamp.workflow.times import saved_times
from dynsamp.workflow.validity import valid_until

__all__ = ["generate"]

TRUTH_TOLERANCE = 1e-12
CHAOTIC_TOLERANCE = 3e-14  # the tightest that float64 supports: chaotic truth lives as long as it can


def generate(
    system: str | System,
    *,
    trajectories: int = 16,
    duration: float | None = None,
    dt: float | None = None,
    times: Sequence[float] | np.ndarray | None = None,
    initial: Any = None,
    parameters: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    noise: float | Mapping[str, float] = 0.0,
    derivatives: bool | None = None,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    memory: int | None = None,
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
        noise-driven systems.
    seed : int
        Seed of starts, paths and noise; a trajectory depends on (seed, its id) alone.
    store : path, optional
        Write a zarr store in chunks, resumable after an interruption, and return it opened: for results larger than
        memory. Noise must then be absolute.
    memory : int, optional
        Bytes that the chunks of a store may take at a time.
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
    saved = saved_times(duration, dt, times, default_duration=law.duration, default_dt=law.dt)
    job = Generation.resolved(
        law,
        times=saved,
        trajectories=trajectories,
        initial=initial,
        theta=law.theta(parameters),
        signals=resampled(law, inputs, saved),
        noise=absolute_or_fraction(law, noise),
        derivatives=derivatives,
        solver={"method": method, "step": step, "rtol": rtol, "atol": atol},
        seed=checked_seed(seed),
        threads=workers,
    )
    if store is not None and isinstance(job.noise, float) and job.noise:
        raise ValueError(
            "noise as a fraction needs all trajectories at once; with store= give a dict of absolute values"
        )
    return computed(job, f"generating {law.name}", store=store, memory=memory, progress=progress)


@dataclass(frozen=True)
class Generation:
    """One call of `generate`, every argument resolved; each trajectory depends on (seed, id) alone."""

    law: System
    times: np.ndarray  # (time,)
    theta: np.ndarray  # (parameter,) or (trajectory, parameter)
    count: int
    starts: Any  # None: the system's, after its spin-up; Box, callable or array
    signals: tuple[np.ndarray, np.ndarray] | None  # times (n,), values (1 or trajectory, n, input)
    noise: float | np.ndarray  # fraction of the standard deviation, or (component,) absolute
    derivatives: bool
    solver: Mapping[str, Any]
    seed: int
    threads: int | None

    @classmethod
    def resolved(
        cls, law: System, *, trajectories: int, initial: Any, theta: np.ndarray, derivatives: bool | None, **rest: Any
    ) -> Generation:
        """Resolve the number of trajectories and the starts."""
        starts = initial
        if initial is not None and not isinstance(initial, Box) and not callable(initial):
            starts = start_array(initial, law.states)
        count = trajectory_count(trajectories, starts, theta)
        plain = law.smooth and not law.inputs
        if derivatives is None:
            derivatives = plain
        elif derivatives and not plain:
            raise ValueError(f"{law.name!r} has no derivatives to add: they need an ODE without inputs or delays")
        return cls(law=law, count=count, starts=starts, theta=theta, derivatives=derivatives, **rest)

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
        for name, function in scalars(self.law).items():
            result[f"diagnostic {name}"] = scalar_values(function, flat, rows, per_row).reshape(states.shape[:2])
        name = method["method"].removesuffix("-scalar")
        if self.law.chaotic and len(self.times) > 1 and name in METHODS:
            used = {**self._options(), "ids": ids, "inputs": self._signals(ids)}
            result["valid_until"] = valid_until(kernel, self.times, y0, states, name, {**used, "method": name})
        if isinstance(self.noise, np.ndarray):
            result["y"] = states + self.noise * observation_normals(stream(self.seed, "noise"), ids, states.shape)
        if self.theta.ndim == 2:
            result["theta"] = theta
        return Piece(result, method)

    def _options(self) -> dict[str, Any]:
        """Solver options: what was asked for, else those of a truth."""
        options = dict(self.solver)
        if options["method"] is None and options["step"] is None and self.law.smooth and not self.law.stiff:
            options["method"] = "dop853"
        if options["method"] == "dop853":
            tolerance = CHAOTIC_TOLERANCE if self.law.chaotic else TRUTH_TOLERANCE
            options["rtol"] = tolerance if options["rtol"] is None else options["rtol"]
            options["atol"] = tolerance if options["atol"] is None else options["atol"]
        elif options["step"] is None and self.law.kind != "map" and not self.law.stiff:
            options["step"] = self.law.solver_step
        return {**options, "threads": self.threads}

    def _drawn(self, ids: np.ndarray) -> np.ndarray:
        starts: Any = self.law.initial if self.starts is None else self.starts
        return sampled_starts(starts, self.law.states, ids, self.seed)

    def _first_states(self, kernel: Kernel, ids: np.ndarray) -> np.ndarray:
        y0 = self._drawn(ids)
        if self.starts is not None or not self.law.spin_up:
            return y0
        times = np.array([self.times[0] - self.law.spin_up, self.times[0]])
        options = {**self._options(), "ids": ids, "seed": stream(self.seed, "spin-up")}
        return np.ascontiguousarray(solve(kernel, times, y0, inputs=self._signals(ids), **options).states[:, -1])

    def _truth(self, kernel: Kernel, y0: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        seed = stream(self.seed, "paths")
        if self.law.generate is not None and self.solver["method"] is None:
            theta = np.broadcast_to(kernel.theta, (len(ids), kernel.theta.shape[-1]))
            states, status = self.law.generate(self.times, y0, theta, ids, seed)
            exact = {"method": "exact", "method_reason": "the system brings its own generation"}
            return np.asarray(states, dtype=float), np.asarray(status, dtype=np.int8), exact
        solution = solve(kernel, self.times, y0, ids=ids, seed=seed, inputs=self._signals(ids), **self._options())
        chosen = said(solution)
        if self.solver["method"] is None and self._options()["method"] == "dop853":
            chosen["method_reason"] = "dop853: order 8 with adaptive steps, at tolerances tight enough for a truth"
        return solution.states, solution.status, chosen

    def _signals(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if self.signals is None or len(self.signals[1]) == 1:
            return self.signals
        return self.signals[0], self.signals[1][ids]

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""
        law, arrays = self.law, piece.arrays
        y, ids = arrays["y"], arrays["ids"]
        if isinstance(self.noise, float) and self.noise:  # a fraction of what only the whole set knows
            scale = self.noise * np.nanstd(y, axis=(0, 1))
            y = y + scale * observation_normals(stream(self.seed, "noise"), ids, y.shape)
        labelled = {name: (arrays[f"diagnostic {name}"], *labels(law, name)) for name in scalars(law)}
        swept = {}
        if "theta" in arrays:
            columns = zip(law.parameters, arrays["theta"].T, strict=True)
            swept = {name: column for name, column in columns if np.ptp(column) > 0}
        inputs = None
        if self.signals is not None:
            inputs = signal_values(law, self.signals, self.times, len(y))
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

    def plan(self) -> dict[str, Any]:
        """See Job."""
        ids = np.arange(self.count if isinstance(self.starts, np.ndarray) else 1)  # one tells two functions apart
        starts = self._drawn(ids)
        signals = self.signals or ()
        return {
            "verb": "generate",
            "system": self.law.name,
            "trajectories": self.count,
            "seed": self.seed,
            "options": {key: value for key, value in self._options().items() if key != "threads"},
            "derivatives": self.derivatives,
            "content": digest(self.times, self.theta, starts, np.asarray(self.noise), *signals),
        }

    def _attrs(self, method: Mapping[str, Any]) -> dict[str, Any]:
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
            "history": history(f"generate {law.name}"),
        }
