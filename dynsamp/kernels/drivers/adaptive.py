"""Adaptive steps: every trajectory has its own time and step, and lands on the saved times exactly.

Step control: Hairer, Norsett, Wanner (1993), Solving Ordinary Differential Equations I, section II.4.
"""

from __future__ import annotations

import math
from typing import Any

from dynsamp.kernels.slots import DIM, load, parameters, rhs, save, trial_step, vector
from dynsamp.words import Status

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
OK, DIVERGED, STEP_LIMIT = int(Status.OK), int(Status.DIVERGED), int(Status.STEP_LIMIT)
SMALLEST = 16 * 2.0**-52  # shortest step relative to t


def run(
    times: Any, y0: Any, theta: Any, out: Any, status: Any, stop: Any, begin: Any, end: Any, tolerance: Any, limit: Any
) -> None:
    """Integrate trajectories begin <= j < end; tolerance (rtol, atol), limit of steps, the rest as in ``fixed.run``."""
    y, dy, y_new, dy_new = vector(DIM), vector(DIM), vector(DIM), vector(DIM)
    for j in range(begin, end):
        load(y0, j, y)
        p = parameters(theta, j)
        t = times[0]
        save(y, out, status, j, 0)
        h = 0.0
        if status[j] == OK and len(times) > 1:
            rhs(t, y, p, dy)
            h = first_step(t, y, dy, p, tolerance, times[-1] - t)
        count = 0
        for k in range(1, len(times)):
            while t < times[k] and status[j] == OK and not stop[0]:
                lands = t + 1.01 * h >= times[k]
                trial = times[k] - t if lands else h
                error = trial_step(t, y, dy, p, trial, tolerance, y_new, dy_new)
                count += 1
                if error <= 1.0:
                    t = times[k] if lands else t + trial
                    for i in range(DIM):
                        y[i], dy[i] = y_new[i], dy_new[i]
                    # a step cut short by a saved time says little about the next
                    natural = trial * factor(error)
                    h = max(h, natural) if lands else natural
                else:
                    h = trial * min(factor(error), 1.0)
                    if not h > SMALLEST * abs(t):  # a singularity, or NaN
                        status[j] = DIVERGED
                if count >= limit and status[j] == OK and (t < times[k] or k < len(times) - 1):
                    status[j] = STEP_LIMIT
            if status[j] != OK:
                out[j, k:, :] = math.nan
                break
            save(y, out, status, j, k)


def factor(error: Any) -> Any:
    """Ratio of the next step to this one."""
    if not error < math.inf:
        return SHRINK
    if error == 0.0:
        return GROW
    return min(GROW, max(SHRINK, SAFETY / math.sqrt(math.sqrt(math.sqrt(error)))))


def first_step(t: Any, y: Any, dy: Any, theta: Any, tolerance: Any, longest: Any) -> Any:
    """Starting step: section II.4 of the book, equation (4.14)."""
    u, du = vector(DIM), vector(DIM)
    d0, d1 = 0.0, 0.0
    for i in range(DIM):
        scale = tolerance[1] + tolerance[0] * abs(y[i])
        d0 += (y[i] / scale) ** 2
        d1 += (dy[i] / scale) ** 2
    d0, d1 = math.sqrt(d0 / DIM), math.sqrt(d1 / DIM)
    h0 = 1e-6 if d0 < 1e-5 or d1 < 1e-5 else 0.01 * d0 / d1
    h0 = min(h0, longest)
    for i in range(DIM):
        u[i] = y[i] + h0 * dy[i]
    rhs(t + h0, u, theta, du)
    d2 = 0.0
    for i in range(DIM):
        scale = tolerance[1] + tolerance[0] * abs(y[i])
        d2 += ((du[i] - dy[i]) / scale) ** 2
    d2 = math.sqrt(d2 / DIM) / h0
    largest = max(d1, d2)
    h1 = max(1e-6, 1e-3 * h0) if largest <= 1e-15 else math.exp(math.log(0.01 / largest) / 8.0)
    h = min(100.0 * h0, h1, longest)
    return h if h > 0.0 else 1e-6 * longest
