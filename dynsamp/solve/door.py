"""The verb of the door: ``solve``."""

from __future__ import annotations

import logging
import types
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dynsamp.checks import as_ids, as_room, as_states, as_times
from dynsamp.solve.advice import advice
from dynsamp.solve.choice import Choice, choose
from dynsamp.solve.delays import delayed_schedule
from dynsamp.solve.events import Event, collected, watching
from dynsamp.solve.kernel import History, Inputs, Kernel, Solution
from dynsamp.solve.noise import check_noise
from dynsamp.solve.problem import as_problem
from dynsamp.solve.schedule import scheduled

if TYPE_CHECKING:
    from dynsamp.kernels.output import Fold
    from dynsamp.kernels.problem import Problem

__all__ = ["advance", "solve"]

_log = logging.getLogger("dynsamp")


def solve(
    kernel: Kernel,
    times: Any,
    y0: Any,
    *,
    ids: Any = None,
    seed: int = 0,
    method: str | None = None,
    step: float | None = None,
    path_step: float | None = None,
    history: History = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_steps: int | None = None,
    threads: int | None = None,
    inputs: Inputs | None = None,
    out: np.ndarray | None = None,
    dtype: Any = None,
    compensated: bool | None = None,
    dense: bool | None = None,
    events: Sequence[Event] | None = None,
    max_events: int | None = None,
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
        One of ``dynsamp/solve/README.md``, such as "dop853", "radau5", "rk4", "blanes_moan6", "gauss_legendre8" or
        "euler_maruyama"; by default the kind of kernel and its facts decide, and ``reason`` says so.
    step : float, optional
        Longest internal step of a fixed-step method, which takes a whole number of equal steps between saved times;
        by default the smallest spacing of ``times``.
    path_step : float, optional
        Build the Brownian path on cells of this length, counted from the first time, and refine it below: solutions
        with ``step`` = path_step, path_step / 2, path_step / 4, ... see the same path. Saved times must be
        multiples of the step. By default each step has its own normals, at less cost.
    history : optional
        The past of a kernel with delays, in place of the kernel's own.
    rtol, atol : float, optional
        Tolerances of the adaptive methods: 1e-9, or 3e-14 for chaotic systems.
    max_steps : int, optional
        Steps of an adaptive method after which a trajectory is given up: 1 000 000.
    threads : int, optional
        By default ``DYNSAMP_THREADS``, or all processors. No result depends on it.
    inputs : (times (n,), values (trajectory or 1, n, signal)), optional
        External signals, for a kernel that has them.
    out : ndarray (trajectory, time, state), optional
        Where to write the states; float64 or float32.
    dtype : {"float64", "float32"}, optional
        Of the saved states, where ``out`` is not given; the arithmetic is float64.
    compensated : bool, optional
        Whether a fixed-step method carries what rounding cuts off into the next step: rounding errors of a long run
        then grow like those of a random walk, at a third to a half of the speed where steps are cheap. By default
        implicit methods do, for they hardly notice, and explicit ones do not.
    dense : bool, optional
        Whether dop853, tsit5 and radau5 interpolate at saved times inside a step (the steps are then short enough for
        the interpolant to meet the tolerances) or shorten the step to land on each. By default they interpolate if
        there are saved times before the last, and rtol is at least 1e-12: below, landing is more accurate.
    events : sequence of Event, optional
        Functions of the trajectory whose changes of sign are found.
    max_events : int, optional
        Crossings of an event that are recorded for a trajectory: by default 1000, fewer for very many trajectories.

    Returns
    -------
    Solution
        A trajectory that fails has NaN from the failure on and a status; it raises nothing. ``events`` has the
        crossings; ``advice`` says what to try where trajectories reached the limit of steps.

    Raises
    ------
    ValueError, TypeError
        For arguments that contradict each other, and functions that do not compile.
    RuntimeError
        If a function of the system raises.
    """
    times, y0 = as_times(times), as_states(y0)
    choice = choose(kernel, method, rtol is not None or atol is not None)
    problem = as_problem(kernel, y0.shape[1], len(y0), inputs, (times[0], times[-1]))
    states = as_room(out, (len(y0), len(times), y0.shape[1]), dtype)
    solution = advance(
        kernel,
        problem,
        choice,
        times,
        y0,
        states,
        ids=as_ids(ids, len(y0)),
        seed=seed,
        step=step,
        path_step=path_step,
        history=history,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        threads=threads,
        compensated=compensated,
        dense=dense,
        events=events,
        max_events=max_events,
    )
    hint = advice(kernel, times, y0, solution.status, choice.method, max_steps, inputs, solution.options)
    if hint:
        _log.warning("%s", hint)
    return replace(solution, advice=hint)


def advance(
    kernel: Kernel,
    problem: Problem,
    choice: Choice,
    times: np.ndarray,
    y0: np.ndarray,
    states: np.ndarray | Fold,
    *,
    recorder: types.ModuleType | None = None,
    ids: np.ndarray,
    seed: int,
    step: float | None,
    rtol: float | None,
    atol: float | None,
    max_steps: int | None,
    threads: int | None,
    compensated: bool | None = None,
    path_step: float | None = None,
    history: History = None,
    dense: bool | None = None,
    events: Sequence[Event] | None = None,
    max_events: int | None = None,
) -> Solution:
    """Fill ``states`` (trajectory, time, ...), from checked arguments; a ``Fold`` keeps none, nor does the result."""
    from dynsamp.kernels.integrate import integrate
    from dynsamp.kernels.methods import METHODS

    check_noise(kernel, choice.method, float(times[0]), y0)
    schedule, options = (
        delayed_schedule(kernel, times, y0, step, history)
        if len(kernel.delays)
        else scheduled(
            kernel,
            choice.method,
            times,
            step=step,
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
            path_step=path_step,
            # tangent vectors change where they are saved
            dense=False if problem.columns and METHODS[choice.method].adaptive else dense,
        )
    )
    if events:
        problem, schedule = watching(events, choice.method, problem, schedule, len(y0), max_events)
    status, route = integrate(
        choice.method,
        problem,
        schedule,
        y0,
        ids,
        int(seed),
        threads,
        states,
        recorder=recorder,
        compensated=_compensated(choice.method, compensated),
    )
    kept = states if isinstance(states, np.ndarray) else np.empty((0, len(times), y0.shape[1]))
    found = collected(events, schedule) if events else None
    return Solution(kept, status, route, choice.reason, options, found)


def _compensated(method: str, asked: bool | None) -> bool:
    from dynsamp.kernels.methods import METHODS

    if asked and not METHODS[method].sums:
        raise ValueError(
            f"compensated sums belong to methods that take equal steps, {method} does not add up its steps so;"
            " leave compensated= out"
        )
    return METHODS[method].implicit if asked is None else bool(asked)
