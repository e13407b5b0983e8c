"""Conditional moments of increments, regressed on a sampled layer.

The drift is linear plus tanh neurons, the covariance quadratic plus the same neurons; only neurons are penalised, so
the laws of textbooks (Ornstein and Uhlenbeck, geometric Brownian motion, square root) cost a handful of parameters.
A first pass is plain least squares, a second weights each row by its noise. A last one removes from the targets the
Ito-Taylor terms that a finite spacing adds, with the generator L f = mu . grad f + a : grad grad f / 2:

    E[dy] / dt = mu + dt/2 L mu,    Cov[dy] / dt = a + dt/2 (a grad mu + (a grad mu)^T + L a)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dynsamp.models.measured.usable import Increments
from dynsamp.networks.least_squares import LeastSquares, Solution
from dynsamp.networks.network import HiddenLayer, activate
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.sampling import sample_layer
from dynsamp.streams import generator

__all__ = ["Moments", "fit_moments", "lower_triangle"]

PASSES = 2  # before the correction: plain, then weighted
CHUNK = 4096
HEAVY = 1e6  # a ridge, for columns of unit norm, that leaves nothing of the neurons
FLOOR = 1e-6  # of the mean variance: the least that a variance may be
LIGHT = 1e-2  # of the median variance: rows quieter than this weigh no more
LARGEST = 0.5  # a correction larger than this part of what it corrects is no small correction


def lower_triangle(size: int) -> list[tuple[int, int]]:
    """Places (i, k), k <= i, of the lower triangle, row by row."""
    return [(i, k) for i in range(size) for k in range(i + 1)]


@dataclass(frozen=True)
class Moments:
    """Drift and covariance in standardised states z."""

    layer: HiddenLayer
    drift: np.ndarray  # (1 + component + feature, component) per unit of time
    covariance: np.ndarray  # (1 + component + square + feature, entry of the lower triangle)
    floor: np.ndarray  # (component,) least variance
    solutions: tuple[tuple[Solution, ...], tuple[Solution, ...]]  # of the drift, of the covariance
    corrected: bool

    def values(self, z: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Drift (row, component) and covariance (row, component, component)."""
        drift = _design(z, features, squares=False) @ self.drift
        flat = _design(z, features, squares=True) @ self.covariance
        return drift, _symmetric(flat, self.floor)


def fit_moments(rows: Increments, neurons: Neurons, options: FitOptions) -> Moments:
    """Fit drift and covariance to increments."""
    centre, spread = rows.y.mean(axis=0), rows.y.std(axis=0)
    spread[spread <= 1e-13 * np.abs(rows.y).max(axis=0)] = 1.0
    points = rows.y[generator(options.seed, "points").permutation(len(rows.y))[:20_000]]
    layer = sample_layer(
        points,
        neurons,
        rng=generator(options.seed, "weights"),
        target=points if neurons.sampler == "swim" else None,
        centre=centre,
        half_width=spread,
    )
    regression = _Regression(rows, layer, "gcv" if options.regularisation is None else options.regularisation)
    found: Moments | None = None
    for _ in range(PASSES):
        found = regression.both(found, correct=False)
    assert found is not None
    return regression.both(found, correct=True) if regression.small_corrections(found) else found


