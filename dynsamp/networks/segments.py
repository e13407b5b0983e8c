"""Pieces of noisy trajectories as equations for a vector field: least squares with free initial states.

A solution of the field runs through each piece from a state in its middle, both ways. How far it misses the samples,
and how that changes with the field and with the state, are known; the states are eliminated from the equations by
orthogonal projection, so that what is left are equations between gradients, as in ``shooting``. This is maximum
likelihood for independent normal errors of the samples: Bock (1983), Recent advances in parameter identification
techniques for ODE; Golub and Pereyra (1973), SIAM Journal on Numerical Analysis 10, 413, for the elimination.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks.collocation import spans
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.motion import Motion

__all__ = ["Flights", "Segments", "cut", "equations", "fly", "settle"]

SETTLING = 8  # iterations for the states, at most


@dataclass(frozen=True)
class Segments:
    """Pieces of trajectories, all of the same number of samples."""

    t: np.ndarray  # (segment, sample)
    y: np.ndarray  # (segment, sample, component)
    u: np.ndarray  # (segment, sample, input)
    start: np.ndarray  # (segment, component), the state of the solution in the middle sample
    precision: np.ndarray  # (component,), one over the standard deviation of the errors

    @property
    def count(self) -> int:
        """Number of segments."""
        return len(self.t)

    @property
    def middle(self) -> int:
        """Index of the middle sample."""
        return int(self.t.shape[1] // 2)

    def take(self, rows: np.ndarray) -> Segments:
        """Only these."""
        return replace(self, t=self.t[rows], y=self.y[rows], u=self.u[rows], start=self.start[rows])


def cut(
    t: np.ndarray, y: np.ndarray, u: np.ndarray, length: np.ndarray, samples: int, precision: np.ndarray
) -> Segments:
    """Segments of ``samples`` samples; neighbours share their last and first one, the last overlaps where it must."""
    rows = []
    for k, count in enumerate(length):
        if count >= samples:
            firsts = list(range(0, int(count) - samples + 1, samples - 1))
            if firsts[-1] + samples < count:
                firsts.append(int(count) - samples)
            rows += [(k, first) for first in firsts]
    chosen = np.array(rows, dtype=int).reshape(-1, 2)
    index = chosen[:, 1:] + np.arange(samples)
    which = chosen[:, :1]
    states = y[which, index]
    return Segments(t[which, index], states, u[which, index], states[:, samples // 2].copy(), precision)


@dataclass(frozen=True)
class Flights:
    """Solutions through all segments, and what they depend on."""

    misses: np.ndarray  # (segment, sample, component), samples less solution
    along: np.ndarray  # (segment, sample, component, component): of the start
    nodes: np.ndarray  # (node, segment, component)
    times: np.ndarray  # (node, segment)
    signals: np.ndarray  # (node, segment, input)
    maps: np.ndarray  # (node, segment, sample, component, component): of changes of the field
    good: np.ndarray  # (segment,)


def fly(motion: Motion, segments: Segments, stages: int, *, maps: bool = True) -> Flights:
    """Solutions from the starts through all samples."""
    count, samples, size = segments.y.shape
    middle = segments.middle
    states = np.empty_like(segments.y)
    along = np.empty((count, samples, size, size))
    states[:, middle], along[:, middle] = segments.start, np.eye(size)
    good = np.isfinite(segments.start).all(axis=1)
    total = stages * (samples - 1)
    nodes, times = np.empty((total, count, size)), np.empty((total, count))
    signals = np.empty((total, count, segments.u.shape[2]))
    effect = np.zeros((total, count, samples, size, size)) if maps else np.empty(0)
    done = 0
    for way, stop in ((1, samples - 1), (-1, 0)):
        mine: list[slice] = []
        for k in range(middle, stop, way):
            here, h = segments.t[:, k], segments.t[:, k + way] - segments.t[:, k]
            from_, to = segments.u[:, k], segments.u[:, k + way]

            def between(t: np.ndarray, which: np.ndarray, here=here, h=h, from_=from_, to=to):  # type: ignore[no-untyped-def]
                s = ((t - here[which]) / h[which])[:, None]
                return (1.0 - s) * from_[which] + s * to[which]

            def field(t: np.ndarray, y: np.ndarray, which: np.ndarray, between=between) -> np.ndarray:  # type: ignore[no-untyped-def]
                return motion.field(t, y, between(t, which))

            step = spans(field, motion.jacobian, here, states[:, k], h, stages)
            rows = slice(done, done + stages)
            done += stages
            good &= step.good
            states[:, k + way] = step.end
            along[:, k + way] = step.along @ along[:, k]
            nodes[rows], times[rows] = step.nodes, step.t
            which = np.tile(np.arange(count), stages)
            signals[rows] = between(step.t.ravel(), which).reshape(stages, count, -1)
            if maps:
                for before in mine:
                    effect[before, :, k + way] = np.matmul(step.along, effect[before, :, k])
                effect[rows, :, k + way] = step.maps
                mine.append(rows)
    return Flights(
        segments.y - states, along, nodes, times, signals, effect, good & np.isfinite(states).all(axis=(1, 2))
    )


def settle(motion: Motion, segments: Segments, stages: int) -> tuple[Segments, np.ndarray]:
    """Starts that fit the samples best under the field, and the sum of squares (segment,), inf where none was found."""
    best = np.full(segments.count, np.inf)
    start, trial = segments.start.copy(), segments.start.copy()
    damping = np.ones(segments.count)
    open_ = np.arange(segments.count)
    for _ in range(SETTLING):
        flights = fly(motion, replace(segments.take(open_), start=trial[open_]), stages, maps=False)
        misses = np.where(flights.good[:, None, None], flights.misses, np.inf) * segments.precision
        with np.errstate(all="ignore"):
            cost = np.nan_to_num(np.sum(misses**2, axis=(1, 2)), nan=np.inf)
            gain = np.where(np.isfinite(best[open_]), best[open_] - cost, np.inf)
        better = cost < best[open_]
        start[open_[better]] = trial[open_[better]]
        best[open_[better]] = cost[better]
        damping[open_[~better]] *= 0.25
        change = _projected(flights, misses, segments.precision)
        change = np.where(flights.good[:, None], change, 0.5 * (start[open_] - trial[open_]))
        onward = better & (gain > 1e-2 * cost)
        trial[open_[onward]] = start[open_[onward]] + change[onward]
        retry = ~better & (damping[open_] > 0.01) & np.isfinite(best[open_])
        trial[open_[retry]] = start[open_[retry]] + 0.25 * (trial[open_[retry]] - start[open_[retry]])
        open_ = open_[onward | retry]
        if not len(open_):
            break
    return replace(segments, start=start), best


def _projected(flights: Flights, misses: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Change of the start (segment, component) that fits best to first order."""
    count, samples, size = misses.shape
    slopes = (flights.along * precision[:, None]).reshape(count, samples * size, size)
    with np.errstate(all="ignore"):
        normal = np.einsum("sea,seb->sab", slopes, slopes)
        ridge = 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(size) + 1e-300 * np.eye(size)
        moments = np.einsum("sea,se->sa", slopes, misses.reshape(count, -1))
        usable = np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(moments).all(axis=1)
        result = np.zeros((count, size))
        result[usable] = np.linalg.solve((normal + ridge)[usable], moments[usable][..., None])[..., 0]
    return result


