"""Tsitouras' pair of orders 5 and 4, explicit, 7 stages, adaptive, the last evaluation is the first of the next step.

u_s = y + h sum_r A_sr k_r, k_s = f(t + C_s h, u_s), y1 = u_7; the error norm is the root mean square of the difference
to the embedded solution over atol + rtol max(|y|, |y1|).
Tsitouras (2011), Runge--Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Computers and Mathematics with Applications 62, 770, table 1.

Interpolant of order 4 for Tsitouras' pair, from the stages of the step alone:
u(x) = y + h sum_s b_s(x) k_s with quartics b_s, continuously differentiable from step to step.
Tsitouras (2011), Computers and Mathematics with Applications 62, 770, section 3.
"""

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs

__all__ = ["CURVE", "ERROR_ORDER", "EXCESS", "KEPT", "ORDER", "doubt", "interpolant", "point", "trial_step"]

ORDER = 5
ERROR_ORDER = 5  # error norm = O(h^5)
KEPT = 6  # five stages, and an argument

C2, C3, C4, C5 = 0.161, 0.327, 0.9, 0.9800255409045097
# stage 2
A2_1 = 0.161
# stage 3
A3_1, A3_2 = -0.008480655492356989, 0.335480655492357
# stage 4
A4_1, A4_2, A4_3 = 2.8971530571054935, -6.359448489975075, 4.3622954328695815
# stage 5
A5_1, A5_2, A5_3, A5_4 = 5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525
# stage 6
A6_1, A6_2, A6_3 = 5.86145544294642, -12.92096931784711, 8.159367898576159
A6_4, A6_5 = -0.071584973281401, -0.028269050394068383
# solution of order 5
B_1, B_2, B_3 = 0.09646076681806523, 0.01, 0.4798896504144996
B_4, B_5, B_6 = 1.379008574103742, -3.290069515436081, 2.324710524099774
# its difference to the solution of order 4
E_1, E_2, E_3, E_4 = -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629
E_5, E_6, E_7 = 0.5823571654525552, -0.45808210592918697, 0.015151515151515152


def trial_step(t, y, dy, theta, h, tolerance, y_new, dy_new, stages):
    """One step from (t, y) with dy = f(t, y) to y_new, dy_new; returns the error norm, at most 1 if acceptable.

    ``stages`` (KEPT, state) keeps k_2 ... k_6 for the interpolant.
    """
    k1, k2, k3, k4, k5, k6, u = dy, stages[0], stages[1], stages[2], stages[3], stages[4], stages[5]
    for i in range(DIM):
        u[i] = fma(h, A2_1 * k1[i], y[i])
    rhs(fma(C2, h, t), u, theta, k2)
    for i in range(DIM):
        s = fma(A3_2, k2[i], A3_1 * k1[i])
        u[i] = fma(h, s, y[i])
    rhs(fma(C3, h, t), u, theta, k3)
    for i in range(DIM):
        s = fma(A4_3, k3[i], fma(A4_2, k2[i], A4_1 * k1[i]))
        u[i] = fma(h, s, y[i])
    rhs(fma(C4, h, t), u, theta, k4)
    for i in range(DIM):
        s = fma(A5_4, k4[i], fma(A5_3, k3[i], fma(A5_2, k2[i], A5_1 * k1[i])))
        u[i] = fma(h, s, y[i])
    rhs(fma(C5, h, t), u, theta, k5)
    for i in range(DIM):
        s = fma(A6_5, k5[i], fma(A6_4, k4[i], fma(A6_3, k3[i], fma(A6_2, k2[i], A6_1 * k1[i]))))
        u[i] = fma(h, s, y[i])
    rhs(t + h, u, theta, k6)
    for i in range(DIM):
        s = fma(B_6, k6[i], fma(B_5, k5[i], fma(B_4, k4[i], fma(B_3, k3[i], fma(B_2, k2[i], B_1 * k1[i])))))
        y_new[i] = fma(h, s, y[i])
    rhs(t + h, y_new, theta, dy_new)
    error = 0.0 * h
    for i in range(DIM):
        s = fma(E_6, k6[i], fma(E_5, k5[i], fma(E_4, k4[i], fma(E_3, k3[i], fma(E_2, k2[i], E_1 * k1[i])))))
        s = fma(E_7, dy_new[i], s)
        s = h * s / fma(tolerance[0], max(abs(y[i]), abs(y_new[i])), tolerance[1])
        error = fma(s, s, error)
    return np.sqrt(error / DIM)


# --- interpolant

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


def interpolant(t, y, dy, theta, h, y_new, dy_new, stages, curve):
    """Fill ``curve`` (CURVE, state) for the step from (t, y) to y_new: coefficients of x, x^2, x^3, x^4."""
    k1, k2, k3, k4, k5, k6, k7 = dy, stages[0], stages[1], stages[2], stages[3], stages[4], dy_new
    for i in range(DIM):
        curve[0, i] = h * k1[i]
        s = fma(B6_2, k6[i], fma(B5_2, k5[i], fma(B4_2, k4[i], fma(B3_2, k3[i], fma(B2_2, k2[i], B1_2 * k1[i])))))
        curve[1, i] = h * fma(B7_2, k7[i], s)
        s = fma(B6_3, k6[i], fma(B5_3, k5[i], fma(B4_3, k4[i], fma(B3_3, k3[i], fma(B2_3, k2[i], B1_3 * k1[i])))))
        curve[2, i] = h * fma(B7_3, k7[i], s)
        s = fma(B6_4, k6[i], fma(B5_4, k5[i], fma(B4_4, k4[i], fma(B3_4, k3[i], fma(B2_4, k2[i], B1_4 * k1[i])))))
        curve[3, i] = h * fma(B7_4, k7[i], s)


def doubt(y, y_new, tolerance, curve):
    """Nothing to add to EXCESS: the path's error and that of the step are of one size and order."""
    return 0.0 * y[0]


def point(x, y, curve, u):
    """State at the fraction x of the step."""
    for i in range(DIM):
        s = fma(x, curve[3, i], curve[2, i])
        s = fma(x, s, curve[1, i])
        s = fma(x, s, curve[0, i])
        u[i] = fma(x, s, y[i])
