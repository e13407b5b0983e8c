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

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs, select

__all__ = ["CURVE", "ERROR_ORDER", "EXCESS", "KEPT", "ORDER", "doubt", "interpolant", "point", "trial_step"]

ORDER = 8
ERROR_ORDER = 8  # error norm = O(h^8)
KEPT = 15  # eleven stages, an argument, three more for the interpolant

# nodes
C2, C3, C4, C5 = 0.05260015195876773, 0.0789002279381516, 0.1183503419072274, 0.2816496580927726
C6, C7, C8, C9 = 0.3333333333333333, 0.25, 0.3076923076923077, 0.6512820512820513
C10, C11 = 0.6, 0.8571428571428571
# stage 2
A2_1 = 0.05260015195876773
# stage 3
A3_1, A3_2 = 0.0197250569845379, 0.0591751709536137
# stage 4
A4_1, A4_3 = 0.02958758547680685, 0.08876275643042054
# stage 5
A5_1, A5_3, A5_4 = 0.2413651341592667, -0.8845494793282861, 0.924834003261792
# stage 6
A6_1, A6_4, A6_5 = 0.037037037037037035, 0.17082860872947386, 0.12546768756682242
# stage 7
A7_1, A7_4, A7_5, A7_6 = 0.037109375, 0.17025221101954405, 0.06021653898045596, -0.017578125
# stage 8
A8_1, A8_4, A8_5 = 0.03709200011850479, 0.17038392571223998, 0.10726203044637328
A8_6, A8_7 = -0.015319437748624402, 0.008273789163814023
# stage 9
A9_1, A9_4, A9_5 = 0.6241109587160757, -3.3608926294469414, -0.868219346841726
A9_6, A9_7, A9_8 = 27.59209969944671, 20.154067550477894, -43.48988418106996
# stage 10
A10_1, A10_4, A10_5, A10_6 = 0.47766253643826434, -2.4881146199716677, -0.590290826836843, 21.230051448181193
A10_7, A10_8, A10_9 = 15.279233632882423, -33.28821096898486, -0.020331201708508627
# stage 11
A11_1, A11_4, A11_5, A11_6 = -0.9371424300859873, 5.186372428844064, 1.0914373489967295, -8.149787010746927
A11_7, A11_8, A11_9, A11_10 = -18.52006565999696, 22.739487099350505, 2.4936055526796523, -3.0467644718982196
# stage 12
A12_1, A12_4, A12_5 = 2.273310147516538, -10.53449546673725, -2.0008720582248625
A12_6, A12_7, A12_8 = -17.9589318631188, 27.94888452941996, -2.8589982771350235
A12_9, A12_10, A12_11 = -8.87285693353063, 12.360567175794303, 0.6433927460157636
# solution of order 8
B_1, B_6, B_7, B_8 = 0.054293734116568765, 4.450312892752409, 1.8915178993145003, -5.801203960010585
B_9, B_10, B_11, B_12 = 0.3111643669578199, -0.1521609496625161, 0.20136540080403034, 0.04471061572777259
# its difference to the solution of order 5
E5_1, E5_6, E5_7, E5_8 = 0.01312004499419488, -1.2251564463762044, -0.4957589496572502, 1.6643771824549864
E5_9, E5_10, E5_11, E5_12 = -0.35032884874997366, 0.3341791187130175, 0.08192320648511571, -0.022355307863886294
# its difference to the solution of order 3
E3_1, E3_6, E3_7, E3_8 = -0.18980075407240762, 4.450312892752409, 1.8915178993145003, -5.801203960010585
E3_9, E3_10, E3_11, E3_12 = -0.4226823213237919, -0.1521609496625161, 0.20136540080403034, 0.02265179219836082


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
A14_1, A14_7, A14_8, A14_9 = 0.056167502283047954, 0.25350021021662483, -0.2462390374708025, -0.12419142326381637
A14_10, A14_11, A14_12, A14_13 = 0.15329179827876568, 0.00820105229563469, 0.007567897660545699, -0.008298
# stage 15
A15_1, A15_6, A15_7, A15_8 = 0.03183464816350214, 0.028300909672366776, 0.053541988307438566, -0.05492374857139099
A15_11, A15_12, A15_13, A15_14 = (
    -0.00010834732869724932,
    0.0003825710908356584,
    -0.00034046500868740456,
    0.1413124436746325,
)
# stage 16
A16_1, A16_6, A16_7, A16_8 = -0.42889630158379194, -4.697621415361164, 7.683421196062599, 4.06898981839711
A16_9, A16_13, A16_14, A16_15 = 0.3567271874552811, -0.0013990241651590145, 2.9475147891527724, -9.15095847217987
# curve, row 4
D4_1, D4_6, D4_7, D4_8 = -8.428938276109013, 0.5667149535193777, -3.0689499459498917, 2.38466765651207
D4_9, D4_10, D4_11, D4_12 = 2.117034582445028, -0.871391583777973, 2.2404374302607883, 0.6315787787694688
D4_13, D4_14, D4_15, D4_16 = -0.08899033645133331, 18.148505520854727, -9.194632392478356, -4.436036387594894
# curve, row 5
D5_1, D5_6, D5_7, D5_8 = 10.427508642579134, 242.28349177525817, 165.20045171727028, -374.5467547226902
D5_9, D5_10, D5_11, D5_12 = -22.113666853125306, 7.733432668472264, -30.674084731089398, -9.332130526430229
D5_13, D5_14, D5_15, D5_16 = 15.697238121770845, -31.139403219565178, -9.35292435884448, 35.81684148639408
# curve, row 6
D6_1, D6_6, D6_7, D6_8 = 19.985053242002433, -387.0373087493518, -189.17813819516758, 527.8081592054236
D6_9, D6_10, D6_11, D6_12 = -11.57390253995963, 6.8812326946963, -1.0006050966910838, 0.7777137798053443
D6_13, D6_14, D6_15, D6_16 = -2.778205752353508, -60.19669523126412, 84.32040550667716, 11.99229113618279
# curve, row 7
D7_1, D7_6, D7_7, D7_8 = -25.69393346270375, -154.18974869023643, -231.5293791760455, 357.6391179106141
D7_9, D7_10, D7_11, D7_12 = 93.40532418362432, -37.45832313645163, 104.0996495089623, 29.8402934266605
D7_13, D7_14, D7_15, D7_16 = -43.53345659001114, 96.32455395918828, -39.17726167561544, -149.72683625798564


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
