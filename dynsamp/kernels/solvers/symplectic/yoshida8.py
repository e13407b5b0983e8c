"""Composition of fifteen Stoermer--Verlet steps, order 8, symplectic, time-reversible.

The form is that of Yoshida (1990), Phys. Lett. A 150, 262; of the solutions with fifteen steps this has the smallest
steps: Suzuki and Umeno (1993), McLachlan (1995), SIAM J. Sci. Comput. 16, 151; digits as in Hairer, Lubich, Wanner
(2006), Geometric Numerical Integration, equation (V.3.10).
"""

from dynsamp.kernels.solvers.symplectic.composition import composed, symmetric

__all__ = ["DRIFTS", "KICKS"]

ORDER = 8
KICKS, DRIFTS = composed(
    symmetric(
        0.74167036435061295345,
        -0.40910082580003159400,
        0.19075471029623837995,
        -0.57386247111608226666,
        0.29906418130365592384,
        0.33462491824529818378,
        0.31529309239676659663,
    )
)
