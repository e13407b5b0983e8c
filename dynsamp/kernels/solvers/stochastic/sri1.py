"""Roessler's SRI1W1 for Ito equations with diagonal noise, b_i = b_i(t, y_i), or one Wiener process: strong order 3/2.

Weak order 2. Four stages of b and two of a, with the iterated integrals I_1 = dW, I_11 = (dW^2 - h) / 2,
I_111 = (dW^3 - 3 h dW) / 6 and I_10 = int_t^{t+h} (W(s) - W(t)) ds.
Roessler (2010), Runge--Kutta methods for the strong approximation of solutions of stochastic differential equations,
SIAM J. Numer. Anal. 48, 922, section 6.3, table 6.1.
"""

import math

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, diffusion, fma, matrix, rhs, vector

ORDER = 1.5
WEAK_ORDER = 2.0
THIRD, SIXTH = 1.0 / 3.0, 1.0 / 6.0
SPREAD = 1.0 / math.sqrt(3.0)


def spread(t, y, theta, b):
    """Diffusion as a vector, of diagonal noise and of a single Wiener process alike."""
    if DIAGONAL:
        diffusion(t, y, theta, b)
    else:
        g = matrix(DIM, 1)
        diffusion(t, y, theta, g)
        for i in range(DIM):
            b[i] = g[i, 0]


def noisy_step(t, y, theta, h, xi):
    """One step in place: y (state,), theta (parameter,), xi (2 noise,): normals of dW, then those of I_10."""
    a, u, v = vector(DIM), vector(DIM), vector(DIM)
    b1, b2, b3, b4 = vector(DIM), vector(DIM), vector(DIM), vector(DIM)
    root = math.sqrt(h)
    rhs(t, y, theta, a)
    spread(t, y, theta, b1)
    for i in range(DIM):
        u[i] = fma(0.25 * h, a[i], fma(0.5 * root, b1[i], y[i]))
        v[i] = fma(h, a[i], fma(-root, b1[i], y[i]))
    spread(t + 0.25 * h, u, theta, b2)
    spread(t + h, v, theta, b3)
    for i in range(DIM):
        mix = fma(-5.0, b1[i], fma(3.0, b2[i], 0.5 * b3[i]))
        u[i] = fma(0.25 * h, a[i], fma(root, mix, y[i]))
    spread(t + 0.25 * h, u, theta, b4)
    for i in range(DIM):  # I_10 / h = sqrt(h) mean
        k = i if DIAGONAL else 0
        mean = 0.5 * fma(SPREAD, xi[NOISE + k], xi[k])
        u[i] = fma(0.75 * h, a[i], fma(1.5 * root * mean, b1[i], y[i]))
    rhs(t + 0.75 * h, u, theta, v)
    for i in range(DIM):
        k = i if DIAGONAL else 0
        one = xi[k]
        mean = 0.5 * fma(SPREAD, xi[NOISE + k], one)
        double = 0.5 * fma(one, one, -1.0)
        triple = SIXTH * one * fma(one, one, -3.0)
        # weights of the four stages, by integral
        w1 = fma(2.0, mean, -one - double) - 2.0 * triple
        w2 = 4.0 * THIRD * (one + double - mean) + 5.0 * THIRD * triple
        w3 = THIRD * fma(2.0, one - mean - triple, -double)
        change = fma(w1, b1[i], fma(w2, b2[i], fma(w3, b3[i], triple * b4[i])))
        y[i] = fma(h * THIRD, fma(2.0, v[i], a[i]), fma(root, change, y[i]))
