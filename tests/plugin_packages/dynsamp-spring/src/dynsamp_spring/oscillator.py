"""An estimator of one's own: the harmonic oscillator y' = A y, with A by least squares from derivatives."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np

import dynsamp
from dynsamp.models import Array, Samples
from dynsamp.solve import Kernel


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """A y, with A row by row in theta."""
    dy[0] = theta[0] * y[0] + theta[1] * y[1]
    dy[1] = theta[2] * y[0] + theta[3] * y[1]


@dataclass(frozen=True, kw_only=True)
class OscillatorModel(dynsamp.Model):
    """What `Oscillator` fits."""

    name: ClassVar[str] = "oscillator"

    matrix: Annotated[np.ndarray, Array(2, 2)] = field(
        default_factory=lambda: np.zeros((2, 2))
    )  # (component, component)

    def kernel(self) -> Kernel:
        """A vector field."""
        return Kernel("field", (rhs,), np.ascontiguousarray(self.matrix).reshape(-1), size=2, parameters=4)


@dataclass(frozen=True)
class Oscillator(dynsamp.Estimator):
    """Linear oscillator of two states."""

    name: ClassVar[str] = "oscillator"
    Model: ClassVar[type[dynsamp.Model]] = OscillatorModel

    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> OscillatorModel:
        """Least squares; needs derivatives."""
        if samples.dy is None or samples.y.shape[2] != 2:
            raise ValueError("the oscillator needs two states and their derivatives; generate with derivatives=True")
        y, dy = samples.y.reshape(-1, 2), samples.dy.reshape(-1, 2)
        matrix, residual, _, _ = np.linalg.lstsq(y, dy, rcond=None)
        return OscillatorModel(
            matrix=np.ascontiguousarray(matrix.T),
            states=samples.states,
            facts=samples.facts,
            report={"residual": float(np.sqrt(residual.sum() / (dy**2).sum())), "chosen": "nothing to choose"},
            low=y.min(axis=0),
            high=y.max(axis=0),
        )
