"""How wrong a fit is where it has not looked: blocks of rows that are held out, and what their residuals say.

Neighbours on one trajectory are almost the same point, so whole trajectories are held out where there are several,
blocks of time where there is one, and random points where points are scattered. A residual there is the error of the
fit plus the error of the row itself. Three sums tell them apart. Neighbours have nearly the same error of the fit, and
independent errors of their own, so the mean product of their residuals is the square of the first. Fits to a part of
the rows differ from the fit to all of them by as much as chance moves them: the jackknife (Efron and Stein 1981, Annals
of Statistics 9, 586); how alike these differences are at neighbours tells how much the products miss. And the mean
square is an upper bound of both. Where the products explain most of it there is no noise to speak of, and it is
reported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from dynsamp.networks import tuning
from dynsamp.streams import generator

_log = logging.getLogger("dynsamp")

QUIET_HALF = 0.455  # median of the square of a standard normal number


def folds(
    trajectory: np.ndarray, seed: int = 0, most: int = tuning.JUDGED_FOLDS, outer: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Fold (row,) of each row: rows of a fold are held out together.

    The rim, where one of the measures ``outer`` is largest, is none of them, -1. Fresh states lie beyond all that were
    seen as often as one state in so many is the outermost. Errors are largest there, and a fold drawn at random rarely
    has it.

    Parameters
    ----------
    trajectory : ndarray (row,)
        Number of the trajectory that a row belongs to; rows of one trajectory stand together, in the order of time.
    seed : int
        Of the order of scattered points.
    most : int
        Folds at most; few trajectories are held out one by one.
    outer : sequence of ndarray (row,)
        Measures of how far out a row lies; without them no row is at the rim.
    """
    _, which, count = np.unique(trajectory, return_inverse=True, return_counts=True)
    fold = _folds(which, count, seed, most)
    if len(count) < tuning.RIM_OF or not outer:
        return fold
    for measure in outer:
        furthest = np.zeros(len(count))
        np.maximum.at(furthest, which, measure)
        most = min(max(1, len(count) // tuning.RIM_PARTS), tuning.RIM_MOST)
        fold = np.where(np.isin(which, np.argsort(-furthest, kind="stable")[:most]), -1, fold)
    inner = fold >= 0
    fold[inner] = np.unique(fold[inner], return_inverse=True)[1]
    return np.asarray(fold)


def _folds(which: np.ndarray, count: np.ndarray, seed: int, most: int) -> np.ndarray:
    if len(count) == 1:
        # several blocks a fold, so that what is held out lies among what is not
        blocks = min(len(which), tuning.BLOCKS_A_FOLD * most)
        return np.asarray((np.arange(len(which)) * blocks // len(which)) % most)
    if count.max() == 1:
        return np.asarray(generator(seed, "folds").permutation(len(which)) % most)
    parts = len(count) if len(count) <= tuning.HELD_OUT_ALONE else most
    return np.asarray((np.arange(len(count)) % parts)[which])


@dataclass(frozen=True)
class Judgement:
    """What held-out rows say of a fit."""

    error: float  # relative error of the fit on fresh states
    interval: tuple[float, float]  # about 90 %
    noise: np.ndarray  # (equation,) standard deviation of the errors of rows; 0 where none is seen
    by_trajectory: dict[int, float]  # relative root mean square residual of each trajectory that was held out
    sure: bool = True  # whether residuals show the error, or noise hides it and it is what chance leaves open

    def with_rim(self, residual: np.ndarray, share: float, size: float) -> Judgement:
        """With what the rim says.

        Parameters
        ----------
        residual : ndarray (row, equation)
            Of rows at the rim, of a fit that has not seen them.
        share : float
            Of the rim in all rows.
        size : float
            Mean square of what rows say without noise, summed over equations.
        """
        noise = float(np.sum(self.noise**2))
        if not residual.size or size <= 0.0:
            return self
        # more than noise has by chance
        least = noise * (1.0 + 2.0 * np.sqrt(2.0 / residual.size))
        square = np.sum(residual**2, axis=1).mean()
        outer = share * (square - noise) / size if square > least else 0.0
        # where the rim is all of it, with another one it is another number
        within = float(np.clip(np.sqrt(outer / max((1.0 - share) * self.error**2, 1e-300)), *tuning.RIM_WITHIN))
        error, low, high = (
            float(np.sqrt((1.0 - share) * value**2 + outer * factor**2))
            for value, factor in zip((self.error, *self.interval), (1.0, 1.0 / within, within), strict=True)
        )
        return replace(self, error=error, interval=(low, high))

    def said(self, noise: Iterable[tuple[str, float]], label: Callable[[int], str]) -> dict[str, Any]:
        """First keys of a report: error, its interval, noise by name, what is worse than the rest (a warning too)."""
        said: dict[str, Any] = {"error": self.error, "error_interval": [float(end) for end in self.interval]}
        if found := {name: float(level) for name, level in noise if level}:
            said["noise"] = found
        if worst := {label(k): value for k, value in self.worst().items()}:
            said["worst"] = worst
            if max(worst.values()) > tuning.HARD:  # of a good fit everywhere it is no alarm
                each = ", ".join(f"{name} {value:.2g}" for name, value in worst.items())
                _log.warning("the model is much worse than elsewhere in %s (relative error)", each)
        return said

    def worst(self) -> dict[int, float]:
        """The trajectories that are worse than the rest by a wide margin, worst first, at most three."""
        if len(self.by_trajectory) < 2:
            return {}
        usual = float(np.median(list(self.by_trajectory.values())))
        ranked = sorted(self.by_trajectory.items(), key=lambda item: -item[1])
        return {k: v for k, v in ranked[:3] if v > tuning.OUTSTANDING * max(usual, tuning.AT_ROUNDING)}


@dataclass(frozen=True)
class Unseen:
    """Rows and the predictions of fits that have not seen them; equations in units in which they count the same."""

    residual: np.ndarray  # (row, equation) target minus the prediction of a fit without the fold of the row
    target: np.ndarray  # (row, equation)
    points: np.ndarray  # (row, component) where they lie, standardised
    trajectory: np.ndarray  # (row,)
    fold: np.ndarray  # (row,)
    shift: np.ndarray | None = None  # (row, equation) prediction of the fit to all rows minus that prediction
    fresh: float = 1.0 / (tuning.JUDGED_FOLDS - 1)  # rows of the fit to all over rows of the others, minus one
    apart: int = 1  # rows of a trajectory nearer than this share errors of samples

    @cached_property
    def _neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and for each the nearest one of the same fold with errors of its own."""
        found = []
        for fold in np.unique(self.fold):
            rows = np.flatnonzero(self.fold == fold)
            rows = rows[:: -(-len(rows) // tuning.JUDGED_ROWS)] if self.apart == 1 else rows
            nearest = min(2 * self.apart + 1, len(rows))
            if nearest < 2:
                continue
            _, at = cKDTree(self.points[rows]).query(self.points[rows], k=nearest)
            others = rows[np.asarray(at)[:, 1:]]
            own = self.trajectory[others] == self.trajectory[rows, None]
            free = ~own | (np.abs(others - rows[:, None]) >= self.apart)
            first = np.argmax(free, axis=1)
            good = free[np.arange(len(rows)), first] & (others[np.arange(len(rows)), first] != rows)
            found.append((rows[good], others[np.arange(len(rows)), first][good]))
        if not found:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate([one for one, _ in found]), np.concatenate([other for _, other in found])

    def judgement(self) -> Judgement:
        """Error of the fit to all rows, its interval, and the noise of the rows."""
        square = np.mean(self.residual**2, axis=0)  # (equation,)
        total, size = float(square.sum()), float(np.mean(self.target**2, axis=0).sum())
        low, squared, high, noise, sure = total, total, total, np.zeros_like(square), True
        # noise is everywhere, and the quiet half of the rows has it too: a few that stand out are wrong, not noisy
        quiet = tuning.UNEVEN_NOISE * np.median(self.residual**2, axis=0) / QUIET_HALF
        if self.shift is not None and total > tuning.AT_ROUNDING**2 * size:
            one, other = self._neighbours
            # how alike an error is at neighbours: that of a part of the rows is known, and as rough as the other
            alike, _ = _products(self.shift, one, other)
            chance = float(np.mean(self.shift**2, axis=0).sum())
            alike = alike / chance if chance > 0.0 else 0.0
            close, chance = alike > tuning.ALIKE, chance / self.fresh
            common, doubt = _products(self.residual, one, other)
            common, doubt = (max(common, 0.0) / alike, doubt / alike) if close else (0.0, total)
            if (common if close else chance) < tuning.NOISE_IN_PRODUCTS * total:
                sure = common > 2.0 * doubt
                squared = min(common if sure else min(max(common, chance), common + 2.0 * doubt), total)
                low, high = min(chance, squared), min(common + 2.0 * doubt, total)
                noise = np.sqrt(np.minimum(square * (1.0 - squared / total), quiet))
                seen = total - float((noise**2).sum())
                if seen > 1.001 * squared:
                    squared, high, sure = seen, max(high, seen), True
        if squared == total and len(np.unique(self.trajectory)) == 1:
            # one record comes back to where it was: a fold that holds its only visit somewhere tells of another fit
            each = np.bincount(self.fold, (self.residual**2).sum(axis=1)) / np.maximum(np.bincount(self.fold), 1)
            usual = float(np.exp(np.mean(np.log(each[each > 0.0])))) if each.any() else 0.0
            low, squared = min(usual, total), float(np.sqrt(min(usual, total) * total))
        size = max(size - float((noise**2).sum()), tuning.LEAST_SIGNAL * size) or 1.0
        spread = self._spread() * tuning.JUDGED_WITHIN
        error = float(np.sqrt(squared / size))
        interval = float(np.sqrt(low / size)) / spread, float(np.sqrt(high / size)) * spread
        return Judgement(error, interval, noise, by_trajectory(self.trajectory, self.residual, size), sure)

    def _spread(self) -> float:
        """Factor by which the root mean square differs between draws of the blocks."""
        names, which = np.unique(self.trajectory, return_inverse=True)
        if len(names) == 1:
            _, which = np.unique(np.cumsum(np.diff(self.fold, prepend=self.fold[0]) != 0), return_inverse=True)
        sums = np.bincount(which, (self.residual**2).sum(axis=1))
        if len(sums) < 2 or not sums.any():
            return 2.0
        rate = float(sums.std(ddof=1) / np.sqrt(len(sums)) / sums.mean())
        # where all of it is that of one block, with or without such a one it is another number
        rest = max(1.0 - float(sums.max() / sums.sum()), tuning.LEAST_SIGNAL)
        return float(np.sqrt((1.0 + 1.65 * rate) / rest))


def by_trajectory(trajectory: np.ndarray, residual: np.ndarray, size: float) -> dict[int, float]:
    """Relative root mean square residual of each trajectory; nothing where points are scattered."""
    names, which = np.unique(trajectory, return_inverse=True)
    if len(names) == len(trajectory):
        return {}
    sums = np.bincount(which, (residual**2).sum(axis=1)) / np.bincount(which)
    return dict(zip(names.tolist(), np.sqrt(sums / (size if size > 0.0 else 1.0)).tolist(), strict=True))


def _products(values: np.ndarray, one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean product of neighbours, summed over equations, and its standard error."""
    if not len(one):
        return 0.0, float(np.mean(values**2))
    each = (values[one] * values[other]).sum(axis=1)
    # a pair may be counted twice, once from either side
    return float(each.mean()), float(each.std() * np.sqrt(2.0 / len(each)))
