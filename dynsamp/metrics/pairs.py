"""Canonical pairs, angles, and the gradient of a system's energy: what scores of mechanics share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dynsamp.metrics.base import Record
from dynsamp.metrics.difference import known
from dynsamp.models.base import HasPairs
from dynsamp.models.canonical import canonical_pairs
from dynsamp.solve import Kernel, field_values, scalar_values
from dynsamp.words import State

__all__ = ["energy_gradient", "pairs_of", "states_of", "turns"]

SHIFT = np.finfo(float).eps ** (1 / 5)  # of central differences of order 4, relative to the spread of a component


def pairs_of(states: tuple[State, ...], model: Any = None) -> np.ndarray:
    """Components of q and of p (2, dof): those that a model was fitted with, else what the states say."""
    return np.asarray(model.pairs) if isinstance(model, HasPairs) else canonical_pairs(states)[0]


def turns(states: tuple[State, ...]) -> np.ndarray:
    """Length of a full turn (component,): a declared period, 2 pi of what is in rad, inf of what is no angle."""
    found = [
        math.inf if state.period is None and state.units != "rad" else state.period or 2 * math.pi for state in states
    ]
    return np.repeat(found, [state.size for state in states])


def states_of(truth: Record, system: Any, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, states and parameters of the truth, at most ``most`` of them evenly picked."""
    trajectory, step = np.nonzero(known(truth))
    if not len(step):
        raise ValueError("the truth has no valid state at all, so nothing can be scored; generate it anew")
    pick = slice(None, None, -(-len(step) // most) or 1)
    trajectory, step = trajectory[pick], step[pick]
    theta = truth.theta[trajectory] if truth.theta.shape[1] else system.theta()
    return truth.clock[trajectory, step], truth.y[trajectory, 0, step], theta


def energy_gradient(system: Any, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Gradient of the system's H (point, component) at times (point,) and states.

    Of a HamiltonianSystem from its equations of motion, dH/dq = -p' and dH/dp = q'; where friction or forces act, from
    the traced Hamiltonian, or by central differences of order 4 where it cannot be traced.
    """
    from dynsamp.kernels.tracing import UntraceableError, derived_rhs

    if getattr(system, "hamiltonian", None) is None:
        raise TypeError(f"system {system.name!r} has no hamiltonian, so there is no gradient to compare with")
    try:
        if system.kind == "hamiltonian" and not system.inputs:
            kernel = system.kernel()
        else:
            rhs = derived_rhs(system.hamiltonian, system.size, len(system.parameters))
            kernel = Kernel("field", (rhs,), system.theta())
    except UntraceableError:
        return _differences(system, t, y, theta)
    field = field_values(kernel, t, y, theta)
    half = y.shape[1] // 2  # a system's states are all q, then all p
    return np.concatenate([-field[:, half:], field[:, :half]], axis=1)


def _differences(system: Any, t: np.ndarray, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
    gradient = np.empty_like(y)
    for k in range(y.shape[1]):
        shift = SHIFT * max(float(y[:, k].std()), 1e-3 * float(np.abs(y[:, k]).max()), 1e-12)
        values = []
        for steps in (-2, -1, 1, 2):
            moved = y.copy()
            moved[:, k] += steps * shift
            values.append(scalar_values(system.hamiltonian, t, moved, theta))
        gradient[:, k] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * shift)
    return gradient
