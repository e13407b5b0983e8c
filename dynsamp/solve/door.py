"""The verb of the door: ``solve``."""

from __future__ import annotations

import logging
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.solve.advice import advice
from dynsamp.solve.events import collected, watching
from dynsamp.solve.kernel import InitialValueProblem, Inputs, Kernel, Solution, as_room, posed
from dynsamp.solve.options import Options, asked, planned
from dynsamp.words import Status

if TYPE_CHECKING:
    from dynsamp.kernels.blocks import Fold

__all__ = ["advance", "solve"]

_log = logging.getLogger("dynsamp")


def solve(  # noqa: PLR0913 - a verb
    kernel: Kernel,
    times: ArrayLike,
    y0: ArrayLike,
    *,
    ids: ArrayLike | None = None,
    seed: int = 0,
    inputs: Inputs | None = None,
    out: np.ndarray | None = None,
    options: Options | None = None,
    **given: Any,
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
    inputs : (times (n,), values (trajectory or 1, n, signal)), optional
        External signals, for a kernel that has them.
    out : ndarray (trajectory, time, state), optional
        Where to write the states; float64 or float32.
    options : Options, optional
        How to integrate.
    **given
        Fields of ``Options`` by keyword: method, step, rtol, atol, max_steps, dense, events, max_events, dtype,
        threads, path_step, compensated, history.

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
    options = asked(options, given)
    task = posed(kernel, times, y0, ids=ids, seed=seed, inputs=inputs)
    states = as_room(out, (len(task.y0), len(task.times), task.y0.shape[1]), options.dtype)
    solution = advance(task, options, states)
    if not np.any(solution.status == Status.STEP_LIMIT):
        return solution
    hint = advice(task, options, solution, advance)
    if hint:
        _log.warning("%s", hint)
    return replace(solution, advice=hint)


def advance(
    task: InitialValueProblem, options: Options, states: np.ndarray | Fold, recorder: types.ModuleType | None = None
) -> Solution:
    """Fill ``states`` (trajectory, time, ...); a ``Fold`` keeps none, nor does the result.

    ``recorder`` is a part that writes something else than states.
    """
    from dynsamp.kernels.integrate import integrate
    from dynsamp.kernels.methods import METHODS
    from dynsamp.kernels.problem import Starts
    from dynsamp.solve.trial import try_out

    if task.y0.shape[1] != task.problem.size:  # compiled code writes so many without a look
        raise ValueError(f"states have {task.y0.shape[1]} components, but the problem has {task.problem.size}")
    plan = planned(task, options)
    problem, schedule, method = task.problem, plan.schedule, plan.method
    if options.events:
        problem, schedule = watching(options.events, method, problem, schedule, len(task.y0), options.max_events)
    try_out(problem, task.times, task.y0, jacobian=METHODS[method].needs_jacobian, starts=True)
    if recorder is not None:
        schedule = replace(schedule, recorder=recorder)
    starts = Starts(task.y0, task.ids, task.seed)
    status, route = integrate(method, problem, schedule, starts, states, options.threads)
    kept = states if isinstance(states, np.ndarray) else np.empty((0, len(task.times), task.y0.shape[1]))
    found = collected(options.events, schedule) if options.events else None
    return Solution(kept, status, route, plan.reason, plan.used, found)
