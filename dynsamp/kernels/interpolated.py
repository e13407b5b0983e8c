"""The path of a step is its interpolant."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import point


def between(x: Any, t: Any, y: Any, theta: Any, h: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step from (t, y)."""
    point(x, y, curve, u)
