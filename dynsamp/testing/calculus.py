"""Checks of derivatives and conservation: the functions of a system must agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dynsamp.solve import scalar_values, solve
from dynsamp.system import HamiltonianSystem, System
from dynsamp.testing.calls import Call, starts, vector_calls, vector_field
from dynsamp.testing.failure import require
from dynsamp.testing.generation import signals

__all__ = ["check_conserves", "check_derivatives"]

POINTS = 5
AGREEMENT = 1e-6  # of the largest derivative: differences of fourth order reach 1e-11
DRIFT = 1e-8  # of the invariant's size along a trajectory solved to 1e-12
ROUNDING = 1e-13  # of the largest state: an invariant that is zero at all starts


def check_derivatives(system: System, *, seed: int = 0) -> None:
    """Hamilton's equations follow from the hamiltonian, and the jacobian from the right-hand side."""
    y, theta = starts(system, POINTS, seed), system.theta()
    field = vector_field(system)
    if isinstance(system, HamiltonianSystem) and system.hamiltonian is not None:
        hamiltonian, half = Call("hamiltonian", system.hamiltonian), system.size // 2
        gradient = differences(lambda x: hamiltonian(0.0, x, theta), y)
        wanted = np.concatenate([gradient[:, half:], -gradient[:, :half]], axis=1)
        _agree(
            "the equations of motion",
            np.stack([field(0.0, x, theta) for x in y]),
            wanted,
            "(dH/dp, -dH/dq) of hamiltonian; one of them has a slip",
        )
    for call in (call for call in vector_calls(system) if call.name == "jacobian"):
        _agree(
            "jacobian",
            np.stack([call(0.0, x, theta) for x in y]),
            np.moveaxis(differences(lambda x: field(0.0, x, theta), y), 1, 2),
            "the derivatives of the right-hand side: jac[i, j] = d rhs[i] / d y[j]",
        )


def differences(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Fourth-order central differences (point, component, ...) of a function of y."""
    size = np.maximum(np.abs(points), np.ptp(points, axis=0) / 2)
    steps = 1e-3 * np.where(size > 0, size, 1.0)
    result = []
    for point, step in zip(points, steps, strict=True):
        rows = []
        for k, h in enumerate(step):
            shift = h * (np.arange(point.size) == k)
            near = function(point + shift) - function(point - shift)
            far = function(point + 2 * shift) - function(point - 2 * shift)
            rows.append((8 * near - far) / (12 * h))
        result.append(rows)
    return np.array(result)


def _agree(what: str, given: np.ndarray, wanted: np.ndarray, source: str) -> None:
    largest = np.abs(wanted).max(axis=0)
    error = np.abs(given - wanted)
    bad = ~(error <= AGREEMENT * (largest + 1e-3 * largest.max()) + 1e-12)
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        component = ", ".join(str(k) for k in where[1:])
        require(
            False,
            f"component {component} of {what} is {given[where]:.9g}, but differences give {wanted[where]:.9g}; it must"
            f" be {source}",
        )


def check_conserves(system: System, *, seed: int = 0) -> None:
    """The hamiltonian and the invariants stay constant along trajectories."""
    conserved = {**system.invariants}
    if isinstance(system, HamiltonianSystem) and system.hamiltonian is not None and not system.inputs:
        conserved["hamiltonian"] = system.hamiltonian
    if not conserved or system.kind == "sde":
        return
    times = np.arange(min(round(system.duration / system.dt), 200) + 1) * system.dt
    options: dict[str, Any] = {"method": "dop853", "rtol": 1e-12, "atol": 1e-12} if system.smooth else {}
    y0 = starts(system, POINTS, seed)
    states = solve(system.kernel(), times, y0, inputs=signals(system, times), seed=seed, **options).states
    for name, function in conserved.items():
        flat = np.tile(times, POINTS)
        values = scalar_values(function, flat, states.reshape(-1, system.size), system.theta()).reshape(POINTS, -1)
        drift = np.abs(values - values[:, :1]).max()
        size = np.abs(values).max() or 1.0
        require(
            drift <= DRIFT * size + ROUNDING * np.abs(states).max(),
            f"{name} changes by {drift:.3g} of {size:.3g} within {times[-1]:g} time units of an accurate solution; it"
            " is no invariant of these equations",
        )
