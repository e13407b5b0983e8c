"""Iterates of a map that is driven by standard normals: y <- step(t, y, xi)."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, noisy_iterate, vector

ORDER = float("inf")  # exact


def noisy_step(t: Any, y: Any, theta: Any, h: Any, xi: Any) -> None:
    """One iterate in place; h is not used: the map knows its own time step."""
    new = vector(DIM)
    noisy_iterate(t, y, theta, xi, new)
    for i in range(DIM):
        y[i] = new[i]
