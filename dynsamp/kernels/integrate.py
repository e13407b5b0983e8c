"""From a method's name to its compiled kernel, and over all trajectories. Arguments have been checked."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.kernels import halves, joined, lanes, scalar, signals, stack
from dynsamp.kernels.drivers import adaptive, fixed, points, scalars, splitting, spreads, stochastic
from dynsamp.kernels.jit import CompileError, disabled, specialise
from dynsamp.kernels.solvers import (
    dop853,
    euler_maruyama,
    implicit_midpoint,
    iteration,
    noisy_iteration,
    rk4,
    verlet,
    yoshida4,
)
from dynsamp.kernels.threads import over_blocks
from dynsamp.kernels.widths import width_for
from dynsamp.words import Status

__all__ = ["Problem", "Schedule", "diffusions", "fields", "integrate", "scalar_field"]

_log = logging.getLogger("dynsamp")
BLOCK = 64  # trajectories that a thread takes at a time
POINTS = 4096
SMALL = 100_000  # steps of all trajectories that are not worth a thread

Function = Callable[..., Any]

_DRIVERS: dict[str, tuple[types.ModuleType, types.ModuleType]] = {
    "rk4": (fixed, rk4),
    "implicit_midpoint": (fixed, implicit_midpoint),
    "dop853": (adaptive, dop853),
    "verlet": (splitting, verlet),
    "yoshida4": (splitting, yoshida4),
    "euler_maruyama": (stochastic, euler_maruyama),
    "map": (fixed, iteration),
}


@dataclass(frozen=True)
class Problem:
    """Functions of a system and their parameters."""

    functions: Mapping[str, Function]  # by slot
    theta: np.ndarray  # (1 or trajectory, parameter)
    dim: int
    noise: int = 0
    diagonal: bool = False
    held: tuple[bool, ...] = ()  # one entry an external signal
    signals: tuple[np.ndarray, np.ndarray] | None = None  # times (n,), values (1 or trajectory, n, signal)


@dataclass(frozen=True)
class Schedule:
    """What a driver needs beside the problem."""

    times: np.ndarray  # (time,)
    substeps: np.ndarray  # (time - 1,) int64, of fixed-step methods
    tolerance: np.ndarray  # (2,) rtol, atol
    limit: int  # of steps


def integrate(
    method: str,
    problem: Problem,
    schedule: Schedule,
    y0: np.ndarray,
    ids: np.ndarray,
    seed: int,
    threads: int | None,
    out: np.ndarray,
    width: int | None = None,
) -> tuple[np.ndarray, str]:
    """Fill ``out`` (trajectory, time, state); returns status (trajectory,) and the method as it ran.

    ``width`` is the number of trajectories that advance together, by rule unless given; results do not depend on it.
    Where lanes cannot take the functions of the system, the scalar route runs, and "-scalar" follows the method's name.
    """
    driver, solver = _DRIVERS[method]
    if method == "map" and problem.noise:
        driver, solver = stochastic, noisy_iteration
    status = np.where(np.isfinite(y0).all(axis=1), np.int8(Status.OK), np.int8(Status.INVALID_INPUT)).astype(np.int8)
    out[status != Status.OK] = np.nan
    theta, functions, constants, adaptors = _prepared(problem)
    if "velocity" in functions or "driven_velocity" in functions:
        adaptors = [*adaptors, halves if driver is splitting else joined]

    def arguments(stop: np.ndarray, begin: int, end: int) -> tuple[Any, ...]:
        if driver is adaptive:
            return (schedule.times, y0, theta, out, status, stop, begin, end, schedule.tolerance, schedule.limit)
        common = (schedule.times, schedule.substeps, y0, theta, out, status, stop, begin, end)
        return (*common, np.array([seed % 2**64], dtype=np.uint64), ids) if driver is stochastic else common

    example = arguments(np.zeros(1, dtype=np.int64), 0, 0)
    run, route, reason = None, "", ""
    if width is None and problem.signals is None:
        width = width_for(functions.values(), max(problem.dim, problem.dim * problem.noise), stack.LARGEST)
    if width and not disabled():
        try:
            run = specialise(
                driver, [lanes, *adaptors, solver], functions, example, **constants, **_lanes(problem, width)
            )
        except CompileError as error:
            reason = error.reason
    if run is None:
        run = specialise(driver, [scalar, *adaptors, solver], functions, example, **constants, **_stack(problem))
        route = "-scalar"
        if width and not disabled():
            _log.info(
                "%s runs one trajectory at a time: %s cannot run on lanes (%s); np.where in place of if lets many run"
                " at once",
                method,
                " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values()),
                reason,
            )
    small = driver is not adaptive and len(y0) * int(schedule.substeps.sum()) < SMALL
    with _running(problem.functions):
        over_blocks(
            lambda stop, begin, end: _quietly(run, *arguments(stop, begin, end)), len(y0), BLOCK, threads, small=small
        )
    return status, method + route


def fields(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Right-hand side (n, state) at points t (n,), y (n, state)."""
    theta, functions, constants, adaptors = _prepared(problem)
    if "velocity" in functions or "driven_velocity" in functions:
        adaptors = [*adaptors, joined]
    out = np.empty_like(y)
    _at_points(points, [scalar, *adaptors], functions, {**constants, **_stack(problem)}, (t, y, theta, out))
    return out


