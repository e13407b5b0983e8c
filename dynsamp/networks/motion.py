"""A vector field in the course of being learned: y' = (J - R) grad E(y) + B u + F(t).

All arrays of points are (point, component). The field is linear in the coefficients of E and, E given, in further
unknowns: entries of R and B, amplitudes of F. Each unknown has a vector field of its own, its column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

__all__ = ["Friction", "Gain", "Motion", "Potential", "Shift", "Unknown", "Wave"]


class Potential(Protocol):
    """A scalar function of points (point, component)."""

    def gradient(self, x: np.ndarray, /) -> np.ndarray:
        """Gradient (point, component)."""

    def hessian(self, x: np.ndarray, /) -> np.ndarray:
        """Hessian (point, component, component)."""


@dataclass(frozen=True)
class Friction:
    """An entry of R: the vector field -entry @ grad E."""

    entry: np.ndarray  # (component, component), symmetric

    def column(self, t: np.ndarray, gradient: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Vector field (point, component) at times t (point,), gradients of E and signals u (point, input)."""
        return np.asarray(-gradient @ self.entry.T)


@dataclass(frozen=True)
class Gain:
    """An entry of B: how signal ``signal`` drives the component ``component``."""

    component: int
    signal: int

    def column(self, t: np.ndarray, gradient: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See Friction.column."""
        result = np.zeros_like(gradient)
        result[:, self.component] = u[:, self.signal]
        return result


@dataclass(frozen=True)
class Wave:
    """An amplitude of F: cos(frequency t) or sin(frequency t) on one component."""

    component: int
    frequency: float  # angular
    sine: bool

    def column(self, t: np.ndarray, gradient: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See Friction.column."""
        result = np.zeros_like(gradient)
        result[:, self.component] = np.sin(self.frequency * t) if self.sine else np.cos(self.frequency * t)
        return result


@dataclass(frozen=True)
class Shift:
    """A change of the base frequency of F, whose waves have these amplitudes; zero in the present field."""

    waves: Sequence[tuple[Wave, float, float]]  # wave, amplitude, multiple of the base frequency

    def column(self, t: np.ndarray, gradient: np.ndarray, u: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """See Friction.column."""
        result = np.zeros_like(gradient)
        for wave, amplitude, multiple in self.waves:
            phase = wave.frequency * t
            slope = np.cos(phase) if wave.sine else -np.sin(phase)
            result[:, wave.component] += amplitude * multiple * t * slope
        return result


Unknown = Friction | Gain | Wave | Shift


@dataclass(frozen=True)
class Motion:
    """y' = (J - R) grad E(y), and what is added to it."""

    energies: Sequence[tuple[np.ndarray, Potential]]  # components and energy: E is the sum
    matrix: np.ndarray  # (component, component), J - R
    unknowns: Sequence[Unknown] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty(0))  # (unknown,)
    inputs: np.ndarray | None = None  # (component, input), the known part of B

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of E."""
        result = np.zeros_like(y)
        for part, energy in self.energies:
            result[:, part] += energy.gradient(np.ascontiguousarray(y[:, part]))
        return result

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian of E (point, component, component)."""
        result = np.zeros((*y.shape, y.shape[1]))
        for part, energy in self.energies:
            result[:, part[:, None], part] += energy.hessian(np.ascontiguousarray(y[:, part]))
        return result

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Right-hand side at times t (point,), states y and signals u (point, input)."""
        gradient = self.gradient(y)
        total = gradient @ self.matrix.T + self._known(u)
        for unknown, value in zip(self.unknowns, self.values, strict=True):
            if isinstance(unknown, Gain | Wave):  # friction is in the matrix, a shift is a change to come
                total += value * unknown.column(t, gradient, u)
        return np.asarray(total)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the right-hand side (point, component, component)."""
        return np.asarray(self.matrix @ self.hessian(y))

    def columns(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the unknowns (unknown, point, component), and what they add up to with (J - R) grad E.

        To first order, a field with another E, R, B and F solves: (J - R) grad E + sum of unknowns * columns is this
        sum plus the change of the field, where R and the columns are the present ones. Friction counts twice in it,
        because it is in R and in the columns.
        """
        gradient = self.gradient(y)
        columns = np.zeros((len(self.unknowns), *y.shape))
        for column, unknown in zip(columns, self.unknowns, strict=True):
            column[:] = unknown.column(t, gradient, u)
        known = gradient @ self.matrix.T + self._known(u)
        return columns, known + np.tensordot(self.values, columns, 1)

    def _known(self, u: np.ndarray) -> np.ndarray | float:
        return 0.0 if self.inputs is None else u @ self.inputs.T
