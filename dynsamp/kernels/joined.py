"""Right-hand side of a separable Hamiltonian system, for methods that know no halves."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import HALF, force, velocity


def rhs(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """(q', p') = (velocity(p), force(q))."""
    velocity(t, y[HALF:], theta, dy[:HALF])
    force(t, y[:HALF], theta, dy[HALF:])
