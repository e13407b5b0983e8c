"""Coefficients of the Radau IIA method with three stages; no method itself.

Hairer, Wanner (1996), Solving Ordinary Differential Equations II, tables IV.5.6 and IV.8.
"""

from __future__ import annotations

import math

import numpy as np

from dynsamp.kernels.solvers.collocation import blocks

__all__ = ["BASIS", "COBASIS", "ESTIMATE", "INVERSE", "NODES", "PAIRS", "POWERS", "REALS", "STAGES"]

STAGES = 3
ROOT = math.sqrt(6.0)
NODES = np.array([(4.0 - ROOT) / 10.0, (4.0 + ROOT) / 10.0, 1.0])
A = np.array(
    [
        [(88.0 - 7.0 * ROOT) / 360.0, (296.0 - 169.0 * ROOT) / 1800.0, (-2.0 + 3.0 * ROOT) / 225.0],
        [(296.0 + 169.0 * ROOT) / 1800.0, (88.0 + 7.0 * ROOT) / 360.0, (-2.0 - 3.0 * ROOT) / 225.0],
        [(16.0 - ROOT) / 36.0, (16.0 + ROOT) / 36.0, 1.0 / 9.0],
    ]
)
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(A)
ESTIMATE = (
    np.array([-13.0 - 7.0 * ROOT, -13.0 + 7.0 * ROOT, -1.0]) / 3.0
)  # times Z / h, the difference to a formula of order 3
# from Z to the coefficients of x, x^2, x^3 of the polynomial through the stages
POWERS = np.linalg.inv(NODES[:, None] ** np.arange(1.0, 4.0))
