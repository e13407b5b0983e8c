"""First step of an adaptive method, from the size of the solution and of its first two derivatives.

Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.4, equation (4.14).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, ERROR_ORDER, fma, rhs, select, vector
from dynsamp.kernels.step_control import rough_exp2, rough_log2

HUNDREDTH = math.log2(0.01)


def first_step(t: Any, y: Any, dy: Any, theta: Any, way: Any, longest: Any, tolerance: Any, fresh: Any, du: Any) -> Any:
    """Length of the first step, at most ``longest``, in the direction ``way``; dy = f(t, y) where fresh."""
    u = vector(DIM)
    rhs(t, y, theta, du)
    for i in range(DIM):
        dy[i] = select(fresh, du[i], dy[i])
    d0, d1, d2 = 0.0 * t, 0.0 * t, 0.0 * t
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], abs(y[i]), tolerance[1])
        d0 += (y[i] * weight) * (y[i] * weight)
        d1 += (dy[i] * weight) * (dy[i] * weight)
    d0, d1 = np.sqrt(d0 / DIM), np.sqrt(d1 / DIM)
    h0 = select((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
    h0 = min(h0, longest)
    for i in range(DIM):
        u[i] = fma(way * h0, dy[i], y[i])
    rhs(t + way * h0, u, theta, du)
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], abs(y[i]), tolerance[1])
        change = (du[i] - dy[i]) * weight
        d2 += change * change
    d2 = np.sqrt(d2 / DIM) / h0
    largest = max(d1, d2)
    root = rough_exp2((HUNDREDTH - min(rough_log2(largest), 1000.0)) / ERROR_ORDER)
    h1 = select(largest <= 1e-15, max(1e-6, 1e-3 * h0), root)
    h = min(min(100.0 * h0, h1), longest)
    return select(h > 0.0, h, 1e-6 * longest)  # also where the derivative is not finite
