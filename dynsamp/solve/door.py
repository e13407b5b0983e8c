"""The verb of the door: ``solve``."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.checks import as_ids, as_room, as_states, as_times
from dynsamp.solve.choice import choose
from dynsamp.solve.kernel import Inputs, Kernel, Solution
from dynsamp.solve.problem import as_problem

__all__ = ["solve"]

_RTOL, _RTOL_CHAOTIC = 1e-9, 3e-14  # chaos amplifies every error: as small as float64 permits
_MAX_STEPS = 1_000_000


def solve(
    kernel: Kernel,
    times: Any,
    y0: Any,
    *,
    ids: Any = None,
    seed: int = 0,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    inputs: Inputs | None = None,
    out: np.ndarray | None = None,
) -> Solution:
    """Trajectories from many starts.

    Parameters
    ----------
    kernel : Kernel
        Functions and parameters.
    times : array_like (time,)
        Saved times, increasing; the first is that of ``y0``.
    y0 : array_like (trajectory, state)
        Starts.
    ids : array_like of int (trajectory,), optional
        Names of the streams of noise; by default 0, 1, ...
    seed : int
        Of the noise.
    method : str, optional
        "rk4", "dop853", "verlet", "yoshida4", "implicit_midpoint", "euler_maruyama" or "map"; chosen by the kind of
        kernel if not given.
    step : float, optional
        Longest internal step of a fixed-step method, which takes a whole number of equal steps between saved times;
        by default the smallest spacing of ``times``.
    rtol, atol : float, optional
        Tolerances of dop853: 1e-9, or 3e-14 for chaotic systems.
    max_steps : int, optional
        Steps of dop853 after which a trajectory is given up: 1 000 000.
    threads : int, optional
        By default ``DYNSAMP_THREADS``, or all processors. No result depends on it.
    inputs : (times (n,), values (trajectory or 1, n, signal)), optional
        External signals, for a kernel that has them.
    out : ndarray (trajectory, time, state), optional
        Where to write the states.

    Returns
    -------
    Solution
        A trajectory that fails has NaN from the failure on and a status; it raises nothing.

    Raises
    ------
    ValueError, TypeError
        For arguments that contradict each other, and functions that do not compile.
    RuntimeError
        If a function of the system raises.
    """
    from dynsamp.kernels.integrate import Schedule, integrate
    from dynsamp.kernels.methods import METHODS

    times, y0 = as_times(times), as_states(y0)
    name, reason = choose(kernel, method, rtol is not None or atol is not None)
    numbers = as_ids(ids, len(y0))
    problem = as_problem(kernel, y0.shape[1], len(y0), inputs, (times[0], times[-1]))
    substeps, tolerance = np.ones(len(times) - 1, dtype=np.int64), np.empty(2)
    if METHODS[name].adaptive:
        rtol, atol = _tolerances(kernel, rtol, atol)
        tolerance[:] = rtol, atol
        options = {"rtol": rtol, "atol": atol}
    else:
        substeps, width = _substeps(kernel, times, step)
        options = {"step": width}
    limit = _MAX_STEPS if max_steps is None else int(max_steps)
    if limit < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")
    states = as_room(out, (len(y0), len(times), y0.shape[1]))
    status, route = integrate(
        name, problem, Schedule(times, substeps, tolerance, limit), y0, numbers, int(seed), threads, states
    )
    return Solution(states, status, route, reason, options)


def _tolerances(kernel: Kernel, rtol: float | None, atol: float | None) -> tuple[float, float]:
    default = _RTOL_CHAOTIC if kernel.facts.get("chaotic") else _RTOL
    rtol = default if rtol is None else float(rtol)
    atol = min(default, rtol) if atol is None else float(atol)
    if not 1e-15 <= rtol < 1 or not 0 < atol < float("inf"):
        raise ValueError(f"tolerances must be 1e-15 <= rtol < 1 and atol > 0, got rtol={rtol:g}, atol={atol:g}")
    return rtol, atol


def _substeps(kernel: Kernel, times: np.ndarray, step: float | None) -> tuple[np.ndarray, float]:
    """Steps in each interval, and the longest allowed."""
    spans = np.diff(times)
    width = kernel.dt if kernel.kind == "map" else step
    if kernel.kind == "map" and (width is None or (step is not None and step != width)):
        raise ValueError(f"a map advances by its own dt = {kernel.dt}, but step = {step}; give a Kernel with dt=")
    if width is None:
        width = float(spans.min()) if len(spans) else 1.0
    if not 0 < width < float("inf"):
        raise ValueError(f"step must be positive, got {width}")
    ratio = spans / width
    if kernel.kind == "map" and np.any(np.abs(ratio - np.rint(ratio)) > 1e-6 * np.maximum(ratio, 1.0)):
        n = int(np.argmax(np.abs(ratio - np.rint(ratio))))
        raise ValueError(
            f"a map with dt = {width:g} cannot reach times[{n + 1}] = {times[n + 1]:g} from {times[n]:g};"
            " save at multiples of dt"
        )
    counts = np.rint(ratio) if kernel.kind == "map" else np.ceil(ratio - 1e-9 * np.maximum(ratio, 1.0))
    return np.maximum(counts, 1).astype(np.int64), float(width)
