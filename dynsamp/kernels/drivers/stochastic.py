"""Fixed steps driven by standard normals; step n of a trajectory has the draws (seed, id, n, 0 ...)."""

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DIM,
    DRAWS,
    FIRST,
    JUMPS,
    ROOM,
    WIDTH,
    alive,
    draw,
    jumps_due,
    leap,
    load,
    noisy_step,
    parameters,
    save,
    streams,
    vector,
)

NEEDS = ("substeps", "seed", "ids")


def run(times, y0, theta, out, status, stop, begin, end, substeps, seed, ids):
    """Integrate trajectories begin <= j < end; seed (1,) uint64, ids (trajectory,), the rest as in ``fixed.run``."""
    y, xi, room = vector(DIM), vector(DRAWS), vector(ROOM)
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        p, who = parameters(theta, j, room), streams(ids, j)
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
                    t = times[k] + n * h
                    draw(seed[0], who, count, xi)
                    if JUMPS:
                        due = jumps_due(t, y, p, h, seed[0], who, count)
                        noisy_step(t, y, p, h, xi)
                        leap(t + h, y, p, due, seed[0], who, count)
                    else:
                        noisy_step(t, y, p, h, xi)
                    count += 1
            save(y, out, status, j, k + 1)
