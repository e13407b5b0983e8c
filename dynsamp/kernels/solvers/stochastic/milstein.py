"""Milstein method for Ito equations without derivatives, strong order 1, weak order 1.

y1 = y + h a + sum_j b^j dW_j + sum_jk (b^k(u_j) - b^k(y)) / sqrt(h) I_jk,  u_j = y + h a + sqrt(h) b^j,
I_jj = (dW_j^2 - h) / 2,  I_jk = dW_j dW_k / 2: that of commutative noise, L^j b^k = L^k b^j, which diagonal noise
with b_i = b_i(t, y_i) and a single Wiener process always are. With other noise the strong order falls to 1/2.
Milstein (1975); Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations, section 11.1.
"""

import math

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, diffusion, fma, matrix, rhs, vector

ORDER = 1.0
WEAK_ORDER = 1.0


def noisy_step(t, y, theta, h, xi):
    """One step in place: y (state,), theta (parameter,), xi (noise,) standard normals."""
    ahead, u = vector(DIM), vector(DIM)
    rhs(t, y, theta, ahead)
    root = math.sqrt(h)
    for i in range(DIM):
        ahead[i] = fma(h, ahead[i], y[i])
    if DIAGONAL:
        b, c = vector(DIM), vector(DIM)
        diffusion(t, y, theta, b)
        for i in range(DIM):
            u[i] = fma(root, b[i], ahead[i])
        diffusion(t, u, theta, c)
        for i in range(DIM):
            double = 0.5 * fma(xi[i], xi[i], -1.0)
            y[i] = fma(root, fma(c[i] - b[i], double, b[i] * xi[i]), ahead[i])
    else:
        g, shifted, change = matrix(DIM, NOISE), matrix(DIM, NOISE), vector(DIM)
        diffusion(t, y, theta, g)
        for i in range(DIM):
            change[i] = g[i, 0] * xi[0]
            for k in range(1, NOISE):
                change[i] = fma(g[i, k], xi[k], change[i])
        for j in range(NOISE):
            for i in range(DIM):
                u[i] = fma(root, g[i, j], ahead[i])
            diffusion(t, u, theta, shifted)
            for k in range(NOISE):
                double = 0.5 * fma(xi[j], xi[k], -1.0 if j == k else 0.0)
                for i in range(DIM):
                    change[i] = fma(shifted[i, k] - g[i, k], double, change[i])
        for i in range(DIM):
            y[i] = fma(root, change[i], ahead[i])
