"""Fixed steps: a whole number of equal ones between two saved times."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, FIRST, ROOM, WIDTH, alive, load, parameters, save, step, vector


def run(times: Any, substeps: Any, y0: Any, theta: Any, out: Any, status: Any, stop: Any, begin: Any, end: Any) -> None:
    """Integrate trajectories begin <= j < end.

    times (time,), substeps (time - 1,), y0 (trajectory, state), theta (1 or trajectory, parameter),
    out (trajectory, time, state), status (trajectory,), stop (1,): nonzero to give up.
    """
    y, low, room = vector(DIM), vector(DIM), vector(ROOM)
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        for i in range(DIM):
            low[i] = 0.0
        p = parameters(theta, j, room)
        save(y, out, status, j, FIRST)
        for k in range(len(substeps)):
            if stop[0] or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            for n in range(substeps[k]):
                step(times[k] + n * h, y, p, h, low)
            save(y, out, status, j, k + 1)
