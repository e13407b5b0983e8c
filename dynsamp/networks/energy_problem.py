"""One gradient fit: sample neurons, fill the columns, solve; in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from dynsamp.networks.energy_basis import EnergyBasis
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.gram import GradientGram, GramLeastSquares
from dynsamp.networks.least_squares import LeastSquares, Solution
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.pairs import NearPairs
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.structure import Structure
from dynsamp.streams import generator

__all__ = ["EnergyProblem", "Trained", "solve_energy"]

SAMPLED_FROM = 20_000  # points at most
FIRST, FIRST_SCALE = 200, 0.5  # neurons and slope of a fit that only serves as a density
ROWS_A_COLUMN = 4  # of a noise-free problem; more rows gain less than a factor of 3 in error
FEWEST_ROWS = 40
BLOCK_ROWS = 4096  # at once, at least: more would leave the cache
POINTS = 4096  # at once, where slopes alone are kept
GRAM_ROWS = 512  # at once, where all rows are: a panel of them stays in cache

Trained = tuple[Energy, Solution]


def solve_energy(
    basis: EnergyBasis,
    data: Gradients,
    regularisation: float | Literal["auto"] | None,
    memory: int | None = None,
    cutoff: float | None = None,
) -> Trained:
    """Fit an energy with given neurons to all rows of ``data``; ``memory`` bounds the matrix in bytes.

    Blocks of rows are a function of the number of columns alone: in little memory the fit has the same bits.
    """
    count, equations = data.target.shape
    chunk = min(count, -(-max(basis.columns, BLOCK_ROWS) // equations))
    needed = 8 * (basis.columns + 1) * (chunk * equations + 3 * (basis.columns + 1))
    if memory is not None and needed > memory:
        raise ValueError(
            f"a fit with {basis.columns} unknowns needs {needed / 1e6:.3g} MB at its peak, but memory allows"
            f" {memory / 1e6:.3g} MB; allow more, or fit fewer neurons"
        )
    problem = LeastSquares(basis.columns, 1, chunk * equations, unpenalised=basis.free)
    for part in _parts(data, chunk):
        basis.fill(part, problem.block(part.target.size))
    solution = problem.solve(regularisation) if cutoff is None else problem.solve(cutoff=cutoff)
    return basis.energy(solution.coefficients[:, 0]), solution


def solve_gram(basis: EnergyBasis, data: Gradients, regularisation: float | Literal["auto"] | None) -> Trained:
    """The same through the normal equations: less than half the work, in little memory, to seven digits at most."""
    equations = data.target.shape[1]
    problem: GradientGram | GramLeastSquares
    if basis.simple and data.plain:
        problem = GradientGram(basis.layer, basis.free)
        for part in _parts(data, POINTS):
            others = np.empty((basis.free + 1, part.target.size))
            basis.fill_others(part, others[:-1], others[-1])
            problem.add(part.nodes[0], others)
    else:
        points = max(1, GRAM_ROWS // equations)
        problem = GramLeastSquares(basis.columns, 1, points * equations, basis.free)
        for part in _parts(data, points):
            basis.fill(part, problem.block(part.target.size))
    solution = problem.solve(regularisation)
    return basis.energy(solution.coefficients[:, 0]), solution


def _parts(data: Gradients, points: int) -> Iterator[Gradients]:
    count = len(data.target)
    for start in range(0, count, points):
        yield data if points >= count else data.take(np.arange(start, min(start + points, count)))


@dataclass(frozen=True)
class EnergyProblem:
    """Gradient data in the order in which their rows are used, and everything that all fits to them share."""

    data: Gradients
    structure: Structure
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)
    options: FitOptions
    _pairs: dict[tuple[int, ...], NearPairs] = field(default_factory=dict)

    @property
    def equations(self) -> int:
        """Number of scalar equations."""
        return int(self.data.target.size)

    @cached_property
    def free(self) -> int:
        """Number of columns that are not neurons."""
        forms = len(self.structure.quadratics(self.half_width)[0])
        return len(self.data.others) + forms + len(self.structure.terms)

    def basis(self, neurons: Neurons) -> EnergyBasis:
        """Sample as many columns of neurons as their width says, at least."""
        blocks = self.structure.blocks
        each = -(-neurons.last // len(self.structure.factors))
        neurons = replace(neurons, width=-(-each // len(blocks)))
        layers = [self._sampled(neurons, np.array(block), k) for k, block in enumerate(blocks)]
        layer = replace(
            layers[0],
            weights=np.concatenate([part.weights for part in layers]),
            biases=np.concatenate([part.biases for part in layers]),
        )
        return EnergyBasis.of(self.structure, self._wrapped(layer), len(self.data.others))

    def _sampled(self, neurons: Neurons, q: np.ndarray, block: int) -> HiddenLayer:
        """Neurons that depend on the components ``q``, their weights on all."""
        points, target, near = self.data.nodes.reshape(-1, self.structure.size)[:SAMPLED_FROM], None, None
        if neurons.sampler in ("swim", "adaptive", "near", "gradient"):
            # values of E are not known: its gradient says where it changes, or a first fit
            points = self._middles
            target = (
                self._first if neurons.sampler == "adaptive" else (self.data.slopes * self.half_width)[:SAMPLED_FROM, q]
            )
            near = self._near(tuple(q.tolist())) if neurons.sampler in ("near", "gradient") else None
        layer = sample_layer(
            np.ascontiguousarray(points[:, q]),
            neurons,
            rng=generator(self.options.seed, "weights", self.options.key, block),
            target=target,
            centre=self.centre[q],
            half_width=self.half_width[q],
            near=near,
        )
        weights = np.zeros((layer.width, self.structure.size))
        weights[:, q] = layer.weights
        return replace(layer, weights=weights)

    @cached_property
    def _first(self) -> np.ndarray:
        """Values of a first fit, from which "adaptive" takes its density."""
        width = max(1, min(FIRST, self.equations // ROWS_A_COLUMN))
        _, (energy, _) = self.fit(self.basis(Neurons(width, "tanh", FIRST_SCALE, "uniform")))
        return energy.value(self._middles)

    @cached_property
    def _middles(self) -> np.ndarray:
        """Points (row, component) to which the rows belong."""
        return self.data.middles[:SAMPLED_FROM]

    def _near(self, components: tuple[int, ...]) -> NearPairs:
        """Neighbours in these components, found once."""
        if components not in self._pairs:
            q = np.array(components)
            z = ((self._middles - self.centre) / self.half_width)[:, q]
            slopes = (self.data.slopes * self.half_width)[:SAMPLED_FROM, q]
            self._pairs[components] = NearPairs.of(z, slopes, euclidean=True)
        return self._pairs[components]

    def _wrapped(self, layer: HiddenLayer) -> HiddenLayer:
        """The layer on all components, with whole wave numbers along periodic ones."""
        weights = layer.weights
        periodic = np.flatnonzero(self.structure.periodic)
        if len(periodic):
            unit = 2.0 * np.pi * self.half_width[periodic] / self.structure.periods[periodic]
            weights[:, periodic] = np.round(weights[:, periodic] / unit) * unit
        return replace(layer, weights=weights, centre=self.centre, half_width=self.half_width)

    def trial(self, basis: EnergyBasis, least: int = 0, *, gram: bool = False) -> tuple[float, Trained]:
        """``fit`` without a ridge, which only the last fit and noisy data need, where rows are many."""
        rows = min(self.equations, max(ROWS_A_COLUMN * basis.columns, least))
        return self.fit(basis, least, gram=gram, ridge=0.0 if rows >= 2 * basis.columns else None)

    def fit(
        self, basis: EnergyBasis, least: int = 0, *, gram: bool = False, ridge: float | None = None
    ) -> tuple[float, Trained]:
        """Cross-validated relative error and fit, with four equations an unknown or at least ``least``.

        ``gram`` solves through the normal equations, which is enough where the error is large. ``ridge`` is used where
        the caller did not say.
        """
        wanted = -(-max(ROWS_A_COLUMN * basis.columns, least, FEWEST_ROWS) // self.data.target.shape[1])
        everything = self.options.rows is not None or wanted >= len(self.data.target)
        part = self.data if everything else self.data.take(np.arange(wanted))
        way: Any = self.options.regularisation
        if way is None:
            way = "auto" if ridge is None else ridge
        solved = solve_gram(basis, part, way or None) if gram else solve_energy(basis, part, way, self.options.memory)
        energy, solution = solved
        # flat slopes want huge coefficients that cancel: their rounding errors count like a residual
        rounding = np.finfo(float).eps * np.linalg.norm(energy.coefficients) / max(solution.rms[0], 1e-300)
        return float(np.hypot(solution.gcv[0], rounding)), (energy, solution)
