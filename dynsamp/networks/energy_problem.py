"""One gradient fit: sample neurons, fill the columns, solve; in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dynsamp.networks.energy import Energy, Gradients
from dynsamp.networks.energy_basis import EnergyBasis
from dynsamp.networks.features import HiddenLayer
from dynsamp.networks.least_squares import LeastSquares, Solution
from dynsamp.networks.sampling import generator, sample_layer
from dynsamp.networks.structure import Structure

__all__ = ["EnergyProblem", "Trained", "solve_energy"]

SAMPLED_FROM = 20_000  # points at most
FIRST, FIRST_SCALE = 200, 0.5  # neurons and slope of a fit that only serves as a density
ROWS_A_COLUMN = 4  # of a noise-free problem; more rows gain less than a factor of 3 in error
FEWEST_ROWS = 40

Trained = tuple[Energy, Solution]


def solve_energy(
    basis: EnergyBasis,
    data: Gradients,
    regularisation: float | Literal["auto"] | None,
    memory: int | None = None,
    cutoff: float | None = None,
) -> Trained:
    """Fit an energy with given neurons to all rows of ``data``; ``memory`` bounds the matrix in bytes."""
    count, components = data.target.shape
    chunk = count
    if memory is not None:
        least = basis.columns // components + 1
        chunk = min(count, max(memory // (24 * (basis.columns + 1)) // components, least))
    problem = LeastSquares(basis.columns, 1, chunk * components, unpenalised=basis.free)
    for start in range(0, count, chunk):
        part = data if chunk == count else data.take(np.arange(start, min(start + chunk, count)))
        basis.fill(part, problem.block(len(part.target) * components))
    solution = problem.solve(regularisation) if cutoff is None else problem.solve(cutoff=cutoff)
    return basis.energy(solution.coefficients[:, 0]), solution


@dataclass(frozen=True)
class EnergyProblem:
    """Gradient data in the order in which their rows are used, and everything that all fits to them share."""

    data: Gradients
    structure: Structure
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)
    regularisation: float | None
    every_row: bool  # whether the caller said how many
    seed: int
    key: int
    memory: int | None

    @property
    def equations(self) -> int:
        """Number of scalar equations."""
        return int(self.data.target.size)

    @cached_property
    def free(self) -> int:
        """Number of polynomial columns."""
        return len(self.structure.quadratics(self.half_width)[0])

    def basis(self, activation: str, scale: float, width: int, sampler: str | None) -> EnergyBasis:
        """Sample ``width`` columns of neurons at least."""
        q = np.array(self.structure.support)
        data = self.data
        points, target = data.nodes.reshape(-1, self.structure.size)[:SAMPLED_FROM], None
        if sampler in ("swim", "adaptive", "near", "gradient"):
            # values of E are not known: its gradient says where it changes, or a first fit
            points = data.nodes[:, :SAMPLED_FROM].mean(axis=0)
            target = self._first if sampler == "adaptive" else (data.target * self.half_width)[:SAMPLED_FROM, q]
        neurons = -(-width // len(self.structure.factors))
        layer = sample_layer(
            np.ascontiguousarray(points[:, q]), neurons, rng=generator(self.seed, self.key, 1), activation=activation,
            scale=scale, sampler=sampler, target=target, centre=self.centre[q], half_width=self.half_width[q],
        )  # fmt: skip
        weights = np.zeros((neurons, self.structure.size))
        weights[:, q] = layer.weights
        return EnergyBasis.of(self.structure, self._wrapped(replace(layer, weights=weights)))

    @cached_property
    def _first(self) -> np.ndarray:
        """Values of a first fit, from which "adaptive" takes its density."""
        width = max(1, min(FIRST, self.equations // ROWS_A_COLUMN))
        _, (energy, _) = self.fit(self.basis("tanh", FIRST_SCALE, width, "uniform"))
        return energy.value(self.data.nodes[:, :SAMPLED_FROM].mean(axis=0))

    def _wrapped(self, layer: HiddenLayer) -> HiddenLayer:
        """The layer on all components, with whole wave numbers along periodic ones."""
        weights = layer.weights
        periodic = np.flatnonzero(self.structure.periodic)
        if len(periodic):
            unit = 2.0 * np.pi * self.half_width[periodic] / self.structure.periods[periodic]
            weights[:, periodic] = np.round(weights[:, periodic] / unit) * unit
        return replace(layer, weights=weights, centre=self.centre, half_width=self.half_width)

    def fit(self, basis: EnergyBasis, least: int = 0) -> tuple[float, Trained]:
        """Cross-validated relative error and fit, with four equations an unknown or at least ``least``."""
        components = self.structure.size
        wanted = -(-max(ROWS_A_COLUMN * basis.columns, least, FEWEST_ROWS) // components)
        everything = self.every_row or wanted >= len(self.data.target)
        part = self.data if everything else self.data.take(np.arange(wanted))
        way: Any = "auto" if self.regularisation is None else self.regularisation
        energy, solution = solve_energy(basis, part, way, self.memory)
        # flat slopes want huge coefficients that cancel: their rounding errors count like a residual
        rounding = np.finfo(float).eps * np.linalg.norm(energy.coefficients) / max(solution.rms[0], 1e-300)
        return float(np.hypot(solution.gcv[0], rounding)), (energy, solution)
