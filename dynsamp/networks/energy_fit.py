"""Learning a scalar function from its gradient: what is left open is chosen by cross validation, then fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dynsamp.networks.energy_problem import EnergyProblem, solve_energy
from dynsamp.networks.energy_search import EnergyFit, EnergySearch
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.structure import Structure
from dynsamp.streams import generator

__all__ = ["EnergyFit", "fit_energy", "refit", "rim_first"]

QUADRATIC_UP_TO = 12  # components; beyond, the quadratic part would dominate the cost
MOST_ROWS = 400_000
CELLS = 2000  # of the grid that data which crowd are spread over


def rim_first(z: np.ndarray, seed: int, key: int) -> np.ndarray:
    """A random order of points z (row, component) in [-1, 1] in which the rim comes early.

    Chebyshev's density of points, the product of (1 - z^2)^(-1/2), is near optimal for smooth targets (Cohen and
    Migliorati 2017) and keeps errors small at the rim.
    """
    late = 0.5 * np.sum(np.log(np.maximum(1.0 - z**2, 1e-3)), axis=1)
    return np.argsort(late - generator(seed, "rows", key).gumbel(size=len(z)), kind="stable")


def fit_energy(
    data: Gradients,
    neurons: Neurons = Neurons(),  # noqa: B008 - frozen
    options: FitOptions = FitOptions(),  # noqa: B008
    *,
    structure: Structure | None = None,
    crowded: bool = False,
) -> EnergyFit:
    """Choose what is None by cross validation, then fit.

    Parameters
    ----------
    data : Gradients
    neurons : Neurons
    options : FitOptions
        ``rows`` are those of ``data`` to use; by default a random subset of four equations an unknown, and all where
        data are noisy.
    structure : Structure, optional
        What is declared about the function; by default nothing, and a polynomial part of degree two.
    crowded : bool
        Rows are many and crowd somewhere: those that are used fill space evenly.
    """
    seed, key = options.seed, options.key
    count, components = len(data.target), data.nodes.shape[-1]
    structure = structure or Structure(components, polynomial=2 if components <= QUADRATIC_UP_TO else 1)
    points = data.nodes.reshape(-1, components)
    centre, half_width = structure.standardisation(points.min(axis=0), points.max(axis=0))
    if crowded:
        order = _evenly(_outermost((data.nodes - centre) / half_width), seed, key)
    else:
        order = rim_first((data.middles - centre)[:, ~structure.periodic] / half_width[~structure.periodic], seed, key)
    data = data.take(order[: min(count, options.rows or MOST_ROWS // components)])
    problem = EnergyProblem(data, structure, centre, half_width, options)
    return EnergySearch(problem, neurons.in_one_layer()).run()


def refit(
    like: EnergyFit, data: Gradients, *, regularisation: float | None = None, memory: int | None = None
) -> EnergyFit:
    """The same neurons on other rows of ``data``, all of them."""
    basis = replace(like.basis, others=len(data.others))
    way: Any = "auto" if regularisation is None else regularisation or None
    energy, solution = solve_energy(basis, data, way, memory)
    return replace(like, energy=energy, solution=solution, basis=basis)


def _outermost(nodes: np.ndarray) -> np.ndarray:
    """Of nodes (node, row, component) in [-1, 1], what is nearest to the rim (row, component)."""
    found = nodes[0]
    for node in nodes[1:]:
        found = np.where(np.abs(node) > np.abs(found), node, found)
    return np.asarray(found)


def _evenly(z: np.ndarray, seed: int, key: int) -> np.ndarray:
    """A random order of points z (row, component) in [-1, 1] in which the first ones fill space evenly.

    One from every cell of a grid comes first, then another one: data that crowd somewhere would leave few rows where
    they are rare, and a function that changes there could not be told.
    """
    rng = generator(seed, "rows", key)
    bins = max(2, round(CELLS ** (1.0 / z.shape[1])))
    cell = np.clip((0.5 * (z + 1.0) * bins).astype(np.int64), 0, bins - 1) @ (bins ** np.arange(z.shape[1]))
    shuffled = rng.permutation(len(z))
    order = shuffled[np.argsort(cell[shuffled], kind="stable")]
    _, start, count = np.unique(cell[order], return_index=True, return_counts=True)
    rank = np.arange(len(z)) - np.repeat(start, count)
    return np.asarray(order[np.argsort(rank + rng.uniform(size=len(z)), kind="stable")])
