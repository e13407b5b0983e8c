"""Tangent map: y <- F(y), v <- F'(y) v for every vector."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import BASE, along, base_rhs


def iterate(t: Any, y: Any, theta: Any, out: Any) -> None:
    """One iterate of state and vectors."""
    base_rhs(t, y[:BASE], theta, out[:BASE])
    along(t, y[:BASE], theta, y[BASE:], out[BASE:])
