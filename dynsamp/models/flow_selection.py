"""Choosing and fitting the network of a flow map.

One-step errors inside a trajectory flatter a steep network: neighbouring samples are almost the same point. So the
candidates that generalised cross validation lists are compared on blocks of time, or whole trajectories, that their
fit has not seen, and the best of them that stays near the data when iterated wins.

With a stencil the rows are the patches of all sites, of which one time has many: they stay in one block of time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dynsamp.models.measured.increments import Increments
from dynsamp.models.stencil import Stencil
from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LeastSquares, LinearSolution
from dynsamp.networks.network import Hidden, HiddenLayer, Network
from dynsamp.networks.neurons import Activation, FitOptions, Neurons
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.search.climb import simplest
from dynsamp.streams import generator

__all__ = ["FlowFit", "fit_flow"]


@dataclass(frozen=True)
class FlowFit:
    """A candidate, fitted."""

    layer: HiddenLayer
    solution: LinearSolution
    neurons: Neurons
    chosen: str = ""

    @cached_property
    def network(self) -> Network:
        """The increments of states or patches (row, input)."""
        c, n = self.solution.coefficients, len(self.layer.centre)
        linear = c[1 : n + 1].T / self.layer.half_width
        return Network(Hidden((self.layer,)), c[0], linear, c[n + 1 :].T, self.layer.centre)

    def arrays(self) -> dict[str, Any]:
        """Fields of the fitted model, which works on states as they are."""
        network, layer = self.network, self.layer
        return {
            "activation": layer.activation,
            "centre": layer.centre,
            "constant": network.offset.copy(),
            "linear": np.ascontiguousarray(network.linear),
            "weights": np.ascontiguousarray(layer.plain_weights),
            "biases": layer.biases,
            "coefficients": np.ascontiguousarray(network.coefficients),
        }

    def report(self) -> dict[str, Any]:
        """What was chosen and how well it fits."""
        solution = self.solution
        return {
            "width": self.layer.width,
            "activation": self.layer.activation,
            "scale": self.neurons.scale,
            "rows": solution.rows,
            "rank": solution.rank,
            "condition": solution.condition,
            "residual": float(solution.residual.max()),
            "cross_validated_error": float(solution.gcv.max()),
            "regularisation": float(solution.regularisation.max()),
            "chosen": self.chosen,
        }


@dataclass(frozen=True)
class _Problem:
    """The rows and everything that all candidates share."""

    rows: Increments  # of patches, with a stencil
    states: Increments
    stencil: Stencil | None
    centre: np.ndarray
    spread: np.ndarray
    options: FitOptions

    def fit(self, neurons: Neurons, mask: np.ndarray | None = None, most: int | None = None) -> FlowFit:
        """Fit to all rows, or to at most ``most`` of those in ``mask``."""
        y, dy, seed, memory = self.rows.y, self.rows.dy, self.options.seed, self.options.memory
        chosen = np.arange(len(y)) if mask is None else np.flatnonzero(mask)
        if most is not None and len(chosen) > most:
            chosen = np.sort(generator(seed, "rows").permutation(chosen)[:most])
        n = y.shape[1]
        points = y[generator(seed, "points").permutation(len(y))[: tuning.SAMPLED_FROM]]
        layer = sample_layer(
            points if neurons.sampler != "swim" else y,
            neurons,
            rng=generator(seed, "weights"),
            target=dy / np.where(dy.std(axis=0) > 0, dy.std(axis=0), 1.0) if neurons.sampler == "swim" else None,
            centre=self.centre,
            half_width=self.spread,
        )
        columns = 1 + n + layer.width
        chunk = max(tuning.MAP_ROWS, 4 * columns) if memory is None else max(memory // (24 * (columns + n)), columns)
        problem = LeastSquares(columns, dy.shape[1], min(len(chosen), chunk), unpenalised=1 + n)
        for start in range(0, len(chosen), chunk):
            part = chosen[start : start + chunk]
            block = problem.block(len(part))
            block[0] = 1.0
            block[1 : n + 1] = ((y[part] - self.centre) / self.spread).T
            layer.fill_values(y[part], block[n + 1 : columns])
            block[columns:] = dy[part].T
        given = self.options.regularisation
        way: float | Literal["auto"] = "auto" if given is None else given
        return FlowFit(layer, problem.solve(way, tikhonov=tuning.MAP_TIKHONOV), neurons)

    def unseen_error(self, neurons: Neurons, folds: np.ndarray, most: int) -> float:
        """Geometric mean over folds of the one-step error, relative to the increments."""
        norm = np.sqrt((self.rows.dy**2).mean(axis=0))
        norm[norm == 0] = 1.0
        logs = []
        for fold in range(folds.max() + 1):
            inside = folds == fold
            if not inside.any() or inside.all():
                continue
            fit = self.fit(neurons, ~inside, most)
            error = (fit.network.values(self.rows.y[inside]) - self.rows.dy[inside]) / norm
            logs.append(np.log(np.sqrt((error**2).mean()) + 1e-300))
        return float(np.exp(np.mean(logs))) if logs else np.inf

    def strays(self, fit: FlowFit) -> bool:
        """Whether a trajectory leaves the box of the data, widened by its width, within their length."""
        y, trajectory = self.states.y, self.states.trajectory
        low, high = y.min(axis=0), y.max(axis=0)
        last = np.flatnonzero(np.diff(trajectory, append=trajectory[-1] + 1))
        first = np.concatenate([[0], last[:-1] + 1])
        state = y[np.concatenate([first[:8], last[:8]])]
        margin = np.where(high > low, high - low, 1.0)
        with np.errstate(all="ignore"):
            for _ in range(min(int((last - first).max()) + 1, 1000)):
                if self.stencil is None:
                    state = state + fit.network.values(state)
                else:
                    state = state + self.stencil.joined(fit.network.values(self.stencil.patches(state)))
                if not np.all((state >= low - margin) & (state <= high + margin)):
                    return True
        return False


def fit_flow(states: Increments, wanted: Neurons, options: FitOptions, stencil: Stencil | None = None) -> FlowFit:
    """Choose what is None, then fit to all rows that help; the stencil is that on its ring."""
    rows = states if stencil is None else stencil.increments(states, tuning.MOST_EQUATIONS, options.seed)
    values = states.y if stencil is None else stencil.values(states.y)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread <= tuning.CONSTANT * np.abs(values).max(axis=0)] = 1.0  # a constant component, up to rounding
    if stencil is not None:  # all sites are alike
        centre, spread = np.tile(centre, len(stencil.offsets)), np.tile(spread, len(stencil.offsets))
    problem = _Problem(rows, states, stencil, centre, spread, options)
    count, n = rows.y.shape
    top = max(min(tuning.MAP_WIDTH, count // 4 - n - 1), 0) if wanted.width is None else wanted.last
    linear = Neurons(0, "tanh", 1.0, wanted.sampler)
    if top == 0:
        why = "as asked" if wanted.width == 0 else f"{count} increments are too few for neurons"
        return replace(problem.fit(linear, most=tuning.MOST_EQUATIONS), chosen=f"the linear map, {why}")

    small = min(tuning.MAP_FIRST_WIDTH, top)
    names: tuple[Activation, ...] = ("sin", "tanh") if wanted.activation is None else (wanted.activation,)
    trials = []
    for name in names:
        for value in tuning.MAP_SLOPES.get(name, tuning.MAP_OTHER_SLOPES) if wanted.scale is None else (wanted.scale,):
            candidate = replace(wanted, width=small, activation=name, scale=value)
            fit = problem.fit(candidate, most=tuning.MAP_ROWS_A_COLUMN * (small + n + 1))
            trials.append((float(np.sqrt((fit.solution.gcv**2).mean())), candidate))
    trials.sort(key=lambda trial: trial[0])
    noisy = trials[0][0] > tuning.NOISE
    listed = [c for error, c in trials if error <= tuning.LISTED_WITHIN * trials[0][0]][: tuning.LISTED]
    folds = np.repeat(_folds(states), len(rows.y) // len(states.y))
    scored: list[tuple[float, int, Neurons]] = []

    def compare(candidates: list[Neurons]) -> None:
        for candidate in candidates:
            most = tuning.ROWS_A_COLUMN * (candidate.last + n + 1)
            error = problem.unseen_error(candidate, folds, max(most, tuning.MAP_NOISY_ROWS) if noisy else most)
            scored.append((error, len(scored), candidate))

    def best_within() -> tuple[float, int, Neurons]:
        return scored[simplest([error for error, _, _ in scored])]

    if not noisy or wanted.width is not None:
        compare([replace(c, width=top) for c in listed])
    else:
        compare([linear, *(replace(c, width=w) for w in tuning.MAP_NOISY_WIDTHS if w < top for c in listed)])
        if best_within()[2].last == max(c.last for _, _, c in scored):  # perhaps a hard target, not noise
            compare([replace(c, width=top) for c in listed])
    winner = best_within() if noisy else min(scored)
    ranked = [winner, *sorted(item for item in scored if item is not winner)]
    how = f"{len(trials)} small networks compared by generalised cross validation, {len(scored)} on unseen blocks"
    how += ", noise suspected" if noisy else ""
    most = tuning.MOST_EQUATIONS if noisy else tuning.MAP_ROWS_A_COLUMN * (top + n + 1)
    close = [candidate for error, _, candidate in ranked if error <= tuning.STABLE_WITHIN * ranked[0][0]]
    fits = ((problem.fit(candidate, most=most), candidate) for candidate in close)  # one after the other, as asked for
    best, candidate = next(fits)
    if problem.strays(best):
        for other, calmer in fits:
            if not problem.strays(other):
                best, candidate, how = other, calmer, f"{how}; the best in one step strayed from the data when iterated"
                break
    return replace(best, chosen=f"{candidate}: {how}")


def _folds(rows: Increments) -> np.ndarray:
    """Fold of each row: whole trajectories where there are at least two a fold, else blocks of time."""
    trajectories = rows.trajectory.max() + 1
    if trajectories >= 2 * tuning.FOLDS:
        return np.asarray(rows.trajectory % tuning.FOLDS)
    starts = np.searchsorted(rows.trajectory, np.arange(trajectories))
    ends = np.append(starts[1:], len(rows.trajectory))
    place = (np.arange(len(rows.trajectory)) - starts[rows.trajectory]) / (ends - starts)[rows.trajectory]
    return np.asarray(np.minimum((tuning.FOLDS * place).astype(np.int64), tuning.FOLDS - 1))
