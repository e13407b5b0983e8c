"""Sparse-sign sketch of the rows of a matrix: each row is added to two rows of a short one, with random signs.

Places and signs are functions of the number of the row and the seed, and sums are taken in the order of the rows, so
that a sketch does not depend on the blocks in which rows arrive. The first rows, as many as are kept, have their own
places: what fits is not sketched.
"""

import numpy as np

from dynsamp.kernels.random import philox

LOW, THIRTY_TWO = np.uint64(0xFFFFFFFF), np.uint64(32)
ONE, TWO = np.uint64(1), np.uint64(2)


def run(key, first, rows, kept, places, signs, sketch):
    """Key (1,) the seed, rows (column, row) from number ``first`` on, sketch (column, kept) added to.

    ``places`` and ``signs``, (2, row), are room.
    """
    count, half = rows.shape[1], np.sqrt(0.5)
    for i in range(count):
        number = first + i
        if number < kept:
            places[0, i], places[1, i], signs[0, i], signs[1, i] = number, number, 1.0, 0.0
        else:
            n = np.uint64(number)
            a, b, c, _ = philox(n & LOW, n >> THIRTY_TWO, ONE, ONE, key[0] & LOW, key[0] >> THIRTY_TWO)
            # 32 random bits times a number below 2^31, without the bits after the point
            p, q = (a * np.uint64(kept)) >> THIRTY_TWO, (b * np.uint64(max(kept - 1, 1))) >> THIRTY_TWO
            if kept > 1 and q >= p:  # another place than the first
                q += ONE
            places[0, i], places[1, i] = np.int64(p), np.int64(q)
            signs[0, i] = half if c & ONE else -half
            signs[1, i] = half if c & TWO else -half
    for j in range(len(rows)):
        row, out = rows[j], sketch[j]
        for i in range(count):
            value = row[i]
            out[places[0, i]] += signs[0, i] * value
            out[places[1, i]] += signs[1, i] * value
