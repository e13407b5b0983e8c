"""Interpolant of order 4 for Tsitouras' pair, from the stages of the step alone.

u(x) = y + h sum_s b_s(x) k_s with quartics b_s, continuously differentiable from step to step.
Tsitouras (2011), Computers and Mathematics with Applications 62, 770, section 3.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, fma

__all__ = ["CURVE", "EXCESS", "INTERPOLANT_ORDER", "doubt", "interpolant", "point"]

INTERPOLANT_ORDER = 4
CURVE = 4  # rows
EXCESS = 2.0  # of the path's error over that of the step


def _quartic(scale: float, sum_: float, product: float) -> tuple[float, float, float]:
    """Coefficients of x^2, x^3, x^4 of scale x^2 (x^2 - sum x + product)."""
    return scale * product, -scale * sum_, scale


# b_1 = a x (x - p) (x^2 - q x + r), the others as in _quartic
_A, _P, _Q, _R = -1.0530884977290216, 1.3299890189751412, 1.4364028541716351, 0.7139816917074209
B1_2, B1_3, B1_4 = _A * (_R + _P * _Q), -_A * (_P + _Q), _A
B2_2, B2_3, B2_4 = _quartic(0.1017, 2.1966568338249754, 1.2949852507374631)
B3_2, B3_3, B3_4 = _quartic(2.490627285651252793, 2.38535645472061657, 1.57803468208092486)
B4_2, B4_3, B4_4 = _quartic(
    -16.54810288924490272, 1.21712927295533244 + 0.61620406037800089, 1.21712927295533244 * 0.61620406037800089
)
B5_2, B5_3, B5_4 = _quartic(
    47.37952196281928122, 1.203071208372362603 + 0.658047292653547382, 1.203071208372362603 * 0.658047292653547382
)
B6_2, B6_3, B6_4 = _quartic(-34.87065786149660974, 1.2 + 0.666666666666666667, 1.2 * 0.666666666666666667)
B7_2, B7_3, B7_4 = _quartic(2.5, 1.6, 0.6)


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Fill ``curve`` (CURVE, state) for the step from (t, y) to y_new: coefficients of x, x^2, x^3, x^4."""
    k1, k2, k3, k4, k5, k6, k7 = dy, stages[0], stages[1], stages[2], stages[3], stages[4], dy_new
    for i in range(DIM):
        curve[0, i] = h * k1[i]
        s = B1_2 * k1[i]
        s = fma(B2_2, k2[i], s)
        s = fma(B3_2, k3[i], s)
        s = fma(B4_2, k4[i], s)
        s = fma(B5_2, k5[i], s)
        s = fma(B6_2, k6[i], s)
        curve[1, i] = h * fma(B7_2, k7[i], s)
        s = B1_3 * k1[i]
        s = fma(B2_3, k2[i], s)
        s = fma(B3_3, k3[i], s)
        s = fma(B4_3, k4[i], s)
        s = fma(B5_3, k5[i], s)
        s = fma(B6_3, k6[i], s)
        curve[2, i] = h * fma(B7_3, k7[i], s)
        s = B1_4 * k1[i]
        s = fma(B2_4, k2[i], s)
        s = fma(B3_4, k3[i], s)
        s = fma(B4_4, k4[i], s)
        s = fma(B5_4, k5[i], s)
        s = fma(B6_4, k6[i], s)
        curve[3, i] = h * fma(B7_4, k7[i], s)


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Nothing to add to EXCESS: the path's error and that of the step are of one size and order."""
    return 0.0 * y[0]


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step."""
    for i in range(DIM):
        s = fma(x, curve[3, i], curve[2, i])
        s = fma(x, s, curve[1, i])
        s = fma(x, s, curve[0, i])
        u[i] = fma(x, s, y[i])
