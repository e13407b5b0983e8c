"""Fixed steps of splitting methods: the closing kick of a step is merged with the opening one of the next."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, ROOM, WIDTH, alive, load, merged_step, opening, parameters, save, vector


def run(times: Any, substeps: Any, y0: Any, theta: Any, out: Any, status: Any, stop: Any, begin: Any, end: Any) -> None:
    """Integrate trajectories begin <= j < end; arguments as in ``fixed.run``."""
    y, room = vector(DIM), vector(ROOM)
    for j in range(begin, end, WIDTH):
        load(y0, j, y)
        p = parameters(theta, j, room)
        save(y, out, status, j, 0)
        for k in range(len(substeps)):
            if stop[0] or not alive(status, j):
                break
            h = (times[k + 1] - times[k]) / substeps[k]
            last = substeps[k] - 1
            opening(times[k], y, p, h)
            for n in range(last):
                merged_step(times[k] + n * h, y, p, h, False)
            merged_step(times[k] + last * h, y, p, h, True)
            save(y, out, status, j, k + 1)
