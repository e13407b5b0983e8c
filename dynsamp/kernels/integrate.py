"""From a method's name to its compiled kernel, and over all trajectories. Arguments have been checked."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.kernels import halves, joined, scalar, signals, stack
from dynsamp.kernels.drivers import adaptive, fixed, points, scalars, splitting, spreads, stochastic
from dynsamp.kernels.jit import disabled, specialise
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
from dynsamp.words import Status

__all__ = ["Problem", "Schedule", "diffusions", "fields", "integrate", "scalar_field"]

BLOCK = 64  # trajectories that a thread takes at a time
POINTS = 4096

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
) -> tuple[np.ndarray, str]:
    """Fill ``out`` (trajectory, time, state); returns status (trajectory,) and the method as it ran."""
    driver, solver = _DRIVERS[method]
    if method == "map" and problem.noise:
        driver, solver = stochastic, noisy_iteration
    status = np.where(np.isfinite(y0).all(axis=1), np.int8(Status.OK), np.int8(Status.INVALID_INPUT)).astype(np.int8)
    out[status != Status.OK] = np.nan
    theta, functions, constants, adaptors = _prepared(problem, len(y0))
    if "velocity" in functions or "driven_velocity" in functions:
        adaptors = [*adaptors, halves if driver is splitting else joined]

    def arguments(stop: np.ndarray, begin: int, end: int) -> tuple[Any, ...]:
        if driver is adaptive:
            return (schedule.times, y0, theta, out, status, stop, begin, end, schedule.tolerance, schedule.limit)
        common = (schedule.times, schedule.substeps, y0, theta, out, status, stop, begin, end)
        return (*common, np.array([seed % 2**64], dtype=np.uint64), ids) if driver is stochastic else common

    parts = [scalar, *adaptors, solver]
    run = specialise(driver, parts, functions, arguments(np.zeros(1, dtype=np.int64), 0, 0), **constants)
    block = BLOCK if len(y0) > 1 else 1
    with _running(problem.functions):
        over_blocks(lambda stop, begin, end: run(*arguments(stop, begin, end)), len(y0), block, threads)
    return status, method


def fields(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Right-hand side (n, state) at points t (n,), y (n, state)."""
    theta, functions, constants, adaptors = _prepared(problem, len(y))
    if "velocity" in functions or "driven_velocity" in functions:
        adaptors = [*adaptors, joined]
    out = np.empty_like(y)
    _at_points(points, [scalar, *adaptors], functions, constants, (t, y, theta, out))
    return out


def diffusions(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise), at points."""
    theta, functions, constants, adaptors = _prepared(problem, len(y))
    out = np.empty((*y.shape, 1 if problem.diagonal else problem.noise))
    _at_points(spreads, [scalar, *adaptors], functions, constants, (t, y, theta, out))
    return out[..., 0] if problem.diagonal else out


def scalar_field(function: Function, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Scalar function (n,) at points t (n,), y (n, state), theta (1 or n, parameter)."""
    out = np.empty(len(y))
    problem = Problem({"scalar": function}, theta, y.shape[1])
    theta, functions, constants, _ = _prepared(problem, len(y))
    _at_points(scalars, [scalar], functions, constants, (t, y, theta, out))
    return out


def _at_points(
    driver: types.ModuleType,
    parts: list[types.ModuleType],
    functions: Mapping[str, Function],
    constants: Mapping[str, Any],
    arrays: tuple[np.ndarray, ...],
) -> None:
    run = specialise(driver, parts, functions, (*arrays, 0, 0), **constants)
    with _running(functions):
        over_blocks(lambda stop, begin, end: run(*arrays, begin, end), len(arrays[0]), POINTS)


@contextmanager
def _running(functions: Mapping[str, Function]) -> Iterator[None]:
    """Say whose functions raised: what compiled code raises knows no names."""
    try:
        with np.errstate(all="ignore"):  # plain Python: overflow is a status, not a warning
            yield
    except Exception as error:
        names = " or ".join(repr(getattr(function, "__name__", "?")) for function in functions.values())
        raise RuntimeError(f"the function {names} raised {type(error).__name__}: {error}") from error


def _prepared(
    problem: Problem, count: int
) -> tuple[np.ndarray, dict[str, Function], dict[str, Any], list[types.ModuleType]]:
    """Theta, functions by slot, constants, and adaptors of a problem with ``count`` trajectories or points."""
    theta, functions = problem.theta, dict(problem.functions)
    adaptors: list[types.ModuleType] = []
    constants: dict[str, Any] = {
        "DIM": problem.dim,
        "HALF": problem.dim // 2,
        "NOISE": problem.noise,
        "DIAGONAL": int(problem.diagonal),
        **_storage(problem.dim, problem.noise),
    }
    if problem.signals is not None:
        theta = _packed(theta, problem.signals)
        functions = {f"driven_{slot}": function for slot, function in functions.items()}
        constants.update(
            PARAMETERS=problem.theta.shape[1], SIGNALS=len(problem.held), HELD=tuple(int(h) for h in problem.held)
        )
        adaptors.append(signals)
    constants["SWEPT"] = int(len(theta) > 1 or (len(theta) == count == 1))
    return theta, functions, constants, adaptors


def _storage(dim: int, noise: int) -> dict[str, Any]:
    large = disabled() or max(dim, noise, dim * noise) > stack.LARGEST
    return {
        "vector": stack.heap_vector if large else stack.vector,
        "matrix": stack.heap_matrix if large else stack.matrix,
        "fma": stack.unfused if disabled() else stack.fma,
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
