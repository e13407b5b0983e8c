"""Adaptive steps: every trajectory has its own time and step, and lands on the saved times exactly.

WIDTH trajectories are under way; where one ends, the next takes its lane.
Step control: Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
    ROOM,
    WIDTH,
    fail,
    fma,
    peek,
    poke,
    record,
    rhs,
    seat,
    seated,
    select,
    some,
    trial_step,
    vector,
)
from dynsamp.words import Status

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
OK, DIVERGED, STEP_LIMIT = int(Status.OK), int(Status.DIVERGED), int(Status.STEP_LIMIT)
SMALLEST = 16 * 2.0**-52  # shortest step relative to t
STRETCH = 1.01  # rather a slightly longer step than another tiny one before a saved time

# rows of the clock
TIME, STEP, TARGET, COUNT, BUSY, FRESH = 0, 1, 2, 3, 4, 5


def run(
    times: Any, y0: Any, theta: Any, out: Any, status: Any, stop: Any, begin: Any, end: Any, tolerance: Any, limit: Any
) -> None:
    """Integrate trajectories begin <= j < end; tolerance (rtol, atol), limit of steps, the rest as in ``fixed.run``."""
    y, dy, y_new, dy_new = vector(DIM), vector(DIM), vector(DIM), vector(DIM)
    clock, room = vector(6), vector(ROOM)
    who, goal = np.empty(WIDTH, np.int64), np.empty(WIDTH, np.int64)  # trajectory in each lane, its next saved time
    following, busy = begin, 0
    for lane in range(WIDTH):
        following = enter(lane, following, end, times, y0, theta, out, status, y, clock, room, who, goal)
        busy += who[lane] >= 0
    while busy and not stop[0]:
        p = seated(theta, who, room)
        if some(clock[FRESH] > 0.0):
            start(times, y, dy, p, tolerance, clock, dy_new)
        t, h, target = clock[TIME], clock[STEP], clock[TARGET]
        lands = fma(STRETCH, h, t) >= target
        trial = select(lands, target - t, h)
        error = trial_step(t, y, dy, p, trial, tolerance, y_new, dy_new)
        good = error <= 1.0
        for i in range(DIM):
            y[i] = select(good, y_new[i], y[i])
            dy[i] = select(good, dy_new[i], dy[i])
        ratio = factor(error)
        natural = trial * ratio
        # a step cut short by a saved time says little about the next
        longer = select(lands, max(h, natural), natural)
        clock[TIME] = select(good, select(lands, target, t + trial), t)
        clock[STEP] = select(good, longer, trial * min(ratio, 1.0))
        clock[COUNT] = clock[COUNT] + clock[BUSY]
        stuck = clock[STEP] <= SMALLEST * abs(t)  # at a singularity, or NaN
        ended = (clock[TIME] >= target) | stuck | (clock[COUNT] >= limit)
        if some(ended & (clock[BUSY] > 0.0)):
            for lane in range(WIDTH):
                if who[lane] >= 0 and ends(lane, limit, times, out, status, y, clock, who, goal):
                    following = enter(lane, following, end, times, y0, theta, out, status, y, clock, room, who, goal)
                    busy -= who[lane] < 0


def factor(error: Any) -> Any:
    """Ratio of the next step to this one."""
    root = np.sqrt(np.sqrt(np.sqrt(error)))
    ratio = min(GROW, max(SHRINK, SAFETY / root))
    return select(error < math.inf, ratio, SHRINK)


def enter(
    lane: Any,
    following: Any,
    end: Any,
    times: Any,
    y0: Any,
    theta: Any,
    out: Any,
    status: Any,
    y: Any,
    clock: Any,
    room: Any,
    who: Any,
    goal: Any,
) -> Any:
    """Seat the next trajectory with a valid start in this lane; returns the one to follow it."""
    while following < end:
        j, following = following, following + 1
        if status[j] != OK:
            continue
        for i in range(DIM):
            out[j, 0, i] = y0[j, i]
        if len(times) == 1:
            continue
        for i in range(DIM):
            poke(y, i, lane, y0[j, i])
        seat(theta, j, room, lane)
        poke(clock, TIME, lane, times[0])
        poke(clock, TARGET, lane, times[1])
        poke(clock, COUNT, lane, 0.0)
        poke(clock, BUSY, lane, 1.0)
        poke(clock, FRESH, lane, 1.0)
        who[lane], goal[lane] = j, 1
        return following
    who[lane] = -1
    poke(clock, BUSY, lane, 0.0)
    poke(clock, STEP, lane, 0.0)  # an empty lane stands still
    poke(clock, TARGET, lane, peek(clock, TIME, lane))
    return following


def ends(lane: Any, limit: Any, times: Any, out: Any, status: Any, y: Any, clock: Any, who: Any, goal: Any) -> Any:
    """Save or fail the trajectory of this lane where due; returns whether its lane is free."""
    j, k, t = who[lane], goal[lane], peek(clock, TIME, lane)
    arrived = t >= peek(clock, TARGET, lane)
    if arrived:
        record(y, lane, out, status, j, k)
        k += 1
        if k == len(times) or status[j] != OK:
            return True
        goal[lane] = k
        poke(clock, TARGET, lane, times[k])
    if peek(clock, COUNT, lane) >= limit:
        status[j] = STEP_LIMIT
    elif not arrived and peek(clock, STEP, lane) <= SMALLEST * abs(t):
        status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)
    return status[j] != OK


def start(times: Any, y: Any, dy: Any, theta: Any, tolerance: Any, clock: Any, du: Any) -> None:
    """Derivative and first step of fresh trajectories: section II.4 of the book, equation (4.14)."""
    u = vector(DIM)
    t, longest = clock[TIME], times[-1] - times[0]
    rhs(t, y, theta, du)
    fresh = clock[FRESH] > 0.0
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
        u[i] = fma(h0, dy[i], y[i])
    rhs(t + h0, u, theta, du)
    for i in range(DIM):
        weight = 1.0 / fma(tolerance[0], abs(y[i]), tolerance[1])
        change = (du[i] - dy[i]) * weight
        d2 += change * change
    d2 = np.sqrt(d2 / DIM) / h0
    largest = max(d1, d2)
    root = np.sqrt(np.sqrt(np.sqrt(0.01 / largest)))
    h1 = select(largest <= 1e-15, max(1e-6, 1e-3 * h0), root)
    h = min(min(100.0 * h0, h1), longest)
    h = select(h > 0.0, h, 1e-6 * longest)  # also where the derivative is not finite
    clock[STEP] = select(fresh, h, clock[STEP])
    clock[FRESH] = 0.0 * t
