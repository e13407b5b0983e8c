"""Events: where functions g_e(t, y) of a trajectory change sign. Slots for drivers that watch them.

An event knows the side on which its function was last, -1 or 1; it is 0 for a start on the surface. A step that ends
on the other side has a crossing, whose place is found on the path of the step (slot ``between``) by the ITP method, a
bracketed secant method that needs at most one evaluation more than bisection.
Oliveira, Takahashi (2020), An enhancement of the bisection method average performance preserving minmax optimality,
ACM TOMS 47, 5.
"""

import math

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
    DIRECTIONS,
    DRIFTS,
    EVENTS,
    KICKS,
    STAGES,
    TERMINAL,
    WIDTH,
    between,
    drift,
    events,
    fma,
    implicit_step,
    kick,
    matrix,
    peek,
    point,
    select,
    some,
    step,
    vector,
)

NARROW = 2.0**-52  # half the bracket that ends the search, as a fraction of the step
BISECTIONS = 51  # that would reach it
CURVATURE = 0.2  # kappa_1 of the paper, with kappa_2 = 2 and n_0 = 1


def face(t, y, theta, fresh, sides):
    """Sides at the start of trajectories."""
    values = vector(EVENTS)
    events(t, y, theta, values)
    for e in range(EVENTS):
        sides[e] = select(fresh, 0.0, sides[e])
    turn(fresh, values, sides)


def turn(able, values, sides):
    """Note the sides that the values of the events are on; zero and NaN are on none."""
    for e in range(EVENTS):
        side = select(values[e] > 0.0, 1.0, select(values[e] < 0.0, -1.0, sides[e]))
        sides[e] = select(able, side, sides[e])


def wanted(e, values, sides):
    """Whether event e has changed sides, in the direction that is asked for."""
    return (sides[e] * values[e] < 0.0) & (DIRECTIONS[e] * values[e] >= 0.0)


def crosses(values, sides):
    """Whether any event has a crossing in the step at whose end it has these values."""
    any_event = wanted(0, values, sides)
    for e in range(1, EVENTS):
        any_event = any_event | wanted(e, values, sides)
    return any_event


def locate(t, y, theta, h, curve, able, values, sides, roots, u):
    """Fractions of the step of crossings into ``roots`` (ROOTS,), inf where none; the first terminal one is last."""
    start = vector(EVENTS)
    events(t, y, theta, start)
    roots[EVENTS] = math.inf
    for e in range(EVENTS):
        mask = able & wanted(e, values, sides)
        roots[e] = math.inf
        if some(mask):
            up = select(values[e] > 0.0, 1.0, -1.0)
            x = root(e, t, y, theta, h, curve, mask, up, min(up * start[e], 0.0), up * values[e], u)
            roots[e] = select(mask, x, math.inf)
            if TERMINAL[e]:
                roots[EVENTS] = min(roots[EVENTS], roots[e])


def root(e, t, y, theta, h, curve, mask, up, low, high, u):
    """Zero on [0, 1] of up g_e, which is low <= 0 at 0 and high > 0 at 1."""
    values = vector(EVENTS)
    a, b, slack = select(mask, 0.0, 1.0), select(mask, 1.0, 1.0), NARROW * 2.0 ** (BISECTIONS + 1)
    for _ in range(BISECTIONS + 2):
        width = b - a
        active = width > 2.0 * NARROW
        if not some(active):
            break
        middle = a + 0.5 * width
        secant = fma(low / (low - high), width, a)
        toward = select(middle >= secant, 1.0, -1.0)
        nudge = CURVATURE * width * width
        inner = select(nudge <= abs(middle - secant), fma(toward, nudge, secant), middle)
        reach = max(slack - 0.5 * width, 0.0)
        x = select(abs(inner - middle) <= reach, inner, fma(-toward, reach, middle))
        x = select((x > a) & (x < b), x, middle)
        slack = 0.5 * slack
        between(x, t, y, theta, h, curve, u)
        events(fma(x, h, t), u, theta, values)
        value = up * values[e]
        beyond, before = active & (value >= 0.0), active & (value <= 0.0)
        b, high = select(beyond, x, b), select(beyond, value, high)
        a, low = select(before, x, a), select(before, value, low)
        # a function without a value ends the search
        a = select(active & (value != value), b, a)
    return b


def note(t, y, theta, h, curve, roots, who, found, u):
    """Record the crossings of the step, up to the terminal one; ``who`` has the trajectory of each lane."""
    when, states, counts = found
    clock = vector(1)
    for e in range(EVENTS):
        if some(roots[e] <= 1.0):
            between(roots[e], t, y, theta, h, curve, u)
            clock[0] = fma(roots[e], h, t)
            for lane in range(WIDTH):
                x = peek(roots, e, lane)
                if x <= 1.0 and x <= peek(roots, EVENTS, lane):
                    j = who[lane]
                    n = counts[j, e]
                    counts[j, e] = n + 1
                    if n < when.shape[2]:
                        when[j, e, n] = peek(clock, 0, lane)
                        for i in range(DIM):
                            states[j, e, n, i] = peek(u, i, lane)


# --- the path of a step: what fills the slots ``between`` and, where a method gives none, ``step``


def between_on_interpolant(x, t, y, theta, h, curve, u):
    """The path of a step is its interpolant."""
    point(x, y, curve, u)


def between_by_steps(x, t, y, theta, h, curve, u):
    """The path of a step is where shorter steps lead; ``curve`` is what rounding had cut off at its start."""
    low = vector(DIM)
    for i in range(DIM):
        u[i] = y[i]
        low[i] = curve[i]
    step(t, u, theta, x * h, low)


def splitting_step(t, y, theta, h, low):
    """One step of a splitting method in place: kicks are not merged, so the state is known after every step."""
    kick(t, y, theta, KICKS[0] * h, low)
    kicked, drifted = KICKS[0], 0.0  # parts of the step that are done
    for stage in range(len(DRIFTS)):
        drift(t + kicked * h, y, theta, DRIFTS[stage] * h, low)
        drifted += DRIFTS[stage]
        kicked += KICKS[stage + 1]
        kick(t + drifted * h, y, theta, KICKS[stage + 1] * h, low)


def restarted_step(t, y, theta, h, low):
    """One step of an implicit method in place, without memory of earlier ones; NaN where it is not solved."""
    moves, older, ahead = matrix(STAGES, DIM), matrix(STAGES, DIM), np.zeros((STAGES, 2 * STAGES))
    solved = implicit_step(t, y, theta, h, low, moves, older, ahead, 0)
    for i in range(DIM):
        y[i] = select(solved, y[i], np.nan)
