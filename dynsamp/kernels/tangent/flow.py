"""Variational equations: y' = f(t, y), v' = f'(t, y) v for every vector."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import BASE, along, base_rhs


def rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """Right-hand side of state and vectors."""
    base_rhs(t, y[:BASE], theta, dy[:BASE])
    along(t, y[:BASE], theta, y[BASE:], dy[BASE:])
