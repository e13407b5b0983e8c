"""A separable Hamiltonian system, y = (q, p): kick and drift, and the whole right-hand side for other methods."""

from dynsamp.kernels.slots import HALF, add, force, vector, velocity


def kick(t, y, theta, h, low):
    """Move p along the force for a time h."""
    dp = vector(HALF)
    force(t, y[:HALF], theta, dp)
    for i in range(HALF):
        add(y, low, HALF + i, h, dp[i])


def drift(t, y, theta, h, low):
    """Move q along the velocity for a time h."""
    dq = vector(HALF)
    velocity(t, y[HALF:], theta, dq)
    for i in range(HALF):
        add(y, low, i, h, dq[i])


def rhs(t, y, theta, dy):
    """(q', p') = (velocity(p), force(q))."""
    velocity(t, y[HALF:], theta, dy[:HALF])
    force(t, y[:HALF], theta, dy[HALF:])
