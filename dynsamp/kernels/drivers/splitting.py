"""Fixed steps of splitting methods: kicks and drifts in turn, whose coefficients are the method.

A kick moves p along the force for a part of the step, a drift q along the velocity: each is symplectic, and so is what
they make up. The last kick of a step is merged with the first of the next, except before a saved time. Where the force
depends on time, drifts move its clock; kicks move the clock of the velocity.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, section II.5.
"""

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import (
    DIM,
    DRIFTS,
    FIRST,
    KICKS,
    ROOM,
    WIDTH,
    alive,
    drift,
    kick,
    load,
    parameters,
    save,
    vector,
)

NEEDS = ("substeps",)


def run(times, y0, theta, out, status, stop, begin, end, substeps):
    """Integrate trajectories begin <= j < end; arguments as in ``fixed.run``."""
    y, low, room = vector(DIM), vector(DIM), vector(ROOM)
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        for i in range(DIM):
            low[i] = 0.0
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        for k in range(len(substeps)):
            if halted(stop) or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            kick(times[k], y, p, KICKS[0] * h, low)
            for first in range(0, substeps[k], stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], substeps[k])):
                    t = times[k] + n * h
                    kicked, drifted = KICKS[0], 0.0  # parts of the step that are done
                    for stage in range(len(DRIFTS)):
                        drift(t + kicked * h, y, p, DRIFTS[stage] * h, low)
                        drifted += DRIFTS[stage]
                        part = KICKS[stage + 1]
                        kicked += part
                        if stage + 1 == len(DRIFTS) and n + 1 < substeps[k]:
                            part += KICKS[0]
                        kick(t + drifted * h, y, p, part * h, low)
            save(y, out, status, j, k + 1)
