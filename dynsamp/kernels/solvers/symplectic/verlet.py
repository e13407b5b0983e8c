"""Stoermer--Verlet method for separable Hamiltonians, order 2, symplectic, time-reversible.

q' = velocity(p) = dT/dp, p' = force(q) = -dV/dq, y = (q, p): half a kick, drift, half a kick.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section I.1.4.
"""

from dynsamp.kernels.solvers.symplectic.composition import composed

__all__ = ["DRIFTS", "KICKS"]

ORDER = 2
KICKS, DRIFTS = composed((1.0,))
