"""How wrong a learned energy is: which rows a search may see, which steer it, and what the others say of its fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.energy_problem import EnergyBasis, EnergyProblem, Trained, solve_energy
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.least_squares import LinearSolution, Regularisation
from dynsamp.networks.network import Energy
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.search.unseen import Judgement, Unseen, by_trajectory, folds


@dataclass(frozen=True)
class EnergyFit:
    """A fitted energy and how it was chosen."""

    energy: Energy
    solution: LinearSolution
    basis: EnergyBasis  # whose combination the energy is
    neurons: Neurons  # its width counts columns
    chosen: str  # one sentence
    error: float = 0.0  # relative, as the search sees it
    work: float = 0.0  # of the search: rows times columns squared of all its fits
    judgement: Judgement | None = None  # of fits that had not seen a block
    size: float = 0.0  # mean square of what the rows say without noise, summed over equations

    @classmethod
    def of(cls, trained: Trained, neurons: Neurons, chosen: str) -> EnergyFit:
        """What a search ends with."""
        return cls(trained.energy, trained.solution, trained.basis, neurons, chosen, trained.error)


class Split(NamedTuple):
    """Rows by their use, and the folds (row,) of all; the rim of the data is none of them, -1."""

    fold: np.ndarray
    seen: np.ndarray  # what the search fits
    steering: np.ndarray  # where it compares what it has fitted
    weights: np.ndarray  # of these rows in a mean over the source
    spare: np.ndarray  # what it never sees, where rows are many


class Shares(NamedTuple):
    """How rows are shared between uses."""

    equations: int  # of a row
    steered: bool
    judged: bool
    scattered: bool  # trajectories are too precious to be spared

    def split(self, fold: np.ndarray, square: np.ndarray | None) -> Split:
        """Share out whole folds; ``square`` (row,) says how badly each row was missed, if a search was deceived."""
        count, parts, none = len(fold), int(fold.max()) + 1, np.empty(0, np.int64)
        if not self.steered or parts < 2 or count < tuning.FEWEST_STEERED:
            return Split(fold, np.arange(count), none, none, none)
        ranked = np.arange(parts)
        if square is not None:  # some of the bad rows steer, the others are seen
            mass = np.bincount(fold[fold >= 0], square[fold >= 0], parts)
            heavy = np.flatnonzero(mass > tuning.HEAVY * mass.sum())
            heavy = heavy[np.argsort(mass[heavy], kind="stable")]
            light = np.setdiff1d(ranked, heavy)
            ranked = np.concatenate([heavy[:1], light, heavy[1:]] if len(heavy) > 1 else [light, heavy])
        rows, rim = np.flatnonzero(fold == ranked[0]), np.flatnonzero(fold < 0)
        left = (count * self.equations * (parts - 2)) // parts
        enough = self.judged and self.scattered and left >= tuning.ROWS_A_COLUMN * tuning.WIDEST
        spare = np.flatnonzero(fold == ranked[1]) if enough else none
        seen = np.setdiff1d(np.arange(count), np.concatenate([rows, rim, spare]))
        some, outer = (part[:: -(-len(part) // tuning.STEERING_ROWS) or 1] for part in (rows, rim))
        share = len(rim) / count
        weights = np.repeat([(1.0 - share) / len(some), share / max(len(outer), 1)], [len(some), len(outer)])
        return Split(fold, seen, np.concatenate([some, outer]), weights, spare)


def energy_folds(data: Gradients, centre: np.ndarray, half_width: np.ndarray, seed: int) -> np.ndarray:
    """Folds (row,); the rim, where the gradient is largest or the state furthest out, is none of them, -1."""
    units = half_width if data.maps is None else 1.0
    block = data.block if len(data.block) else np.arange(len(data.target))
    outer = np.abs((data.middles - centre) / half_width).max(axis=1)
    return folds(block, seed, outer=(np.linalg.norm(data.target * units, axis=1), outer))


def missed(found: Trained | EnergyFit, data: Gradients) -> np.ndarray:
    """Residuals (row, equation), in the units that rows are fitted in."""
    left = data.target - data.push(map(found.energy.gradient, data.nodes))
    for other, coefficient in zip(data.others, found.solution.coefficients[:, 0], strict=False):
        left = left - coefficient * other
    return np.asarray(left if data.maps is not None else left * found.basis.layer.half_width)


def with_all(found: EnergyFit, problem: EnergyProblem, split: Split) -> EnergyFit:
    """The same neurons on rows that the search did not see, where more of them help."""
    rows, columns, noisy = found.solution.rows, found.basis.columns, found.error > tuning.NOISE
    affordable = min(problem.equations, int(tuning.LAST_FLOPS / (2 * columns**2 + 1)))
    scarce = rows >= tuning.SCARCE * len(split.seen) * problem.data.target.shape[1]
    if rows >= affordable or columns > 2 * tuning.WIDEST:
        return found
    if not (scarce or noisy):  # so many rows again, with those at the rim
        if not len(split.spare):
            return found
        problem = replace(problem, data=problem.data.take(np.setdiff1d(np.arange(len(split.fold)), split.spare)))
        affordable = rows
    final = problem.fit(
        found.basis, affordable if noisy else max(rows, min(affordable, tuning.ROWS_A_COLUMN * columns))
    )
    return replace(found, energy=final.energy, solution=final.solution)


def judged(found: EnergyFit, data: Gradients, split: Split | None = None, before: EnergyFit | None = None) -> EnergyFit:
    """The fit, and how wrong it is: by rows that it has not seen, or by the same neurons on parts of the rows.

    ``split`` is that of the search, by default all rows are folds; ``before`` is its fit, that has not seen the rim.
    """
    count, layer = len(data.target), found.basis.layer
    block = data.block if len(data.block) else np.arange(count)
    none = np.empty(0, np.int64)
    if split is None:
        split = Split(energy_folds(data, layer.centre, layer.half_width, 0), np.arange(count), none, none, none)
    units = layer.half_width if data.maps is None else np.ones(data.target.shape[1])
    left, target, parts = missed(found, data), data.target * units, int(split.fold.max()) + 1
    rows, shift, inner, rim = found.solution.rows, None, np.arange(count), np.flatnonzero(split.fold < 0)
    if len(split.spare) and rows <= (count - len(split.spare)) * len(units):
        inner = split.spare
        left[rim] = missed(before or found, data.take(rim))
    elif parts > 1:
        cost = float(rows) * (found.basis.columns + 1) ** 2
        most = int(np.clip(tuning.JUDGED_WORK * found.work / cost, min(2, parts), parts))
        shift = np.zeros_like(left)
        for part in (-1, *range(most)) if len(rim) else range(most):
            rest = np.flatnonzero(split.fold != part)[: -(-rows // len(units))]
            way: Regularisation = float(found.solution.regularisation[0]) or None
            mine = np.flatnonzero(split.fold == part)
            own = missed(solve_energy(found.basis, data.take(rest), way), data.take(mine))
            shift[mine], left[mine] = own - left[mine], own
        inner = np.flatnonzero((split.fold >= 0) & (split.fold < most))
        shift = shift[inner]
    points = (data.middles[inner] - layer.centre) / layer.half_width
    fresh = 1.0 / max(parts - 1, 1)
    judgement = Unseen(left[inner], target[inner], points, block[inner], split.fold[inner], shift, fresh).judgement()
    noise = float(np.sum(judgement.noise**2))
    size = float(np.mean(np.sum(target**2, axis=1))) - noise
    judgement = judgement.with_rim(left[rim], len(rim) / count, size)
    judgement = replace(judgement, noise=judgement.noise / units, by_trajectory=by_trajectory(block, left, size))
    return replace(found, judgement=judgement, size=size)
