"""Collocation polynomial of the Radau IIA method, order 3: through the start and the stages of a step.

Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, POWERS, STAGES, fma

__all__ = ["CURVE", "EXCESS", "INTERPOLANT_ORDER", "doubt", "interpolant", "point"]

INTERPOLANT_ORDER = 3
CURVE = 4  # rows: three coefficients, and how far the slope at the start is off
EXCESS = 1.0  # ``doubt`` says what the path's error is
QUARTIC, CUBIC = 0.185, 0.1  # from that slope, and from the last coefficient, to the largest error of the path


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Fill ``curve`` (CURVE, state) with coefficients of x, x^2, x^3, and h (y' - its slope) at x = 0."""
    for d in range(DIM):
        for i in range(STAGES):
            total = POWERS[i, 0] * stages[0, d]
            for j in range(1, STAGES):
                total = fma(POWERS[i, j], stages[j, d], total)
            curve[i, d] = total
        curve[3, d] = fma(h, dy[d], -curve[0, d])


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Error norm of the path, which may be far above that of a step to a stiff component's slow solution.

    Where the slope at the start is noise, because the system is very stiff, the last coefficient bounds the error.
    """
    square = 0.0 * y[0]
    for d in range(DIM):
        error = min(QUARTIC * abs(curve[3, d]), CUBIC * abs(curve[2, d]))
        scaled = error / fma(tolerance[0], max(abs(y[d]), abs(y_new[d])), tolerance[1])
        square = fma(scaled, scaled, square)
    return np.sqrt(square / DIM)


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step."""
    for d in range(DIM):
        u[d] = fma(x, fma(x, fma(x, curve[2, d], curve[1, d]), curve[0, d]), y[d])
