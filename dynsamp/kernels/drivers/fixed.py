"""Fixed steps: a whole number of equal ones between two saved times."""

from dynsamp.kernels.simd.arrays import halted
from dynsamp.kernels.slots import DIM, FIRST, ROOM, WIDTH, alive, load, parameters, save, step, vector

NEEDS = ("substeps",)


def run(times, y0, theta, out, status, stop, begin, end, substeps):
    """Integrate trajectories begin <= j < end.

    substeps (time - 1,): equal steps to each saved time.
    """
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
            for first in range(0, substeps[k], stop[1]):
                if halted(stop):
                    break
                for n in range(first, min(first + stop[1], substeps[k])):
                    step(times[k] + n * h, y, p, h, low)
            save(y, out, status, j, k + 1)
