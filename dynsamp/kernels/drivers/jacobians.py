"""Jacobians at points."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, SWEPT, jacobian, matrix, vector


def run(t: Any, y: Any, theta: Any, out: Any, begin: Any, end: Any) -> None:
    """T (n,), y (n, state), theta (1 or n, parameter), out (n, state, state)."""
    u = vector(DIM)
    for j in range(begin, end):
        jac = matrix(DIM, DIM)
        for i in range(DIM):
            u[i] = y[j, i]
        jacobian(t[j], u, theta[j * SWEPT], jac)
        for i in range(DIM):
            for k in range(DIM):
                out[j, i, k] = jac[i, k]
