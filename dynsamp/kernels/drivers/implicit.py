"""Fixed steps of implicit methods: they remember the last step, and their equations may have no solution."""

import numpy as np

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DIM,
    FIRST,
    NODES,
    ROOM,
    STAGES,
    WEIGHTS,
    WIDTH,
    alive,
    fail,
    implicit_step,
    load,
    matrix,
    parameters,
    peek,
    save,
    select,
    vector,
)
from dynsamp.words import Status

NEEDS = ("substeps",)
OK, NOT_CONVERGED = int(Status.OK), int(Status.NOT_CONVERGED)
LONGEST = 2.0  # ratio of two steps beyond which the last one tells nothing of the next


def run(times, y0, theta, out, status, stop, begin, end, substeps):
    """Integrate trajectories begin <= j < end; arguments as in ``fixed.run``."""
    y, low, room, unsolved = vector(DIM), vector(DIM), vector(ROOM), vector(1)
    moves, older, ahead = matrix(STAGES, DIM), matrix(STAGES, DIM), np.empty((STAGES, 2 * STAGES))
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        for i in range(DIM):
            low[i] = 0.0
        unsolved[0] = 0.0
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        last, before = 0.0, 0.0  # lengths of the steps that are remembered
        for k in range(len(substeps)):
            if halted(stop) or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            for first in range(0, substeps[k], stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], substeps[k])):
                    if n < 3:
                        last, before = usable(h, last, before)
                        continuation(h, last, before, ahead)
                    known = int(last > 0.0) + int(before > 0.0)
                    solved = implicit_step(times[k] + n * h, y, p, h, low, moves, older, ahead, known)
                    last, before = h, last
                    unsolved[0] = select(solved, unsolved[0], 1.0)
                    for i in range(DIM):
                        y[i] = select(solved, y[i], np.nan)
            for lane in range(min(WIDTH, len(status) - j)):
                if status[j + lane] == OK and peek(unsolved, 0, lane) > 0.0:
                    status[j + lane] = NOT_CONVERGED
                    fail(out, j + lane, k + 1)
            save(y, out, status, j, k + 1)


def usable(h, last, before):
    """Lengths of the last steps, 0 where they are too short to tell anything of a step of length h."""
    if h > LONGEST * last:
        return 0.0, 0.0
    if h > LONGEST * before or last > LONGEST * before:
        return last, 0.0
    return last, before


def continuation(h, last, before, ahead):
    """Moves of the last steps to those of the next: the polynomial through all their slopes, continued."""
    count = STAGES * (int(last > 0.0) + int(before > 0.0))
    nodes, lengths = np.empty(2 * STAGES), np.empty(2 * STAGES)
    for j in range(STAGES):
        nodes[j], lengths[j] = last * (NODES[j] - 1.0), last * WEIGHTS[j]
        nodes[STAGES + j], lengths[STAGES + j] = before * (NODES[j] - 1.0) - last, before * WEIGHTS[j]
    ahead[:] = 0.0
    for i in range(STAGES):
        for j in range(count):
            basis = h * WEIGHTS[i] / lengths[j]
            for m in range(count):
                if m != j:
                    basis *= (h * NODES[i] - nodes[m]) / (nodes[j] - nodes[m])
            ahead[i, j] = basis
