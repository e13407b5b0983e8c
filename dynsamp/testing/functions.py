"""Checks of single functions: plain Python semantics first, then compiled and compared."""

from __future__ import annotations

import numpy as np

from dynsamp.solve import diffusion_values, field_values, scalar_values, solve
from dynsamp.system import MapSystem, System
from dynsamp.testing.calls import Call, scalar_calls, starts, vector_calls, vector_field
from dynsamp.testing.failure import CheckFailure, require

__all__ = ["check_compiles", "check_finite", "check_pure"]

POINTS = 5


def check_pure(system: System, *, seed: int = 0) -> None:
    """Functions write every component, leave y and theta alone, and give the same result again."""
    theta = system.theta()
    for y in starts(system, POINTS, seed):
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
            require(
                np.isfinite(values).all(),
                f"{call.name} is {values.tolist()} at the default start {y.tolist()}; move initial= into the domain",
            )


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
