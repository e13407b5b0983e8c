"""Jacobian of the right-hand side by central differences, for kernels that give none.

The shift of component k is eps^(1/3) max(|y_k|, max |y| / 1000), and the difference is divided by what was really
added: a relative error of about 1e-10.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import BASE, rhs, select, vector

SHIFT = 2.0**-17  # eps^(1/3)
FLOOR = 1e-3


def jacobian(t: Any, y: Any, theta: Any, jac: Any) -> None:
    """jac[i, k] = d f_i / d y_k at (t, y)."""
    u, above, below = vector(BASE), vector(BASE), vector(BASE)
    largest = abs(y[0])
    for i in range(BASE):
        u[i] = y[i]
        largest = max(largest, abs(y[i]))
    floor = select(largest > 0.0, FLOOR * largest, 1.0)
    for k in range(BASE):
        shift = SHIFT * max(abs(y[k]), floor)
        u[k] = y[k] + shift
        high = u[k]
        rhs(t, u, theta, above)
        u[k] = y[k] - shift
        span = high - u[k]
        rhs(t, u, theta, below)
        u[k] = y[k]
        for i in range(BASE):
            jac[i, k] = (above[i] - below[i]) / span
