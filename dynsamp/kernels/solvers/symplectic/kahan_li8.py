"""Kahan and Li's composition of seventeen Stoermer--Verlet steps, order 8, symplectic, time-reversible.

Kahan and Li (1997), Composition constants for raising the orders of unconventional schemes for ordinary differential
equations, Math. Comp. 66, 1089; Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section V.3.2.
"""

from dynsamp.kernels.solvers.symplectic.composition import composed, symmetric

__all__ = ["DRIFTS", "KICKS"]

ORDER = 8
KICKS, DRIFTS = composed(
    symmetric(
        0.13020248308889008088,
        0.56116298177510838456,
        -0.38947496264484728641,
        0.15884190655515560090,
        -0.39590389413323757734,
        0.18453964097831570709,
        0.25837438768632204729,
        0.29501172360931029887,
    )
)
