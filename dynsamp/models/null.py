"""Null models: the yardstick that every learned model has to beat."""

# ruff: noqa: ARG001, ARG002 - interfaces have arguments that a null model ignores
from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.measured.increments import increments
from dynsamp.solve import Kernel
from dynsamp.words import Status

__all__ = [
    "Climatology",
    "ClimatologyModel",
    "Linear",
    "LinearModel",
    "Persistence",
    "PersistenceModel",
    "RandomWalk",
    "RandomWalkModel",
]


@dataclass(frozen=True, kw_only=True)
class PersistenceModel(Model):
    """Tomorrow is as today."""

    name: ClassVar[str] = "persistence"

    def predict(self, y0: np.ndarray, times: np.ndarray, ids: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """See Model.predict."""
        return np.repeat(y0[:, None, :], len(times), axis=1), _status(y0)


@dataclass(frozen=True)
class Persistence(Estimator):
    """Forecast: the start, for ever."""

    name: ClassVar[str] = "persistence"
    Model: ClassVar[type[Model]] = PersistenceModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> PersistenceModel:
        """Remember the states' names and ranges."""
        return PersistenceModel(**samples.about({"chosen": "the start, repeated"}))


@dataclass(frozen=True, kw_only=True)
class ClimatologyModel(Model):
    """The mean of the training data, whatever the start."""

    name: ClassVar[str] = "climatology"

    mean: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,)
    spread: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,) standard deviation

    def __post_init__(self) -> None:
        _check_sizes(self, mean=self.mean, spread=self.spread)

    def predict(self, y0: np.ndarray, times: np.ndarray, ids: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """See Model.predict; the start itself is known, so the mean begins after it."""
        states = np.tile(self.mean, (len(y0), len(times), 1))
        states[:, 0] = y0
        return states, _status(y0)


@dataclass(frozen=True)
class Climatology(Estimator):
    """Forecast: the mean of the training data."""

    name: ClassVar[str] = "climatology"
    Model: ClassVar[type[Model]] = ClimatologyModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> ClimatologyModel:
        """Mean and standard deviation over all samples."""
        y = samples.y[samples.inside]
        about = samples.about({"rows": len(y), "chosen": "the mean of all samples"})
        return ClimatologyModel(**about, mean=y.mean(axis=0), spread=y.std(axis=0))


def linear_step(t: float, y: np.ndarray, theta: np.ndarray, out: np.ndarray) -> None:
    """State y + b + A (y - mean); theta = (mean, b, A row by row)."""
    n = len(y)
    for i in range(n):
        change = theta[n + i]
        for j in range(n):
            change += theta[2 * n + n * i + j] * (y[j] - theta[j])
        out[i] = y[i] + change


@dataclass(frozen=True, kw_only=True)
class LinearModel(Model):
    """y(t + dt) = y + b + A (y - mean)."""

    name: ClassVar[str] = "linear"

    dt: float = 1.0
    mean: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,)
    constant: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,) b
    matrix: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))  # (component, component) A

    def __post_init__(self) -> None:
        _check_sizes(self, mean=self.mean, constant=self.constant)
        if self.matrix.shape != 2 * self.mean.shape or not self.dt > 0:
            raise ValueError(f"a linear map needs a square matrix and dt > 0, got {self.matrix.shape}, {self.dt}")

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        theta = np.concatenate([self.mean, self.constant, self.matrix.ravel()])
        return Kernel("map", (linear_step,), theta, dt=self.dt)

    def step(self, y: np.ndarray) -> np.ndarray:
        """State after ``dt``; y and result (..., component)."""
        y = np.asarray(y, dtype=float)
        return np.asarray(y + self.constant + (y - self.mean) @ self.matrix.T)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Derivative of the step (..., component, component)."""
        y = np.asarray(y, dtype=float)
        return np.broadcast_to(np.eye(y.shape[-1]) + self.matrix, (*y.shape, y.shape[-1])).copy()


@dataclass(frozen=True)
class Linear(Estimator):
    """Least-squares linear one-step map (dynamic mode decomposition with a constant); evenly sampled data."""

    name: ClassVar[str] = "linear"
    Model: ClassVar[type[Model]] = LinearModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> LinearModel:
        """Regress increments on centred, standardised states by the SVD; directions without data get no weight."""
        with Meter() as meter:
            rows = increments(samples, "a linear map")
            mean, spread = rows.y.mean(axis=0), rows.y.std(axis=0)
            spread[spread == 0] = 1.0
            design = (rows.y - mean) / spread
            constant = rows.dy.mean(axis=0)
            solution, _, rank, singular = np.linalg.lstsq(design, rows.dy - constant, rcond=None)
            residual = rows.dy - constant - design @ solution
        report = {
            "rows": len(rows.y),
            "rank": int(rank),
            "condition": float(singular[0] / singular[-1]) if singular[-1] > 0 else None,
            "residual": float(np.linalg.norm(residual) / np.linalg.norm(rows.dy)),
            **meter.cost.as_dict(),
            "chosen": "linear one-step map by least squares",
        }
        matrix = np.ascontiguousarray((solution / spread[:, None]).T)
        about = samples.about(report, dt=rows.dt)
        return LinearModel(**about, dt=rows.dt, mean=mean, constant=constant, matrix=matrix)


def walk_drift(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Constant drift; theta = (drift, diffusion)."""
    for i in range(len(y)):
        dy[i] = theta[i]


