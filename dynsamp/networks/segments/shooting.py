"""Segments as equations for a vector field: solutions through them, how far they miss, and how that changes.

Pairs of clean snapshots: two solutions from the ends meet in the middle. With the field at hand the gap between them,
and how it changes with the field, are known; linear least squares for the field that closes all gaps is one step of
Gauss and Newton's method. For a field (J - R) grad E the equations are between gradients of E at the nodes of the
solutions, so they are solved as any other gradient fit. Half an interval from each end bends half as much as a whole
one from one end.

Longer segments of noisy trajectories: a solution runs from a free state in the middle, both ways. How far it misses the
samples, and how that changes with the field and with the state, are known; the states are eliminated from the equations
by orthogonal projection. This is maximum likelihood for independent normal errors of the samples: Bock (1983), Recent
advances in parameter identification techniques for ODE; Golub and Pereyra (1973), SIAM Journal on Numerical Analysis
10, 413, for the elimination.
"""

from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.segments.collocation import Spans, gauss, spans
from dynsamp.networks.segments.learned_field import LearnedField
from dynsamp.networks.segments.snapshots import Segments


@dataclass(frozen=True)
class Shot:
    """Gaps of all pairs, and the equations for a better field."""

    data: Gradients
    gap: np.ndarray  # (pair, component), what the solution from the second end is ahead
    good: np.ndarray  # (pair,) whether both solutions exist
    left: np.ndarray  # (row, equation) what the field misses of the equations


def shoot(law: LearnedField, pairs: Segments, stages: int, half_width: np.ndarray) -> Shot:
    """Equations between gradients at the nodes, those of component k times half_width[k]: energies, all of them.

    Rows of pairs without solutions are left out.
    """
    there, back = _halves(law, pairs, stages)
    gap = back.end - there.end
    good = there.good & back.good & np.isfinite(gap).all(axis=1)
    nodes, times, signals, maps = (
        np.concatenate(both)[:, good]
        for both in ((there.nodes, back.nodes), (there.t, back.t), (there.u, back.u), (there.maps, -back.maps))
    )
    # in the frame of gradients: multiply by the inverse of the matrix before them
    inverse = np.linalg.inv(law.matrix)
    frame = half_width[:, None] * inverse / pairs.h[good][:, None, None]  # (row, equation, component)
    maps = np.einsum("rea,jrac->jrec", frame, maps)
    flat = nodes.reshape(-1, gap.shape[1])
    columns, present = law.columns(times.ravel(), flat, signals.reshape(len(flat), signals.shape[-1]))

    def ends(field: np.ndarray) -> np.ndarray:
        """What vector fields at the nodes do to the equations (row, equation)."""
        return np.asarray(np.einsum("jrea,jra->re", maps, field.reshape(nodes.shape)))

    left = np.einsum("rea,ra->re", frame, gap[good])
    rows = _rows(law, nodes, maps, left + ends(present), [ends(column) for column in columns])
    return Shot(replace(rows, block=pairs.block[good] if len(pairs.block) else pairs.block), gap, good, left)


def _rows(
    law: LearnedField, nodes: np.ndarray, maps: np.ndarray, target: np.ndarray, others: list[np.ndarray]
) -> Gradients:
    """Equations between gradients at nodes (node, row, component), from maps of vector fields there."""
    estimate = law.energy.gradient(nodes.reshape(-1, nodes.shape[2])).reshape(nodes.shape).mean(axis=0)
    columns = np.array(others).reshape(len(others), *target.shape)
    weights = np.full(len(nodes), 1.0 / len(nodes))
    return Gradients(nodes, weights, target, np.matmul(maps, law.matrix), columns, estimate)


def _halves(law: LearnedField, pairs: Segments, stages: int) -> tuple[Spans, Spans]:
    """Solutions from both ends to the middle."""
    c, _, _ = gauss(stages)
    t, h = pairs.t, pairs.h
    half, signals = 0.5 * h, pairs.signals(0, 1)
    there = spans(law, t[:, 0], pairs.first, half, stages, signals, _hermite(law, pairs, 0.5 * c))
    back = spans(law, t[:, 0] + h, pairs.last, -half, stages, signals, _hermite(law, pairs, 1.0 - 0.5 * c))
    return there, back


