"""Yoshida's composition of seven Stoermer--Verlet steps, order 6, symplectic, time-reversible.

Solution A of Yoshida (1990), Construction of higher order symplectic integrators, Phys. Lett. A 150, 262; digits as in
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, equation (V.3.9).
"""

from dynsamp.kernels.solvers.symplectic.composition import composed, symmetric

__all__ = ["DRIFTS", "KICKS"]

ORDER = 6
KICKS, DRIFTS = composed(symmetric(0.78451361047755726382, 0.23557321335935813368, -1.17767998417887100695))
