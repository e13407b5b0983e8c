"""How wrong a learned field is where it has not looked: gaps of all pairs, and fits without a part of trajectories.

A fit without some rows differs from the fit to all of them by - R^-1 (1 - Q_k' Q_k)^-1 Q_k' r_k, where A = QR and the
rows left out are Q_k, with residuals r_k: no fit is repeated. Cook and Weisberg (1982), Residuals and Influence in
Regression, section 2.2, for the rows; their states are those of the gaps of pairs.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.network import Energy
from dynsamp.networks.search.energy import EnergyFit
from dynsamp.networks.search.unseen import Judgement, Unseen
from dynsamp.networks.segments.learned_field import LearnedField, Potential
from dynsamp.networks.segments.shooting import shoot
from dynsamp.networks.segments.snapshots import Segments
from dynsamp.words import listed

_log = logging.getLogger("dynsamp")


@dataclass(frozen=True)
class Verdict:
    """What all pairs say of a field."""

    judgement: Judgement
    pairs: int  # looked at
    lost: Mapping[int, int]  # pairs without a solution, by trajectory
    noise: np.ndarray  # (component,) standard deviation of the errors of samples; 0 where none is seen

    def said(self, names: Sequence[str], ids: np.ndarray) -> dict[str, Any]:
        """Keys of the report, with names of components and of trajectories; what is bad is a warning too."""
        found = self.judgement
        stretches = max(found.by_trajectory, default=0) + 1

        def label(k: int) -> str:
            return f"trajectory {ids[k]}" if len(ids) > 1 else f"stretch {k + 1} of {stretches}"

        said = found.said(zip(names, self.noise, strict=True), label)
        if self.lost:
            where = listed([label(k) for k in self.lost][: tuning.NAMED]) + (
                " ..." if len(self.lost) > tuning.NAMED else ""
            )
            said["left_out"] = (
                f"{sum(self.lost.values())} of {self.pairs} intervals, which no solution follows: {where}"
            )
            _log.warning("left out: %s", said["left_out"])
        return said


class Refits:
    """Fits of the same neurons to the same equations, with other penalties and without some of the rows."""

    def __init__(self, found: EnergyFit, rows: Gradients, fold: np.ndarray) -> None:
        self.basis, self.fold, self.parts = found.basis, fold, int(fold.max(initial=0)) + 1
        self.ridge = float(found.solution.regularisation[0])
        # orthogonal to others, what columns of clean data have of their own would be rounding errors
        self.free = free = found.basis.free if self.ridge > 0.0 else 0
        block = np.empty((self.basis.columns + 1, rows.target.size))
        self.basis.fill(rows, block)
        matrix, self.target = block[:-1].T, block[-1]
        self.equations = np.tile(fold, rows.target.shape[1])
        self.norms = np.linalg.norm(matrix, axis=0)
        self.norms[self.norms == 0.0] = 1.0
        matrix = matrix / self.norms
        known, self.triangle = np.linalg.qr(matrix[:, :free])
        self.shares = known.T @ matrix[:, free:]
        inner = matrix[:, free:] - known @ self.shares
        if self.ridge > 0.0:  # a penalty needs no digits that products lose
            values, self.right = np.linalg.eigh(inner.T @ inner)
            self.sizes = np.sqrt(np.maximum(values, tuning.TIKHONOV))
            inner = inner @ (self.right / self.sizes)
        else:
            inner, self.sizes, right = np.linalg.svd(inner, full_matrices=False)
            self.right = right.T
        self.frame = np.hstack([known, inner])
        self.moments = self.frame.T @ self.target

    def weights(self, ridge: float) -> np.ndarray:
        """What is left of each moment (column,)."""
        least = tuning.TIKHONOV**2 * self.basis.columns
        return np.concatenate([np.ones(self.free), self.sizes**2 / (self.sizes**2 + ridge + least)])

    def coefficients(self, moments: np.ndarray, ridge: float) -> np.ndarray:
        """Coefficients (column,) of such moments (column,)."""
        free = self.free
        kept = self.weights(ridge) * moments
        penalised = self.right @ (kept[free:] / np.maximum(self.sizes, 1e-300))
        others = solve_triangular(self.triangle, kept[:free] - self.shares @ penalised, check_finite=False)
        return np.asarray(np.concatenate([others, penalised]) / self.norms)

    def without(self, ridge: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each fold the change of the moments (column,) without it, and residuals of its equations then."""
        weights = self.weights(ridge)
        left = self.target - self.frame @ (weights * self.moments)
        for k in range(self.parts):
            own = np.flatnonzero(self.equations == k)
            part = self.frame[own]
            if len(own) < len(weights):
                outside = (1.0 + tuning.TIKHONOV) * np.eye(len(own)) - (part * weights) @ part.T
                change = -part.T @ np.linalg.solve(outside, left[own])
            else:
                outside = (1.0 + tuning.TIKHONOV) * np.eye(len(weights)) - (part.T @ part) * weights
                change = -np.linalg.solve(outside, part.T @ left[own])
            yield change, left[own] - part @ (weights * change)

    def smoothest(self) -> float:
        """The penalty whose fits are best where they have not looked.

        Where data do not reach, errors are larger than elsewhere by far, and those of a few trajectories; of penalties
        that they can hardly tell apart the largest one is taken.
        """
        if self.ridge > 0.0 or self.parts < 2:
            return self.ridge
        tried = (0.0, *tuning.SMOOTHER)
        errors = np.array([np.sqrt(sum(float(e @ e) for _, e in self.without(ridge))) for ridge in tried])
        inside = np.linalg.norm(self.target - self.frame @ (self.weights(0.0) * self.moments))
        if errors.min() < tuning.OUT_OF_REACH * inside:
            return tried[int(np.argmin(errors))]
        return tried[int(np.flatnonzero(errors <= tuning.AS_GOOD_UNSEEN * errors.min())[-1])]