def equations(motion: Motion, segments: Segments, flights: Flights) -> Gradients:
    """Equations between gradients, without the starts; of good segments only."""
    good = np.flatnonzero(flights.good)
    weight = segments.precision
    count, size = len(good), segments.y.shape[2]
    misses = (flights.misses[good] * weight).reshape(count, -1)
    along = (flights.along[good] * weight[:, None]).reshape(count, -1, size)
    frame = np.linalg.qr(along, mode="complete")[0][:, :, size:]  # orthogonal to every change of the start
    maps = flights.maps[:, good] * weight[:, None]
    maps = np.einsum("sge,jsgc->jsec", frame, maps.reshape(len(maps), count, -1, size), optimize=True)
    nodes, times = flights.nodes[:, good], flights.times[:, good]
    flat = nodes.reshape(-1, size)
    signals = flights.signals[:, good].reshape(len(flat), -1)
    columns, present = motion.columns(times.ravel(), flat, signals)

    def ends(field: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("jsec,jsc->se", maps, field.reshape(nodes.shape), optimize=True))

    target = np.einsum("sge,sg->se", frame, misses) + ends(present)
    others = np.array([ends(column) for column in columns]).reshape(-1, *target.shape)
    estimate = motion.gradient(flat).reshape(nodes.shape).mean(axis=0)
    data_maps = np.matmul(maps, motion.matrix)
    return Gradients(nodes, np.full(len(nodes), 1.0 / len(nodes)), target, data_maps, others, estimate)
