"""Scalars at points: energy, diagnostics, invariants."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, SWEPT, scalar, vector


def run(t: Any, y: Any, theta: Any, out: Any, begin: Any, end: Any) -> None:
    """T (n,), y (n, state), theta (1 or n, parameter), out (n,)."""
    u = vector(DIM)
    for j in range(begin, end):
        for i in range(DIM):
            u[i] = y[j, i]
        out[j] = scalar(t[j], u, theta[j * SWEPT])
