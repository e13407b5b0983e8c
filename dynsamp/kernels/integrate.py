"""The doors of compiled code: problems over time, by the name of a method, and at points. Arguments are checked."""

import logging
import types
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from dynsamp.kernels.blocks import Fold, Whole, over_blocks
from dynsamp.kernels.drivers import adaptive, expanded, points, refined, splitting, stochastic, watched
from dynsamp.kernels.jit import CompileError, Part, disabled, specialise
from dynsamp.kernels.methods import METHODS, Method
from dynsamp.kernels.parts import crossings, saving, scalar, sums
from dynsamp.kernels.problem import (
    EACH,
    Function,
    Prepared,
    Problem,
    Schedule,
    Starts,
    lanes_slots,
    named,
    prepared,
    quietly,
    running,
    stack_slots,
)
from dynsamp.kernels.simd import lanes, stack
from dynsamp.kernels.simd.widths import width_for
from dynsamp.words import Status

_log = logging.getLogger("dynsamp")
SMALL = 20_000  # steps of all trajectories that are not worth a thread: less than a second if one takes 50 us
LIGHT = 2**24  # numbers that they may read: some 50 ms
LOOKS = 2**20, 64  # numbers read, and steps taken, at most, between two looks at whether to give up
BLOCK = 4096  # points that a thread takes at a time
NOWHERE = (np.empty((0, 0, 0)), np.empty((0, 0, 0, 0)), np.empty((0, 0), dtype=np.int64))  # no events, no room


