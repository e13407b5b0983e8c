"""Classical Runge--Kutta method with Hermite's cubic history for delays, order 4.

y' = f(t, y(t), y(t - tau_1), ...), stages as in ``rk4`` with the delayed states of a piecewise cubic through all states
and derivatives so far. A step is not longer than the smallest delay, so no stage asks for what is not known yet.
Bellen and Zennaro (2003), Numerical Methods for Delay Differential Equations, sections 3.1 and 6.1; Hairer, Norsett,
Wanner (1993), Solving Ordinary Differential Equations I, section II.17.
"""

from dynsamp.kernels.slots import DELAYS, DIM, delayed_rhs, fma, matrix, recall, remember, vector

ORDER = 4


def begin_segment(t, y, dy, theta, past):
    """Derivative after a break, where it may have jumped."""
    z = matrix(DELAYS, DIM)
    recall(t, False, past, z)
    delayed_rhs(t, y, theta, z, dy)


def delayed_step(t, y, dy, theta, h, past):
    """One step in place of y (state,) and its derivative dy (state,)."""
    z, k, u, total = matrix(DELAYS, DIM), vector(DIM), vector(DIM), vector(DIM)
    half, sixth = 0.5 * h, h / 6.0
    for i in range(DIM):
        total[i] = dy[i]
        u[i] = fma(half, dy[i], y[i])
    recall(t + half, True, past, z)
    delayed_rhs(t + half, u, theta, z, k)
    for i in range(DIM):
        total[i] = fma(2.0, k[i], total[i])
        u[i] = fma(half, k[i], y[i])
    delayed_rhs(t + half, u, theta, z, k)
    for i in range(DIM):
        total[i] = fma(2.0, k[i], total[i])
        u[i] = fma(h, k[i], y[i])
    recall(t + h, True, past, z)
    delayed_rhs(t + h, u, theta, z, k)
    for i in range(DIM):
        u[i] = fma(sixth, total[i] + k[i], y[i])
    delayed_rhs(t + h, u, theta, z, k)
    remember(t, h, y, dy, u, k, past)
    for i in range(DIM):
        y[i], dy[i] = u[i], k[i]
