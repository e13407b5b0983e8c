"""Diffusions at points."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIAGONAL, DIM, NOISE, SWEPT, diffusion, matrix, vector


def run(t: Any, y: Any, theta: Any, out: Any, begin: Any, end: Any) -> None:
    """T (n,), y (n, state), theta (1 or n, parameter), out (n, state, noise), (n, state, 1) where diagonal."""
    u = vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
        if DIAGONAL:
            b = vector(DIM)
            diffusion(t[j], u, theta[j * SWEPT], b)
            for i in range(DIM):
                out[j, i, 0] = b[i]
        else:
            g = matrix(DIM, NOISE)
            diffusion(t[j], u, theta[j * SWEPT], g)
            for i in range(DIM):
                for k in range(NOISE):
                    out[j, i, k] = g[i, k]