@dataclass(frozen=True)
class _Regression:
    rows: Increments
    layer: HiddenLayer
    regularisation: float | str

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """z, features, increments of z, and spacing, block by block."""
        for start in range(0, len(self.rows.y), CHUNK):
            part = slice(start, start + CHUNK)
            z = (self.rows.y[part] - self.layer.centre) / self.layer.half_width
            yield z, _features(self.layer, z), self.rows.dy[part] / self.layer.half_width, self.rows.spacing[part]

    def both(self, before: Moments | None, correct: bool) -> Moments:
        """Drift, then covariance; weighted, and corrected if asked, by the moments from before."""
        n = self.rows.y.shape[1]
        entries = lower_triangle(n)

        def drift_targets(z: np.ndarray, phi: np.ndarray, dz: np.ndarray, dt: np.ndarray) -> tuple[np.ndarray, ...]:
            target, weight = dz / dt[:, None], np.repeat(np.sqrt(dt)[:, None], n, axis=1)
            if before is not None:
                mu, a = before.values(z, phi)
                if correct:
                    shift, _ = _ito_taylor(before, z, phi, mu, a)
                    target = target - dt[:, None] * shift
                weight = weight / np.sqrt(np.maximum(np.einsum("rii->ri", a), light))
            return target, weight

        light = np.zeros(n) if before is None else LIGHT * self._median_variance(before)
        drift, drift_solutions = self._solve(drift_targets, n, False, self.regularisation)
        # residuals are taken from what the increments average to, not from the corrected drift
        mean = drift if before is None or not correct else before.drift

        def covariance_targets(
            z: np.ndarray, phi: np.ndarray, dz: np.ndarray, dt: np.ndarray
        ) -> tuple[np.ndarray, ...]:
            residual = dz - dt[:, None] * (_design(z, phi, squares=False) @ mean)
            target = np.stack([residual[:, i] * residual[:, k] for i, k in entries], axis=1) / dt[:, None]
            weight = np.ones_like(target)
            if before is not None:
                mu, a = before.values(z, phi)
                if correct:
                    _, shift = _ito_taylor(before, z, phi, mu, a)
                    target = target - dt[:, None] * np.stack([shift[:, i, k] for i, k in entries], axis=1)
                variance = np.maximum(np.einsum("rii->ri", a), light)
                weight = 1.0 / np.stack([np.sqrt(variance[:, i] * variance[:, k]) for i, k in entries], axis=1)
            return target, weight

        # weights must not follow noise: the first covariance is the quadratic alone
        ridge = HEAVY if before is None else self.regularisation
        covariance, covariance_solutions = self._solve(covariance_targets, len(entries), True, ridge)
        floor = FLOOR * (self.rows.dy**2 / self.rows.spacing[:, None]).mean(axis=0) / self.layer.half_width**2
        floor[floor == 0] = np.finfo(float).tiny ** 0.5  # a component that never changes
        return Moments(self.layer, drift, covariance, floor, (drift_solutions, covariance_solutions), correct)

    def _solve(
        self, targets: Callable[..., tuple[np.ndarray, ...]], count: int, squares: bool, ridge: float | str
    ) -> tuple[np.ndarray, tuple[Solution, ...]]:
        """One weighted regression an output, all in one pass over the rows."""
        n = self.rows.y.shape[1]
        free = 1 + n + (n * (n + 1) // 2 if squares else 0)
        columns = free + self.layer.width
        problems = [LeastSquares(columns, 1, min(CHUNK, len(self.rows.y)), unpenalised=free) for _ in range(count)]
        for z, features, dz, dt in self.chunks():
            design = _design(z, features, squares)
            target, weight = targets(z, features, dz, dt)
            for problem, y, w in zip(problems, target.T, weight.T, strict=True):
                block = problem.block(len(z))
                np.multiply(design.T, w, out=block[:columns])
                np.multiply(y, w, out=block[columns])
        solutions = tuple(problem.solve(ridge) for problem in problems)  # type: ignore[arg-type]
        return np.concatenate([solution.coefficients for solution in solutions], axis=1), solutions

    def _sample(self) -> np.ndarray:
        pick = self.rows.y[:: -(-len(self.rows.y) // CHUNK)]
        return np.asarray((pick - self.layer.centre) / self.layer.half_width)

    def _median_variance(self, before: Moments) -> np.ndarray:
        z = self._sample()
        _, a = before.values(z, _features(self.layer, z))
        return np.asarray(np.median(np.einsum("rii->ri", a), axis=0))

    def small_corrections(self, before: Moments) -> bool:
        """Whether the corrections are small beside what they correct."""
        z = self._sample()
        features = _features(self.layer, z)
        mu, a = before.values(z, features)
        shifts = _ito_taylor(before, z, features, mu, a)
        dt = self.rows.dt
        return all(
            dt * np.linalg.norm(shift) <= LARGEST * np.linalg.norm(value)
            for shift, value in zip(shifts, (mu, a), strict=True)
        )


def _features(layer: HiddenLayer, z: np.ndarray) -> np.ndarray:
    """Features (row, feature) of standardised states."""
    return activate("tanh", z @ layer.weights.T + layer.biases)


def _design(z: np.ndarray, features: np.ndarray, squares: bool) -> np.ndarray:
    """Columns 1, z, [products of z,] features."""
    products = [z[:, i : i + 1] * z[:, k : k + 1] for i, k in lower_triangle(z.shape[1])] if squares else []
    return np.concatenate([np.ones((len(z), 1)), z, *products, features], axis=1)


def _symmetric(flat: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Matrices from their lower triangles, variances and correlations clipped."""
    n = len(floor)
    a = np.empty((len(flat), n, n))
    for column, (i, k) in enumerate(lower_triangle(n)):
        a[:, i, k] = a[:, k, i] = flat[:, column]
    for i in range(n):
        a[:, i, i] = np.maximum(a[:, i, i], floor[i])
    for i, k in lower_triangle(n):
        if i != k:
            bound = np.sqrt(a[:, i, i] * a[:, k, k])
            a[:, i, k] = a[:, k, i] = np.clip(a[:, i, k], -bound, bound)
    return a


def _ito_taylor(
    moments: Moments, z: np.ndarray, features: np.ndarray, mu: np.ndarray, a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What a spacing dt adds to the moments, over dt: (row, component) and (row, component, component)."""
    n = z.shape[1]
    weights = moments.layer.weights
    slope = 1.0 - features**2
    curved = slope * (mu @ weights.T) - features * slope * np.einsum("fi,rij,fj->rf", weights, a, weights)
    squares = [mu[:, [i]] * z[:, [k]] + mu[:, [k]] * z[:, [i]] + a[:, i, k][:, None] for i, k in lower_triangle(n)]
    plain = [np.zeros((len(z), 1)), mu]
    along_drift = np.concatenate([*plain, curved], axis=1) @ moments.drift  # L mu
    flat = np.concatenate([*plain, *squares, curved], axis=1) @ moments.covariance  # L a
    along = np.empty_like(a)
    for column, (i, k) in enumerate(lower_triangle(n)):
        along[:, i, k] = along[:, k, i] = flat[:, column]
    # gradient[r, k, j] = d mu_j / d z_k
    gradient = moments.drift[1 : n + 1] + np.einsum("rf,fk,fj->rkj", slope, weights, moments.drift[n + 1 :])
    mixed = a @ gradient
    return 0.5 * along_drift, 0.5 * (mixed + np.swapaxes(mixed, 1, 2) + along)
