"""Interpolant of order 7 for the Dormand--Prince method of order 8: three more evaluations.

u(x) = y + x (F1 + (1-x) (F2 + x (F3 + (1-x) (F4 + x (F5 + (1-x) (F6 + x F7)))))), 0 <= x <= 1: F1 ... F3 make it
agree with y and y' at both ends of the step, F4 ... F7 are sums of stages.
Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.6 (code CONTD8).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs, select

__all__ = ["CURVE", "EXCESS", "INTERPOLANT_ORDER", "doubt", "interpolant", "point"]

INTERPOLANT_ORDER = 7
CURVE = 7  # rows
REST = 2.0**-10  # error of the path, as a part of F7: 1e-3 (median) to 3e-3 (99 %) of the steps of three systems
EXCESS = 1.5  # of the path's error over that of the step: median

# nodes
C14, C15, C16 = 0.1, 0.2, 0.7777777777777778
# stage 14
A14_1 = 0.056167502283047954
A14_7 = 0.25350021021662483
A14_8 = -0.2462390374708025
A14_9 = -0.12419142326381637
A14_10 = 0.15329179827876568
A14_11 = 0.00820105229563469
A14_12 = 0.007567897660545699
A14_13 = -0.008298
# stage 15
A15_1 = 0.03183464816350214
A15_6 = 0.028300909672366776
A15_7 = 0.053541988307438566
A15_8 = -0.05492374857139099
A15_11 = -0.00010834732869724932
A15_12 = 0.0003825710908356584
A15_13 = -0.00034046500868740456
A15_14 = 0.1413124436746325
# stage 16
A16_1 = -0.42889630158379194
A16_6 = -4.697621415361164
A16_7 = 7.683421196062599
A16_8 = 4.06898981839711
A16_9 = 0.3567271874552811
A16_13 = -0.0013990241651590145
A16_14 = 2.9475147891527724
A16_15 = -9.15095847217987
# curve, row 4
D4_1 = -8.428938276109013
D4_6 = 0.5667149535193777
D4_7 = -3.0689499459498917
D4_8 = 2.38466765651207
D4_9 = 2.117034582445028
D4_10 = -0.871391583777973
D4_11 = 2.2404374302607883
D4_12 = 0.6315787787694688
D4_13 = -0.08899033645133331
D4_14 = 18.148505520854727
D4_15 = -9.194632392478356
D4_16 = -4.436036387594894
# curve, row 5
D5_1 = 10.427508642579134
D5_6 = 242.28349177525817
D5_7 = 165.20045171727028
D5_8 = -374.5467547226902
D5_9 = -22.113666853125306
D5_10 = 7.733432668472264
D5_11 = -30.674084731089398
D5_12 = -9.332130526430229
D5_13 = 15.697238121770845
D5_14 = -31.139403219565178
D5_15 = -9.35292435884448
D5_16 = 35.81684148639408
# curve, row 6
D6_1 = 19.985053242002433
D6_6 = -387.0373087493518
D6_7 = -189.17813819516758
D6_8 = 527.8081592054236
D6_9 = -11.57390253995963
D6_10 = 6.8812326946963
D6_11 = -1.0006050966910838
D6_12 = 0.7777137798053443
D6_13 = -2.778205752353508
D6_14 = -60.19669523126412
D6_15 = 84.32040550667716
D6_16 = 11.99229113618279
# curve, row 7
D7_1 = -25.69393346270375
D7_6 = -154.18974869023643
D7_7 = -231.5293791760455
D7_8 = 357.6391179106141
D7_9 = 93.40532418362432
D7_10 = -37.45832313645163
D7_11 = 104.0996495089623
D7_12 = 29.8402934266605
D7_13 = -43.53345659001114
D7_14 = 96.32455395918828
D7_15 = -39.17726167561544
D7_16 = -149.72683625798564


def interpolant(t: Any, y: Any, dy: Any, theta: Any, h: Any, y_new: Any, dy_new: Any, stages: Any, curve: Any) -> None:
    """Fill ``curve`` (CURVE, state) for the step from (t, y) to y_new."""
    k1, k13 = dy, dy_new
    k6, k7, k8, k9, k10, k11, k12 = stages[4], stages[5], stages[6], stages[7], stages[8], stages[9], stages[10]
    u, k14, k15, k16 = stages[11], stages[12], stages[13], stages[14]
    for i in range(DIM):
        s = A14_1 * k1[i]
        s = fma(A14_7, k7[i], s)
        s = fma(A14_8, k8[i], s)
        s = fma(A14_9, k9[i], s)
        s = fma(A14_10, k10[i], s)
        s = fma(A14_11, k11[i], s)
        s = fma(A14_12, k12[i], s)
        s = fma(A14_13, k13[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C14, h, t), u, theta, k14)
    for i in range(DIM):
        s = A15_1 * k1[i]
        s = fma(A15_6, k6[i], s)
        s = fma(A15_7, k7[i], s)
        s = fma(A15_8, k8[i], s)
        s = fma(A15_11, k11[i], s)
        s = fma(A15_12, k12[i], s)
        s = fma(A15_13, k13[i], s)
        s = fma(A15_14, k14[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C15, h, t), u, theta, k15)
    for i in range(DIM):
        s = A16_1 * k1[i]
        s = fma(A16_6, k6[i], s)
        s = fma(A16_7, k7[i], s)
        s = fma(A16_8, k8[i], s)
        s = fma(A16_9, k9[i], s)
        s = fma(A16_13, k13[i], s)
        s = fma(A16_14, k14[i], s)
        s = fma(A16_15, k15[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C16, h, t), u, theta, k16)
    for i in range(DIM):
        change = y_new[i] - y[i]
        chord = fma(h, k1[i], -change)
        curve[0, i] = change
        curve[1, i] = chord
        curve[2, i] = fma(-h, k13[i], change) - chord
        s = D4_1 * k1[i]
        s = fma(D4_6, k6[i], s)
        s = fma(D4_7, k7[i], s)
        s = fma(D4_8, k8[i], s)
        s = fma(D4_9, k9[i], s)
        s = fma(D4_10, k10[i], s)
        s = fma(D4_11, k11[i], s)
        s = fma(D4_12, k12[i], s)
        s = fma(D4_13, k13[i], s)
        s = fma(D4_14, k14[i], s)
        s = fma(D4_15, k15[i], s)
        s = fma(D4_16, k16[i], s)
        curve[3, i] = h * s
        s = D5_1 * k1[i]
        s = fma(D5_6, k6[i], s)
        s = fma(D5_7, k7[i], s)
        s = fma(D5_8, k8[i], s)
        s = fma(D5_9, k9[i], s)
        s = fma(D5_10, k10[i], s)
        s = fma(D5_11, k11[i], s)
        s = fma(D5_12, k12[i], s)
        s = fma(D5_13, k13[i], s)
        s = fma(D5_14, k14[i], s)
        s = fma(D5_15, k15[i], s)
        s = fma(D5_16, k16[i], s)
        curve[4, i] = h * s
        s = D6_1 * k1[i]
        s = fma(D6_6, k6[i], s)
        s = fma(D6_7, k7[i], s)
        s = fma(D6_8, k8[i], s)
        s = fma(D6_9, k9[i], s)
        s = fma(D6_10, k10[i], s)
        s = fma(D6_11, k11[i], s)
        s = fma(D6_12, k12[i], s)
        s = fma(D6_13, k13[i], s)
        s = fma(D6_14, k14[i], s)
        s = fma(D6_15, k15[i], s)
        s = fma(D6_16, k16[i], s)
        curve[5, i] = h * s
        s = D7_1 * k1[i]
        s = fma(D7_6, k6[i], s)
        s = fma(D7_7, k7[i], s)
        s = fma(D7_8, k8[i], s)
        s = fma(D7_9, k9[i], s)
        s = fma(D7_10, k10[i], s)
        s = fma(D7_11, k11[i], s)
        s = fma(D7_12, k12[i], s)
        s = fma(D7_13, k13[i], s)
        s = fma(D7_14, k14[i], s)
        s = fma(D7_15, k15[i], s)
        s = fma(D7_16, k16[i], s)
        curve[6, i] = h * s


def doubt(y: Any, y_new: Any, tolerance: Any, curve: Any) -> Any:
    """Norm of the interpolant's error, as that of the step: at most 1 if acceptable.

    The error norm of the step does not bound it: its estimates may nearly vanish where the path is still curved.
    """
    e7, e6 = 0.0 * y[0], 0.0 * y[0]
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], max(abs(y[i]), abs(y_new[i])), tolerance[1])
        s = curve[6, i] * weight
        e7 = fma(s, s, e7)
        s = curve[5, i] * weight
        e6 = fma(s, s, e6)
    bottom = fma(0.01, e6, e7)
    return select(bottom == 0.0, bottom, REST * e7 / np.sqrt(bottom * DIM))


def point(x: Any, y: Any, curve: Any, u: Any) -> None:
    """State at the fraction x of the step."""
    rest = 1.0 - x
    for i in range(DIM):
        s = fma(x, curve[6, i], curve[5, i])
        s = fma(rest, s, curve[4, i])
        s = fma(x, s, curve[3, i])
        s = fma(rest, s, curve[2, i])
        s = fma(x, s, curve[1, i])
        s = fma(rest, s, curve[0, i])
        u[i] = fma(x, s, y[i])
