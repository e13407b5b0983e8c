"""An implicit method as a one-step method: it remembers no earlier step, so that it may be taken from anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, STAGES, implicit_step, matrix, select


def step(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """One step in place; NaN where its equations were not solved."""
    moves, older, ahead = matrix(STAGES, DIM), matrix(STAGES, DIM), np.zeros((STAGES, 2 * STAGES))
    solved = implicit_step(t, y, theta, h, low, moves, older, ahead, 0)
    for i in range(DIM):
        y[i] = select(solved, y[i], np.nan)