def _hermite(law: LearnedField, pairs: Segments, s: np.ndarray) -> np.ndarray:
    """Hermite interpolants (node, pair, component) at fractions ``s`` of the pairs."""
    first, last, h = pairs.first, pairs.last, pairs.h
    one = law.field(pairs.t[:, 0], first, pairs.u[:, 0]) * h[:, None]
    two = law.field(pairs.t[:, 0] + h, last, pairs.u[:, 1]) * h[:, None]
    x = s[:, None, None]
    step = last - first
    bent = (1 - x) * (one - step) - x * (two - step)
    straight = (1 - x) * first + x * last
    curved = straight + x * (1 - x) * bent
    # a field that is far off yet must not send the guess away from the data
    return np.asarray(np.where(np.abs(bent) <= 4.0 * np.abs(step) + 1e-300, curved, straight))


def enough_stages(law: LearnedField, pairs: Segments, goal: float) -> int:
    """Fewest nodes whose gaps are within ``goal`` (relative to the change over a pair) of those of more nodes.

    Where more nodes no longer change the gaps less, rounding errors do, and fewer are enough.
    """
    some, ladder = pairs.evenly(tuning.PAIRS_TESTED), tuning.STAGES
    size = float(np.linalg.norm(some.last - some.first)) + 1e-300
    before, least = None, np.inf
    best = ladder[0]
    for previous, stages in zip((0, *ladder), ladder, strict=False):
        there, back = _halves(law, some, stages)
        gap = np.where((there.good & back.good)[:, None], back.end - there.end, np.nan)
        if before is not None and np.isfinite(gap - before).any():
            error = float(np.sqrt(np.nansum((gap - before) ** 2))) / size
            if error <= goal:
                return previous
            if error > tuning.STAGES_GAIN * least:
                return best
            if error < least:
                least, best = error, stages
        before = gap
    return best


@dataclass(frozen=True)
class Flights:
    """Solutions through all segments from states in their middle, and what they depend on."""

    misses: np.ndarray  # (segment, sample, component), samples less solution
    along: np.ndarray  # (segment, sample, component, component): of the start
    nodes: np.ndarray  # (node, segment, component)
    times: np.ndarray  # (node, segment)
    signals: np.ndarray  # (node, segment, input)
    maps: np.ndarray  # (node, segment, sample, component, component): of changes of the field
    good: np.ndarray  # (segment,)
    block: np.ndarray  # (segment,) see Gradients


def fly(law: LearnedField, segments: Segments, starts: np.ndarray, stages: int, *, maps: bool = True) -> Flights:
    """Solutions from starts (segment, component) in the middle through all samples."""
    count, samples, size = segments.y.shape
    middle = segments.middle
    states = np.empty_like(segments.y)
    along = np.empty((count, samples, size, size))
    states[:, middle], along[:, middle] = starts, np.eye(size)
    good = np.isfinite(starts).all(axis=1)
    total = stages * (samples - 1)
    nodes, times = np.empty((total, count, size)), np.empty((total, count))
    signals = np.empty((total, count, segments.u.shape[2]))
    effect = np.zeros((total, count, samples, size, size)) if maps else np.empty(0)
    done = 0
    for way, stop in ((1, samples - 1), (-1, 0)):
        mine: list[slice] = []
        for k in range(middle, stop, way):
            here, h = segments.t[:, k], segments.t[:, k + way] - segments.t[:, k]
            step = spans(law, here, states[:, k], h, stages, segments.signals(k, k + way))
            rows = slice(done, done + stages)
            done += stages
            good &= step.good
            states[:, k + way] = step.end
            along[:, k + way] = step.along @ along[:, k]
            nodes[rows], times[rows], signals[rows] = step.nodes, step.t, step.u
            if maps:
                for before in mine:
                    effect[before, :, k + way] = np.matmul(step.along, effect[before, :, k])
                effect[rows, :, k + way] = step.maps
                mine.append(rows)
    good &= np.isfinite(states).all(axis=(1, 2))
    return Flights(segments.y - states, along, nodes, times, signals, effect, good, segments.block)


