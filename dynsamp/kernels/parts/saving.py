"""What all loops do with trajectories beside moving them: save and fail them, and draw their noise.

``out`` is (trajectory, time, state), ``status`` (trajectory,). A part that records something else than states brings
its own ``record``, and takes ``save_each`` for ``save``.
"""

import numpy as np

from dynsamp.kernels.random import normal_pair
from dynsamp.kernels.slots import DIM, DRAWS, WIDTH, peek, some
from dynsamp.words import Status

OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)
LARGE = 1e38  # below it, float32 is finite, too


def save(y, out, status, j, k):
    """Write saved time k of the trajectories from j on, unless they have failed before."""
    count = min(WIDTH, len(status) - j)
    sound = True
    for lane in range(count):
        sound &= status[j + lane] == OK
    small = abs(y[0]) < LARGE  # not so for NaN
    for i in range(1, DIM):
        small = small & (abs(y[i]) < LARGE)
    if sound and count == WIDTH and not some(np.logical_not(small)):
        for lane in range(WIDTH):
            row = out[j + lane, k]
            for i in range(DIM):
                row[i] = peek(y, i, lane)
    else:
        save_each(y, out, status, j, k)


def save_each(y, out, status, j, k):
    """``save``, lane by lane."""
    for lane in range(min(WIDTH, len(status) - j)):
        if status[j + lane] == OK:
            record(y, lane, out, status, j + lane, k)


def record(y, lane, out, status, j, k):
    """Write saved time k of trajectory j; a non-finite one has diverged, NaN from there on."""
    for i in range(DIM):
        out[j, k, i] = peek(y, i, lane)
        if not np.isfinite(out[j, k, i]):  # as it was saved: float32 overflows earlier
            status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)


def fail(out, j, k):
    """NaN for trajectory j from the saved time k on."""
    for n in range(k, out.shape[1]):
        for i in range(out.shape[2]):
            out[j, n, i] = np.nan


def alive(status, j):
    """Whether any of the trajectories from j on goes on."""
    found = False
    for lane in range(min(WIDTH, len(status) - j)):
        found |= status[j + lane] == OK
    return found


def draw(seed, who, n, xi):
    """Standard normals of step n of the streams ``who``."""
    for k in range(0, DRAWS - 1, 2):
        xi[k], xi[k + 1] = normal_pair(seed, who, n, k >> 1)
    if DRAWS % 2:
        xi[DRAWS - 1] = normal_pair(seed, who, n, (DRAWS - 1) >> 1)[0]
