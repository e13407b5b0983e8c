"""From a method's name to its compiled kernel, and over all trajectories. Arguments have been checked."""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dynsamp.kernels import lanes, one_by_one, scalar, stack, sums
from dynsamp.kernels.drivers import refined, splitting, stochastic, taylor
from dynsamp.kernels.events import NOWHERE, Watch, loop
from dynsamp.kernels.jit import CompileError, disabled, specialise
from dynsamp.kernels.methods import METHODS, Method
from dynsamp.kernels.output import Fold, Whole
from dynsamp.kernels.problem import (
    Function,
    Prepared,
    Problem,
    lanes_slots,
    named,
    prepared,
    quietly,
    running,
    stack_slots,
)
from dynsamp.kernels.solvers import noisy_iteration
from dynsamp.kernels.threads import over_blocks
from dynsamp.kernels.widths import width_for
from dynsamp.words import Status

__all__ = ["Schedule", "integrate"]

_log = logging.getLogger("dynsamp")
SMALL = 100_000  # steps of all trajectories that are not worth a thread


@dataclass(frozen=True)
class Schedule:
    """What a driver needs beside the problem."""

    times: np.ndarray  # (time,)
    substeps: np.ndarray  # (time - 1,) int64, of fixed-step methods
    tolerance: np.ndarray  # (2,) rtol, atol
    limit: int  # of steps
    dense: bool = False  # interpolate at saved times inside a step
    watch: Watch | None = None  # events
    more: Mapping[str, Any] = field(default_factory=dict)  # further arguments of a driver, by name
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)  # and arrays with one row, or one a trajectory
    alone: bool = False  # every trajectory has steps of its own


def integrate(
    method: str,
    problem: Problem,
    schedule: Schedule,
    y0: np.ndarray,
    ids: np.ndarray,
    seed: int,
    threads: int | None,
    out: np.ndarray | Fold,
    width: int | None = None,
    recorder: types.ModuleType | None = None,
    compensated: bool = False,
) -> tuple[np.ndarray, str]:
    """Fill ``out`` (trajectory, time, state); returns status (trajectory,) and the method as it ran.

    Where ``out`` is a ``Fold``, it receives the states block by block and nothing keeps them. ``recorder`` is a part
    that writes something else into ``out`` than states. ``compensated`` asks a fixed-step method for sums that lose no
    digits. ``width`` is the number of trajectories that advance together, by rule unless given; results do not depend
    on it.
    Where lanes cannot take the functions of the system, the scalar route runs, and "-scalar" follows the method's name.
    """
    entry = METHODS[method]
    if method == "map" and problem.noise:
        entry = Method(stochastic, noisy_iteration, entry.kinds)
    if "depth" in schedule.more:
        entry = replace(entry, driver=refined)
    status = np.where(np.isfinite(y0).all(axis=1), np.int8(Status.OK), np.int8(Status.INVALID_INPUT)).astype(np.int8)
    problem = replace(problem, stages=entry.stages)
    ready = prepared(
        problem, split=entry.driver is splitting, jacobian=entry.needs_jacobian, series=entry.driver is taylor
    )
    ready.constants["COMPENSATED"] = int(compensated)
    ready.constants.update(_normals(entry, problem))
    if recorder is not None:
        ready.adaptors.extend([recorder, one_by_one])
    target = out if isinstance(out, Fold) else Whole(out)
    given: dict[str, Any] = {
        "times": schedule.times,
        "substeps": schedule.substeps,
        "tolerance": schedule.tolerance,
        "limit": schedule.limit,
        **schedule.more,
        "seed": np.array([seed % 2**64], dtype=np.uint64),
    }
    driver, parts, constants = loop(entry, schedule.dense, schedule.watch)
    ready.constants.update(constants)
    wanted = tuple(inspect.signature(driver.run).parameters)

    def arguments(stop: np.ndarray, begin: int, end: int) -> tuple[Any, ...]:
        rows = slice(begin, end)
        return tuple({**given, **arrays(rows), "stop": stop, "begin": 0, "end": end - begin}[name] for name in wanted)

    def arrays(rows: slice) -> dict[str, Any]:
        return {
            **{name: array[rows] if len(array) > 1 else array for name, array in schedule.rows.items()},
            "y0": y0[rows],
            "theta": ready.theta[rows] if len(ready.theta) > 1 else ready.theta,
            "ids": ids[rows],
            "status": status[rows],
            "found": NOWHERE if schedule.watch is None else tuple(array[rows] for array in schedule.watch.found),
            "out": target.place(rows.start, rows.stop),
        }

    def advance(stop: np.ndarray, begin: int, end: int) -> None:
        target.place(begin, end)[status[begin:end] != Status.OK] = np.nan
        quietly(run, *arguments(stop, begin, end))
        if not stop[0]:
            target.add(begin, end)

    if width is None and problem.signals is None:
        split = entry.driver is splitting
        width = width_for(ready.functions.values(), problem.largest, stack.LARGEST, split=split)
        if entry.adaptive:
            width = min(width, max(8, width // 2))  # stages and inner sums hold several registers at once
        width = 1 if schedule.alone else width
    example = arguments(np.zeros(1, dtype=np.int64), 0, 0)
    run, route = _compiled(method, driver, parts, problem, ready, example, width)
    small = not entry.adaptive and len(y0) * int(schedule.substeps.sum()) < SMALL
    with running(problem.functions):
        over_blocks(advance, len(y0), target.block, threads, small=small)
    return status, method + route


def _normals(entry: Method, problem: Problem) -> dict[str, int]:
    """What a step draws: increments, areas, coins."""
    pairs = problem.noise * (problem.noise - 1) // 2
    coins = pairs if entry.coins and not problem.diagonal else 0
    areas = problem.noise if entry.areas else 0
    return {"AREAS": int(entry.areas), "COINS": coins, "DRAWS": problem.noise + areas + coins}


def _compiled(
    method: str,
    driver: types.ModuleType,
    own: list[types.ModuleType],
    problem: Problem,
    ready: Prepared,
    example: tuple[Any, ...],
    width: int | None,
) -> tuple[Function, str]:
    """Kernel on lanes, or else for one trajectory at a time; and how the method's name ends then."""

    def load(route: Any, slots: dict[str, Any]) -> Function:
        parts = [route, sums, *ready.adaptors, *own]
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
