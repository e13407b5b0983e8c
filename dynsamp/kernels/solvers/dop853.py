"""Dormand--Prince method of order 8 with error estimators of orders 5 and 3, explicit, 12 stages, adaptive.

u_s = y + h sum_r A_sr k_r, k_s = f(t + C_s h, u_s), y1 = y + h sum_s B_s k_s; the error norm is
|h| e5^2 / sqrt(e5^2 + 0.01 e3^2) with root mean squares e5, e3 of the estimates over atol + rtol max(|y|, |y1|).
Only nonzero coefficients are written out. The last evaluation is the first of the next step.
Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, sections II.5 and II.10 (code DOP853).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs, select

__all__ = ["ERROR_ORDER", "KEPT", "ORDER", "trial_step"]

ORDER = 8
ERROR_ORDER = 8  # error norm = O(h^8)
KEPT = 15  # eleven stages, an argument, three more for the interpolant

# nodes
C2 = 0.05260015195876773
C3 = 0.0789002279381516
C4 = 0.1183503419072274
C5 = 0.2816496580927726
C6 = 0.3333333333333333
C7 = 0.25
C8 = 0.3076923076923077
C9 = 0.6512820512820513
C10 = 0.6
C11 = 0.8571428571428571
# stage 2
A2_1 = 0.05260015195876773
# stage 3
A3_1 = 0.0197250569845379
A3_2 = 0.0591751709536137
# stage 4
A4_1 = 0.02958758547680685
A4_3 = 0.08876275643042054
# stage 5
A5_1 = 0.2413651341592667
A5_3 = -0.8845494793282861
A5_4 = 0.924834003261792
# stage 6
A6_1 = 0.037037037037037035
A6_4 = 0.17082860872947386
A6_5 = 0.12546768756682242
# stage 7
A7_1 = 0.037109375
A7_4 = 0.17025221101954405
A7_5 = 0.06021653898045596
A7_6 = -0.017578125
# stage 8
A8_1 = 0.03709200011850479
A8_4 = 0.17038392571223998
A8_5 = 0.10726203044637328
A8_6 = -0.015319437748624402
A8_7 = 0.008273789163814023
# stage 9
A9_1 = 0.6241109587160757
A9_4 = -3.3608926294469414
A9_5 = -0.868219346841726
A9_6 = 27.59209969944671
A9_7 = 20.154067550477894
A9_8 = -43.48988418106996
# stage 10
A10_1 = 0.47766253643826434
A10_4 = -2.4881146199716677
A10_5 = -0.590290826836843
A10_6 = 21.230051448181193
A10_7 = 15.279233632882423
A10_8 = -33.28821096898486
A10_9 = -0.020331201708508627
# stage 11
A11_1 = -0.9371424300859873
A11_4 = 5.186372428844064
A11_5 = 1.0914373489967295
A11_6 = -8.149787010746927
A11_7 = -18.52006565999696
A11_8 = 22.739487099350505
A11_9 = 2.4936055526796523
A11_10 = -3.0467644718982196
# stage 12
A12_1 = 2.273310147516538
A12_4 = -10.53449546673725
A12_5 = -2.0008720582248625
A12_6 = -17.9589318631188
A12_7 = 27.94888452941996
A12_8 = -2.8589982771350235
A12_9 = -8.87285693353063
A12_10 = 12.360567175794303
A12_11 = 0.6433927460157636
# solution of order 8
B_1 = 0.054293734116568765
B_6 = 4.450312892752409
B_7 = 1.8915178993145003
B_8 = -5.801203960010585
B_9 = 0.3111643669578199
B_10 = -0.1521609496625161
B_11 = 0.20136540080403034
B_12 = 0.04471061572777259
# its difference to the solution of order 5
E5_1 = 0.01312004499419488
E5_6 = -1.2251564463762044
E5_7 = -0.4957589496572502
E5_8 = 1.6643771824549864
E5_9 = -0.35032884874997366
E5_10 = 0.3341791187130175
E5_11 = 0.08192320648511571
E5_12 = -0.022355307863886294
# its difference to the solution of order 3
E3_1 = -0.18980075407240762
E3_6 = 4.450312892752409
E3_7 = 1.8915178993145003
E3_8 = -5.801203960010585
E3_9 = -0.4226823213237919
E3_10 = -0.1521609496625161
E3_11 = 0.20136540080403034
E3_12 = 0.02265179219836082


def trial_step(
    t: Any, y: Any, dy: Any, theta: Any, h: Any, tolerance: Any, y_new: Any, dy_new: Any, stages: Any
) -> Any:
    """One step from (t, y) with dy = f(t, y) to y_new, dy_new; returns the error norm, at most 1 if acceptable.

    ``stages`` (KEPT, state) keeps k_2 ... k_12 for the interpolant.
    """
    k1, k2, k3, k4, k5, k6 = dy, stages[0], stages[1], stages[2], stages[3], stages[4]
    k7, k8, k9, k10, k11, k12 = stages[5], stages[6], stages[7], stages[8], stages[9], stages[10]
    u = stages[11]
    for i in range(DIM):
        s = A2_1 * k1[i]
        u[i] = fma(h, s, y[i])
    rhs(fma(C2, h, t), u, theta, k2)
    for i in range(DIM):
        s = A3_1 * k1[i]
        s = fma(A3_2, k2[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C3, h, t), u, theta, k3)
    for i in range(DIM):
        s = A4_1 * k1[i]
        s = fma(A4_3, k3[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C4, h, t), u, theta, k4)
    for i in range(DIM):
        s = A5_1 * k1[i]
        s = fma(A5_3, k3[i], s)
        s = fma(A5_4, k4[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C5, h, t), u, theta, k5)
    for i in range(DIM):
        s = A6_1 * k1[i]
        s = fma(A6_4, k4[i], s)
        s = fma(A6_5, k5[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C6, h, t), u, theta, k6)
    for i in range(DIM):
        s = A7_1 * k1[i]
        s = fma(A7_4, k4[i], s)
        s = fma(A7_5, k5[i], s)
        s = fma(A7_6, k6[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C7, h, t), u, theta, k7)
    for i in range(DIM):
        s = A8_1 * k1[i]
        s = fma(A8_4, k4[i], s)
        s = fma(A8_5, k5[i], s)
        s = fma(A8_6, k6[i], s)
        s = fma(A8_7, k7[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C8, h, t), u, theta, k8)
    for i in range(DIM):
        s = A9_1 * k1[i]
        s = fma(A9_4, k4[i], s)
        s = fma(A9_5, k5[i], s)
        s = fma(A9_6, k6[i], s)
        s = fma(A9_7, k7[i], s)
        s = fma(A9_8, k8[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C9, h, t), u, theta, k9)
    for i in range(DIM):
        s = A10_1 * k1[i]
        s = fma(A10_4, k4[i], s)
        s = fma(A10_5, k5[i], s)
        s = fma(A10_6, k6[i], s)
        s = fma(A10_7, k7[i], s)
        s = fma(A10_8, k8[i], s)
        s = fma(A10_9, k9[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C10, h, t), u, theta, k10)
    for i in range(DIM):
        s = A11_1 * k1[i]
        s = fma(A11_4, k4[i], s)
        s = fma(A11_5, k5[i], s)
        s = fma(A11_6, k6[i], s)
        s = fma(A11_7, k7[i], s)
        s = fma(A11_8, k8[i], s)
        s = fma(A11_9, k9[i], s)
        s = fma(A11_10, k10[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C11, h, t), u, theta, k11)
    for i in range(DIM):
        s = A12_1 * k1[i]
        s = fma(A12_4, k4[i], s)
        s = fma(A12_5, k5[i], s)
        s = fma(A12_6, k6[i], s)
        s = fma(A12_7, k7[i], s)
        s = fma(A12_8, k8[i], s)
        s = fma(A12_9, k9[i], s)
        s = fma(A12_10, k10[i], s)
        s = fma(A12_11, k11[i], s)
        u[i] = fma(h, s, y[i])
    rhs(t + h, u, theta, k12)
    for i in range(DIM):
        s = B_1 * k1[i]
        s = fma(B_6, k6[i], s)
        s = fma(B_7, k7[i], s)
        s = fma(B_8, k8[i], s)
        s = fma(B_9, k9[i], s)
        s = fma(B_10, k10[i], s)
        s = fma(B_11, k11[i], s)
        s = fma(B_12, k12[i], s)
        y_new[i] = fma(h, s, y[i])
    rhs(t + h, y_new, theta, dy_new)
    e5, e3 = 0.0 * h, 0.0 * h
    for i in range(DIM):
        scale = fma(tolerance[0], max(abs(y[i]), abs(y_new[i])), tolerance[1])
        s = E5_1 * k1[i]
        s = fma(E5_6, k6[i], s)
        s = fma(E5_7, k7[i], s)
        s = fma(E5_8, k8[i], s)
        s = fma(E5_9, k9[i], s)
        s = fma(E5_10, k10[i], s)
        s = fma(E5_11, k11[i], s)
        s = fma(E5_12, k12[i], s)
        s = s / scale
        e5 = fma(s, s, e5)
        s = E3_1 * k1[i]
        s = fma(E3_6, k6[i], s)
        s = fma(E3_7, k7[i], s)
        s = fma(E3_8, k8[i], s)
        s = fma(E3_9, k9[i], s)
        s = fma(E3_10, k10[i], s)
        s = fma(E3_11, k11[i], s)
        s = fma(E3_12, k12[i], s)
        s = s / scale
        e3 = fma(s, s, e3)
    bottom = fma(0.01, e3, e5)
    return select(bottom == 0.0, bottom, abs(h) * e5 / np.sqrt(bottom * DIM))
