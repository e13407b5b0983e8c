"""Statistics over time in place of states: out (trajectory, 5, state) holds mean, sum of squares, min, max, last.

The slots ``record`` and ``fail`` of a route, for runs whose states would not fit into memory.
Welford (1962), Note on a method for calculating corrected sums of squares and products, Technometrics 4, 419.
"""

import numpy as np

from dynsamp.kernels.slots import DIM, peek
from dynsamp.words import Status

ROWS = 5
MEAN, SQUARES, LOW, HIGH, LAST = 0, 1, 2, 3, 4
OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)


def record(y, lane, out, status, j, k):
    """Count saved time k of trajectory j; a non-finite one has diverged."""
    for i in range(DIM):
        value = peek(y, i, lane)
        if not np.isfinite(value):
            status[j] = DIVERGED
        if k == 0:
            out[j, MEAN, i], out[j, SQUARES, i] = value, 0.0
            out[j, LOW, i], out[j, HIGH, i] = value, value
        else:
            change = value - out[j, MEAN, i]
            mean = out[j, MEAN, i] + change / (k + 1)
            out[j, SQUARES, i] += change * (value - mean)
            out[j, MEAN, i] = mean
            out[j, LOW, i], out[j, HIGH, i] = min(out[j, LOW, i], value), max(out[j, HIGH, i], value)
        out[j, LAST, i] = value
    if status[j] != OK:
        fail(out, j, k)


def fail(out, j, k):
    """NaN for trajectory j: the statistics of a part of it are not those of the whole."""
    for n in range(out.shape[1]):
        for i in range(DIM):
            out[j, n, i] = np.nan
