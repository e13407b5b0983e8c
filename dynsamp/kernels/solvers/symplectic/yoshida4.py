"""Yoshida's composition of three Stoermer--Verlet steps, order 4, symplectic, time-reversible.

Lengths w1 h, w0 h, w1 h with w1 = 1 / (2 - 2^(1/3)), w0 = 1 - 2 w1.
Yoshida (1990), Construction of higher order symplectic integrators, Phys. Lett. A 150, 262.
"""

from dynsamp.kernels.solvers.symplectic.composition import composed, symmetric

__all__ = ["DRIFTS", "KICKS"]

ORDER = 4
KICKS, DRIFTS = composed(symmetric(1.0 / (2.0 - 2.0 ** (1.0 / 3.0))))
