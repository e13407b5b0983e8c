"""Fixed steps driven by a Brownian path that can be refined: half the step sees the same path.

The path is built on cells of one length, each the root of a binary tree; a step is a leaf. Cell c has the normals
(seed, id, c, pair k) of its increment and its area; the inner node q of its tree, counted in rows from 1 at the top,
has (seed, id, c, pair q NOISE + k) for its bridge. Half the step is one more row of leaves below the same nodes.

A piece of length h has the increment dW = sqrt(h) x and the area of W above its chord,
H = 1/h int (W(s) - s/h dW) ds = sqrt(h/12) z, so I_10 = h/2 dW + h H; x and z are independent standard normals.
Conditioned on them, the halves of the piece have, with independent standard normals m and n,
x' = (x +- (sqrt(3) z + m) / 2) / sqrt(2),  z' = (z - sqrt(3) m +- 2 n) / sqrt(8).
Levy (1939); Foster, Lyons and Oberhauser (2020), An optimal polynomial approximation of Brownian motion, SIAM J.
Numer. Anal. 58, 1393, section 3.
"""

import math

import numpy as np

from dynsamp.kernels.random import normal_pair
from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    AREAS,
    COINS,
    DIM,
    DRAWS,
    FIRST,
    NOISE,
    ROOM,
    WIDTH,
    alive,
    load,
    noisy_step,
    parameters,
    save,
    streams,
    vector,
    view,
)

NEEDS = ("substeps", "seed", "ids", "depth")
HALF_ROOT, ROOT_3, ROOT_8 = math.sqrt(0.5), math.sqrt(3.0), 1.0 / math.sqrt(8.0)
OWN = 1 << 23  # first pair of draws that are not of the tree


def run(times, y0, theta, out, status, stop, begin, end, substeps, seed, ids, depth):
    """Integrate trajectories begin <= j < end; 2^depth steps a cell, the rest as in ``stochastic.run``."""
    y, xi, room = vector(DIM), vector(DRAWS), vector(ROOM)
    x, z = vector(NOISE), vector(NOISE)
    store = np.empty((depth + 1) * 2 * NOISE * WIDTH)
    for j in range(begin, end, WIDTH):
        waiting = view(store)  # in the loop: so the buffer outlives every use of its view
        who = streams(ids, j)
        load(y0, j, y)
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        count = 0  # steps from the first time on
        for k in range(len(substeps)):
            if halted(stop) or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            for first in range(0, substeps[k], stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], substeps[k])):
                    descend(seed[0], who, count, depth, waiting, x, z)
                    for i in range(NOISE):
                        xi[i] = x[i]
                        if AREAS:
                            xi[NOISE + i] = z[i]
                    if COINS:
                        for i in range(COINS):
                            xi[NOISE + i] = normal_pair(seed[0], who, count, OWN + i)[0]
                    noisy_step(times[k] + n * h, y, p, h, xi)
                    count += 1
            save(y, out, status, j, k + 1)


def descend(seed, who, count, depth, waiting, x, z):
    """Normals x, z (noise,) of the increments and areas of step ``count``.

    ``waiting`` holds, one row of the tree after the other, the right halves that have not been visited.
    """
    cell, leaf = count >> depth, count & ((1 << depth) - 1)
    row = -1  # of the piece in x and z; the cell has no parent
    if leaf:
        row = depth
        while not (leaf >> (depth - row)) & 1:
            row -= 1
        for k in range(NOISE):
            x[k] = waiting[row * 2 * NOISE + k]
            z[k] = waiting[row * 2 * NOISE + NOISE + k]
    while row < depth:
        node = ((1 << depth) + leaf) >> (depth - row) if row >= 0 else 0
        row += 1
        for k in range(NOISE):
            m, n = normal_pair(seed, who, cell, node * NOISE + k)
            if row:
                apart = 0.5 * (ROOT_3 * z[k] + m)
                common = z[k] - ROOT_3 * m
                waiting[row * 2 * NOISE + k] = HALF_ROOT * (x[k] - apart)
                waiting[row * 2 * NOISE + NOISE + k] = ROOT_8 * (common - 2.0 * n)
                x[k] = HALF_ROOT * (x[k] + apart)
                z[k] = ROOT_8 * (common + 2.0 * n)
            else:
                x[k], z[k] = m, n
