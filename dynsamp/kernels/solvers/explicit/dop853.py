"""Dormand--Prince method of order 8 with error estimators of orders 5 and 3, explicit, 12 stages, adaptive.

u_s = y + h sum_r A_sr k_r, k_s = f(t + C_s h, u_s), y1 = y + h sum_s B_s k_s; the error norm is
|h| e5^2 / sqrt(e5^2 + 0.01 e3^2) with root mean squares e5, e3 of the estimates over atol + rtol max(|y|, |y1|).
Only nonzero coefficients are written out. The last evaluation is the first of the next step.
Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, sections II.5 and II.10 (code DOP853).

Interpolant of order 7 for the Dormand--Prince method of order 8: three more evaluations:
u(x) = y + x (F1 + (1-x) (F2 + x (F3 + (1-x) (F4 + x (F5 + (1-x) (F6 + x F7)))))), 0 <= x <= 1: F1 ... F3 make it
agree with y and y' at both ends of the step, F4 ... F7 are sums of stages.
Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.6 (code CONTD8).
"""

from __future__ import annotations

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs, select

__all__ = ["CURVE", "ERROR_ORDER", "EXCESS", "KEPT", "ORDER", "doubt", "interpolant", "point", "trial_step"]

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


def trial_step(t, y, dy, theta, h, tolerance, y_new, dy_new, stages):
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
        s = fma(A3_2, k2[i], A3_1 * k1[i])
        u[i] = fma(h, s, y[i])
    rhs(fma(C3, h, t), u, theta, k3)
    for i in range(DIM):
        s = fma(A4_3, k3[i], A4_1 * k1[i])
        u[i] = fma(h, s, y[i])
    rhs(fma(C4, h, t), u, theta, k4)
    for i in range(DIM):
        s = fma(A5_4, k4[i], fma(A5_3, k3[i], A5_1 * k1[i]))
        u[i] = fma(h, s, y[i])
    rhs(fma(C5, h, t), u, theta, k5)
    for i in range(DIM):
        s = fma(A6_5, k5[i], fma(A6_4, k4[i], A6_1 * k1[i]))
        u[i] = fma(h, s, y[i])
    rhs(fma(C6, h, t), u, theta, k6)
    for i in range(DIM):
        s = fma(A7_6, k6[i], fma(A7_5, k5[i], fma(A7_4, k4[i], A7_1 * k1[i])))
        u[i] = fma(h, s, y[i])
    rhs(fma(C7, h, t), u, theta, k7)
    for i in range(DIM):
        s = fma(A8_7, k7[i], fma(A8_6, k6[i], fma(A8_5, k5[i], fma(A8_4, k4[i], A8_1 * k1[i]))))
        u[i] = fma(h, s, y[i])
    rhs(fma(C8, h, t), u, theta, k8)
    for i in range(DIM):
        s = fma(A9_8, k8[i], fma(A9_7, k7[i], fma(A9_6, k6[i], fma(A9_5, k5[i], fma(A9_4, k4[i], A9_1 * k1[i])))))
        u[i] = fma(h, s, y[i])
    rhs(fma(C9, h, t), u, theta, k9)
    for i in range(DIM):
        s = fma(A10_8, k8[i], fma(A10_7, k7[i], fma(A10_6, k6[i], fma(A10_5, k5[i], fma(A10_4, k4[i], A10_1 * k1[i])))))
        s = fma(A10_9, k9[i], s)
        u[i] = fma(h, s, y[i])
    rhs(fma(C10, h, t), u, theta, k10)
    for i in range(DIM):
        s = fma(A11_8, k8[i], fma(A11_7, k7[i], fma(A11_6, k6[i], fma(A11_5, k5[i], fma(A11_4, k4[i], A11_1 * k1[i])))))
        s = fma(A11_10, k10[i], fma(A11_9, k9[i], s))
        u[i] = fma(h, s, y[i])
    rhs(fma(C11, h, t), u, theta, k11)
    for i in range(DIM):
        s = fma(A12_8, k8[i], fma(A12_7, k7[i], fma(A12_6, k6[i], fma(A12_5, k5[i], fma(A12_4, k4[i], A12_1 * k1[i])))))
        s = fma(A12_11, k11[i], fma(A12_10, k10[i], fma(A12_9, k9[i], s)))
        u[i] = fma(h, s, y[i])
    rhs(t + h, u, theta, k12)
    for i in range(DIM):
        s = fma(B_10, k10[i], fma(B_9, k9[i], fma(B_8, k8[i], fma(B_7, k7[i], fma(B_6, k6[i], B_1 * k1[i])))))
        s = fma(B_12, k12[i], fma(B_11, k11[i], s))
        y_new[i] = fma(h, s, y[i])
    rhs(t + h, y_new, theta, dy_new)
    e5, e3 = 0.0 * h, 0.0 * h
    for i in range(DIM):
        scale = fma(tolerance[0], max(abs(y[i]), abs(y_new[i])), tolerance[1])
        s = fma(E5_10, k10[i], fma(E5_9, k9[i], fma(E5_8, k8[i], fma(E5_7, k7[i], fma(E5_6, k6[i], E5_1 * k1[i])))))
        s = fma(E5_12, k12[i], fma(E5_11, k11[i], s))
        s = s / scale
        e5 = fma(s, s, e5)
        s = fma(E3_10, k10[i], fma(E3_9, k9[i], fma(E3_8, k8[i], fma(E3_7, k7[i], fma(E3_6, k6[i], E3_1 * k1[i])))))
        s = fma(E3_12, k12[i], fma(E3_11, k11[i], s))
        s = s / scale
        e3 = fma(s, s, e3)
    bottom = fma(0.01, e3, e5)
    return select(bottom == 0.0, bottom, abs(h) * e5 / np.sqrt(bottom * DIM))


