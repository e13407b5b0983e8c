"""Tsitouras' pair of orders 5 and 4, explicit, 7 stages, adaptive, the last evaluation is the first of the next step.

u_s = y + h sum_r A_sr k_r, k_s = f(t + C_s h, u_s), y1 = u_7; the error norm is the root mean square of the difference
to the embedded solution over atol + rtol max(|y|, |y1|).
Tsitouras (2011), Runge--Kutta pairs of order 5(4) satisfying only the first column simplifying assumption,
Computers and Mathematics with Applications 62, 770, table 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs

__all__ = ["ERROR_ORDER", "KEPT", "ORDER", "trial_step"]

ORDER = 5
ERROR_ORDER = 5  # error norm = O(h^5)
KEPT = 6  # five stages, and an argument

C2, C3, C4, C5 = 0.161, 0.327, 0.9, 0.9800255409045097
# stage 2
A2_1 = 0.161
# stage 3
A3_1 = -0.008480655492356989
A3_2 = 0.335480655492357
# stage 4
A4_1 = 2.8971530571054935
A4_2 = -6.359448489975075
A4_3 = 4.3622954328695815
# stage 5
A5_1 = 5.325864828439257
A5_2 = -11.748883564062828
A5_3 = 7.4955393428898365
A5_4 = -0.09249506636175525
# stage 6
A6_1 = 5.86145544294642
A6_2 = -12.92096931784711
A6_3 = 8.159367898576159
A6_4 = -0.071584973281401
A6_5 = -0.028269050394068383
# solution of order 5
B_1 = 0.09646076681806523
B_2 = 0.01
B_3 = 0.4798896504144996
B_4 = 1.379008574103742
B_5 = -3.290069515436081
B_6 = 2.324710524099774
# its difference to the solution of order 4
E_1 = -0.00178001105222577714
E_2 = -0.0008164344596567469
E_3 = 0.007880878010261995
E_4 = -0.1447110071732629
E_5 = 0.5823571654525552
E_6 = -0.45808210592918697
E_7 = 0.015151515151515152


def trial_step(
    t: Any, y: Any, dy: Any, theta: Any, h: Any, tolerance: Any, y_new: Any, dy_new: Any, stages: Any
) -> Any:
    """One step from (t, y) with dy = f(t, y) to y_new, dy_new; returns the error norm, at most 1 if acceptable.

    ``stages`` (KEPT, state) keeps k_2 ... k_6 for the interpolant.
    """
    k1, k2, k3, k4, k5, k6, u = dy, stages[0], stages[1], stages[2], stages[3], stages[4], stages[5]
    for i in range(DIM):
        u[i] = fma(h, A2_1 * k1[i], y[i])
    rhs(fma(C2, h, t), u, theta, k2)
    for i in range(DIM):
        s = A3_1 * k1[i]
        s = fma(A3_2, k2[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C3, h, t), u, theta, k3)
    for i in range(DIM):
        s = A4_1 * k1[i]
        s = fma(A4_2, k2[i], s)
        s = fma(A4_3, k3[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C4, h, t), u, theta, k4)
    for i in range(DIM):
        s = A5_1 * k1[i]
        s = fma(A5_2, k2[i], s)
        s = fma(A5_3, k3[i], s)
        s = fma(A5_4, k4[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C5, h, t), u, theta, k5)
    for i in range(DIM):
        s = A6_1 * k1[i]
        s = fma(A6_2, k2[i], s)
        s = fma(A6_3, k3[i], s)
        s = fma(A6_4, k4[i], s)
        s = fma(A6_5, k5[i], s)
        u[i] = fma(h, s, y[i])
    rhs(t + h, u, theta, k6)
    for i in range(DIM):
        s = B_1 * k1[i]
        s = fma(B_2, k2[i], s)
        s = fma(B_3, k3[i], s)
        s = fma(B_4, k4[i], s)
        s = fma(B_5, k5[i], s)
        s = fma(B_6, k6[i], s)
        y_new[i] = fma(h, s, y[i])
    rhs(t + h, y_new, theta, dy_new)
    error = 0.0 * h
    for i in range(DIM):
        s = E_1 * k1[i]
        s = fma(E_2, k2[i], s)
        s = fma(E_3, k3[i], s)
        s = fma(E_4, k4[i], s)
        s = fma(E_5, k5[i], s)
        s = fma(E_6, k6[i], s)
        s = fma(E_7, dy_new[i], s)
        s = h * s / fma(tolerance[0], max(abs(y[i]), abs(y_new[i])), tolerance[1])
        error = fma(s, s, error)
    return np.sqrt(error / DIM)
