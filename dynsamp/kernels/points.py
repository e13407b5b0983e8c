"""Functions of a system at many points: right-hand sides, Jacobians, diffusions, scalars."""

from __future__ import annotations

import types

import numpy as np

from dynsamp.kernels import scalar
from dynsamp.kernels.drivers import jacobians as jacobian_driver
from dynsamp.kernels.drivers import points, scalars, spreads
from dynsamp.kernels.jit import specialise
from dynsamp.kernels.problem import Function, Problem, prepared, quietly, running, stack_slots
from dynsamp.kernels.threads import over_blocks

__all__ = ["diffusions", "fields", "jacobians", "scalar_field"]

BLOCK = 4096  # points that a thread takes at a time


def fields(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Right-hand side (n, state) at points t (n,), y (n, state)."""
    return _at_points(points, problem, t, y, np.empty_like(y))


def jacobians(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Jacobian (n, state, state) of the right-hand side at points."""
    return _at_points(jacobian_driver, problem, t, y, np.empty((*y.shape, y.shape[1])))


def diffusions(problem: Problem, t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise), at points."""
    out = _at_points(spreads, problem, t, y, np.empty((*y.shape, 1 if problem.diagonal else problem.noise)))
    return out[..., 0] if problem.diagonal else out


def scalar_field(function: Function, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Scalar function (n,) at points t (n,), y (n, state), theta (1 or n, parameter)."""
    return _at_points(scalars, Problem({"scalar": function}, theta, y.shape[1]), t, y, np.empty(len(y)))


def _at_points(driver: types.ModuleType, problem: Problem, t: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
    ready = prepared(problem, jacobian=driver is jacobian_driver)
    arrays = (t, y, ready.theta, out)
    constants = {**ready.constants, **stack_slots(problem)}
    run = specialise(driver, [scalar, *ready.adaptors], ready.functions, (*arrays, 0, 0), **constants)
    with running(problem.functions):
        over_blocks(lambda stop, begin, end: quietly(run, *arrays, begin, end), len(t), BLOCK, small=len(t) <= BLOCK)
    return out