# --- interpolant

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


def interpolant(t, y, dy, theta, h, y_new, dy_new, stages, curve):
    """Fill ``curve`` (CURVE, state) for the step from (t, y) to y_new."""
    k1, k13 = dy, dy_new
    k6, k7, k8, k9, k10, k11, k12 = stages[4], stages[5], stages[6], stages[7], stages[8], stages[9], stages[10]
    u, k14, k15, k16 = stages[11], stages[12], stages[13], stages[14]
    for i in range(DIM):
        s = fma(A14_10, k10[i], fma(A14_9, k9[i], fma(A14_8, k8[i], fma(A14_7, k7[i], A14_1 * k1[i]))))
        s = fma(A14_13, k13[i], fma(A14_12, k12[i], fma(A14_11, k11[i], s)))
        u[i] = fma(h, s, y[i])
    rhs(fma(C14, h, t), u, theta, k14)
    for i in range(DIM):
        s = fma(A15_11, k11[i], fma(A15_8, k8[i], fma(A15_7, k7[i], fma(A15_6, k6[i], A15_1 * k1[i]))))
        s = fma(A15_14, k14[i], fma(A15_13, k13[i], fma(A15_12, k12[i], s)))
        u[i] = fma(h, s, y[i])
    rhs(fma(C15, h, t), u, theta, k15)
    for i in range(DIM):
        s = fma(A16_9, k9[i], fma(A16_8, k8[i], fma(A16_7, k7[i], fma(A16_6, k6[i], A16_1 * k1[i]))))
        s = fma(A16_15, k15[i], fma(A16_14, k14[i], fma(A16_13, k13[i], s)))
        u[i] = fma(h, s, y[i])
    rhs(fma(C16, h, t), u, theta, k16)
    for i in range(DIM):
        change = y_new[i] - y[i]
        chord = fma(h, k1[i], -change)
        curve[0, i] = change
        curve[1, i] = chord
        curve[2, i] = fma(-h, k13[i], change) - chord
        s = fma(D4_10, k10[i], fma(D4_9, k9[i], fma(D4_8, k8[i], fma(D4_7, k7[i], fma(D4_6, k6[i], D4_1 * k1[i])))))
        s = fma(D4_15, k15[i], fma(D4_14, k14[i], fma(D4_13, k13[i], fma(D4_12, k12[i], fma(D4_11, k11[i], s)))))
        s = fma(D4_16, k16[i], s)
        curve[3, i] = h * s
        s = fma(D5_10, k10[i], fma(D5_9, k9[i], fma(D5_8, k8[i], fma(D5_7, k7[i], fma(D5_6, k6[i], D5_1 * k1[i])))))
        s = fma(D5_15, k15[i], fma(D5_14, k14[i], fma(D5_13, k13[i], fma(D5_12, k12[i], fma(D5_11, k11[i], s)))))
        s = fma(D5_16, k16[i], s)
        curve[4, i] = h * s
        s = fma(D6_10, k10[i], fma(D6_9, k9[i], fma(D6_8, k8[i], fma(D6_7, k7[i], fma(D6_6, k6[i], D6_1 * k1[i])))))
        s = fma(D6_15, k15[i], fma(D6_14, k14[i], fma(D6_13, k13[i], fma(D6_12, k12[i], fma(D6_11, k11[i], s)))))
        s = fma(D6_16, k16[i], s)
        curve[5, i] = h * s
        s = fma(D7_10, k10[i], fma(D7_9, k9[i], fma(D7_8, k8[i], fma(D7_7, k7[i], fma(D7_6, k6[i], D7_1 * k1[i])))))
        s = fma(D7_15, k15[i], fma(D7_14, k14[i], fma(D7_13, k13[i], fma(D7_12, k12[i], fma(D7_11, k11[i], s)))))
        s = fma(D7_16, k16[i], s)
        curve[6, i] = h * s


def doubt(y, y_new, tolerance, curve):
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


def point(x, y, curve, u):
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
