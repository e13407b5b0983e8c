"""Trajectories of snapshots, and equations for a vector field that are linear without a flow: what a fit starts from.

Mid-points of pairs: the slope between two snapshots belongs to the point between them, exactly so for data of the
implicit mid-point rule. The weak form: no sample is differentiated (``weak_form``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.noise import noise_level
from dynsamp.networks.shooting import Intervals
from dynsamp.networks.weak_form import weak_windows

__all__ = ["Trajectories", "midpoint_rows", "timescale", "weak_rows"]

WINDOW, SHORTEST = 10, 4  # samples of half a window of the weak form, at most and at least
MOST = 5_000  # windows
STEEP = 0.02  # noise, relative to the change over an interval, above which pairs are too noisy to start from


@dataclass(frozen=True)
class Trajectories:
    """Snapshots along trajectories."""

    t: np.ndarray  # (trajectory, time)
    y: np.ndarray  # (trajectory, time, component)
    u: np.ndarray  # (trajectory, time, input)
    length: np.ndarray  # (trajectory,) valid times

    def intervals(self) -> Intervals:
        """All pairs of neighbouring snapshots."""
        inside = np.arange(1, self.t.shape[1]) < self.length[:, None]
        first, second = self.y[:, :-1][inside], self.y[:, 1:][inside]
        t, h = self.t[:, :-1][inside], np.diff(self.t, axis=1)[inside]
        u = np.stack([self.u[:, :-1][inside], self.u[:, 1:][inside]], axis=1)
        return Intervals(t, h, first, second, u, np.nonzero(inside)[0])

    @property
    def noisy(self) -> bool:
        """Whether errors would dominate the differences of neighbouring snapshots."""
        noise = noise_level(self.t, self.y, self.length)
        if noise is None:
            return False
        intervals = self.intervals()
        step = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0))
        return bool(np.any(noise > STEEP * step))

    def linear(self, disturbance: Disturbance) -> Gradients:
        """Equations that need no flow: the weak form where snapshots are noisy and dense, else mid-points of pairs."""
        inside = np.arange(self.y.shape[1]) < self.length[:, None]
        half = 0.5 * np.ptp(self.y[inside], axis=0)
        weak = weak_rows(self, disturbance, np.where(half > 0.0, half, 1.0)) if self.noisy else None
        return midpoint_rows(self.intervals(), disturbance) if weak is None else weak


def midpoint_rows(intervals: Intervals, disturbance: Disturbance) -> Gradients:
    """Linear equations from mid-points: the slope between two snapshots belongs to the point between them."""
    nodes = 0.5 * (intervals.first + intervals.second)
    slope = (intervals.second - intervals.first) / intervals.h[:, None]
    rows = disturbance.rows(slope, intervals.t + 0.5 * intervals.h, intervals.u.mean(axis=1))
    return Gradients(nodes[None], np.ones(1), rows.target, others=rows.others)


def weak_rows(data: Trajectories, disturbance: Disturbance, half_width: np.ndarray) -> Gradients | None:
    """Linear equations from the weak form, or None where no trajectory is long enough."""
    half = min(WINDOW, (int(data.length.max()) - 1) // 2, int(timescale(data)))
    if half < SHORTEST:
        return None
    windows = weak_windows(data.t, data.length, half, MOST)
    if windows is None:
        return None
    which = windows.trajectory[:, None]
    y, t, u = (array[which, windows.index] for array in (data.y, data.t, data.u))
    count, samples, _ = y.shape
    slope = np.einsum("ws,wsc->wc", windows.slopes, y)
    # friction sees the mean gradient; waves and signals are known at every sample
    flat, signals = np.repeat(slope, samples, axis=0), u.reshape(count * samples, -1)
    rows = disturbance.rows(flat, t.ravel(), signals)
    gradient = np.einsum("ws,wsc->wc", windows.weights, rows.target.reshape(y.shape))
    others = np.einsum("ws,kwsc->kwc", windows.weights, rows.others.reshape(-1, *y.shape))
    nodes = np.ascontiguousarray(np.moveaxis(y, 1, 0))
    weights = windows.weights.mean(axis=0)
    if np.allclose(windows.weights, weights, rtol=1e-6, atol=1e-9):
        return Gradients(nodes, weights, gradient, others=others)
    maps = windows.weights.T[:, :, None, None] * np.diag(half_width)
    return Gradients(nodes, np.full(samples, 1.0 / samples), gradient * half_width, maps, others * half_width, gradient)


def timescale(data: Trajectories) -> float:
    """How many samples it takes until the fastest component has changed by its standard deviation."""
    intervals = data.intervals()
    change = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0))
    size = np.concatenate([intervals.first, intervals.second]).std(axis=0)
    return float(np.min(size / np.maximum(change, 1e-300)))
