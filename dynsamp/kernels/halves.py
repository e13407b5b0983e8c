"""Kick and drift of a separable Hamiltonian system, y = (q, p)."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import HALF, add, force, vector, velocity


def kick(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move p along the force for a time h."""
    dp = vector(HALF)
    force(t, y[:HALF], theta, dp)
    for i in range(HALF):
        add(y, low, HALF + i, h, dp[i])


def drift(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """Move q along the velocity for a time h."""
    dq = vector(HALF)
    velocity(t, y[HALF:], theta, dq)
    for i in range(HALF):
        add(y, low, i, h, dq[i])
