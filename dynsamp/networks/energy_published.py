"""The published sampled Hamiltonian network, to the letter.

Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation, arXiv:2411.17511:
tanh on coordinates as they are, one of four samplers, no polynomial part, all rows, singular values below 1e-13 of the
largest cut off.
"""

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.energy_problem import EnergyBasis, Trained, solve_energy
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import Neurons, Sampler
from dynsamp.networks.sampling import sample_layer
from dynsamp.networks.search.energy import EnergyFit
from dynsamp.networks.structure import Structure
from dynsamp.streams import generator

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
    """Fit with the published knobs; the draws are a function of ``seed`` and ``key``.

    "adaptive" takes its density from a first fit with uniform pairs, "swim" from ``values`` (row,), the true ones at
    the rows' nodes (their mean, where there are several).
    """
    size, points = data.target.shape[1], data.middles

    def fit(how: Sampler, target: np.ndarray | None) -> Trained:
        neurons = Neurons(width, "tanh", 1.0, how, "box" if how == "elm" else "midpoint")
        rng, plain = generator(seed, "weights", key), (np.zeros(size), np.ones(size))
        layer = sample_layer(points, neurons, rng=rng, target=target, centre=plain[0], half_width=plain[1])
        basis = EnergyBasis.of(Structure(size, polynomial=0), layer)
        return solve_energy(basis, data, None, memory, cutoff=tuning.PUBLISHED_ENERGY_CUTOFF)

    if sampler == "adaptive":
        values = fit("uniform", None).energy.value(points)
    found = fit(sampler, values if sampler in ("adaptive", "swim") else None)
    return EnergyFit.of(found, Neurons(width, "tanh", 1.0, sampler), f"the published method, sampler {sampler!r}")
