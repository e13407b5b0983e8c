"""Checks: the functions keep nothing, are finite, compile to the same numbers, and agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dynsamp.kernels.problem import Problem
from dynsamp.metrics.mechanics import derivatives
from dynsamp.solve import diffusion_values, field_values, scalar_values, solve
from dynsamp.solve.kernel import as_problem
from dynsamp.solve.trial import SlipError, try_out
from dynsamp.system import HamiltonianSystem, MapSystem, System
from dynsamp.testing.calls import Call, CheckFailure, require, scalar_calls, starts, vector_calls, vector_field
from dynsamp.testing.generated import signals

__all__ = ["check_compiles", "check_conserves", "check_derivatives", "check_finite", "check_pure"]

POINTS = 5
AGREEMENT = 1e-6  # of the largest derivative: differences of fourth order reach 1e-11
DRIFT = 1e-8  # of the invariant's size along a trajectory solved to 1e-12
ROUNDING = 1e-13  # of the largest state: an invariant that is zero at all starts


def check_pure(system: System, *, seed: int = 0) -> None:
    """Functions write every component, leave y and theta alone, and give the same result again."""
    theta, points = system.theta(), starts(system, POINTS, seed)
    span, t = np.array([0.0, system.duration]), np.zeros(POINTS)
    try:  # as every solver does before it compiles them
        problem = as_problem(system.kernel(), system.size, POINTS, signals(system, span), None)
        try_out(problem, t, points, jacobian=True, strict=True)
        for call in scalar_calls(system):
            try_out(Problem({"scalar": call.function}, theta[None], system.size), t, points)
    except SlipError as slip:
        raise CheckFailure(str(slip)) from slip
    for y in points:
        for call in [*vector_calls(system), *scalar_calls(system)]:
            _check_pure(call, y, theta)


def _check_pure(call: Call, y: np.ndarray, theta: np.ndarray) -> None:
    own_y, own_theta = y.copy(), theta.copy()
    try:
        first = call(0.0, own_y, own_theta)
        second = call(0.0, own_y, own_theta, fill=1e30)
    except IndexError as error:
        expected = f" of shape {call.shape}" if call.shape else ""
        raise CheckFailure(f"{call.name} writes outside its output{expected}, or reads outside y: {error}") from error
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise CheckFailure(f"{call.name} raises {type(error).__name__} ({error}) at y = {y.tolist()}") from error
    changed = [label for label, a, b in (("y", own_y, y), ("theta", own_theta, theta)) if not np.array_equal(a, b)]
    require(not changed, f"{call.name} changes {' and '.join(changed)}; write into its last argument only")
    again = (first == second) | (np.isnan(first) & np.isnan(second))
    if not np.all(again):
        where = ", ".join(str(k) for k in np.argwhere(~again)[0])
        raise CheckFailure(
            f"{call.name} does not decide component {where or 'value'} itself; assign every component of the output"
            " (not +=), and draw no random numbers"
        )


def check_finite(system: System, *, seed: int = 0) -> None:
    """Functions are finite at the default starts."""
    theta = system.theta()
    for y in starts(system, POINTS, seed):
        for call in [*vector_calls(system), *scalar_calls(system)]:
            values = call(0.0, y, theta)
            said = f"{call.name} is {values.tolist()} at the default start {y.tolist()}; move initial= into the domain"
            require(np.isfinite(values).all(), said)


def check_compiles(system: System, *, seed: int = 0) -> None:
    """Compiled functions agree with plain Python."""
    try:
        pairs = _plain_and_compiled(system, seed)
    except TypeError as error:
        raise CheckFailure(str(error)) from error
    for name, plain, compiled in pairs:
        require(
            compiled.shape == plain.shape and np.allclose(compiled, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max()),
            f"{name} is {compiled[0].tolist()} when compiled, but {plain[0].tolist()} in plain Python; functions and"
            " what they call must not depend on state outside their arguments",
        )


def _plain_and_compiled(system: System, seed: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Results of each function, as (name, plain, compiled) over a few points."""
    theta, y = system.theta(), starts(system, POINTS, seed)
    t = np.zeros(POINTS)
    kernel, field, pairs = system.kernel(), vector_field(system), []
    plain = np.stack([field(0.0, row, theta) for row in y])
    if isinstance(system, MapSystem):
        if not system.inputs:
            stepped = solve(kernel, [0.0, system.dt], y, seed=seed).states[:, 1]
            pairs.append(("step", plain if not system.noise else stepped, stepped))  # only compiled where it has noise
    elif not system.inputs:
        pairs.append(("the right-hand side", plain, field_values(kernel, t, y, theta)))
        for call in (call for call in vector_calls(system) if call.name == "diffusion"):
            plain = np.stack([call(0.0, row, theta) for row in y])
            pairs.append((call.name, plain, diffusion_values(kernel, t, y, theta)))
    for call in scalar_calls(system):
        plain = np.stack([call(0.0, row, theta) for row in y])
        pairs.append((call.name, plain, scalar_values(call.function, t, y, theta)))
    return pairs


def check_derivatives(system: System, *, seed: int = 0) -> None:
    """Hamilton's equations follow from the hamiltonian, and the jacobian from the right-hand side."""
    y, theta = starts(system, POINTS, seed), system.theta()
    field = vector_field(system)
    if isinstance(system, HamiltonianSystem) and system.hamiltonian is not None:
        hamiltonian, half = Call("hamiltonian", system.hamiltonian), system.size // 2
        gradient = _slopes(lambda x: hamiltonian(0.0, x, theta), y)
        wanted = np.concatenate([gradient[:, half:], -gradient[:, :half]], axis=1)
        given = np.stack([field(0.0, x, theta) for x in y])
        _agree("the equations of motion", given, wanted, "(dH/dp, -dH/dq) of hamiltonian; one of them has a slip")
    for call in (call for call in vector_calls(system) if call.name == "jacobian"):
        given, wanted = np.stack([call(0.0, x, theta) for x in y]), _slopes(lambda x: field(0.0, x, theta), y)
        _agree("jacobian", given, wanted, "the derivatives of the right-hand side: jac[i, j] = d rhs[i] / d y[j]")


def _slopes(function: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> np.ndarray:
    """Derivatives (point, ..., component) of a function of one state, by differences."""
    size = np.maximum(np.abs(points), np.ptp(points, axis=0) / 2)
    steps = 1e-3 * np.where(size > 0, size, 1.0)
    return derivatives(lambda states: np.stack([function(y) for y in states]), points, steps)


def _agree(what: str, given: np.ndarray, wanted: np.ndarray, source: str) -> None:
    largest = np.abs(wanted).max(axis=0)
    error = np.abs(given - wanted)
    bad = ~(error <= AGREEMENT * (largest + 1e-3 * largest.max()) + 1e-12)
    if bad.any():
        where = tuple(int(k) for k in np.argwhere(bad)[0])
        raise CheckFailure(
            f"component {', '.join(map(str, where[1:]))} of {what} is {given[where]:.9g}, but differences give"
            f" {wanted[where]:.9g}; it must be {source}"
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
