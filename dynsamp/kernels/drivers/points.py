"""Vectors at points: right-hand sides, drifts."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, SWEPT, rhs, vector


def run(t: Any, y: Any, theta: Any, out: Any, begin: Any, end: Any) -> None:
    """T (n,), y (n, state), theta (1 or n, parameter), out (n, state)."""
    u, dy = vector(DIM), vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
            dy[i] = 0.0
        rhs(t[j], u, theta[j * SWEPT], dy)
        for i in range(DIM):
            out[j, i] = dy[i]
