"""What a least-squares problem gives, whichever way it was solved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Solution"]


@dataclass(frozen=True)
class Solution:
    """What a least-squares problem gave."""

    coefficients: np.ndarray  # (column, target)
    residual: np.ndarray  # (target,) norm of the residual over norm of the target
    gcv: np.ndarray  # (target,) root of the GCV estimate of the squared error, over the rms of the target
    regularisation: np.ndarray  # (target,) ridge parameter for columns of unit norm; 0 is plain least squares
    dimension: np.ndarray  # (target,) effective number of coefficients
    rank: int  # numerical rank of the scaled matrix
    condition: float  # estimate for the scaled matrix
    rows: int
    rms: np.ndarray  # (target,) of the right-hand sides
