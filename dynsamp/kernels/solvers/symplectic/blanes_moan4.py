"""Blanes and Moan's splitting method of six stages, order 4, symplectic, time-reversible.

Its error is a hundredth of that of a composition of Stoermer--Verlet steps at equal cost: kicks and drifts have
coefficients of their own. Blanes and Moan (2002), Practical symplectic partitioned Runge--Kutta and
Runge--Kutta--Nystroem methods, J. Comput. Appl. Math. 142, 313, method S6.
"""

__all__ = ["DRIFTS", "KICKS"]

ORDER = 4
A1, A2, A3 = 0.0792036964311957, 0.353172906049774, -0.0420650803577195
A4 = 1.0 - 2.0 * (A1 + A2 + A3)
B1, B2 = 0.209515106613362, -0.143851773179818
B3 = 0.5 - (B1 + B2)
KICKS = (A1, A2, A3, A4, A3, A2, A1)
DRIFTS = (B1, B2, B3, B3, B2, B1)
