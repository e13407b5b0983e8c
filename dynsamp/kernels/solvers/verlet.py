"""Stoermer--Verlet method for separable Hamiltonians, order 2, symplectic, time-reversible.

q' = velocity(p) = dT/dp, p' = force(q) = -dV/dq, y = (q, p): half a kick, drift, half a kick. The half kicks of
neighbouring steps are merged between saved times.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section I.1.4.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import drift, kick

ORDER = 2


def opening(t: Any, y: Any, theta: Any, h: Any) -> None:
    """First half kick after a saved time."""
    kick(t, y, theta, 0.5 * h)


def merged_step(t: Any, y: Any, theta: Any, h: Any, last: Any) -> None:
    """Drift, then the closing half kick (``last``) or a whole one, the first half of the next step included."""
    drift(t + 0.5 * h, y, theta, h)
    kick(t + h, y, theta, 0.5 * h if last else h)
