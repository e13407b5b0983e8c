"""A vector field in the course of being learned: y' = (J - R) grad E(y) + drive(t), and what it depends on linearly.

All arrays of points are (point, component). The field is linear in the coefficients of E, and in further unknowns, the
``others``: entries of R, of an input matrix, of a force. Their columns are vector fields of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dynsamp.networks.energy import Energy

__all__ = ["Motion", "canonical_matrix"]


def canonical_matrix(pairs: np.ndarray) -> np.ndarray:
    """J (component, component) of canonical pairs (2, dof): q' = dH/dp, p' = -dH/dq."""
    matrix = np.zeros((pairs.size, pairs.size))
    matrix[pairs[0], pairs[1]], matrix[pairs[1], pairs[0]] = 1.0, -1.0
    return matrix


@dataclass(frozen=True)
class Motion:
    """y' = (J - R) grad E(y), and what is added to it."""

    parts: Sequence[tuple[np.ndarray, Energy]]  # components and energy: E is the sum
    matrix: np.ndarray  # (component, component), J - R
    others: Sequence[Other] = ()  # further unknowns
    values: np.ndarray = field(default_factory=lambda: np.empty(0))  # (other,)

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of E."""
        result = np.zeros_like(y)
        for part, energy in self.parts:
            result[:, part] += energy.gradient(np.ascontiguousarray(y[:, part]))
        return result

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian of E (point, component, component)."""
        result = np.zeros((*y.shape, y.shape[1]))
        for part, energy in self.parts:
            result[:, part[:, None], part] += energy.hessian(np.ascontiguousarray(y[:, part]))
        return result

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Right-hand side at times t (point,), states y and signals u (point, input)."""
        gradient = self.gradient(y)
        total = gradient @ self.matrix.T
        for other, value in zip(self.others, self.values, strict=True):
            if not other.of_gradient:  # that one is in the matrix
                total += value * other.column(t, gradient, u)
        return total

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the right-hand side (point, component, component)."""
        return np.asarray(self.matrix @ self.hessian(y))


@dataclass(frozen=True)
class Other:
    """One further unknown and the vector field that belongs to it: an entry of R, of an input matrix or of a force.

    The vector field is direction * signal(t, u), or entry @ grad E.
    """

    entry: np.ndarray | None = None  # (component, component): -dR / d unknown
    direction: np.ndarray | None = None  # (component,)
    signal: int | None = None  # which input
    frequency: float = 0.0  # of a force
    phase: int = 0  # 0 cosine, 1 sine
    amplitudes: Sequence[tuple[np.ndarray, float, float]] = ()  # of a change of frequency: direction, cosine, sine

    @property
    def of_gradient(self) -> bool:
        """Whether it belongs to the matrix before the gradient."""
        return self.entry is not None

    def column(self, t: np.ndarray, gradient: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The vector field (point, component) where the gradient of E is ``gradient``."""
        if self.entry is not None:
            return np.asarray(gradient @ self.entry.T)
        assert self.direction is not None
        if self.signal is not None:
            return np.asarray(u[:, self.signal, None] * self.direction)
        wave = np.sin if self.phase else np.cos
        return np.asarray(wave(self.frequency * t)[:, None] * self.direction)
