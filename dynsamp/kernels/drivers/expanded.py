"""Steps of a Taylor method: every trajectory has its own time and step, and the steps do not know the saved times.

The polynomial of a step gives the state at the saved times inside it, so saving costs its evaluation alone, and a
trajectory does not depend on where it is saved. WIDTH trajectories are under way; where one ends, the next takes its
lane.
"""

import math

import numpy as np

from dynsamp.kernels.parts.step_control import SMALLEST
from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DIM,
    FIRST,
    ROOM,
    SERIES,
    WIDTH,
    advance,
    coefficients,
    evaluate,
    fail,
    order_for,
    peek,
    poke,
    record,
    seat,
    seated,
    select,
    some,
    step_for,
    vector,
    view,
)
from dynsamp.words import Status

NEEDS = ("tolerance", "limit")
OK, DIVERGED, STEP_LIMIT = int(Status.OK), int(Status.DIVERGED), int(Status.STEP_LIMIT)
ORDERS = 32

# rows of the clock: the time in two parts, that of the step's end, the next saved time, steps, 1 under way or -1 failed
TIME, LOW, REACHED, NEXT, COUNT, BUSY = 0, 1, 2, 3, 4, 5


def run(times, y0, theta, out, status, stop, begin, end, tolerance, limit):
    """Integrate trajectories begin <= j < end; tolerance (rtol, atol), limit of steps, the rest as in ``fixed.run``."""
    y, low, z = vector(DIM), vector(DIM), vector(DIM)
    store = np.zeros(SERIES * WIDTH)
    c = view(store)
    clock, room = vector(6), vector(ROOM)
    who, goal = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)  # trajectory in each lane, its next saved time
    order, inverse, final = order_for(tolerance), np.ones(ORDERS), times[-1]
    for n in range(1, ORDERS):
        inverse[n] = 1.0 / n
    following, busy = begin, 0
    for lane in range(WIDTH):
        following = enter(lane, following, end, times, y0, theta, out, status, y, low, clock, room, who, goal)
        busy += who[lane] >= 0
    while busy and not halted(stop):
        t = clock[TIME]
        coefficients(t, y, seated(theta, who, room), order, inverse, c)
        h = step_for(c, order, tolerance)
        left = (final - t) - clock[LOW]
        lands = h >= left
        moving = h > SMALLEST * abs(t)  # not at a singularity, nor NaN
        h = select(lands, left, h)
        change = h + clock[LOW]
        later = t + change
        clock[REACHED] = select(lands, final, later)
        while some(clock[NEXT] <= clock[REACHED]):
            evaluate(c, order, (clock[NEXT] - t) - clock[LOW], y, low, z)
            for lane in range(WIDTH):
                if peek(clock, NEXT, lane) <= peek(clock, REACHED, lane):
                    write(lane, times, z, out, status, clock, who, goal)
        advance(c, order, h, y, low)
        clock[LOW] = change - (later - t)
        clock[TIME] = clock[REACHED]
        clock[COUNT] = clock[COUNT] + clock[BUSY]
        total = 0.0 * t
        for i in range(DIM):
            total = total + 0.0 * y[i]  # NaN where a component is not finite
        clock[BUSY] = select(moving & (total == 0.0), clock[BUSY], -clock[BUSY])
        if some((clock[BUSY] != 0.0) & ((clock[BUSY] < 0.0) | (clock[NEXT] == math.inf) | (clock[COUNT] >= limit))):
            for lane in range(WIDTH):
                if who[lane] >= 0 and ends(lane, limit, out, status, clock, who, goal):
                    following = enter(
                        lane, following, end, times, y0, theta, out, status, y, low, clock, room, who, goal
                    )
                    busy -= who[lane] < 0
    store[0] = 0.0  # still there: c is only a view of it


def write(lane, times, z, out, status, clock, who, goal):
    """Save the state of one lane, and look to the next saved time."""
    j, k = who[lane], goal[lane]
    record(z, lane, out, status, j, k)
    k += 1
    goal[lane] = k
    poke(clock, NEXT, lane, times[k] if k < len(times) and status[j] == OK else math.inf)


def enter(lane, following, end, times, y0, theta, out, status, y, low, clock, room, who, goal):
    """Seat the next trajectory with a valid start in this lane; returns the one to follow it."""
    while following < end:
        j, following = following, following + 1
        if status[j] != OK:
            continue
        for i in range(DIM):
            poke(y, i, lane, y0[j, i])
            poke(low, i, lane, 0.0)
        record(y, lane, out, status, j, FIRST)
        if len(times) == 1:
            continue
        seat(theta, j, room, lane)
        poke(clock, TIME, lane, times[0])
        poke(clock, LOW, lane, 0.0)
        poke(clock, NEXT, lane, times[1])
        poke(clock, COUNT, lane, 0.0)
        poke(clock, BUSY, lane, 1.0)
        who[lane], goal[lane] = j, 1
        return following
    who[lane] = -1
    poke(clock, BUSY, lane, 0.0)
    poke(clock, NEXT, lane, math.inf)  # an empty lane saves nothing
    return following


def ends(lane, limit, out, status, clock, who, goal):
    """Fail the trajectory of this lane where due; returns whether its lane is free."""
    j = who[lane]
    if peek(clock, NEXT, lane) == math.inf:
        return True
    if peek(clock, BUSY, lane) < 0.0:
        status[j] = DIVERGED
    elif peek(clock, COUNT, lane) >= limit:
        status[j] = STEP_LIMIT
    if status[j] != OK:
        fail(out, j, goal[lane])
    return status[j] != OK
