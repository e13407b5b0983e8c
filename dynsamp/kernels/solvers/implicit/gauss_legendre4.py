"""Gauss--Legendre method with two stages, order 4: symplectic for every Hamiltonian, symmetric, A-stable.

Collocation at the zeros of the Legendre polynomial; quadratic invariants are kept.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.3 and VIII.6.
"""

import math

import numpy as np

from dynsamp.kernels.solvers.implicit.gauss import symplectic
from dynsamp.kernels.solvers.implicit.systems import blocks

__all__ = ["BASIS", "COBASIS", "INVERSE", "MU", "NODES", "PAIRS", "REALS", "STAGES", "WEIGHTS"]

ORDER, STAGES = 4, 2
NODES = np.array([0.5 - math.sqrt(3.0) / 6.0, 0.5 + math.sqrt(3.0) / 6.0])
WEIGHTS = np.array([0.5, 0.5])
MU = symplectic((1.077350269189625764509,))
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(MU * WEIGHTS)
