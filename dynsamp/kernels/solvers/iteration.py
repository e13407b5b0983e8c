"""Iterates of a map: y <- step(t, y)."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, iterate, vector

ORDER = float("inf")  # exact


def step(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """One iterate in place; h and low are not used: the map knows its own time step."""
    new = vector(DIM)
    iterate(t, y, theta, new)
    for i in range(DIM):
        y[i] = new[i]
