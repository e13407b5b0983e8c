"""Gauss--Legendre method with four stages, order 8: symplectic for every Hamiltonian, symmetric, A-stable.

Collocation at the zeros of the Legendre polynomial; quadratic invariants are kept.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.3 and VIII.6.
"""

import numpy as np

from dynsamp.kernels.solvers.implicit.gauss import symplectic
from dynsamp.kernels.solvers.implicit.systems import blocks

__all__ = ["BASIS", "COBASIS", "INVERSE", "MU", "NODES", "PAIRS", "REALS", "STAGES", "WEIGHTS"]

ORDER, STAGES = 8, 4
NODES = np.array([0.069431844202973712388, 0.330009478207571867599, 0.669990521792428132401, 0.930568155797026287612])
WEIGHTS = np.array([0.173927422568726928687, 0.326072577431273071313, 0.326072577431273071313, 0.173927422568726928687])
MU = symplectic(
    (1.081589750032279872555,),
    (0.961274073432114239939, 1.085503751410519351170),
    (1.020440420684040642425, 0.961274073432114239939, 1.081589750032279872555),
)
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(MU * WEIGHTS)