def walk_diffusion(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
    """Constant diffusion."""
    for i in range(len(y)):
        g[i] = theta[len(y) + i]


@dataclass(frozen=True, kw_only=True)
class RandomWalkModel(Model):
    """Independent Gaussian increments: dy = m dt + s dW."""

    name: ClassVar[str] = "random-walk"

    mean_rate: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,) m
    volatility: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,) s

    def __post_init__(self) -> None:
        _check_sizes(self, mean_rate=self.mean_rate, volatility=self.volatility)

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        theta = np.concatenate([self.mean_rate, self.volatility])
        return Kernel("sde", (walk_drift, walk_diffusion), theta, noise="diagonal")

    def drift(self, y: np.ndarray) -> np.ndarray:
        """Drift (..., component)."""
        return np.broadcast_to(self.mean_rate, np.shape(y)).copy()

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Diagonal of the diffusion (..., component)."""
        return np.broadcast_to(self.volatility, np.shape(y)).copy()


@dataclass(frozen=True)
class RandomWalk(Estimator):
    """Increments with the mean and the standard deviation of the training increments, whatever the state."""

    name: ClassVar[str] = "random-walk"
    Model: ClassVar[type[Model]] = RandomWalkModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> RandomWalkModel:
        """Maximum likelihood; spacings may differ."""
        rows = increments(samples, "a random walk", even=False)
        rate = rows.dy.sum(axis=0) / rows.spacing.sum()
        noise = (rows.dy - rate * rows.spacing[:, None]) / np.sqrt(rows.spacing)[:, None]
        volatility = np.sqrt((noise**2).mean(axis=0))
        about = samples.about({"rows": len(rows.y), "chosen": "mean and standard deviation of the increments"})
        return RandomWalkModel(**about, mean_rate=rate, volatility=volatility)


def _status(y0: np.ndarray) -> np.ndarray:
    finite = np.isfinite(y0).all(axis=1)
    return np.where(finite, int(Status.OK), int(Status.INVALID_INPUT)).astype(np.int8)


def _check_sizes(model: Model, **arrays: np.ndarray) -> None:
    size = model.size
    for key, array in arrays.items():
        if np.shape(array) != (size,) or array.dtype != np.float64:
            raise ValueError(f"{key} of a {type(model).__name__} must be {size} floats, got shape {np.shape(array)}")
