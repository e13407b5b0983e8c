"""The right-hand side (or the map) of the state alone: ``rhs`` will be that of state and vectors."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import rhs


def base_rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Of the state alone."""
    rhs(t, y, theta, dy)
