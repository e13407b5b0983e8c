"""Adaptive steps of an embedded pair: every trajectory has its own time and step.

WIDTH trajectories are under way; where one ends, the next takes its lane. A saved time inside a step either cuts the
step short, so that the trajectory lands on it (DENSE = 0), or is read off the interpolant (DENSE = 1); the last one
is always landed on. Times may decrease: the clock counts ``way`` t, which grows.
Step control: ``parts/step_control.py``. The first step follows from the size of the solution and of its first two
derivatives: Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.4, equation (4.14).
"""

import math

import numpy as np

from dynsamp.kernels.parts.step_control import GROW, LEAST, SMALLEST, rough_exp2, rough_log2, stretched
from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    CURVE,
    DENSE,
    DIM,
    ERROR_ORDER,
    EVENTS,
    EXCESS,
    FIRST,
    KEPT,
    RESTARTS,
    ROOM,
    ROOTS,
    WIDTH,
    crosses,
    doubt,
    events,
    face,
    fail,
    fma,
    interpolant,
    locate,
    matrix,
    note,
    peek,
    point,
    poke,
    record,
    rhs,
    seat,
    seated,
    select,
    some,
    trial_step,
    turn,
    vector,
)
from dynsamp.words import Status

NEEDS = ("tolerance", "limit", "found")
OK, DIVERGED, STEP_LIMIT, ENDED = int(Status.OK), int(Status.DIVERGED), int(Status.STEP_LIMIT), int(Status.ENDED)
STRETCH = 1.01  # rather a slightly longer step than another tiny one before a time to land on
FAR = 0.75
HUNDREDTH = math.log2(0.01)

# rows of the clock: time, next step, time to land on, steps, 1 where a trajectory is under way, 1 where it is new,
# log2 of the last error and of the largest ratio of steps, next saved time to interpolate at, time reached, fraction
# of the step at which a terminal event ended it (inf: none)
TIME, STEP, TARGET, COUNT, BUSY, FRESH, BEFORE, CEILING, NEXT, REACHED, LAST = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
CLOCK = 11