def settle(law: LearnedField, segments: Segments, precision: np.ndarray, stages: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts (segment, component) that fit the samples best, and their sums of squares (segment,), inf without any.

    ``precision`` (component,) is one over the standard deviation of the errors.
    """
    best = np.full(segments.count, np.inf)
    start, trial = segments.y[:, segments.middle].copy(), segments.y[:, segments.middle].copy()
    damping = np.ones(segments.count)
    open_ = np.arange(segments.count)
    for _ in range(tuning.SETTLING_ITERATIONS):
        flights = fly(law, segments.take(open_), trial[open_], stages, maps=False)
        misses = np.where(flights.good[:, None, None], flights.misses, np.inf) * precision
        with np.errstate(all="ignore"):
            cost = np.nan_to_num(np.sum(misses**2, axis=(1, 2)), nan=np.inf)
            gain = np.where(np.isfinite(best[open_]), best[open_] - cost, np.inf)
        better = cost < best[open_]
        start[open_[better]] = trial[open_[better]]
        best[open_[better]] = cost[better]
        damping[open_[~better]] *= tuning.SETTLING_RETREAT
        change = _projected(flights, misses, precision)
        change = np.where(flights.good[:, None], change, 0.5 * (start[open_] - trial[open_]))
        onward = better & (gain > tuning.SETTLING_GAIN * cost)
        trial[open_[onward]] = start[open_[onward]] + change[onward]
        retry = ~better & (damping[open_] > tuning.SETTLING_LEAST) & np.isfinite(best[open_])
        again = open_[retry]
        trial[again] = start[again] + tuning.SETTLING_RETREAT * (trial[again] - start[again])
        open_ = open_[onward | retry]
        if not len(open_):
            break
    return start, best


def _projected(flights: Flights, misses: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Change of the start (segment, component) that fits best to first order."""
    count, samples, size = misses.shape
    slopes = (flights.along * precision[:, None]).reshape(count, samples * size, size)
    with np.errstate(all="ignore"):
        normal = np.einsum("sea,seb->sab", slopes, slopes)
        ridge = 1e-12 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(size) + 1e-300 * np.eye(size)
        moments = np.einsum("sea,se->sa", slopes, misses.reshape(count, samples * size))
        usable = np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(moments).all(axis=1)
        result = np.zeros((count, size))
        result[usable] = np.linalg.solve((normal + ridge)[usable], moments[usable][..., None])[..., 0]
    return result


def equations(law: LearnedField, precision: np.ndarray, flights: Flights) -> Gradients:
    """Equations between gradients, without the starts; of good segments only. ``precision`` (segment, component)."""
    good = np.flatnonzero(flights.good)
    count, size = len(good), flights.nodes.shape[2]
    values = flights.misses.shape[1] * size  # of a segment
    precision = precision[good, None]
    misses = (flights.misses[good] * precision).reshape(count, values)
    along = (flights.along[good] * precision[..., None]).reshape(count, values, size)
    frame = np.linalg.qr(along, mode="complete")[0][:, :, size:]  # orthogonal to every change of the start
    maps = flights.maps[:, good] * precision[..., None]
    maps = np.einsum("sge,jsgc->jsec", frame, maps.reshape(len(maps), count, values, size), optimize=True)
    nodes = flights.nodes[:, good]
    flat = nodes.reshape(-1, size)
    signals = flights.signals[:, good].reshape(len(flat), flights.signals.shape[-1])
    columns, present = law.columns(flights.times[:, good].ravel(), flat, signals)

    def ends(field: np.ndarray) -> np.ndarray:
        return np.asarray(np.einsum("jsec,jsc->se", maps, field.reshape(nodes.shape), optimize=True))

    target = np.einsum("sge,sg->se", frame, misses) + ends(present)
    block = flights.block[good] if len(flights.block) else flights.block
    return replace(_rows(law, nodes, maps, target, [ends(column) for column in columns]), block=block)
