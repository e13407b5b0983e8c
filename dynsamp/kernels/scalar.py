"""Scalar route: one trajectory at a time; components are float64 in arrays on the stack.

The slots of ``slots`` for WIDTH = 1. It compiles every function that Numba compiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.random import normal_pair
from dynsamp.kernels.simd import any_lane as some
from dynsamp.kernels.simd import fma, select
from dynsamp.kernels.slots import DIM, DRAWS, SWEPT
from dynsamp.words import Status

__all__ = [
    "WIDTH",
    "alive",
    "draw",
    "fail",
    "fma",
    "lanes_of",
    "load",
    "parameters",
    "peek",
    "poke",
    "record",
    "save",
    "seat",
    "seated",
    "select",
    "some",
    "streams",
    "view",
]

WIDTH = 1
OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)


def lanes_of(store: Any) -> Any:
    """Numbers (n,) as a vector."""
    return store


def load(y0: Any, j: Any, y: Any) -> None:
    """Start of trajectory j."""
    for i in range(DIM):
        y[i] = y0[j, i]


def parameters(theta: Any, j: Any, room: Any) -> Any:
    """Theta of trajectory j."""
    return theta[j * SWEPT]


def seat(theta: Any, j: Any, room: Any, lane: Any) -> None:
    """Nothing: ``seated`` finds the row of theta."""


def seated(theta: Any, who: Any, room: Any) -> Any:
    """Theta of the trajectory."""
    return theta[max(who[0], 0) * SWEPT]


def peek(y: Any, i: Any, lane: Any) -> Any:
    """Component i."""
    return y[i]


def poke(y: Any, i: Any, lane: Any, value: Any) -> None:
    """Set component i."""
    y[i] = value


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of trajectory j, unless it has failed before."""
    if status[j] == OK:
        record(y, 0, out, status, j, k)


def record(y: Any, lane: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of trajectory j; a non-finite one has diverged, NaN from there on."""
    for i in range(DIM):
        out[j, k, i] = y[i]
        if not np.isfinite(out[j, k, i]):  # as it was saved: float32 overflows earlier
            status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)


def fail(out: Any, j: Any, k: Any) -> None:
    """NaN for trajectory j from the saved time k on."""
    for n in range(k, out.shape[1]):
        for i in range(out.shape[2]):
            out[j, n, i] = np.nan


def alive(status: Any, j: Any) -> Any:
    """Whether trajectory j goes on."""
    return status[j] == OK


def draw(seed: Any, who: Any, n: Any, xi: Any) -> None:
    """Standard normals of step n of the stream ``who``."""
    for k in range(0, DRAWS - 1, 2):
        xi[k], xi[k + 1] = normal_pair(seed, who, n, k >> 1)
    if DRAWS % 2:
        xi[DRAWS - 1] = normal_pair(seed, who, n, (DRAWS - 1) >> 1)[0]


def streams(ids: Any, j: Any) -> Any:
    """Name of the stream of trajectory j."""
    return ids[j]


def view(buffer: Any) -> Any:
    """Rows of a long array; it must outlive them."""
    return buffer