def judge(
    law: LearnedField,
    refits: Refits,
    pairs: Segments,
    fold: np.ndarray,
    stages: int,
    half_width: np.ndarray,
    whole: Callable[[Energy], Potential],
) -> Verdict:
    """Judge a field by the pairs of all trajectories.

    Parameters
    ----------
    law : LearnedField
    refits : Refits
        Of what the field is made of.
    pairs : Segments
    fold : ndarray (pair,)
    stages : int
        Gauss nodes of solutions.
    half_width : ndarray (component,)
    whole : callable
        From an energy that was fitted to that of the field: of a lattice.
    """
    shot = shoot(law, pairs, stages, half_width)
    good, data = np.flatnonzero(shot.good), shot.data
    shift = np.zeros_like(data.target)
    changes = [refits.coefficients(change, refits.ridge) for change, _ in refits.without(refits.ridge)]
    for k, change in enumerate(changes):
        own = np.flatnonzero(fold[good] == k)
        shift[own] = _moved(data.take(own), change, whole(refits.basis.energy(change)))
    middle = 0.5 * (pairs.first.max(axis=0) + pairs.first.min(axis=0))
    unseen = Unseen(
        shot.left - shift,
        data.target,
        (data.middles - middle) / half_width,
        data.block,
        fold[good],
        -shift if refits.parts > 1 else None,
        1.0 / max(refits.parts - 1, 1),
        apart=2,
    )
    judgement = unseen.judgement()
    # samples with errors lie where these have moved them, and what their pairs have in common is that, too: where noise
    # is nearly all, what the fit has of it is its error (the jackknife)
    rows, size = np.mean(judgement.noise**2), float(np.mean(data.target**2))
    if refits.parts > 1 and np.mean(shot.left**2) - rows < tuning.MOVED * rows:
        some = data.take(np.arange(len(good))[:: -(-len(good) // tuning.JACKKNIFE_ROWS)])
        energies = [(change, whole(refits.basis.energy(change))) for change in changes]
        each = np.array([np.mean(_moved(some, *pair) ** 2) for pair in energies])
        error = float(np.sqrt((1.0 - 1.0 / refits.parts) * each.sum() / max(size - rows, tuning.LEAST_SIGNAL * size)))
        within = tuning.JUDGED_WITHIN * (1.0 + float(each.std() / each.mean()) / np.sqrt(len(each)))
        judgement = replace(judgement, error=error, interval=(error / within, error * within))
    # a gap has the errors of two samples
    slope = np.linalg.norm(law.matrix * (judgement.noise / half_width), axis=1)
    noise = slope * float(np.sqrt(np.mean(pairs.h**2) / 2.0))
    lost, times = np.unique(pairs.block[~shot.good], return_counts=True)
    return Verdict(judgement, pairs.count, dict(zip(lost.tolist(), times.tolist(), strict=True)), noise)


def _moved(rows: Gradients, change: np.ndarray, energy: Potential) -> np.ndarray:
    """What a change of coefficients, and the energy of it, add to rows (row, equation)."""
    total = rows.push(map(energy.gradient, rows.nodes))
    for value, other in zip(change, rows.others, strict=False):
        total = total + value * other
    return total
