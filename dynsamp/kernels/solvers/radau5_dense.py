"""Collocation polynomial of the Radau IIA method, order 3: through the start and the stages of a step.

Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, POWERS, STAGES, fma

__all__ = ["CURVE", "EXCESS", "INTERPOLANT_ORDER", "doubt", "interpolant", "point"]

INTERPOLANT_ORDER = 3
CURVE = 3  # rows
EXCESS = 1.0  # of the path's error over the estimate of that of the step, which is one of order 3, too


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Fill ``curve`` (CURVE, state) with coefficients of x, x^2, x^3 of the collocation polynomial."""
    for d in range(DIM):
        for i in range(CURVE):
            total = POWERS[i, 0] * stages[0, d]
            for j in range(1, STAGES):
                total = fma(POWERS[i, j], stages[j, d], total)
            curve[i, d] = total


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Nothing to add: the path's error and the estimate are of one order."""
    return 0.0 * y[0]


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step."""
    for d in range(DIM):
        u[d] = fma(x, fma(x, fma(x, curve[2, d], curve[1, d]), curve[0, d]), y[d])
