"""A vector field in the course of being learned, y' = (J - R) grad E(y) + B u + F(t), and what of it is unknown.

All arrays of points are (point, component). The field is linear in the coefficients of E and, E given, in further
unknowns: entries of R and B, amplitudes of F. Each unknown has a vector field of its own, its column. R is constant,
symmetric and positive semi-definite; F acts on ``driven`` components and is a trigonometric polynomial in a base
frequency, known or learned.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np


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
class LearnedField:
    """The field as it is known now."""

    energy: Potential
    matrix: np.ndarray  # (component, component), J - R
    unknowns: Sequence[Unknown] = ()
    values: np.ndarray = field(default_factory=lambda: np.empty(0))  # (unknown,)
    inputs: np.ndarray | None = None  # (component, input), the known part of B

    def field(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Right-hand side at times t (point,), states y and signals u (point, input)."""
        gradient = self.energy.gradient(y)
        total = gradient @ self.matrix.T + self._known(u)
        for unknown, value in zip(self.unknowns, self.values, strict=True):
            if isinstance(unknown, Gain | Wave):  # friction is in the matrix, a shift is a change to come
                total += value * unknown.column(t, gradient, u)
        return np.asarray(total)

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """Jacobian of the right-hand side (point, component, component)."""
        return np.asarray(self.matrix @ self.energy.hessian(y))

    def columns(self, t: np.ndarray, y: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the unknowns (unknown, point, component), and what they add up to with (J - R) grad E.

        To first order, a field with another E, R, B and F solves: (J - R) grad E + sum of unknowns * columns is this
        sum plus the change of the field, where R and the columns are the present ones. Friction counts twice in it,
        because it is in R and in the columns.
        """
        gradient = self.energy.gradient(y)
        columns = np.zeros((len(self.unknowns), *y.shape))
        for column, unknown in zip(columns, self.unknowns, strict=True):
            column[:] = unknown.column(t, gradient, u)
        known = gradient @ self.matrix.T + self._known(u)
        return columns, known + np.tensordot(self.values, columns, 1)

    def _known(self, u: np.ndarray) -> np.ndarray | float:
        return 0.0 if self.inputs is None else u @ self.inputs.T


class GradientRows(NamedTuple):
    """Targets (point, component) of a gradient, and columns (unknown, point, component) of what else is unknown."""

    target: np.ndarray
    others: np.ndarray


@dataclass(frozen=True)
class Disturbance:
    """Known parts, and which ones are unknown; ``values`` of the unknowns once they are estimated."""

    canonical: np.ndarray  # J (component, component)
    dissipation: np.ndarray  # (component, component), the known part of R
    frictions: Sequence[np.ndarray] = ()  # symmetric matrices whose combination is the learned part of R
    inputs: np.ndarray | None = None  # (component, input), the known part of B
    gains: Sequence[tuple[int, int]] = ()  # (component, signal), entries of B to be learned
    driven: Sequence[int] = ()  # components on which F acts
    frequency: float | None = None  # base, angular; None where there is no force (yet)
    harmonics: int = 1
    free_frequency: bool = False  # whether the frequency is learned
    values: np.ndarray = field(default_factory=lambda: np.empty(0))  # (unknown,)

    @property
    def waves(self) -> list[tuple[Wave, float]]:
        """Waves of F and their multiples of the base frequency."""
        if self.frequency is None:
            return []
        each = itertools.product(self.driven, range(1, self.harmonics + 1), (False, True))
        return [(Wave(component, k * self.frequency, sine), float(k)) for component, k, sine in each]

    @property
    def unknowns(self) -> list[Unknown]:
        """In the order of ``values``: frictions, gains, waves, and a shift of the frequency."""
        found: list[Unknown] = [Friction(entry) for entry in self.frictions]
        found += [Gain(*gain) for gain in self.gains]
        waves = self.waves
        first = len(found)
        found += [wave for wave, _ in waves]
        amplitudes = self.values[first : first + len(waves)]
        if waves and self.free_frequency and np.any(amplitudes):
            shifted = [(wave, float(a), multiple) for (wave, multiple), a in zip(waves, amplitudes, strict=True)]
            found.append(Shift(shifted))
        return found

    @property
    def present(self) -> np.ndarray:
        """Values of ``unknowns`` (unknown,): zero where they are not known yet."""
        result = np.zeros(len(self.unknowns))
        result[: len(self.values)] = self.values
        return result

    def learned(self, values: np.ndarray) -> Disturbance:
        """With values of ``unknowns`` as a fit has found them."""
        unknowns = self.unknowns
        if unknowns and isinstance(unknowns[-1], Shift):
            assert self.frequency is not None
            frequency = self.frequency + float(values[-1])
            moved = replace(self, frequency=frequency if frequency > 0.0 else self.frequency)
            return replace(moved, values=values[:-1].copy())
        return replace(self, values=values.copy())

    @property
    def resistance(self) -> np.ndarray:
        """R as estimated (component, component); not yet positive semi-definite where data are noisy."""
        total = self.dissipation.copy()
        for entry, value in zip(self.frictions, self.values, strict=False):
            total += value * entry
        return total

    @property
    def matrix(self) -> np.ndarray:
        """J - R."""
        return np.asarray(self.canonical - self.resistance)

    def around(self, energy: Potential) -> LearnedField:
        """The field of this energy, as disturbed."""
        return LearnedField(energy, self.matrix, self.unknowns, self.present, self.inputs)

    def input_matrix(self, inputs: int) -> np.ndarray:
        """B (component, input) as estimated."""
        result = np.zeros((len(self.canonical), inputs)) if self.inputs is None else self.inputs.copy()
        first = len(self.frictions)
        for (component, signal), value in zip(self.gains, self.values[first:], strict=False):
            result[component, signal] += value
        return result

    def force(self) -> np.ndarray:
        """Amplitudes (harmonic, component, 2) of cos and sin as estimated."""
        result = np.zeros((self.harmonics, len(self.canonical), 2))
        first = len(self.frictions) + len(self.gains)
        for (wave, multiple), value in zip(self.waves, self.values[first:], strict=False):
            result[int(multiple) - 1, wave.component, int(wave.sine)] = value
        return result

    def rows(self, slope: np.ndarray, t: np.ndarray, u: np.ndarray, gradient: np.ndarray | None = None) -> GradientRows:
        """Equations for the gradient of E at points where the slope y' (point, component) is known.

        In the frame of gradients; friction sees ``gradient``, by default what the slope says of it.
        """
        inverse = np.linalg.inv(self.canonical - self.dissipation)
        if self.inputs is not None:
            slope = slope - u @ self.inputs.T
        target = slope @ inverse.T
        seen = target if gradient is None else gradient
        others = [unknown.column(t, seen, u) @ inverse.T for unknown in self.unknowns]
        return GradientRows(target, np.array(others).reshape(-1, *target.shape))

    def clipped(self) -> tuple[Disturbance, bool]:
        """With R positive semi-definite and no longer unknown where it was not, and whether that changed it."""
        resistance = self.resistance
        sizes, vectors = np.linalg.eigh(resistance)
        if not self.frictions or sizes.min() >= 0.0:
            return self, False
        nearest = (vectors * np.maximum(sizes, 0.0)) @ vectors.T
        rest = self.values[len(self.frictions) :]
        return replace(self, dissipation=0.5 * (nearest + nearest.T), frictions=(), values=rest), True
