"""The verb of the door: ``solve``, and what to try where an adaptive method gave up."""

from __future__ import annotations

import logging
import types
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.solve.events import collected, watching
from dynsamp.solve.kernel import (
    InitialValueProblem,
    Inputs,
    Kernel,
    Solution,
    as_room,
    diffusion_values,
    field_values,
    jacobian_values,
    posed,
)
from dynsamp.solve.options import Options, asked, planned
from dynsamp.words import Status

if TYPE_CHECKING:
    from dynsamp.kernels.blocks import Fold

_log = logging.getLogger("dynsamp")
_STABLE = {"dop853": 6.1, "tsit5": 3.5}  # -h lambda up to which a method is stable
_PROBE = 1000  # steps


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
        crossings; ``advice`` says what to try where trajectories reached the limit of steps, or
        a stochastic one has come where its functions are not defined.

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
    if kernel.chart is not None:
        kernel.chart.outward(states)
    if np.any(solution.status == Status.STEP_LIMIT):
        hint = _advice(task, options, solution)
    elif kernel.kind == "sde" and kernel.chart is None and np.any(solution.status == Status.DIVERGED):
        hint = _where_undefined(task, solution)
    else:
        return solution
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


def _advice(task: InitialValueProblem, options: Options, solution: Solution) -> str:
    """Sentence on the trajectories that have reached the limit of steps; empty for methods without one.

    The first of them is followed for a few steps to where it is slow. If the right-hand side contracts
    there at a rate that an explicit method has to resolve over the time that is left, the system is stiff.
    Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.2.
    """
    slow = np.flatnonzero(solution.status == Status.STEP_LIMIT)
    method = solution.method.removesuffix("-scalar")
    if method not in _STABLE:
        return ""
    j = int(slow[0])
    theta, signals = np.asarray(task.kernel.theta, dtype=float), task.problem.signals
    alone = replace(task.kernel, theta=theta if theta.ndim == 1 else theta[j])
    own = None if signals is None else (signals[0], signals[1][j : j + 1] if len(signals[1]) > 1 else signals[1])
    span = task.times[-1] - task.times[0]
    probes = task.times[0] + span * np.concatenate([[0.0], np.geomspace(1e-12, 1.0, 241)])
    start = task.y0[j : j + 1]
    few = Options(
        method=method,
        rtol=solution.options["rtol"],
        atol=solution.options["atol"],
        max_steps=_PROBE,
        dense=True,
        threads=1,
    )
    path = advance(posed(alone, probes, start, inputs=own), few, np.empty((1, len(probes), start.shape[1]))).states[0]
    last = int(np.flatnonzero(np.isfinite(path).all(axis=1))[-1])
    rates = np.linalg.eigvals(jacobian_values(alone, probes[last], path[last : last + 1], inputs=own)[0])
    fastest = float(max(-rates.real.min(), 0.0))
    steps = fastest * abs(span) / _STABLE[method]
    found = f"{len(slow)} of {len(solution.status)} trajectories reached the limit of {options.max_steps} steps"
    if steps > 0.5 * options.max_steps:
        return (
            f"{found}: the system is stiff, its fastest component decays at a rate of {fastest:.2g}, for which {method}"
            f" needs about {steps:.1g} steps; choose radau5"
        )
    return f"{found}: they move too fast for this duration; loosen rtol and atol, shorten it, or raise max_steps"


def _where_undefined(task: InitialValueProblem, solution: Solution) -> str:
    """Sentence on paths that noise has taken to where drift or diffusion is not a number, as roots are below zero.

    Lord, Koekkoek and van Dijk (2010), Quantitative Finance 10, 177, compare the cures: full truncation has least bias.
    """
    lost = np.flatnonzero(solution.status == Status.DIVERGED)
    j = int(lost[0])
    path = np.asarray(solution.states[j], dtype=float)
    path = path[: int(np.isfinite(path).all(axis=1).sum())]
    theta = np.atleast_2d(task.kernel.theta)
    theta, start = theta[j if len(theta) > 1 else 0], task.times[0]

    def sound(points: np.ndarray) -> np.ndarray:
        g = diffusion_values(task.kernel, start, points, theta).reshape(len(points), -1)
        return np.asarray(
            np.isfinite(np.column_stack([field_values(task.kernel, start, points, theta), g])).all(axis=1)
        )

    if task.kernel.inputs or not len(path) or not sound(path[:1])[0]:
        return ""
    good = sound(path)
    last = len(path) - 1 if good.all() else int(good.argmin()) - 1
    y, t = path[last], float(task.times[last])
    scale = np.maximum(path.std(axis=0), np.abs(y)) + 1e-12
    for k in range(len(y)):
        for way, cure in ((-1.0, "maximum"), (1.0, "minimum")):
            near, far = y.copy(), y.copy()
            far[k] += 2 * way * scale[k]
            if sound(far[None])[0]:
                continue
            for _ in range(60):
                middle = (near + far) / 2
                near, far = (middle, far) if sound(middle[None])[0] else (near, middle)
            edge = 0.0 if abs(far[k]) < 1e-9 * scale[k] else float(far[k])
            side = "below" if way < 0 else "above"
            return (
                f"{len(lost)} of {len(solution.status)} paths diverged, the first of them, {task.ids[j]}, after t ="
                f" {t:.4g}: drift or diffusion is not a number where y[{k}] is {side} {edge:.4g}, as a root is; use"
                f" full truncation, np.{cure}(y[{k}], {edge:.6g}) in place of y[{k}] in both"
            )
    return ""
