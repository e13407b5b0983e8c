"""Euler--Maruyama method for Ito equations, strong order 1/2 (1 where the noise is additive), weak order 1.

y <- y + h a(t, y) + b(t, y) dW,  dW = sqrt(h) xi with standard normals xi.
Maruyama (1955); Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations, section 10.2.
"""

import math

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, diffusion, fma, matrix, rhs, vector

ORDER = 0.5
WEAK_ORDER = 1.0


def noisy_step(t, y, theta, h, xi):
    """One step in place: y (state,), theta (parameter,), xi (noise,) standard normals."""
    dy = vector(DIM)
    rhs(t, y, theta, dy)
    root = math.sqrt(h)
    if DIAGONAL:
        b = vector(DIM)
        diffusion(t, y, theta, b)
        for i in range(DIM):
            y[i] = fma(root, b[i] * xi[i], fma(h, dy[i], y[i]))
    else:
        g = matrix(DIM, NOISE)
        diffusion(t, y, theta, g)
        for i in range(DIM):
            noise = g[i, 0] * xi[0]
            for k in range(1, NOISE):
                noise = fma(g[i, k], xi[k], noise)
            y[i] = fma(root, noise, fma(h, dy[i], y[i]))
