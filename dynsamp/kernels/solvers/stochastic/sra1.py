"""Roessler's SRA1 for Ito equations with additive noise, b = b(t): strong order 3/2, weak order 2.

u = y + 3/4 h a(t, y) + 3/2 sum_k b^k(t + h) J_k,  J_k = I_(k,0) / h,  I_(k,0) = int_t^{t+h} (W_k(s) - W_k(t)) ds,
y1 = y + h/3 a(t, y) + 2h/3 a(t + 3h/4, u) + sum_k (b^k(t + h) (dW_k - J_k) + b^k(t) J_k).
Roessler (2010), Runge--Kutta methods for the strong approximation of solutions of stochastic differential equations,
SIAM J. Numer. Anal. 48, 922, section 6.2, table 6.3.
"""

import math

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, diffusion, fma, matrix, rhs, vector

ORDER = 1.5
WEAK_ORDER = 2.0
THIRD = 1.0 / 3.0
SPREAD = 1.0 / math.sqrt(3.0)


def noisy_step(t, y, theta, h, xi):
    """One step in place: y (state,), theta (parameter,), xi (2 noise,): normals of dW, then those of I_(k,0)."""
    first, second, u = vector(DIM), vector(DIM), vector(DIM)
    now, later = vector(DIM), vector(DIM)  # sum_k b^k(t) J_k, and with b^k(t + h); u is sum_k b^k(t + h) dW_k
    root = math.sqrt(h)
    if DIAGONAL:
        b, c = vector(DIM), vector(DIM)
        diffusion(t, y, theta, b)
        diffusion(t + h, y, theta, c)
        for i in range(DIM):
            mean = 0.5 * fma(SPREAD, xi[NOISE + i], xi[i])
            now[i], later[i], u[i] = b[i] * mean, c[i] * mean, c[i] * xi[i]
    else:
        g, c = matrix(DIM, NOISE), matrix(DIM, NOISE)
        diffusion(t, y, theta, g)
        diffusion(t + h, y, theta, c)
        for k in range(NOISE):
            mean = 0.5 * fma(SPREAD, xi[NOISE + k], xi[k])
            for i in range(DIM):
                now[i] = fma(g[i, k], mean, now[i])
                later[i] = fma(c[i, k], mean, later[i])
                u[i] = fma(c[i, k], xi[k], u[i])
    rhs(t, y, theta, first)
    for i in range(DIM):
        now[i] = u[i] - later[i] + now[i]
        u[i] = fma(0.75 * h, first[i], fma(1.5 * root, later[i], y[i]))
    rhs(t + 0.75 * h, u, theta, second)
    for i in range(DIM):
        y[i] = fma(h * THIRD, fma(2.0, second[i], first[i]), fma(root, now[i], y[i]))
