"""Platen's explicit method for Ito equations with any noise: weak order 2, strong order 1/2.

With a, b^j at (t, y), u = y + h a + sum_j b^j dW_j, r_j = y + h a +- sqrt(h) b^j and s_j = y +- sqrt(h) b^j,

    y1 = y + h/2 (a + a(t + h, u))
       + 1/4 sum_j (b^j(r_j+) + b^j(r_j-) + 2 b^j + sum_{k != j} (b^j(s_k+) + b^j(s_k-) - 2 b^j)) dW_j
       + 1/(4 sqrt(h)) sum_j ((b^j(r_j+) - b^j(r_j-)) (dW_j^2 - h)
                              + sum_{k != j} (b^j(s_k+) - b^j(s_k-)) (dW_j dW_k + V_kj)),

b(r) at t + h, b(s) at t; V_kj = -V_jk is h or -h by the toss of a coin. Diagonal noise, b_i = b_i(t, y_i), has no
mixed terms, and its components share r. It is for means of functions of the solution, not for single paths.
Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations, section 15.1, equation (1.3).
"""

import math

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, diffusion, fma, matrix, rhs, select, vector

ORDER = 0.5
WEAK_ORDER = 2.0


def noisy_step(t, y, theta, h, xi):
    """One step in place: y (state,), theta (parameter,), xi (noise + noise (noise - 1) / 2,): dW, then the coins."""
    a, ahead, u, change = vector(DIM), vector(DIM), vector(DIM), vector(DIM)
    rhs(t, y, theta, a)
    root = math.sqrt(h)
    for i in range(DIM):
        ahead[i] = fma(h, a[i], y[i])
    if DIAGONAL:
        b, above, below = vector(DIM), vector(DIM), vector(DIM)
        diffusion(t, y, theta, b)
        for i in range(DIM):
            u[i] = fma(root, b[i], ahead[i])
        diffusion(t + h, u, theta, above)
        for i in range(DIM):
            u[i] = fma(-root, b[i], ahead[i])
        diffusion(t + h, u, theta, below)
        for i in range(DIM):
            even = fma(2.0, b[i], above[i] + below[i]) * xi[i]
            change[i] = fma(above[i] - below[i], fma(xi[i], xi[i], -1.0), even)
            u[i] = fma(root, b[i] * xi[i], ahead[i])
    else:
        g, above, below = matrix(DIM, NOISE), matrix(DIM, NOISE), matrix(DIM, NOISE)
        diffusion(t, y, theta, g)
        for k in range(NOISE):
            for i in range(DIM):
                u[i] = fma(root, g[i, k], ahead[i])
            diffusion(t + h, u, theta, above)
            for i in range(DIM):
                u[i] = fma(-root, g[i, k], ahead[i])
            diffusion(t + h, u, theta, below)
            for i in range(DIM):
                even = fma(2.0, g[i, k], above[i, k] + below[i, k])
                change[i] = fma(even, xi[k], change[i])
                change[i] = fma(above[i, k] - below[i, k], fma(xi[k], xi[k], -1.0), change[i])
            if NOISE > 1:
                for i in range(DIM):
                    u[i] = fma(root, g[i, k], y[i])
                diffusion(t, u, theta, above)
                for i in range(DIM):
                    u[i] = fma(-root, g[i, k], y[i])
                diffusion(t, u, theta, below)
                for j in range(NOISE):
                    if j != k:
                        low, high = min(j, k), max(j, k)
                        coin = NOISE + low * (2 * NOISE - low - 1) // 2 + high - low - 1
                        toss = select(xi[coin] > 0.0, 1.0, -1.0)
                        area = fma(xi[j], xi[k], toss if k < j else -toss)
                        for i in range(DIM):
                            even = fma(-2.0, g[i, j], above[i, j] + below[i, j])
                            change[i] = fma(even, xi[j], change[i])
                            change[i] = fma(above[i, j] - below[i, j], area, change[i])
        for i in range(DIM):
            noise = g[i, 0] * xi[0]
            for k in range(1, NOISE):
                noise = fma(g[i, k], xi[k], noise)
            u[i] = fma(root, noise, ahead[i])
    later = vector(DIM)
    rhs(t + h, u, theta, later)
    for i in range(DIM):
        y[i] = fma(0.5 * h, a[i] + later[i], fma(0.25 * root, change[i], y[i]))
