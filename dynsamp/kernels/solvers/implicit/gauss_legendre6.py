"""Gauss--Legendre method with three stages, order 6: symplectic for every Hamiltonian, symmetric, A-stable.

Collocation at the zeros of the Legendre polynomial; quadratic invariants are kept.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.3 and VIII.6.
"""

import math

import numpy as np

from dynsamp.kernels.solvers.implicit.gauss import symplectic
from dynsamp.kernels.solvers.implicit.systems import blocks

__all__ = ["BASIS", "COBASIS", "INVERSE", "MU", "NODES", "PAIRS", "REALS", "STAGES", "WEIGHTS"]

ORDER, STAGES = 6, 3
NODES = np.array([0.5 - math.sqrt(15.0) / 10.0, 0.5, 0.5 + math.sqrt(15.0) / 10.0])
WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0
MU = symplectic((1.080947501931112532777,), (0.964758001544890026222, 1.080947501931112532777))
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(MU * WEIGHTS)