def integrate(
    method: str,
    problem: Problem,
    schedule: Schedule,
    starts: Starts,
    out: np.ndarray | Fold,
    threads: int | None = None,
    width: int | None = None,
) -> tuple[np.ndarray, str]:
    """Fill ``out`` (trajectory, time, state); returns status (trajectory,) and the method as it ran.

    Where ``out`` is a ``Fold``, it receives the states block by block and nothing keeps them. ``width`` is the number
    of trajectories that advance together, by rule unless given; results do not depend on it. Where lanes cannot take
    the functions of the system, the scalar route runs, and "-scalar" follows the method's name.
    """
    entry = METHODS[method]
    if method == "map" and problem.noise:
        entry = replace(entry, driver=stochastic)
    if "depth" in schedule.more:
        entry = replace(entry, driver=refined)
    y0 = starts.states
    status = np.where(np.isfinite(y0).all(axis=1), np.int8(Status.OK), np.int8(Status.INVALID_INPUT)).astype(np.int8)
    problem = replace(problem, stages=entry.stages)
    ready = prepared(problem, jacobian=entry.needs_jacobian, series=entry.driver is expanded)
    if schedule.recorder is not None:
        ready.adaptors.extend([schedule.recorder, EACH])
    driver, own = _loop(entry, problem, schedule, ready.constants)
    target = out if isinstance(out, Fold) else Whole(out)
    given: dict[str, Any] = {
        "substeps": schedule.substeps,
        "tolerance": schedule.tolerance,
        "limit": schedule.limit,
        **schedule.more,
        "seed": np.array([starts.seed % 2**64], dtype=np.uint64),
    }

    def arguments(stop: np.ndarray, begin: int, end: int) -> tuple[Any, ...]:
        rows = slice(begin, end)
        found = NOWHERE if schedule.watch is None else tuple(array[rows] for array in schedule.watch.found)
        parts = {name: array[rows] if len(array) > 1 else array for name, array in schedule.rows.items()}
        needed = {**given, **parts, "ids": starts.ids[rows], "found": found}
        theta = ready.theta[rows] if len(ready.theta) > 1 else ready.theta
        place = target.place(begin, end)
        common = (schedule.times, y0[rows], theta, place, status[rows], stop, 0, end - begin)
        return (*common, *(needed[name] for name in driver.NEEDS))

    def advance(stop: np.ndarray, begin: int, end: int) -> None:
        target.place(begin, end)[status[begin:end] != Status.OK] = np.nan
        quietly(run, *arguments(stop, begin, end))
        if not stop[0]:
            target.add(begin, end)

    if width is None and problem.signals is None:
        split = entry.driver is splitting
        width = width_for(ready.reached, problem.largest, stack.LARGEST, split=split)
        if entry.adaptive:
            width = min(width, max(8, width // 2))  # stages and inner sums hold several registers at once
        width = 1 if schedule.alone else width
    example = arguments(np.zeros(2, dtype=np.int64), 0, 0)
    run, route = _compiled(method, driver.run, own, problem, ready, example, width)
    load = problem.size * (problem.size + problem.theta.shape[1])  # each component may depend on all, by each parameter
    steps = len(y0) * int(schedule.substeps.sum())
    small = not entry.adaptive and steps < SMALL and steps * load < LIGHT
    small = small and not ready.endless
    with running(problem.functions):
        every = max(1, min(LOOKS[0] // load, LOOKS[1]))
        over_blocks(advance, len(y0), target.block, threads, small=small, every=every)
    return status, method + route


def at_points(
    quantity: Literal["fields", "jacobians", "diffusions", "scalars"], problem: Problem, t: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Functions of a problem at points t (n,), y (n, state).

    Right-hand sides (n, state), their Jacobians (n, state, state), diffusions (n, state) or (n, state, noise), or the
    values (n,) of a function in the slot ``scalar``.
    """
    per_point: dict[str, tuple[int, ...]] = {
        "fields": (problem.dim,),
        "jacobians": (problem.dim, problem.dim),
        "diffusions": (problem.dim, 1 if problem.diagonal else problem.noise),
        "scalars": (),
    }
    ready, out = prepared(problem, jacobian=quantity == "jacobians"), np.empty((len(t), *per_point[quantity]))
    arrays = (t, y, ready.theta, out)
    constants = {**ready.constants, **stack_slots(problem)}
    driver = getattr(points, quantity)
    run = specialise(driver, [scalar, *ready.adaptors], ready.functions, (*arrays, 0, 0), **constants)
    small = len(t) <= BLOCK and not ready.endless
    with running(problem.functions):
        over_blocks(lambda stop, begin, end: quietly(run, *arrays, begin, end), len(t), BLOCK, small=small)
    return out[..., 0] if quantity == "diffusions" and problem.diagonal else out


def _loop(
    entry: Method, problem: Problem, schedule: Schedule, constants: dict[str, Any]
) -> tuple[types.ModuleType, list[Part]]:
    """Driver, and the parts that follow the route and the adaptors; adds to the constants."""
    pairs = problem.noise * (problem.noise - 1) // 2
    coins = pairs if entry.coins and not problem.diagonal else 0
    areas = problem.noise if entry.areas else 0
    constants.update(AREAS=int(entry.areas), COINS=coins, DRAWS=problem.noise + areas + coins)
    constants.update(COMPENSATED=int(schedule.compensated), DENSE=int(schedule.dense))
    parts: list[Part] = [*entry.family, entry.solver]
    watch = schedule.watch
    if not schedule.dense and watch is None:
        constants["CURVE"] = 0  # no path is needed
    if watch is None:
        return entry.driver, parts
    constants.update(
        EVENTS=len(watch.directions),
        ROOTS=len(watch.directions) + 1,
        DIRECTIONS=watch.directions,
        TERMINAL=watch.terminal,
    )
    if entry.driver is adaptive:
        return adaptive, [*parts, {"between": crossings.between_on_interpolant}, crossings]
    if entry.driver is splitting:
        parts.append({"step": crossings.splitting_step})
    if entry.implicit:
        parts.append({"step": crossings.restarted_step})
    return watched, [*parts, {"between": crossings.between_by_steps}, crossings]


def _compiled(
    method: str,
    driver: Function,
    own: list[Part],
    problem: Problem,
    ready: Prepared,
    example: tuple[Any, ...],
    width: int | None,
) -> tuple[Function, str]:
    """Kernel on lanes, or else for one trajectory at a time; and how the method's name ends then."""

    def load(route: types.ModuleType, slots: dict[str, Any]) -> Function:
        parts = [route, saving, sums, *ready.adaptors, *own]
        return specialise(driver, parts, ready.functions, example, **ready.constants, **slots)

    if not width or disabled():
        return load(scalar, stack_slots(problem)), "-scalar"
    try:
        return load(lanes, lanes_slots(problem, width)), ""
    except CompileError as error:
        reason = error.reason
    run = load(scalar, stack_slots(problem))
    _log.info(
        "%s runs one trajectory at a time: %s cannot run on lanes (%s); np.where in place of if lets many run at once",
        method,
        named(ready.functions),
        reason,
    )
    return run, "-scalar"
