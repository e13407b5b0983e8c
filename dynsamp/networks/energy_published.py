"""The published sampled Hamiltonian network, to the letter.

Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation, arXiv:2411.17511:
tanh on coordinates as they are, one of four samplers, no polynomial part, all rows, singular values below 1e-13 of the
largest cut off.
"""

from __future__ import annotations

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.energy_problem import EnergyBasis, Trained, solve_energy
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import Neurons, Sampler
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.search.energy import EnergyFit
from dynsamp.networks.structure import Structure
from dynsamp.streams import generator

__all__ = ["SAMPLERS", "fit_published"]

SAMPLERS: tuple[Sampler, ...] = ("elm", "uniform", "adaptive", "swim")


def fit_published(
    data: Gradients,
    *,
    width: int = tuning.PUBLISHED_WIDTH,
    sampler: Sampler = "adaptive",
    values: np.ndarray | None = None,
    seed: int = 0,
    key: int = 0,
    memory: int | None = None,
) -> EnergyFit:
    """Fit with the published knobs.

    Parameters
    ----------
    data : Gradients
    width : int
        Number of neurons.
    sampler : {"elm", "uniform", "adaptive", "swim"}
        "adaptive" takes its density from a first fit with uniform pairs, "swim" from ``values``.
    values : ndarray (row,), optional
        True values at the rows' nodes (their mean, where there are several).
    seed, key : int
        The draws are a function of both.
    memory : int, optional
        Bound on the matrix, in bytes.

    Raises
    ------
    ValueError
        An unknown sampler, or "swim" without values.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"a published sampler is one of {', '.join(map(repr, SAMPLERS))}, got {sampler!r}")
    if sampler == "swim" and values is None:
        raise ValueError("sampler 'swim' needs true values of the function; use 'adaptive', which estimates them")
    size = data.target.shape[1]
    structure = Structure(size, polynomial=0)
    points = data.nodes.mean(axis=0)

    def basis(how: Sampler, target: np.ndarray | None) -> EnergyBasis:
        neurons = Neurons(width, "tanh", 1.0, how, "box" if how == "elm" else "midpoint")
        rng, plain = generator(seed, "weights", key), (np.zeros(size), np.ones(size))
        layer = sample_layer(points, neurons, rng=rng, target=target, centre=plain[0], half_width=plain[1])
        return EnergyBasis.of(structure, layer)

    def fit(columns: EnergyBasis) -> Trained:
        return solve_energy(columns, data, None, memory, cutoff=tuning.PUBLISHED_ENERGY_CUTOFF)

    if sampler == "adaptive":
        values = fit(basis("uniform", None)).energy.value(points)
    columns = basis(sampler, values if sampler in ("adaptive", "swim") else None)
    chosen = f"the published method, sampler {sampler!r}"
    return EnergyFit.of(fit(columns), Neurons(width, "tanh", 1.0, sampler), chosen)
