"""Fixed steps with events: a whole number of equal steps between two saved times, every one of them watched."""

import numpy as np

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DIM,
    EVENTS,
    FIRST,
    ROOM,
    ROOTS,
    WIDTH,
    alive,
    crosses,
    events,
    face,
    fail,
    load,
    locate,
    note,
    parameters,
    peek,
    poke,
    record,
    save,
    some,
    step,
    turn,
    vector,
)
from dynsamp.words import Status

NEEDS = ("substeps", "found")
OK, ENDED = int(Status.OK), int(Status.ENDED)


def run(times, y0, theta, out, status, stop, begin, end, substeps, found):
    """Integrate trajectories begin <= j < end; arguments as in ``fixed.run`` and ``adaptive.run``."""
    y, y_new, u, low, low_new, room = vector(DIM), vector(DIM), vector(DIM), vector(DIM), vector(DIM), vector(ROOM)
    sides, values, roots = vector(EVENTS), vector(EVENTS), vector(ROOTS)
    going = vector(1)  # 1 where a trajectory goes on
    who = np.empty(WIDTH, np.int64)  # trajectory in each lane, -1 for none
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        for i in range(DIM):
            low[i] = 0.0
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        enlist(j, status, who, going)
        face(times[0], y, p, going[0] >= 0.0, sides)
        for k in range(len(substeps)):
            if halted(stop) or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            for first in range(0, substeps[k], stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], substeps[k])):
                    t = times[k] + n * h
                    for i in range(DIM):
                        y_new[i], low_new[i] = y[i], low[i]
                    step(t, y_new, p, h, low_new)
                    events(t + h, y_new, p, values)
                    able = going[0] > 0.0
                    if some(able & crosses(values, sides)):
                        locate(t, y, p, h, low, able, values, sides, roots, u)
                        note(t, y, p, h, low, roots, who, found, u)
                        if some(roots[EVENTS] <= 1.0):
                            finish(k + 1, n + 1 == substeps[k], y_new, roots, out, status, who, going)
                    turn(able, values, sides)
                    for i in range(DIM):
                        y[i], low[i] = y_new[i], low_new[i]
            save(y, out, status, j, k + 1)
            enlist(j, status, who, going)


def enlist(j, status, who, going):
    """Who goes on."""
    for lane in range(WIDTH):
        goes = j + lane < len(status) and status[j + lane] == OK
        who[lane] = j + lane if goes else -1
        poke(going, 0, lane, 1.0 if goes else 0.0)


def finish(k, there, y, roots, out, status, who, going):
    """End trajectories at a terminal event before the saved time k, or (``there``) at it."""
    for lane in range(WIDTH):
        j = who[lane]
        if j >= 0 and peek(roots, EVENTS, lane) <= 1.0:
            first = k
            if there and peek(roots, EVENTS, lane) == 1.0:
                record(y, lane, out, status, j, k)
                first += 1
            if status[j] == OK:
                status[j] = ENDED
                fail(out, j, first)
            who[lane] = -1
            poke(going, 0, lane, 0.0)
