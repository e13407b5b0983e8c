"""Slots for functions of a system, and for what is put in front of them."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots.unset import unset


def rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Right-hand side, in place."""
    unset("rhs")


def velocity(t: Any, p: Any, theta: Any, dq: Any) -> None:
    """Q' of a separable Hamiltonian system."""
    unset("velocity")


def force(t: Any, q: Any, theta: Any, dp: Any) -> None:
    """P' of a separable Hamiltonian system."""
    unset("force")


def base_rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Right-hand side of the state alone, where ``rhs`` is that of state and vectors."""
    unset("base_rhs")


def along(t: Any, y: Any, theta: Any, v: Any, dv: Any) -> None:
    """Derivatives of the right-hand side along the vectors v (COLUMNS times BASE)."""
    unset("along")


def jacobian(t: Any, y: Any, theta: Any, jac: Any) -> None:
    """Jacobian (BASE, BASE) of the right-hand side, in place."""
    unset("jacobian")


def diffusion(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Diffusion: a vector, or (DIM, NOISE)."""
    unset("diffusion")


def iterate(t: Any, y: Any, theta: Any, out: Any) -> None:
    """One iterate of a map."""
    unset("iterate")


def noisy_iterate(t: Any, y: Any, theta: Any, xi: Any, out: Any) -> None:
    """One iterate of a map that is driven by normals."""
    unset("noisy_iterate")


def scalar(t: Any, y: Any, theta: Any) -> Any:
    """Energy, diagnostic, invariant."""
    unset("scalar")


def sigma(z: Any) -> Any:
    """Activation of a hidden layer, or a derivative of it."""
    return unset("sigma")


def delayed_rhs(t: Any, y: Any, theta: Any, z: Any, dy: Any) -> None:
    """Right-hand side that sees the past, z (DELAYS, DIM)."""
    unset("delayed_rhs")


def driven_delayed_rhs(t: Any, y: Any, theta: Any, u: Any, z: Any, dy: Any) -> None:
    """Right-hand side of a system with signals that sees the past."""
    unset("driven_delayed_rhs")


def driven_rhs(t: Any, y: Any, theta: Any, u: Any, dy: Any) -> None:
    """Right-hand side of a system with signals."""
    unset("driven_rhs")


def driven_jacobian(t: Any, y: Any, theta: Any, u: Any, jac: Any) -> None:
    """Jacobian of a system with signals."""
    unset("driven_jacobian")


def driven_force(t: Any, q: Any, theta: Any, u: Any, dp: Any) -> None:
    """P' of a separable system with signals."""
    unset("driven_force")


def driven_velocity(t: Any, p: Any, theta: Any, dq: Any) -> None:
    """Q' of a separable system with signals; it does not see them."""
    unset("driven_velocity")


def driven_diffusion(t: Any, y: Any, theta: Any, u: Any, g: Any) -> None:
    """Diffusion of a system with signals."""
    unset("driven_diffusion")


def driven_iterate(t: Any, y: Any, theta: Any, u: Any, out: Any) -> None:
    """Iterate of a map with signals."""
    unset("driven_iterate")


def driven_noisy_iterate(t: Any, y: Any, theta: Any, u: Any, xi: Any, out: Any) -> None:
    """Iterate of a map with signals and normals."""
    unset("driven_noisy_iterate")


def intensity(t: Any, y: Any, theta: Any) -> Any:
    """Rate of jumps."""
    return unset("intensity")


def jump(t: Any, y: Any, theta: Any, z: Any, dy: Any) -> None:
    """Change of the state by a jump whose marks are z."""
    unset("jump")


def driven_intensity(t: Any, y: Any, theta: Any, u: Any) -> Any:
    """Rate of jumps of a system with signals."""
    return unset("driven_intensity")


def driven_jump(t: Any, y: Any, theta: Any, u: Any, z: Any, dy: Any) -> None:
    """Change by a jump of a system with signals."""
    unset("driven_jump")


def events(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Functions (EVENTS,) of a trajectory whose changes of sign are events."""
    unset("events")


def driven_events(t: Any, y: Any, theta: Any, g: Any) -> None:
    """Events of a system with signals; they do not see them."""
    unset("driven_events")


def coefficients(t: Any, y: Any, theta: Any, order: Any, inverse: Any, c: Any) -> None:
    """Taylor coefficients of the solution through (t, y) up to an order; ``inverse[n]`` is 1 / n."""
    unset("coefficients")


def kick(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move p along the force for a time h; ``low`` is for ``add``."""
    unset("kick")


def drift(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move q along the velocity for a time h; ``low`` is for ``add``."""
    unset("drift")
