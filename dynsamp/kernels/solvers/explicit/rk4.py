"""Classical Runge--Kutta method, order 4, explicit.

k1 = f(t, y), k2 = f(t + h/2, y + h/2 k1), k3 = f(t + h/2, y + h/2 k2), k4 = f(t + h, y + h k3),
y <- y + h/6 (k1 + 2 k2 + 2 k3 + k4).
Kutta (1901); Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.1.
"""

from dynsamp.kernels.slots import DIM, add, fma, rhs, vector

ORDER = 4


def step(t, y, theta, h, low):
    """One step in place: y (state,), theta (parameter,), low (state,)."""
    k, u, total = vector(DIM), vector(DIM), vector(DIM)  # few of them: they stay in registers
    half, sixth = 0.5 * h, h / 6.0
    rhs(t, y, theta, k)
    for i in range(DIM):
        total[i] = k[i]
        u[i] = fma(half, k[i], y[i])
    rhs(t + half, u, theta, k)
    for i in range(DIM):
        total[i] = fma(2.0, k[i], total[i])
        u[i] = fma(half, k[i], y[i])
    rhs(t + half, u, theta, k)
    for i in range(DIM):
        total[i] = fma(2.0, k[i], total[i])
        u[i] = fma(h, k[i], y[i])
    rhs(t + h, u, theta, k)
    for i in range(DIM):
        add(y, low, i, sixth, total[i] + k[i])
