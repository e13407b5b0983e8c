"""Implicit midpoint rule, order 2: symplectic for every Hamiltonian, symmetric, A-stable; Gauss method with one stage.

y1 = y0 + h f(t + h/2, (y0 + y1)/2); quadratic invariants are kept.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.3 and VIII.6.
"""

import numpy as np

from dynsamp.kernels.solvers.implicit.gauss import symplectic
from dynsamp.kernels.solvers.implicit.systems import blocks

__all__ = ["BASIS", "COBASIS", "INVERSE", "MU", "NODES", "PAIRS", "REALS", "STAGES", "WEIGHTS"]

ORDER, STAGES = 2, 1
NODES = np.array([0.5])
WEIGHTS = np.array([1.0])
MU = symplectic()
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(MU * WEIGHTS)