def diffusions(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise), at points."""
    theta, functions, constants, adaptors = _prepared(problem)
    out = np.empty((*y.shape, 1 if problem.diagonal else problem.noise))
    _at_points(spreads, [scalar, *adaptors], functions, {**constants, **_stack(problem)}, (t, y, theta, out))
    return out[..., 0] if problem.diagonal else out


def scalar_field(function: Function, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Scalar function (n,) at points t (n,), y (n, state), theta (1 or n, parameter)."""
    out = np.empty(len(y))
    problem = Problem({"scalar": function}, theta, y.shape[1])
    theta, functions, constants, _ = _prepared(problem)
    _at_points(scalars, [scalar], functions, {**constants, **_stack(problem)}, (t, y, theta, out))
    return out


def _at_points(
    driver: types.ModuleType,
    parts: list[types.ModuleType],
    functions: Mapping[str, Function],
    constants: Mapping[str, Any],
    arrays: tuple[np.ndarray, ...],
) -> None:
    count = len(arrays[0])
    run = specialise(driver, parts, functions, (*arrays, 0, 0), **constants)
    with _running(functions):
        over_blocks(lambda stop, begin, end: _quietly(run, *arrays, begin, end), count, POINTS, small=count <= POINTS)


def _quietly(run: Function, *arguments: Any) -> None:
    with np.errstate(all="ignore"):  # plain Python: overflow is a status, not a warning
        run(*arguments)


@contextmanager
def _running(functions: Mapping[str, Function]) -> Iterator[None]:
    """Say whose functions raised: what compiled code raises knows no names."""
    try:
        yield
    except Exception as error:
        names = " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values())
        raise RuntimeError(f"the function {names} raised {type(error).__name__}: {error}") from error


def _prepared(
    problem: Problem,
) -> tuple[np.ndarray, dict[str, Function], dict[str, Any], list[types.ModuleType]]:
    """Theta, functions by slot, constants, and adaptors of a problem."""
    theta, functions = problem.theta, dict(problem.functions)
    adaptors: list[types.ModuleType] = []
    constants: dict[str, Any] = {
        "DIM": problem.dim,
        "HALF": problem.dim // 2,
        "NOISE": problem.noise,
        "DIAGONAL": int(problem.diagonal),
    }
    if problem.signals is not None:
        theta = _packed(theta, problem.signals)
        functions = {f"driven_{slot}": function for slot, function in functions.items()}
        constants.update(
            PARAMETERS=problem.theta.shape[1], SIGNALS=len(problem.held), HELD=tuple(int(h) for h in problem.held)
        )
        adaptors.append(signals)
    constants["SWEPT"] = int(len(theta) > 1)
    return theta, functions, constants, adaptors


def _stack(problem: Problem) -> dict[str, Any]:
    """Where the scalar route keeps its vectors."""
    large = disabled() or problem.dim * max(problem.noise, 1) > stack.LARGEST or len(problem.held) > stack.LARGEST
    if large:
        return {"vector": stack.heap_vector, "matrix": stack.heap_matrix}
    return {"vector": stack.vector, "matrix": stack.matrix}


def _lanes(problem: Problem, width: int) -> dict[str, Any]:
    """Where the lanes route keeps its vectors, and how wide they are."""
    swept = len(problem.theta) > 1
    return {
        "WIDTH": width,
        "ROOM": problem.theta.shape[1] if swept else 1,
        "vector": stack.lane_vector(width),
        "matrix": stack.lane_matrix(width),
    }


def _packed(theta: np.ndarray, given: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Rows of parameters, number of samples, times, values: see ``signals.py``."""
    times, values = given
    rows = max(len(theta), len(values))
    head = np.concatenate([[float(len(times))], times])
    parts = [
        np.broadcast_to(theta, (rows, theta.shape[1])),
        np.broadcast_to(head, (rows, len(head))),
        np.broadcast_to(values.reshape(len(values), -1), (rows, values[0].size)),
    ]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))