def run(times, y0, theta, out, status, stop, begin, end, tolerance, limit, found):
    """Integrate trajectories begin <= j < end.

    Tolerance (rtol, atol), limit of steps, found: times (trajectory, event, crossing), states (..., state) and counts
    (trajectory, event) of events, the rest as in ``fixed.run``.
    """
    y, dy, y_new, dy_new = vector(DIM), vector(DIM), vector(DIM), vector(DIM)
    stages, clock, room = matrix(KEPT, DIM), vector(CLOCK), vector(ROOM)
    who, goal = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)  # trajectory in each lane, its next saved time
    way = 1.0 if times[-1] >= times[0] else -1.0
    if CURVE:
        curve, u = matrix(CURVE, DIM), vector(DIM)
    if EVENTS:
        sides, values, roots = vector(EVENTS), vector(EVENTS), vector(ROOTS)
    following, busy = begin, 0
    for lane in range(WIDTH):
        following = enter(lane, following, end, way, times, y0, theta, out, status, y, clock, room, who, goal)
        busy += who[lane] >= 0
    while busy and not halted(stop):
        p = seated(theta, who, room)
        if some(clock[FRESH] > 0.0):
            fresh = clock[FRESH] > 0.0
            if EVENTS:
                face(way * clock[TIME], y, p, fresh, sides)
            first = first_step(way * clock[TIME], y, dy, p, way, abs(times[-1] - times[0]), tolerance, fresh, dy_new)
            clock[STEP] = select(fresh, first, clock[STEP])
            clock[FRESH] = 0.0 * clock[TIME]
        t, h, target = clock[TIME], clock[STEP], clock[TARGET]
        if DENSE:  # a saved time far enough in the step is landed on: that wastes less than interpolation costs
            target = select(fma(FAR, h, t) <= clock[NEXT], min(clock[NEXT], target), target)
        lands = fma(STRETCH, h, t) >= target
        trial = select(lands, target - t, h)
        error = trial_step(way * t, y, dy, p, way * trial, tolerance, y_new, dy_new, stages)
        good = error <= 1.0
        reached = select(good, select(lands, target, t + trial), t)
        ended = reached >= target
        if CURVE:
            needed = good & (clock[NEXT] < reached)
            if DENSE:
                error = EXCESS * error
            if EVENTS:
                events(way * reached, y_new, p, values)
                needed = needed | (good & (clock[BUSY] > 0.0) & crosses(values, sides))
            if some(needed):  # the step is as long as its interpolant permits, too
                interpolant(way * t, y, dy, p, way * trial, y_new, dy_new, stages, curve)
                doubts = select(needed, doubt(y, y_new, tolerance, curve), 0.0)
                good, error = good & (doubts <= 1.0), max(error, doubts)
                reached = select(good, reached, t)
                ended = reached >= target
            clock[REACHED] = reached
            if EVENTS:
                able = good & (clock[BUSY] > 0.0)
                if some(able & needed):
                    locate(way * t, y, p, way * trial, curve, able, values, sides, roots, u)
                    note(way * t, y, p, way * trial, curve, roots, who, found, u)
                    last = roots[EVENTS]
                    clock[LAST] = last
                    clock[REACHED] = select(last < 1.0, fma(last, trial, t), reached)
                    ended = ended | (last <= 1.0)
                turn(able, values, sides)
            if DENSE and some(needed):
                deliver(t, trial, y, curve, u, clock, way, times, out, status, who, goal)
            reached = clock[REACHED]
        for i in range(DIM):
            y[i] = select(good, y_new[i], y[i])
            dy[i] = select(good, dy_new[i], dy[i])
        pace(error, good, lands, trial, clock)
        clock[TIME] = reached
        clock[COUNT] = clock[COUNT] + clock[BUSY]
        stuck = clock[STEP] <= SMALLEST * abs(reached)  # at a singularity, or NaN
        ended = ended | stuck | (clock[COUNT] >= limit)
        if some(ended & (clock[BUSY] > 0.0)):
            for lane in range(WIDTH):
                if who[lane] >= 0 and ends(lane, limit, way, times, out, status, y, clock, who, goal):
                    following = enter(
                        lane, following, end, way, times, y0, theta, out, status, y, clock, room, who, goal
                    )
                    busy -= who[lane] < 0


def first_step(t, y, dy, theta, way, longest, tolerance, fresh, du):
    """Length of the first step, at most ``longest``, in the direction ``way``; dy = f(t, y) where fresh."""
    u = vector(DIM)
    rhs(t, y, theta, du)
    for i in range(DIM):
        dy[i] = select(fresh, du[i], dy[i])
    d0, d1, d2 = 0.0 * t, 0.0 * t, 0.0 * t
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], abs(y[i]), tolerance[1])
        d0 += (y[i] * weight) * (y[i] * weight)
        d1 += (dy[i] * weight) * (dy[i] * weight)
    d0, d1 = np.sqrt(d0 / DIM), np.sqrt(d1 / DIM)
    h0 = select((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
    h0 = min(h0, longest)
    for i in range(DIM):
        u[i] = fma(way * h0, dy[i], y[i])
    rhs(t + way * h0, u, theta, du)
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], abs(y[i]), tolerance[1])
        change = (du[i] - dy[i]) * weight
        d2 += change * change
    d2 = np.sqrt(d2 / DIM) / h0
    largest = max(d1, d2)
    root = rough_exp2((HUNDREDTH - min(rough_log2(largest), 1000.0)) / ERROR_ORDER)
    h1 = select(largest <= 1e-15, max(1e-6, 1e-3 * h0), root)
    h = min(min(100.0 * h0, h1), longest)
    return select(h > 0.0, h, 1e-6 * longest)  # also where the derivative is not finite


