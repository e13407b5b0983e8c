"""Null models: the yardstick that every learned model has to beat."""

# ruff: noqa: ARG001, ARG002 - interfaces have arguments that a null model ignores
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from dynsamp.meter import Meter
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.models.measured.increments import increments, judged, unused
from dynsamp.models.schema import Above, Array
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.search.flow import fit_flow
from dynsamp.solve import Kernel
from dynsamp.words import Status


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

    mean: Annotated[np.ndarray, Array("component")]
    spread: Annotated[np.ndarray, Array("component", low=0.0)]  # standard deviation

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

    dt: Annotated[float, Above(0.0)]
    mean: Annotated[np.ndarray, Array("component")]
    constant: Annotated[np.ndarray, Array("component")]  # b
    matrix: Annotated[np.ndarray, Array("component", "component")]  # A

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        theta = np.concatenate([self.mean, self.constant, self.matrix.ravel()])
        return Kernel("map", (linear_step,), theta, dt=self.dt, size=self.size, parameters=len(theta))

    def step(self, y: np.ndarray) -> np.ndarray:
        """State after ``dt``; y and result (..., component)."""
        y = self._points(y).reshape(np.shape(y))
        return np.asarray(y + self.constant + (y - self.mean) @ self.matrix.T)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Derivative of the step (..., component, component)."""
        rows = self._points(y)
        return np.tile(np.eye(self.size) + self.matrix, (len(rows), 1, 1)).reshape(*np.shape(y), self.size)


@dataclass(frozen=True)
class Linear(Estimator):
    """Least-squares linear one-step map (dynamic mode decomposition with a constant); evenly sampled data."""

    name: ClassVar[str] = "linear"
    Model: ClassVar[type[Model]] = LinearModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> LinearModel:
        """Regress increments on centred, standardised states; directions without data get no weight."""
        with Meter() as meter:
            rows = increments(samples, "a linear map")
            best = fit_flow(rows, Neurons(0), FitOptions(0.0, seed=seed, memory=memory))
        report = {**judged(best.judgement, samples, best.noise), **best.report(), **meter.cost.as_dict()}
        for key in ("width", "activation", "scale", "cross_validated_error", "regularisation"):
            report.pop(key)
        report["chosen"] = "linear one-step map by least squares"
        network = best.network
        about = samples.about(report, dt=rows.dt)
        matrix = np.ascontiguousarray(network.linear)
        return LinearModel(**about, dt=rows.dt, mean=network.centre, constant=network.offset, matrix=matrix)


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

    mean_rate: Annotated[np.ndarray, Array("component")]  # m
    volatility: Annotated[np.ndarray, Array("component", low=0.0)]  # s

    def kernel(self) -> Kernel:
        """See Model.kernel."""
        theta = np.concatenate([self.mean_rate, self.volatility])
        functions = (walk_drift, walk_diffusion)
        return Kernel("sde", functions, theta, noise="diagonal", size=self.size, parameters=len(theta))

    def drift(self, y: np.ndarray) -> np.ndarray:
        """Drift (..., component)."""
        return np.tile(self.mean_rate, (len(self._points(y)), 1)).reshape(np.shape(y))

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Diagonal of the diffusion (..., component)."""
        return np.tile(self.volatility, (len(self._points(y)), 1)).reshape(np.shape(y))


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
        report = {"rows": len(rows.y), "chosen": "mean and standard deviation of the increments"}
        about = samples.about(report | unused(samples))
        return RandomWalkModel(**about, mean_rate=rate, volatility=volatility)


def _status(y0: np.ndarray) -> np.ndarray:
    finite = np.isfinite(y0).all(axis=1)
    return np.where(finite, int(Status.OK), int(Status.INVALID_INPUT)).astype(np.int8)
