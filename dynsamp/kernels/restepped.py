"""The path of a step is where shorter steps from its start lead: it has the order of the method."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, step, vector


def between(x: Any, t: Any, y: Any, theta: Any, h: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step from (t, y); ``curve`` is what rounding had cut off there."""
    low = vector(DIM)
    for i in range(DIM):
        u[i] = y[i]
        low[i] = curve[i]
    step(t, u, theta, x * h, low)
