"""Stochastic differential equations from increments: dy = mu(y) dt + g(y) dW, g g^T = a(y), in the sense of Ito.

Regression of conditional moments: Stanton (1997), J. Finance 52, 1973, with kernels; Dietrich et al. (2023), Chaos 33,
023121, train networks for the same data by likelihood. Here both moments are linear in a sampled layer:
the drift is linear plus tanh neurons, the covariance quadratic plus the same neurons; only neurons are penalised, so
the laws of textbooks (Ornstein and Uhlenbeck, geometric Brownian motion, square root) cost a handful of parameters.
A first pass is plain least squares, a second weights each row by its noise. A last one removes from the targets the
Ito-Taylor terms that a finite spacing adds, with the generator L f = mu . grad f + a : grad grad f / 2:

    E[dy] / dt = mu + dt/2 L mu,    Cov[dy] / dt = a + dt/2 (a grad mu + (a grad mu)^T + L a)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models import tuning
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.measured.increments import Increments, increments
from dynsamp.models.schema import Above, Array, Outline
from dynsamp.networks.compiled import Wiring, network_field, network_theta, neuron_sum, trusted
from dynsamp.networks.grid import Patch
from dynsamp.networks.least_squares import LeastSquares, LinearSolution
from dynsamp.networks.network import Hidden, HiddenLayer, Network
from dynsamp.networks.neurons import FitOptions, Neurons, Sampler, one_of
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.tuning import SAMPLED_FROM
from dynsamp.solve import Kernel, diffusion_values
from dynsamp.streams import generator

__all__ = ["DriftDiffusion", "DriftDiffusionModel", "sde_functions"]


@cache
def sde_functions(size: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return ``drift(t, y, theta, dy)`` and ``diffusion(t, y, theta, g)`` for compilation.

    Theta is that of two networks, of the drift and of the lower triangle of the covariance row by row, then least
    variances (n) and, of each entry of the covariance, what multiplies the products of two components (n (n + 1) / 2).
    One component has a diagonal diffusion; more have the lower Cholesky factor, (n, n).
    """
    pairs = size * (size + 1) // 2
    of_drift = Wiring("tanh", Patch.own(size), Patch.own(size))
    wirings = of_drift, Wiring("tanh", Patch.own(size), Patch.own(pairs), triangle=size > 1)
    neurons = neuron_sum(wirings, 1)
    record, skipped, tail = of_drift.record, 2 + of_drift.fixed, size + pairs * pairs
    pivot_floor = tuning.PIVOT_FLOOR

    def variance(t, y, theta, g):  # type: ignore[no-untyped-def]
        first, floor = skipped + int(theta[0]) * record, len(theta) - tail
        d = y[0] - theta[first]
        g[0] = theta[first + 1] + (theta[first + 2] + theta[floor + 1] * d) * d
        neurons(t, y, theta, g)
        g[0] = np.sqrt(np.maximum(g[0], theta[floor]))

    def factor(t, y, theta, g):  # type: ignore[no-untyped-def]
        first, floor = skipped + int(theta[0]) * record, len(theta) - tail
        for i in range(size):
            for k in range(i + 1):
                entry = i * (i + 1) // 2 + k
                linear, square = first + size + pairs + entry * size, floor + size + entry * pairs
                value = theta[first + size + entry]
                for j in range(size):
                    d = y[j] - theta[first + j]
                    value = value + theta[linear + j] * d
                    for m in range(j + 1):
                        value = value + theta[square + j * (j + 1) // 2 + m] * (d * (y[m] - theta[first + m]))
                g[i, k] = value
        neurons(t, y, theta, g)
        for i in range(size):
            g[i, i] = np.maximum(g[i, i], theta[floor + i])
            for k in range(i + 1, size):
                g[i, k] = 0.0
        # Cholesky, column by column; g[i, i] is what is left of variance i. No entry may take more than that, so a
        # matrix that is not positive keeps its variances and loses correlation
        for k in range(size):
            pivot = np.sqrt(np.maximum(g[k, k], pivot_floor * theta[floor + k]))
            g[k, k] = pivot
            for i in range(k + 1, size):
                value = g[i, k]
                for m in range(k):
                    value = value - g[i, m] * g[k, m]
                bound = np.sqrt(np.maximum(g[i, i], 0.0))
                value = np.minimum(np.maximum(value / pivot, -bound), bound)
                g[i, k] = value
                g[i, i] = g[i, i] - value * value

    return network_field(wirings, (0,)), variance if size == 1 else factor


@dataclass(frozen=True, kw_only=True)
class DriftDiffusionModel(Model):
    """dy = mu(y) dt + g(y) dW (Ito); arrays of states are (..., component).

    With n components and p = n (n + 1) / 2, theta = centre (n), least variances (n); of each component of the drift a
    constant and slopes (n); of each entry of the covariance, lower triangle row by row, a constant, slopes (n) and
    squares (p); of each neuron bias, weights (n), coefficients (n + p).
    """

    name: ClassVar[str] = "drift-diffusion"

    dt: Annotated[float, Above(0.0)]  # spacing of the training data
    theta: Annotated[np.ndarray, Array("number")]

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:
        """See Model.declared_sizes."""
        n, shape = outline.size, outline.arrays["theta"][1]
        pairs, count = n * (n + 1) // 2, math.prod(shape)
        rest = count - (2 * n + n * (1 + n) + pairs * (1 + n + pairs))
        if rest < 0 or rest % (1 + 2 * n + pairs):
            raise ValueError(f"theta of shape {shape} is not a drift and diffusion of {n} components")
        return {"number": count}

    @cached_property
    def _moments(self) -> tuple[Network, Network, np.ndarray]:
        """Drift, covariance without squares, and the end of the theta of ``sde_functions``."""
        n = self.size
        pairs = n * (n + 1) // 2
        sizes = np.cumsum([n, n, n * (1 + n), pairs * (1 + n + pairs)])
        centre, floor, drift, covariance, neurons = np.split(self.theta, sizes)
        neurons = neurons.reshape(-1, 1 + 2 * n + pairs)
        layer = HiddenLayer(neurons[:, 1 : 1 + n], neurons[:, 0], "tanh", centre, np.ones(n))
        drift, covariance = drift.reshape(n, -1), covariance.reshape(pairs, -1)
        of_drift = Network(Hidden((layer,)), drift[:, 0], drift[:, 1:], neurons[:, 1 + n : 1 + 2 * n].T, centre)
        affine, coefficients = covariance[:, : 1 + n], neurons[:, 1 + 2 * n :].T
        of_covariance = Network(Hidden((layer,)), affine[:, 0], affine[:, 1:], coefficients, centre)
        return of_drift, of_covariance, np.concatenate([floor, covariance[:, 1 + n :].ravel()])

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        drift, covariance, tail = self._moments
        n, theta = len(drift.centre), np.concatenate([network_theta(drift, covariance), tail])
        known: dict[str, Any] = {"size": n, "parameters": len(theta), "trusted": trusted(drift, covariance)}
        return Kernel("sde", sde_functions(n), theta, noise="diagonal" if n == 1 else n, **known)

    def drift(self, y: np.ndarray) -> np.ndarray:
        """Drift (..., component) per unit of time."""
        return self._moments[0].values(self._points(y)).reshape(np.shape(y))

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Root of the covariance: (..., 1) for one component, else its lower Cholesky factor (..., n, n)."""
        n = self.size
        found = diffusion_values(self.kernel(), 0.0, self._points(y))
        return found.reshape(*np.shape(y), *([] if n == 1 else [n]))


@dataclass(frozen=True)
class DriftDiffusion(Estimator):
    """Learn drift and diffusion of a stochastic differential equation from trajectories.

    Increments must be short against the time in which drift and diffusion change; their first-order effect is
    corrected. Drift is hard to see: its relative error is about g / (|mu| sqrt(total time)), whatever the method.

    Parameters
    ----------
    width : int, optional
        Number of neurons; by default 40, less where data are few. 0 leaves a linear drift and a quadratic covariance.
    scale : float
        Slope of the neurons on standardised states.
    sampler : {"elm", "uniform", "swim"}, optional
        Where weights come from; by default pairs of data points, "uniform".
    regularisation : float, optional
        Ridge parameter of the neurons, for columns of unit norm; by default generalised cross validation chooses it.
    """

    name: ClassVar[str] = "drift-diffusion"
    Model: ClassVar[type[Model]] = DriftDiffusionModel

    width: int | None = None
    scale: float = tuning.SDE_SCALE
    sampler: Sampler | None = None
    regularisation: float | None = None

    def __post_init__(self) -> None:
        self.neurons.in_one_layer()
        one_of("sampler", self.sampler, ("elm", "uniform", "swim"))
        self.options()

    @property
    def neurons(self) -> Neurons:
        """The knobs of neurons."""
        return Neurons(self.width, "tanh", self.scale, self.sampler)

    def options(self, seed: int = 0) -> FitOptions:
        """The knobs of a fit."""
        return FitOptions(self.regularisation, seed=seed)

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> DriftDiffusionModel:  # noqa: ARG002 - blocks are small
        """Fit to trajectories of any lengths and spacings; memory use is bounded by blocks of rows.

        Raises
        ------
        ValueError
            If the data never change, are not finite, too few, or have more than 12 components.
        """
        n = samples.y.shape[-1]
        if n > tuning.SDE_COMPONENTS:
            raise ValueError(
                f"drift-diffusion learns a full covariance of up to {tuning.SDE_COMPONENTS} components, the data have"
                f" {n}; choose some of them, or a few principal components"
            )
        with Meter() as meter:
            rows = increments(samples, "drift-diffusion", even=False)
            needed = 2 * (1 + n + n * (n + 1) // 2)
            if len(rows.y) < needed:
                raise ValueError(f"drift-diffusion of {n} components needs {needed} increments, got {len(rows.y)}")
            neurons = self.neurons
            if neurons.width is None:
                neurons = replace(neurons, width=min(tuning.SDE_WIDTH, len(rows.y) // tuning.SDE_ROWS_A_NEURON))
            moments = _fit_moments(rows, neurons, self.options(seed))
        report = {**_report(moments, self.scale, len(rows.y)), **meter.cost.as_dict()}
        return DriftDiffusionModel(**samples.about(report, dt=rows.dt), dt=rows.dt, theta=_theta(moments))


def _report(moments: Moments, scale: float, rows: int) -> dict[str, Any]:
    of_drift, of_covariance = moments.solutions
    solutions = (*of_drift, *of_covariance)
    return {
        "width": moments.layer.width,
        "activation": "tanh",
        "scale": scale,
        "rows": rows,
        "rank": min(solution.rank for solution in solutions),
        "condition": max(solution.condition for solution in solutions),
        "residual": max(float(solution.residual[0]) for solution in of_drift),
        "drift_dimension": [float(solution.dimension[0]) for solution in of_drift],
        "covariance_dimension": [float(solution.dimension[0]) for solution in of_covariance],
        "chosen": "ridge parameters of the neurons by generalised cross validation; "
        + (
            "Ito-Taylor terms of the spacing removed"
            if moments.corrected
            else "the spacing is too long for an Ito-Taylor correction, so drift and diffusion are means over it"
        ),
    }


def _theta(moments: Moments) -> np.ndarray:
    """Flat parameters in the units of the states."""
    layer = moments.layer
    centre, spread = layer.centre, layer.half_width
    n = len(centre)
    entries = _lower_triangle(n)
    squares = [spread[i] * spread[k] for i, k in entries]
    slopes = np.concatenate([[1.0], spread])
    parts = [centre, moments.floor * spread**2]
    parts += [moments.drift[: n + 1, i] * spread[i] / slopes for i in range(n)]
    free = 1 + n + len(entries)
    for column, unit in enumerate(squares):
        parts.append(moments.covariance[:free, column] * unit / np.concatenate([slopes, squares]))
    of_covariance = moments.covariance[free:] * np.asarray(squares)
    neurons = [layer.biases[:, None], layer.weights / spread, moments.drift[n + 1 :] * spread, of_covariance]
    return np.concatenate([*parts, np.concatenate(neurons, axis=1).ravel()])


def _lower_triangle(size: int) -> list[tuple[int, int]]:
    """Places (i, k), k <= i, of the lower triangle, row by row."""
    return [(i, k) for i in range(size) for k in range(i + 1)]


@dataclass(frozen=True)
class Moments:
    """Drift and covariance in standardised states z."""

    layer: HiddenLayer
    drift: np.ndarray  # (1 + component + feature, component) per unit of time
    covariance: np.ndarray  # (1 + component + square + feature, entry of the lower triangle)
    floor: np.ndarray  # (component,) least variance
    solutions: tuple[tuple[LinearSolution, ...], tuple[LinearSolution, ...]]  # of the drift, of the covariance
    corrected: bool

    def values(self, z: np.ndarray, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Drift (row, component) and covariance (row, component, component)."""
        drift = _design(z, features, squares=False) @ self.drift
        flat = _design(z, features, squares=True) @ self.covariance
        return drift, _symmetric(flat, self.floor)


def _fit_moments(rows: Increments, neurons: Neurons, options: FitOptions) -> Moments:
    """Fit drift and covariance to increments."""
    centre, spread = rows.y.mean(axis=0), rows.y.std(axis=0)
    spread[spread <= 1e-13 * np.abs(rows.y).max(axis=0)] = 1.0
    points = rows.y[generator(options.seed, "points").permutation(len(rows.y))[:SAMPLED_FROM]]
    rng, target = generator(options.seed, "weights"), points if neurons.sampler == "swim" else None
    layer = sample_layer(points, neurons, rng=rng, target=target, centre=centre, half_width=spread)
    regression = _Regression(rows, layer, "gcv" if options.regularisation is None else options.regularisation)
    found: Moments | None = None
    for _ in range(tuning.MOMENT_PASSES):
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
        for start in range(0, len(self.rows.y), tuning.MOMENT_CHUNK):
            part = slice(start, start + tuning.MOMENT_CHUNK)
            z = (self.rows.y[part] - self.layer.centre) / self.layer.half_width
            features, change = self.layer.standardised.values(z), self.rows.dy[part] / self.layer.half_width
            yield z, features, change, self.rows.spacing[part]

    def both(self, before: Moments | None, correct: bool) -> Moments:
        """Drift, then covariance; weighted, and corrected if asked, by the moments from before."""
        n = self.rows.y.shape[1]
        entries = _lower_triangle(n)

        def drift_targets(z: np.ndarray, phi: np.ndarray, dz: np.ndarray, dt: np.ndarray) -> tuple[np.ndarray, ...]:
            target, weight = dz / dt[:, None], np.repeat(np.sqrt(dt)[:, None], n, axis=1)
            if before is not None:
                mu, a = before.values(z, phi)
                if correct:
                    shift, _ = _ito_taylor(before, z, mu, a)
                    target = target - dt[:, None] * shift
                weight = weight / np.sqrt(np.maximum(np.einsum("rii->ri", a), light))
            return target, weight

        light = np.zeros(n) if before is None else tuning.VARIANCE_LIGHT * self._median_variance(before)
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
                    _, shift = _ito_taylor(before, z, mu, a)
                    target = target - dt[:, None] * np.stack([shift[:, i, k] for i, k in entries], axis=1)
                variance = np.maximum(np.einsum("rii->ri", a), light)
                weight = 1.0 / np.stack([np.sqrt(variance[:, i] * variance[:, k]) for i, k in entries], axis=1)
            return target, weight

        # weights must not follow noise: the first covariance is the quadratic alone
        ridge = tuning.RIDGE_HEAVY if before is None else self.regularisation
        covariance, covariance_solutions = self._solve(covariance_targets, len(entries), True, ridge)
        rate = (self.rows.dy**2 / self.rows.spacing[:, None]).mean(axis=0)
        floor = tuning.VARIANCE_FLOOR * rate / self.layer.half_width**2
        floor[floor == 0] = np.finfo(float).tiny ** 0.5  # a component that never changes
        return Moments(self.layer, drift, covariance, floor, (drift_solutions, covariance_solutions), correct)

    def _solve(
        self, targets: Callable[..., tuple[np.ndarray, ...]], count: int, squares: bool, ridge: float | str
    ) -> tuple[np.ndarray, tuple[LinearSolution, ...]]:
        """One weighted regression an output, all in one pass over the rows."""
        n = self.rows.y.shape[1]
        free = 1 + n + (n * (n + 1) // 2 if squares else 0)
        columns = free + self.layer.width
        at_once = min(tuning.MOMENT_CHUNK, len(self.rows.y))
        problems = [LeastSquares(columns, 1, at_once, unpenalised=free) for _ in range(count)]
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
        pick = self.rows.y[:: -(-len(self.rows.y) // tuning.MOMENT_CHUNK)]
        return np.asarray((pick - self.layer.centre) / self.layer.half_width)

    def _median_variance(self, before: Moments) -> np.ndarray:
        z = self._sample()
        _, a = before.values(z, self.layer.standardised.values(z))
        return np.asarray(np.median(np.einsum("rii->ri", a), axis=0))

    def small_corrections(self, before: Moments) -> bool:
        """Whether the corrections are small beside what they correct."""
        z = self._sample()
        features = self.layer.standardised.values(z)
        mu, a = before.values(z, features)
        shifts = _ito_taylor(before, z, mu, a)
        dt = self.rows.dt
        return all(
            dt * np.linalg.norm(shift) <= tuning.CORRECTION_LARGEST * np.linalg.norm(value)
            for shift, value in zip(shifts, (mu, a), strict=True)
        )


def _design(z: np.ndarray, features: np.ndarray, squares: bool) -> np.ndarray:
    """Columns 1, z, [products of z,] features."""
    products = [z[:, i : i + 1] * z[:, k : k + 1] for i, k in _lower_triangle(z.shape[1])] if squares else []
    return np.concatenate([np.ones((len(z), 1)), z, *products, features], axis=1)


def _mirrored(flat: np.ndarray, size: int) -> np.ndarray:
    """Symmetric matrices (row, size, size) from their lower triangles."""
    a = np.empty((len(flat), size, size))
    rows, columns = np.tril_indices(size)
    a[:, rows, columns] = a[:, columns, rows] = flat
    return a


def _symmetric(flat: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Matrices from their lower triangles, variances and correlations clipped."""
    n = len(floor)
    a = _mirrored(flat, n)
    for i in range(n):
        a[:, i, i] = np.maximum(a[:, i, i], floor[i])
    for i, k in _lower_triangle(n):
        if i != k:
            bound = np.sqrt(a[:, i, i] * a[:, k, k])
            a[:, i, k] = a[:, k, i] = np.clip(a[:, i, k], -bound, bound)
    return a


def _ito_taylor(moments: Moments, z: np.ndarray, mu: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a spacing dt adds to the moments, over dt: (row, component) and (row, component, component)."""
    n = z.shape[1]
    neurons, weights = moments.layer.standardised, moments.layer.weights
    slope, bend = neurons.responses(z, 1).T, neurons.responses(z, 2).T
    curved = slope * (mu @ weights.T) + 0.5 * bend * np.einsum("fi,rij,fj->rf", weights, a, weights)
    squares = [mu[:, [i]] * z[:, [k]] + mu[:, [k]] * z[:, [i]] + a[:, i, k][:, None] for i, k in _lower_triangle(n)]
    plain = [np.zeros((len(z), 1)), mu]
    along_drift = np.concatenate([*plain, curved], axis=1) @ moments.drift  # L mu
    flat = np.concatenate([*plain, *squares, curved], axis=1) @ moments.covariance  # L a
    # gradient[r, k, j] = d mu_j / d z_k
    gradient = moments.drift[1 : n + 1] + np.einsum("rf,fk,fj->rkj", slope, weights, moments.drift[n + 1 :])
    mixed = a @ gradient
    return 0.5 * along_drift, 0.5 * (mixed + np.swapaxes(mixed, 1, 2) + _mirrored(flat, n))
