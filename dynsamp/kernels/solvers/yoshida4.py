"""Yoshida's composition of three Stoermer--Verlet steps, order 4, symplectic, time-reversible.

Lengths w1 h, w0 h, w1 h with w1 = 1 / (2 - 2^(1/3)), w0 = 1 - 2 w1; neighbouring kicks are merged.
Yoshida (1990), Construction of higher order symplectic integrators, Phys. Lett. A 150, 262.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import drift, kick

ORDER = 4
W1 = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))
W0 = 1.0 - 2.0 * W1


def opening(t: Any, y: Any, theta: Any, h: Any) -> None:
    """First half kick after a saved time."""
    kick(t, y, theta, 0.5 * W1 * h)


def merged_step(t: Any, y: Any, theta: Any, h: Any, last: Any) -> None:
    """From the first drift on; the closing half kick (``last``), or with the opening one of the next step."""
    drift(t + 0.5 * W1 * h, y, theta, W1 * h)
    kick(t + W1 * h, y, theta, 0.5 * (W1 + W0) * h)
    drift(t + 0.5 * h, y, theta, W0 * h)
    kick(t + (1.0 - W1) * h, y, theta, 0.5 * (W0 + W1) * h)
    drift(t + (1.0 - 0.5 * W1) * h, y, theta, W1 * h)
    kick(t + h, y, theta, 0.5 * W1 * h if last else W1 * h)
