"""What disturbs a Hamiltonian system, known or to be learned: dissipation R, an input matrix B, a periodic force F.

R is constant, symmetric and positive semi-definite; learned entries are those of ``frictions``. F acts on ``driven``
components and is a trigonometric polynomial in a base frequency, known or learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from dynsamp.networks.motion import Friction, Gain, Shift, Unknown, Wave

__all__ = ["Disturbance", "Rows"]


class Rows(NamedTuple):
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
        return [
            (Wave(component, multiple * self.frequency, sine), float(multiple))
            for component in self.driven
            for multiple in range(1, self.harmonics + 1)
            for sine in (False, True)
        ]

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

    def rows(self, slope: np.ndarray, t: np.ndarray, u: np.ndarray, gradient: np.ndarray | None = None) -> Rows:
        """Equations for the gradient of E at points where the slope y' (point, component) is known.

        In the frame of gradients; friction sees ``gradient``, by default what the slope says of it.
        """
        inverse = np.linalg.inv(self.canonical - self.dissipation)
        if self.inputs is not None:
            slope = slope - u @ self.inputs.T
        target = slope @ inverse.T
        seen = target if gradient is None else gradient
        others = [unknown.column(t, seen, u) @ inverse.T for unknown in self.unknowns]
        return Rows(target, np.array(others).reshape(-1, *target.shape))

    def clipped(self) -> tuple[Disturbance, bool]:
        """With R positive semi-definite and no longer unknown where it was not, and whether that changed it."""
        resistance = self.resistance
        sizes, vectors = np.linalg.eigh(resistance)
        if not self.frictions or sizes.min() >= 0.0:
            return self, False
        nearest = (vectors * np.maximum(sizes, 0.0)) @ vectors.T
        rest = self.values[len(self.frictions) :]
        return replace(self, dissipation=0.5 * (nearest + nearest.T), frictions=(), values=rest), True
