"""Lanes route: WIDTH trajectories at a time, one in each lane of a vector register.

The slots of ``slots`` for WIDTH > 1 (and for 1, with the same bits). A register that is not full repeats its last
trajectory. Functions with data-dependent branches do not type here; the scalar route takes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.random import normal_pair
from dynsamp.kernels.simd import any_lane as some
from dynsamp.kernels.simd import fma, select, splat
from dynsamp.kernels.simd_memory import get_lane as peek
from dynsamp.kernels.simd_memory import lane_view, load_row, load_trajectories
from dynsamp.kernels.simd_memory import set_lane as poke
from dynsamp.kernels.slots import DIM, DRAWS, ROOM, SWEPT, WIDTH
from dynsamp.words import Status

__all__ = [
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

OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)
LARGE = 1e38  # below it, float32 is finite, too


def lanes_of(store: Any) -> Any:
    """Numbers (n * WIDTH,) as a vector (n,); it lives no longer than they do."""
    return lane_view(WIDTH, store)


def load(y0: Any, j: Any, y: Any) -> None:
    """Start of the trajectories from j on."""
    load_trajectories(y0, j, min(WIDTH, len(y0) - j), y)


def parameters(theta: Any, j: Any, room: Any) -> Any:
    """Theta: shared, or lanes of that of the trajectories from j on."""
    if SWEPT:
        load_trajectories(theta, j, min(WIDTH, len(theta) - j), room)
        return room
    return theta[0]


def seat(theta: Any, j: Any, room: Any, lane: Any) -> None:
    """Put theta of trajectory j into one lane."""
    if SWEPT:
        for i in range(ROOM):
            poke(room, i, lane, theta[j, i])


def seated(theta: Any, who: Any, room: Any) -> Any:
    """Theta of the trajectories that are seated."""
    if SWEPT:
        return room
    return theta[0]


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of the trajectories from j on, unless they have failed before."""
    count = min(WIDTH, len(status) - j)
    sound = True
    for lane in range(count):
        sound &= status[j + lane] == OK
    small = abs(y[0]) < LARGE  # not so for NaN
    for i in range(1, DIM):
        small = small & (abs(y[i]) < LARGE)
    if sound and count == WIDTH and not some(~small):
        for lane in range(WIDTH):
            row = out[j + lane, k]
            for i in range(DIM):
                row[i] = peek(y, i, lane)
        return
    for lane in range(count):
        if status[j + lane] == OK:
            record(y, lane, out, status, j + lane, k)


def record(y: Any, lane: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of trajectory j; a non-finite one has diverged, NaN from there on."""
    for i in range(DIM):
        out[j, k, i] = peek(y, i, lane)
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
    """Whether any of the trajectories from j on goes on."""
    found = False
    for lane in range(min(WIDTH, len(status) - j)):
        found |= status[j + lane] == OK
    return found


def draw(seed: Any, who: Any, n: Any, xi: Any) -> None:
    """Standard normals of step n of the streams ``who``."""
    for k in range(0, DRAWS - 1, 2):
        xi[k], xi[k + 1] = normal_pair(seed, who, n, k >> 1)
    if DRAWS % 2:
        xi[DRAWS - 1] = normal_pair(seed, who, n, (DRAWS - 1) >> 1)[0]


def streams(ids: Any, j: Any) -> Any:
    """Names of the streams of the trajectories from j on."""
    return load_row(splat(WIDTH, 0), ids, j, min(WIDTH, len(ids) - j))


def view(buffer: Any) -> Any:
    """Rows of lanes in a long array (row * WIDTH,); it must outlive them."""
    return lane_view(WIDTH, buffer)
