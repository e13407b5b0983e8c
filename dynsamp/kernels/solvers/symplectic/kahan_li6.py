"""Kahan and Li's composition of nine Stoermer--Verlet steps, order 6, symplectic, time-reversible.

Kahan and Li (1997), Composition constants for raising the orders of unconventional schemes for ordinary differential
equations, Math. Comp. 66, 1089; Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section V.3.2.
"""

from dynsamp.kernels.solvers.symplectic.composition import composed, symmetric

__all__ = ["DRIFTS", "KICKS"]

ORDER = 6
KICKS, DRIFTS = composed(
    symmetric(0.39216144400731413928, 0.33259913678935943860, -0.70624617255763935981, 0.08221359629355080023)
)
