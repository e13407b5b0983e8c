"""Rows of a gradient fit from noisy trajectories: the weak form, in which no sample is differentiated.

With a bump phi that vanishes at the ends of a window, - int phi' y dt = int phi y' dt, and y' = (J - R) grad E + ...
is linear in E. The bump is (1 - s^2)^6: smooth enough for the trapezoidal rule to converge fast.
Messenger and Bortz (2021), Weak SINDy, Multiscale Modeling and Simulation 19, 1474.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Windows", "weak_windows"]

POWER = 6


class Windows:
    """Windows of trajectories, with weights of their samples.

    Attributes
    ----------
    index : ndarray (window, sample)
        Into the samples of its trajectory.
    trajectory : ndarray (window,)
    weights : ndarray (window, sample)
        Of a mean over the window, the trapezoidal rule of phi; they add up to one.
    slopes : ndarray (window, sample)
        Of the mean slope: sum of slopes times y, - int phi' y / int phi.
    """

    def __init__(self, index: np.ndarray, trajectory: np.ndarray, weights: np.ndarray, slopes: np.ndarray) -> None:
        self.index, self.trajectory, self.weights, self.slopes = index, trajectory, weights, slopes


def weak_windows(t: np.ndarray, length: np.ndarray, half: int, most: int) -> Windows | None:
    """Windows of 2 half + 1 samples, about ``most`` of them at most.

    They overlap by half or less: with more, the errors of neighbours would depend on each other, which cross validation
    takes for signal. None where no trajectory is long enough.
    """
    size = 2 * half + 1
    starts = np.maximum(length - size + 1, 0)
    total = int(starts.sum())
    if total == 0:
        return None
    stride = max(1, half, total // most)
    rows = np.array([(k, first) for k, count in enumerate(starts) for first in range(0, count, stride)])
    trajectory = rows[:, 0]
    index = rows[:, 1:] + np.arange(size)
    times = t[trajectory[:, None], index]
    middle, reach = 0.5 * (times[:, :1] + times[:, -1:]), 0.5 * (times[:, -1:] - times[:, :1])
    s = (times - middle) / reach
    bump = (1.0 - s**2) ** POWER
    slope = -2.0 * POWER * s * np.maximum(1.0 - s**2, 0.0) ** (POWER - 1) / reach
    cells = np.zeros_like(times)  # the trapezoidal rule
    steps = np.diff(times, axis=1)
    cells[:, :-1] += 0.5 * steps
    cells[:, 1:] += 0.5 * steps
    area = (bump * cells).sum(axis=1, keepdims=True)
    weights, slopes = bump * cells / area, -slope * cells / area
    # exact for lines also where samples are uneven: the slope of a constant is none, that of t is one
    slopes -= slopes.sum(axis=1, keepdims=True) * weights
    mean = (weights * times).sum(axis=1, keepdims=True)
    slopes /= (slopes * (times - mean)).sum(axis=1, keepdims=True)
    return Windows(index, trajectory, weights, slopes)
