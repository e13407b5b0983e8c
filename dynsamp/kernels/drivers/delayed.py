"""Method of steps: equal steps in segments that end where the solution may have a kink, or is saved.

Kinks travel: what is not smooth at the first time comes back after every delay, one derivative higher each time.
Trajectories with delays of their own have segments of their own, and then run one at a time.
"""

import numpy as np

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DELAYS,
    DIM,
    FIRST,
    ROOM,
    WIDTH,
    alive,
    begin_segment,
    delayed_step,
    load,
    parameters,
    poke,
    save,
    vector,
    view,
)

NEEDS = ("segment_ends", "segment_steps", "segment_saves", "lags", "knots", "history", "capacity")


def run(
    times,
    y0,
    theta,
    out,
    status,
    stop,
    begin,
    end,
    segment_ends,
    segment_steps,
    segment_saves,
    lags,
    knots,
    history,
    capacity,
):
    """Integrate trajectories begin <= j < end.

    segment_ends (1 or trajectory, segment), segment_steps and segment_saves alike: steps in each, 0 behind the last,
    and which saved time it ends at, or -1; lags (1 or trajectory, delay); knots (n,) times up to the first, history
    (1 or trajectory, n, 2 state) states and derivatives there; capacity: pieces of the past that may be needed.
    """
    y, dy, room = vector(DIM), vector(DIM), vector(ROOM)
    store = np.empty(capacity * 4 * DIM * WIDTH)
    starts, lengths = np.empty(capacity), np.empty(capacity)
    cursor, count = np.zeros(DELAYS, np.int64), np.zeros(1, np.int64)
    for j in range(begin, end, WIDTH):
        pieces = view(store)  # in the loop: so the buffer outlives every use of its view
        row = j if len(segment_ends) > 1 else 0
        past = (pieces, starts, lengths, cursor, lags[j if len(lags) > 1 else 0], count)
        cursor[:] = 0
        count[0] = len(knots) - 1
        for n in range(len(knots) - 1):
            starts[n], lengths[n] = knots[n], knots[n + 1] - knots[n]
            for lane in range(WIDTH):
                own = min(j + lane, len(history) - 1) if len(history) > 1 else 0
                for i in range(2 * DIM):
                    scale = 1.0 if i < DIM else lengths[n]
                    poke(pieces, 4 * DIM * n + i, lane, scale * history[own, n, i])
                    poke(pieces, 4 * DIM * n + 2 * DIM + i, lane, scale * history[own, n + 1, i])
        load(y0, j, y)
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        t = times[0]
        for s in range(segment_ends.shape[1]):
            steps = segment_steps[row, s]
            if halted(stop) or steps == 0 or not alive(status, j):
                break
            h = (segment_ends[row, s] - t) / steps
            begin_segment(t, y, dy, p, past)
            for first in range(0, steps, stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], steps)):
                    delayed_step(t + n * h, y, dy, p, h, past)
            t = segment_ends[row, s]
            if segment_saves[row, s] >= 0:
                save(y, out, status, j, segment_saves[row, s])
