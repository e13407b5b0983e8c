"""Scalar route: one trajectory at a time; components are float64 in arrays on the stack.

The slots of ``slots.py`` for WIDTH = 1. It compiles every function that Numba compiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.random import normal_pair
from dynsamp.kernels.slots import DIM, NOISE, SWEPT
from dynsamp.words import Status

PROVIDES = ("WIDTH",)
WIDTH = 1
OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)


def load(y0: Any, j: Any, y: Any) -> None:
    """Start of trajectory j."""
    for i in range(DIM):
        y[i] = y0[j, i]


def parameters(theta: Any, j: Any) -> Any:
    """Theta of trajectory j."""
    return theta[j * SWEPT]


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of trajectory j; a non-finite one has diverged, NaN from there on."""
    if status[j] != OK:
        return
    for i in range(DIM):
        if not np.isfinite(y[i]):
            status[j] = DIVERGED
            out[j, k:, :] = np.nan
            return
    for i in range(DIM):
        out[j, k, i] = y[i]


def alive(status: Any, j: Any) -> Any:
    """Whether trajectory j goes on."""
    return status[j] == OK


def draw(seed: Any, ids: Any, j: Any, n: Any, xi: Any) -> None:
    """Standard normals of step n of trajectory j."""
    for k in range(0, NOISE - 1, 2):
        xi[k], xi[k + 1] = normal_pair(seed, ids[j], n, k >> 1)
    if NOISE % 2:
        xi[NOISE - 1] = normal_pair(seed, ids[j], n, (NOISE - 1) >> 1)[0]


def select(mask: Any, a: Any, b: Any) -> Any:
    """``a`` where the mask is true, else ``b``."""
    return a if mask else b


def every(mask: Any) -> Any:
    """Whether the mask is true."""
    return mask
