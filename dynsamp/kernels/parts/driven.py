"""External signals: u(t) between samples, in front of the functions of a system that has them.

A row of theta is packed: the parameters, the number of samples n, their times (n,), their values (n, signal).
"""

from __future__ import annotations

from dynsamp.kernels.slots import (
    HELD,
    PARAMETERS,
    SIGNALS,
    driven_delayed_rhs,
    driven_diffusion,
    driven_events,
    driven_force,
    driven_intensity,
    driven_iterate,
    driven_jacobian,
    driven_jump,
    driven_noisy_iterate,
    driven_rhs,
    driven_velocity,
    vector,
)


def signal(t, theta, u):
    """Values at t: linear between the neighbouring samples, or held since the last one."""
    count = int(theta[PARAMETERS])
    first = PARAMETERS + 1
    low, high = 0, count - 1  # samples around t, by bisection
    while high - low > 1:
        middle = (low + high) // 2
        if theta[first + middle] <= t:
            low = middle
        else:
            high = middle
    last = t >= theta[first + high]
    before, after = theta[first + low], theta[first + high]
    weight = min(1.0, max(0.0, (t - before) / (after - before))) if high > low else 0.0
    values = first + count
    for i in range(SIGNALS):
        left, right = theta[values + low * SIGNALS + i], theta[values + high * SIGNALS + i]
        if HELD[i]:
            u[i] = right if last else left
        else:
            u[i] = (1.0 - weight) * left + weight * right


def rhs(t, y, theta, dy):
    """Right-hand side with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_rhs(t, y, theta[:PARAMETERS], u, dy)


def jacobian(t, y, theta, jac):
    """Jacobian with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_jacobian(t, y, theta[:PARAMETERS], u, jac)


def delayed_rhs(t, y, theta, z, dy):
    """Right-hand side that sees the past, with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_delayed_rhs(t, y, theta[:PARAMETERS], u, z, dy)


def force(t, q, theta, dp):
    """Force with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_force(t, q, theta[:PARAMETERS], u, dp)


def velocity(t, p, theta, dq):
    """Velocity, which has no signals."""
    driven_velocity(t, p, theta[:PARAMETERS], dq)


def diffusion(t, y, theta, g):
    """Diffusion with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_diffusion(t, y, theta[:PARAMETERS], u, g)


def iterate(t, y, theta, out):
    """Iterate of a map with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_iterate(t, y, theta[:PARAMETERS], u, out)


def noisy_iterate(t, y, theta, xi, out):
    """Iterate of a map with its signals and normals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_noisy_iterate(t, y, theta[:PARAMETERS], u, xi, out)


def events(t, y, theta, g):
    """Functions of events, which have no signals."""
    driven_events(t, y, theta[:PARAMETERS], g)


def intensity(t, y, theta):
    """Rate of jumps with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    return driven_intensity(t, y, theta[:PARAMETERS], u)


def jump(t, y, theta, z, dy):
    """Change by a jump with its signals."""
    u = vector(SIGNALS)
    signal(t, theta, u)
    driven_jump(t, y, theta[:PARAMETERS], u, z, dy)
