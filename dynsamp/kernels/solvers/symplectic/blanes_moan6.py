"""Blanes and Moan's splitting method of ten stages, order 6, symplectic, time-reversible.

Kicks and drifts have coefficients of their own. Blanes and Moan (2002), Practical symplectic partitioned Runge--Kutta
and Runge--Kutta--Nystroem methods, J. Comput. Appl. Math. 142, 313, method S10.
"""

__all__ = ["DRIFTS", "KICKS"]

ORDER = 6
A1, A2, A3 = 0.0502627644003922, 0.413514300428344, 0.0450798897943977
A4, A5 = -0.188054853819569, 0.541960678450780
A6 = 1.0 - 2.0 * (A1 + A2 + A3 + A4 + A5)
B1, B2, B3, B4 = 0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175
B5 = 0.5 - (B1 + B2 + B3 + B4)
KICKS = (A1, A2, A3, A4, A5, A6, A5, A4, A3, A2, A1)
DRIFTS = (B1, B2, B3, B4, B5, B5, B4, B3, B2, B1)
