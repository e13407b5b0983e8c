"""Snapshots along trajectories, their segments, and what they say of a field without a flow: where a fit starts from.

A segment is a stretch of a few snapshots in a row; the shortest are pairs. Slopes at mid-points of pairs make equations
that are linear, exactly so for data of the implicit mid-point rule. Noisy snapshots have the weak form, in which no
sample is differentiated: with a bump phi that vanishes at the ends of a window, - int phi' y dt = int phi y' dt. The
bump is (1 - s^2)^6, smooth enough for the trapezoidal rule to converge fast.
Messenger and Bortz (2021), Weak SINDy, Multiscale Modeling and Simulation 19, 1474.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.search.energy import EnergyFit
from dynsamp.networks.segments.learned_field import Disturbance
from dynsamp.streams import generator

POWER = 6  # of the bump of the weak form
NORMAL = 0.6744897501960817  # median of |x| of a standard normal x


@dataclass(frozen=True)
class Slopes:
    """Points at which the slope of a solution is known."""

    t: np.ndarray  # (point,)
    y: np.ndarray  # (point, component)
    slope: np.ndarray  # (point, component)
    u: np.ndarray  # (point, input)
    h: np.ndarray  # (point,) about the distance to the next one in time
    block: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # (point,) see Gradients


@dataclass(frozen=True)
class Segments:
    """Stretches of trajectories, all of the same number of samples."""

    t: np.ndarray  # (segment, sample)
    y: np.ndarray  # (segment, sample, component)
    u: np.ndarray  # (segment, sample, input); linear between samples
    block: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # (segment,) see Gradients

    @property
    def count(self) -> int:
        """Number of segments."""
        return len(self.t)

    @property
    def h(self) -> np.ndarray:
        """Duration (segment,)."""
        return np.asarray(self.t[:, -1] - self.t[:, 0])

    @property
    def first(self) -> np.ndarray:
        """First states (segment, component)."""
        return np.ascontiguousarray(self.y[:, 0])

    @property
    def last(self) -> np.ndarray:
        """Last states (segment, component)."""
        return np.ascontiguousarray(self.y[:, -1])

    @property
    def middle(self) -> int:
        """Index of the middle sample."""
        return int(self.t.shape[1] // 2)

    def signals(self, sample: int, other: int) -> Callable[[np.ndarray], np.ndarray]:
        """Signals (segment, input) at times (segment,) between two samples."""
        start, length = self.t[:, sample], self.t[:, other] - self.t[:, sample]

        def between(times: np.ndarray) -> np.ndarray:
            s = ((times - start) / length)[..., None]
            return np.asarray((1.0 - s) * self.u[:, sample] + s * self.u[:, other])

        return between

    def take(self, rows: np.ndarray) -> Segments:
        """Only these."""
        return Segments(self.t[rows], self.y[rows], self.u[rows], self.block[rows] if len(self.block) else self.block)

    def evenly(self, most: int) -> Segments:
        """So many at most, evenly spread over all."""
        return self.take(np.linspace(0, self.count - 1, min(self.count, most)).astype(int))


@dataclass(frozen=True)
class Trajectories:
    """Snapshots along trajectories."""

    t: np.ndarray  # (trajectory, time)
    y: np.ndarray  # (trajectory, time, component)
    u: np.ndarray  # (trajectory, time, input)
    length: np.ndarray  # (trajectory,) valid times
    blocks: np.ndarray | None = None  # (trajectory, time) see Samples; without them each trajectory is one
    smoothed: bool = False  # states are splines through measured positions: errors are smooth, too

    def _places(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Trajectory and first sample of all segments."""
        stride = samples - 1
        counts = np.where(self.length >= samples, -(-(self.length - samples) // stride) + 1, 0)
        which = np.repeat(np.arange(len(counts)), counts)
        rank = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, np.minimum(stride * rank, self.length[which] - samples)

    def segments(self, samples: int) -> Segments:
        """Of so many samples; neighbours share their last and first one, the last one overlaps where it must."""
        which, first = self._places(samples)
        block = which if self.blocks is None else self.blocks[which, first + samples // 2]
        index, which = first[:, None] + np.arange(samples), which[:, None]
        return Segments(self.t[which, index], self.y[which, index], self.u[which, index], block)

    @cached_property
    def slopes(self) -> tuple[Slopes, float]:
        """Slopes at the mid-points of pairs, of polynomials through the samples around them, and their relative error.

        The error is that of polynomials through two samples less; of pairs alone it is not known, and zero.
        """
        pairs, (which, first) = self.pairs, self._places(2)
        length, values, slopes = self.length[which], np.empty_like(pairs.first), np.empty_like(pairs.first)
        missing = 0.0
        for size in np.unique(np.minimum(length, tuning.SLOPE_SAMPLES)):
            rows = np.flatnonzero(np.minimum(length, tuning.SLOPE_SAMPLES) == size)
            values[rows], slopes[rows] = self._interpolated(which[rows], first[rows], size)
            rougher = self._interpolated(which[rows], first[rows], max(2, size - 2))[1]
            missing += float(np.sum(((slopes[rows] - rougher) / self.half_width) ** 2))
        middle = 0.5 * (pairs.t[:, 0] + pairs.t[:, 1])
        error = np.sqrt(missing / (np.sum((slopes / self.half_width) ** 2) + 1e-300))
        return Slopes(middle, values, slopes, pairs.u.mean(axis=1), pairs.h, pairs.block), float(error)

    def _interpolated(self, which: np.ndarray, first: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Values and slopes (pair, component) of Lagrange's polynomials through ``size`` samples at mid-points."""
        start = np.clip(first - size // 2 + 1, 0, self.length[which] - size)
        at, index = which[:, None], start[:, None] + np.arange(size)
        t = self.t[at, index] - 0.5 * (self.t[which, first] + self.t[which, first + 1])[:, None]
        gaps = (t[:, :, None] - t[:, None, :]) / np.ptp(t, axis=1)[:, None, None]
        gaps[:, np.arange(size), np.arange(size)] = 1.0
        inverse = -1.0 / t
        weights = inverse / gaps.prod(axis=2)
        weights /= weights.sum(axis=1, keepdims=True)
        slopes = weights * (inverse.sum(axis=1, keepdims=True) - inverse)
        y = self.y[at, index]
        return np.einsum("ps,psc->pc", weights, y), np.einsum("ps,psc->pc", slopes, y)

    @cached_property
    def pairs(self) -> Segments:
        """All pairs of neighbouring snapshots."""
        return self.segments(2)

    @cached_property
    def inside(self) -> np.ndarray:
        """Where there are samples (trajectory, time)."""
        return np.asarray(np.arange(self.t.shape[1]) < self.length[:, None])

    @cached_property
    def half_width(self) -> np.ndarray:
        """Half the range (component,) of the states."""
        half = 0.5 * np.ptp(self.y[self.inside], axis=0)
        return np.asarray(np.where(half > 0.0, half, 1.0))

    @cached_property
    def change(self) -> np.ndarray:
        """Root mean square change (component,) from one snapshot to the next."""
        return np.asarray(np.sqrt(np.mean((self.pairs.last - self.pairs.first) ** 2, axis=0)))

    @cached_property
    def timescale(self) -> float:
        """How many samples it takes until the fastest component has changed by its standard deviation."""
        size = np.concatenate([self.pairs.first, self.pairs.last]).std(axis=0)
        return float(np.min(size / np.maximum(self.change, 1e-300)))

    @cached_property
    def noise(self) -> np.ndarray | None:
        """See ``noise_level``."""
        return noise_level(self.t, self.y, self.length)

    @property
    def most_noise(self) -> np.ndarray | None:
        """Errors of samples (component,) at most, where how rough they are bounds them."""
        return None if self.smoothed else self.noise

    @property
    def noisy(self) -> bool:
        """Whether errors would dominate the differences of neighbouring snapshots."""
        return self.noise is not None and bool(np.any(self.noise > tuning.STEEP_NOISE * self.change))

    def linear(self, disturbance: Disturbance) -> Gradients:
        """Equations that need no flow: the weak form where snapshots are noisy and dense, else slopes between pairs."""
        weak = weak_rows(self, disturbance) if self.noisy else None
        return slope_rows(self.slopes[0], disturbance) if weak is None else weak


def noise_level(t: np.ndarray, y: np.ndarray, length: np.ndarray) -> np.ndarray | None:
    """Standard deviation of independent errors (component,), at most; None where no trajectory has four samples.

    A divided difference of order m of a smooth signal is small where samples are dense; that of independent errors is
    not. Scaled so that independent errors of variance s^2 give s^2, the orders that a signal passes least bound s from
    above.

    Parameters
    ----------
    t : ndarray (trajectory, time)
        May be uneven.
    y : ndarray (trajectory, time, component)
    length : ndarray (trajectory,)
        Valid times.
    """
    found = []
    for order in tuning.NOISE_ORDERS:
        values = _contrasts(t, y, length, order)
        if values is not None:
            found.append(np.median(np.abs(values), axis=0) / NORMAL)
    return np.min(found, axis=0) if found else None


def _contrasts(t: np.ndarray, y: np.ndarray, length: np.ndarray, order: int) -> np.ndarray | None:
    """Divided differences (window, component) of unit gain for white noise."""
    size = order + 1
    if y.shape[1] < size or not np.any(length >= max(size, 4)):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(t, size, axis=1)
    states = np.lib.stride_tricks.sliding_window_view(y, size, axis=1)  # (trajectory, window, component, sample)
    inside = np.arange(windows.shape[1]) + size <= length[:, None]
    rows = np.argwhere(inside)
    rows = rows[:: -(-len(rows) // tuning.NOISE_WINDOWS) or 1]
    times, values = windows[rows[:, 0], rows[:, 1]], states[rows[:, 0], rows[:, 1]]
    gaps = (times[:, :, None] - times[:, None, :]) / np.ptp(times, axis=1)[:, None, None]
    gaps[:, np.arange(size), np.arange(size)] = 1.0
    weights = 1.0 / gaps.prod(axis=2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(np.einsum("ws,wcs->wc", weights, values))


def slope_rows(known: Slopes, disturbance: Disturbance, gradient: np.ndarray | None = None) -> Gradients:
    """Linear equations where slopes are known; friction sees ``gradient``, see Disturbance.rows."""
    rows = disturbance.rows(known.slope, known.t, known.u, gradient)
    return Gradients(known.y[None], np.ones(1), rows.target, others=rows.others, block=known.block)


@dataclass(frozen=True)
class Windows:
    """Windows of trajectories, with weights of their samples."""

    index: np.ndarray  # (window, sample), into the samples of its trajectory
    trajectory: np.ndarray  # (window,)
    weights: np.ndarray  # (window, sample), of a mean over the window, the trapezoidal rule of phi; they add up to one
    slopes: np.ndarray  # (window, sample), of the mean slope: sum of slopes times y, - int phi' y / int phi


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


def weak_rows(data: Trajectories, disturbance: Disturbance) -> Gradients | None:
    """Linear equations from the weak form, or None where no trajectory is long enough."""
    half = min(tuning.HALF_WINDOW, (int(data.length.max()) - 1) // 2, int(data.timescale))
    if half < tuning.LEAST_HALF_WINDOW:
        return None
    windows = weak_windows(data.t, data.length, half, tuning.WEAK_WINDOWS)
    if windows is None:
        return None
    which = windows.trajectory[:, None]
    y, t, u = (array[which, windows.index] for array in (data.y, data.t, data.u))
    block = windows.trajectory if data.blocks is None else data.blocks[which, windows.index][:, half]
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
        return Gradients(nodes, weights, gradient, others=others, block=block)
    half_width = data.half_width
    maps = windows.weights.T[:, :, None, None] * np.diag(half_width)
    even = np.full(samples, 1.0 / samples)
    return Gradients(nodes, even, gradient * half_width, maps, others * half_width, gradient, block)


def find_frequency(
    known: Slopes, disturbance: Disturbance, fit: Callable[[Gradients, float], EnergyFit]
) -> float | None:
    """Angular frequency of a force on the driven components, which a field without one leaves unexplained.

    For every candidate the part of its cosines and sines that the other columns cannot imitate is fitted to the
    residual: Lomb and Scargle's periodogram (Scargle 1982, Astrophysical Journal 263, 835) of a linear model with
    further columns. None where no frequency stands out.
    """
    # at random: every so many samples of evenly sampled trajectories would alias high frequencies
    draw = generator(0, "frequency").permutation(len(known.t))
    some = np.sort(draw[: tuning.FREQUENCY_POINTS])
    known = Slopes(known.t[some], known.y[some], known.slope[some], known.u[some], known.h[some])
    t = known.t
    span = max(float(np.ptp(t)), 1e-300)
    # no trajectory need be long: what counts is the whole time in which they were recorded
    highest = np.pi / float(np.median(known.h))
    step = 2.0 * np.pi / span / tuning.FREQUENCY_OVERSAMPLING
    count = int(min(tuning.FREQUENCIES, highest / step))
    if count < 2:
        return None
    quiet = replace(disturbance, frequency=None)
    data = slope_rows(known, quiet)
    basis = fit(data, tuning.FREQUENCY_GOAL).basis
    block = np.empty((basis.columns + 1, data.target.size))
    basis.fill(data, block)
    columns, residual = block[:-1], block[-1].copy()
    scale = np.linalg.norm(columns, axis=1)
    left, size, _ = np.linalg.svd((columns / np.where(scale > 0, scale, 1.0)[:, None]).T, full_matrices=False)
    frame = left[:, size > 1e-8 * size[0]]
    residual -= frame @ (frame.T @ residual)
    inverse = np.linalg.inv(quiet.canonical - quiet.dissipation)
    half = basis.layer.half_width

    def power(frequencies: np.ndarray) -> np.ndarray:
        """Squared residual that a force of each frequency explains."""
        phase = np.outer(frequencies, t)
        waves = np.stack([np.cos(phase), np.sin(phase)], axis=1)  # (candidate, 2, point)
        total = np.zeros(len(frequencies))
        for component in quiet.driven:
            direction = inverse[:, component] * half
            shape = (direction[:, None] * waves[:, :, None, :]).reshape(len(frequencies), 2, -1)
            inside = shape @ frame
            normal = np.einsum("fax,fbx->fab", shape, shape) - np.einsum("fam,fbm->fab", inside, inside)
            moments = shape @ residual
            normal = normal + 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(2) + 1e-300 * np.eye(2)
            total += np.einsum("fa,fa->f", moments, np.linalg.solve(normal, moments[..., None])[..., 0])
        return total

    grid, block_size = step * np.arange(1, count + 1), tuning.FREQUENCY_BLOCK
    powers = np.concatenate([power(grid[k : k + block_size]) for k in range(0, count, block_size)])
    noise = (float(residual @ residual) - powers.max()) / max(len(residual) - frame.shape[1], 1)
    if powers.max() < tuning.SURE_OF_FORCE * 2.0 * len(quiet.driven) * max(noise, 0.0):
        return None
    best = float(grid[np.argmax(powers)])
    for _ in range(4):  # each time ten times closer
        near = best + step * np.linspace(-1.0, 1.0, 21)
        near = near[near > 0.0]
        best, step = float(near[np.argmax(power(near))]), step / 10.0
    return best
