"""Stochastic differential equations from increments: dy = mu(y) dt + g(y) dW, g g^T = a(y), in the sense of Ito.

Regression of conditional moments: Stanton (1997), J. Finance 52, 1973, with kernels; Dietrich et al. (2023), Chaos 33,
023121, train networks for the same data by likelihood. Here both moments are linear in a sampled layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.measured.usable import box, increments
from dynsamp.models.moments import Moments, fit_moments, lower_triangle
from dynsamp.networks.neurons import FitOptions, Neurons, Sampler, one_of
from dynsamp.solve import Kernel

__all__ = ["DriftDiffusion", "DriftDiffusionModel", "sde_functions"]

WIDTH = 40
SCALE = 0.5
ROWS_A_NEURON = 20  # of data as noisy as increments
MOST_COMPONENTS = 12  # n (n + 1) / 2 covariances are learned
TINY = 1e-12  # of the floor of a variance: the least square of a pivot


@cache
def sde_functions(size: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return ``drift(t, y, theta, dy)`` and ``diffusion(t, y, theta, g)`` for compilation.

    With n = ``size`` and p = n (n + 1) / 2, theta = centre (n), least variances (n); of each component of the drift a
    constant and slopes (n); of each entry of a, lower triangle row by row, a constant, slopes (n) and squares (p);
    of each neuron bias, weights (n), coefficients (n + p). One component has a diagonal diffusion; more have the lower
    Cholesky factor, (n, n). Values may be floats, lanes or arrays (y (n, point), g (n, n, point)).
    """
    pairs = size * (size + 1) // 2
    quadratics = 2 * size + size * (1 + size)
    neurons = quadratics + pairs * (1 + size + pairs)
    record = 1 + size + size + pairs

    def drift(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001 - t belongs to every right-hand side
        for i in range(size):
            at = 2 * size + i * (1 + size)
            value = theta[at] + theta[at + 1] * (y[0] - theta[0])
            for j in range(1, size):
                value = value + theta[at + 1 + j] * (y[j] - theta[j])
            dy[i] = value
        for neuron in range((len(theta) - neurons) // record):
            at = neurons + neuron * record
            z = theta[at]
            for j in range(size):
                z = z + theta[at + 1 + j] * (y[j] - theta[j])
            h = np.tanh(z)
            for i in range(size):
                dy[i] = dy[i] + theta[at + 1 + size + i] * h

    def variance(t, y, theta, g):  # type: ignore[no-untyped-def]  # noqa: ARG001
        d = y[0] - theta[0]
        at = quadratics
        value = theta[at] + (theta[at + 1] + theta[at + 2] * d) * d
        for neuron in range((len(theta) - neurons) // record):
            at = neurons + neuron * record
            value = value + theta[at + 3] * np.tanh(theta[at] + theta[at + 1] * d)
        g[0] = np.sqrt(np.maximum(value, theta[1]))

    def factor(t, y, theta, g):  # type: ignore[no-untyped-def]  # noqa: ARG001
        for i in range(size):
            for k in range(i + 1):
                at = quadratics + (i * (i + 1) // 2 + k) * (1 + size + pairs)
                value = theta[at]
                for j in range(size):
                    d = y[j] - theta[j]
                    value = value + theta[at + 1 + j] * d
                    for m in range(j + 1):
                        value = value + theta[at + 1 + size + j * (j + 1) // 2 + m] * (d * (y[m] - theta[m]))
                g[i, k] = value
        for neuron in range((len(theta) - neurons) // record):
            at = neurons + neuron * record
            z = theta[at]
            for j in range(size):
                z = z + theta[at + 1 + j] * (y[j] - theta[j])
            h = np.tanh(z)
            for i in range(size):
                for k in range(i + 1):
                    g[i, k] = g[i, k] + theta[at + 1 + 2 * size + i * (i + 1) // 2 + k] * h
        for i in range(size):
            g[i, i] = np.maximum(g[i, i], theta[size + i])
            for k in range(i + 1, size):
                g[i, k] = 0.0 * g[i, i]
        # Cholesky, column by column; g[i, i] is what is left of variance i. No entry may take more than that, so a
        # matrix that is not positive keeps its variances and loses correlation
        for k in range(size):
            pivot = np.sqrt(np.maximum(g[k, k], TINY * theta[size + k]))
            g[k, k] = pivot
            for i in range(k + 1, size):
                value = g[i, k]
                for m in range(k):
                    value = value - g[i, m] * g[k, m]
                bound = np.sqrt(np.maximum(g[i, i], 0.0 * g[i, i]))
                value = np.minimum(np.maximum(value / pivot, -bound), bound)
                g[i, k] = value
                g[i, i] = g[i, i] - value * value

    return drift, variance if size == 1 else factor


@dataclass(frozen=True, kw_only=True)
class DriftDiffusionModel(Model):
    """dy = mu(y) dt + g(y) dW (Ito); arrays of states are (..., component)."""

    name: ClassVar[str] = "drift-diffusion"

    dt: float  # spacing of the training data
    theta: np.ndarray  # as in sde_functions

    def __post_init__(self) -> None:
        n = self.size
        pairs = n * (n + 1) // 2
        rest = self.theta.size - (2 * n + n * (1 + n) + pairs * (1 + n + pairs))
        if self.theta.ndim != 1 or self.theta.dtype != np.float64 or rest < 0 or rest % (1 + 2 * n + pairs):
            raise ValueError(f"theta of shape {self.theta.shape} is not a drift and diffusion of {n} components")

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        n = self.size
        return Kernel("sde", sde_functions(n), self.theta, noise="diagonal" if n == 1 else n)

    def drift(self, y: np.ndarray) -> np.ndarray:
        """Drift (..., component) per unit of time."""
        points = np.asarray(y, dtype=float)
        out = np.empty((points.shape[-1], points.size // points.shape[-1]))
        sde_functions(points.shape[-1])[0](0.0, points.reshape(-1, len(out)).T, self.theta, out)
        return out.T.reshape(points.shape).copy()

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Root of the covariance: (..., 1) for one component, else its lower Cholesky factor (..., n, n)."""
        points = np.asarray(y, dtype=float)
        n = points.shape[-1]
        out = np.empty((n, points.size // n) if n == 1 else (n, n, points.size // n))
        sde_functions(n)[1](0.0, points.reshape(-1, n).T, self.theta, out)
        return np.moveaxis(out, -1, 0).reshape(*points.shape, *([] if n == 1 else [n])).copy()


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
    scale: float = SCALE
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
        if n > MOST_COMPONENTS:
            raise ValueError(
                f"drift-diffusion learns a full covariance of up to {MOST_COMPONENTS} components, the data have {n};"
                " choose some of them, or a few principal components"
            )
        with Meter() as meter:
            rows = increments(samples, "drift-diffusion", even=False)
            needed = 2 * (1 + n + n * (n + 1) // 2)
            if len(rows.y) < needed:
                raise ValueError(f"drift-diffusion of {n} components needs {needed} increments, got {len(rows.y)}")
            neurons = self.neurons
            if neurons.width is None:
                neurons = replace(neurons, width=min(WIDTH, len(rows.y) // ROWS_A_NEURON))
            moments = fit_moments(rows, neurons, self.options(seed))
        cost = meter.cost.as_dict() if meter.cost else {}
        low, high = box(samples)
        return DriftDiffusionModel(
            states=samples.states,
            facts=replace(samples.facts, dt=rows.dt),
            report={**_report(moments, self.scale, len(rows.y)), **cost},
            low=low,
            high=high,
            dt=rows.dt,
            theta=_theta(moments),
        )


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
    entries = lower_triangle(n)
    squares = [spread[i] * spread[k] for i, k in entries]
    slopes = np.concatenate([[1.0], spread])
    parts = [centre, moments.floor * spread**2]
    parts += [moments.drift[: n + 1, i] * spread[i] / slopes for i in range(n)]
    free = 1 + n + len(entries)
    for column, unit in enumerate(squares):
        parts.append(moments.covariance[:free, column] * unit / np.concatenate([slopes, squares]))
    neurons = [
        layer.biases[:, None],
        layer.weights / spread,
        moments.drift[n + 1 :] * spread,
        moments.covariance[free:] * np.asarray(squares),
    ]
    return np.concatenate([*parts, np.concatenate(neurons, axis=1).ravel()])