def pace(error, good, lands, trial, clock):
    """Choose the next step."""
    size, before = rough_log2(error), clock[BEFORE]
    ceiling = select(good, clock[CEILING], 0.0)
    natural = trial * stretched(size, select(good, before, size), ceiling, ERROR_ORDER)
    cut = lands & (trial < clock[STEP])  # a step cut short says little about the next
    clock[STEP] = select(good & cut, max(clock[STEP], natural), natural)
    clock[BEFORE] = select(good, select(cut, before, max(size, LEAST)), before)
    clock[CEILING] = select(good, GROW, 0.0)  # no growth right after a rejection


def deliver(t, trial, y, curve, u, clock, way, times, out, status, who, goal):
    """Save the times inside the step, each lane its own."""
    due = clock[NEXT] < clock[REACHED]
    while some(due):
        point(select(due, (clock[NEXT] - t) / trial, 0.0), y, curve, u)
        for lane in range(WIDTH):
            if who[lane] >= 0 and peek(clock, NEXT, lane) < peek(clock, REACHED, lane):
                j, k = who[lane], goal[lane]
                record(u, lane, out, status, j, k)
                goal[lane] = k + 1
                aim(lane, way, times, clock, k + 1)
                if status[j] != OK:  # the interpolant overflowed
                    poke(clock, NEXT, lane, math.inf)
                    poke(clock, COUNT, lane, math.inf)
        due = clock[NEXT] < clock[REACHED]


def aim(lane, way, times, clock, k):
    """Set the saved time k as the next of this lane."""
    if DENSE:
        poke(clock, TARGET, lane, way * times[-1])
        poke(clock, NEXT, lane, way * times[k] if k < len(times) - 1 else math.inf)
    else:
        poke(clock, TARGET, lane, way * times[k])


def enter(lane, following, end, way, times, y0, theta, out, status, y, clock, room, who, goal):
    """Seat the next trajectory with a valid start in this lane; returns the one to follow it."""
    while following < end:
        j, following = following, following + 1
        if status[j] != OK:
            continue
        for i in range(DIM):
            poke(y, i, lane, y0[j, i])
        record(y, lane, out, status, j, FIRST)
        if len(times) == 1:
            continue
        seat(theta, j, room, lane)
        poke(clock, TIME, lane, way * times[0])
        poke(clock, COUNT, lane, 0.0)
        poke(clock, BUSY, lane, 1.0)
        poke(clock, FRESH, lane, 1.0)
        poke(clock, BEFORE, lane, LEAST)
        poke(clock, CEILING, lane, GROW)
        poke(clock, LAST, lane, math.inf)
        aim(lane, way, times, clock, FIRST + 1)
        who[lane], goal[lane] = j, 1
        return following
    who[lane] = -1
    poke(clock, BUSY, lane, 0.0)
    poke(clock, STEP, lane, 0.0)  # an empty lane stands still
    poke(clock, TARGET, lane, peek(clock, TIME, lane))
    poke(clock, NEXT, lane, math.inf)
    return following


def ends(lane, limit, way, times, out, status, y, clock, who, goal):
    """Save or fail the trajectory of this lane where due; returns whether its lane is free."""
    j, k, t = who[lane], goal[lane], peek(clock, TIME, lane)
    if status[j] != OK:
        return True
    arrived = t >= peek(clock, TARGET, lane) or (DENSE and t >= peek(clock, NEXT, lane))
    if arrived:
        record(y, lane, out, status, j, k)
        k += 1
        if k == len(times) or status[j] != OK:
            return True
        goal[lane] = k
        aim(lane, way, times, clock, k)
        if RESTARTS:  # what was recorded has been changed
            poke(clock, FRESH, lane, 1.0)
    if peek(clock, LAST, lane) <= 1.0:
        status[j] = ENDED
    elif peek(clock, COUNT, lane) >= limit:
        status[j] = STEP_LIMIT
    elif not arrived and peek(clock, STEP, lane) <= SMALLEST * abs(t):
        status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)
    return status[j] != OK
