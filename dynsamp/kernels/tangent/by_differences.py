"""Central differences along the vectors themselves: two evaluations each, and no Jacobian.

The shift is eps^(1/3) times the size of the state, so the relative error is about 1e-10.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import BASE, COLUMNS, base_rhs, fma, select, vector

SHIFT = 2.0**-17  # eps^(1/3)


def along(t: Any, y: Any, theta: Any, v: Any, dv: Any) -> None:
    """Derivatives dv of f along the vectors v, one after the other."""
    u, above, below = vector(BASE), vector(BASE), vector(BASE)
    size = abs(y[0])
    for i in range(1, BASE):
        size = max(size, abs(y[i]))
    size = select(size > 0.0, size, 1.0)
    for c in range(COLUMNS):
        length = abs(v[c * BASE])
        for i in range(1, BASE):
            length = max(length, abs(v[c * BASE + i]))
        h = SHIFT * size / length
        for i in range(BASE):
            u[i] = fma(h, v[c * BASE + i], y[i])
        base_rhs(t, u, theta, above)
        for i in range(BASE):
            u[i] = fma(-h, v[c * BASE + i], y[i])
        base_rhs(t, u, theta, below)
        for i in range(BASE):
            dv[c * BASE + i] = (above[i] - below[i]) / (h + h)
