"""Snapshots as equations for a vector field: two solutions from the ends of an interval meet in its middle.

With the field at hand the gap between them, and how it changes with the field, are known; linear least squares for the
field that closes all gaps is one step of Gauss and Newton's method. For a field (J - R) grad E the equations are
between gradients of E at the nodes of the solutions, so they are solved as any other gradient fit. Half an interval
from each end bends half as much as a whole one from one end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynsamp.networks.collocation import Spans, gauss, spans
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.motion import Motion

__all__ = ["Intervals", "Shot", "enough_stages", "shoot"]

STAGES = (2, 3, 4, 6, 8, 10)
TESTED = 100  # intervals, on which the number of nodes is chosen


@dataclass(frozen=True)
class Intervals:
    """Pairs of snapshots."""

    t: np.ndarray  # (interval,) of the first
    h: np.ndarray  # (interval,)
    first: np.ndarray  # (interval, component)
    second: np.ndarray  # (interval, component)
    u: np.ndarray  # (interval, 2, input) at both ends; linear between them
    trajectory: np.ndarray  # (interval,) which one each belongs to

    @property
    def count(self) -> int:
        """Number of intervals."""
        return len(self.h)

    def take(self, rows: np.ndarray) -> Intervals:
        """Only these."""
        return Intervals(
            self.t[rows], self.h[rows], self.first[rows], self.second[rows], self.u[rows], self.trajectory[rows]
        )

    def signals(self, t: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Inputs (point, input) at times t (point,) in the intervals ``which``."""
        s = ((t - self.t[which]) / self.h[which])[:, None]
        return np.asarray((1.0 - s) * self.u[which, 0] + s * self.u[which, 1])

    def guess(self, motion: Motion, s: np.ndarray) -> np.ndarray:
        """Hermite interpolants (node, interval, component) at fractions ``s`` of the intervals."""
        one = motion.field(self.t, self.first, self.u[:, 0]) * self.h[:, None]
        two = motion.field(self.t + self.h, self.second, self.u[:, 1]) * self.h[:, None]
        x = s[:, None, None]
        step = self.second - self.first
        bent = (1 - x) * (one - step) - x * (two - step)
        straight = (1 - x) * self.first + x * self.second
        curved = straight + x * (1 - x) * bent
        # a field that is far off yet must not send the guess away from the data
        return np.asarray(np.where(np.abs(bent) <= 4.0 * np.abs(step) + 1e-300, curved, straight))


@dataclass(frozen=True)
class Shot:
    """Gaps of all intervals, and the equations for a better field."""

    data: Gradients
    gap: np.ndarray  # (interval, component), what the solution from the second end is ahead
    good: np.ndarray  # (interval,) whether both solutions exist


def shoot(motion: Motion, intervals: Intervals, stages: int, half_width: np.ndarray) -> Shot:
    """Equations between gradients at the nodes, those of component k times half_width[k]: energies, all of them.

    Rows of intervals without solutions are left out.
    """
    there, back = _halves(motion, intervals, stages)
    gap = back.end - there.end
    good = there.good & back.good & np.isfinite(gap).all(axis=1)
    nodes = np.concatenate([there.nodes, back.nodes])[:, good]
    times = np.concatenate([there.t, back.t])[:, good]
    maps = np.concatenate([there.maps, -back.maps])[:, good]
    rows = np.flatnonzero(good)
    h = intervals.h[good]
    count, size = len(rows), gap.shape[1]
    # in the frame of gradients: multiply by the inverse of the matrix before them
    inverse = np.linalg.inv(motion.matrix)
    frame = half_width[:, None] * inverse / h[:, None, None]  # (row, equation, component)
    maps = np.einsum("rea,jrac->jrec", frame, maps)
    flat, which = nodes.reshape(-1, size), np.tile(rows, len(nodes))
    signals = intervals.signals(times.ravel(), which)
    columns, present = motion.columns(times.ravel(), flat, signals)

    def ends(field: np.ndarray) -> np.ndarray:
        """What vector fields at the nodes do to the equations (row, equation)."""
        return np.asarray(np.einsum("jrea,jra->re", maps, field.reshape(nodes.shape)))

    target = np.einsum("rea,ra->re", frame, gap[good]) + ends(present)
    others = np.array([ends(column) for column in columns]).reshape(len(columns), count, size)
    estimate = motion.gradient(flat).reshape(nodes.shape).mean(axis=0)
    data = Gradients(
        nodes, np.full(len(nodes), 1.0 / len(nodes)), target, np.matmul(maps, motion.matrix), others, estimate
    )
    return Shot(data, gap, good)


def _halves(motion: Motion, intervals: Intervals, stages: int) -> tuple[Spans, Spans]:
    """Solutions from both ends to the middle."""
    c, _, _ = gauss(stages)

    def field(t: np.ndarray, y: np.ndarray, which: np.ndarray) -> np.ndarray:
        return motion.field(t, y, intervals.signals(t, which))

    half = 0.5 * intervals.h
    there = spans(field, motion.jacobian, intervals.t, intervals.first, half, stages, intervals.guess(motion, 0.5 * c))
    back = spans(
        field, motion.jacobian, intervals.t + intervals.h, intervals.second, -half, stages,
        intervals.guess(motion, 1.0 - 0.5 * c),
    )  # fmt: skip
    return there, back


def enough_stages(motion: Motion, intervals: Intervals, goal: float) -> int:
    """Fewest nodes whose gaps are within ``goal`` (relative to the change over an interval) of those of more nodes.

    Where more nodes no longer change the gaps less, rounding errors do, and fewer are enough.
    """
    some = intervals.take(np.linspace(0, intervals.count - 1, min(intervals.count, TESTED)).astype(int))
    size = float(np.linalg.norm(some.second - some.first)) + 1e-300
    before, least = None, np.inf
    best = STAGES[0]
    for previous, stages in zip((0, *STAGES), STAGES, strict=False):
        there, back = _halves(motion, some, stages)
        gap = np.where((there.good & back.good)[:, None], back.end - there.end, np.nan)
        if before is not None and np.isfinite(gap - before).any():
            error = float(np.sqrt(np.nansum((gap - before) ** 2))) / size
            if error <= goal:
                return previous
            if error > 0.3 * least:
                return best
            if error < least:
                least, best = error, stages
        before = gap
    return best
