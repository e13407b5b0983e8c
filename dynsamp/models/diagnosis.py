"""Whether data look like those of a Hamiltonian system: what a person should know before trusting a learned H."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dynsamp.models.energy_model import EnergyModel
from dynsamp.networks.energy import Gradients
from dynsamp.networks.energy_fit import fit_energy
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.least_squares import LeastSquares

__all__ = ["doubts"]

ROWS, WIDTH = 2000, 100  # of the small fits that are compared
EXPLAINED = 0.5  # a cause must lower the error so much
WORTH = 1e-3  # relative error below which no cause is looked for
NOT_CANONICAL = 0.02  # relative error of a Hamiltonian that calls for another explanation ...
BETTER = 0.3  # ... if a field without a Hamiltonian does so much better


def doubts(model: EnergyModel, data: Gradients) -> dict[str, str]:
    """Sentences by key of the report: "dissipation" or "coordinates"; none where the data look Hamiltonian.

    Parameters
    ----------
    model : EnergyModel
        The fitted one, for its pairs.
    data : Gradients
        Rows of the gradient of H at points.
    """
    size = model.pairs.size
    points = data.nodes.mean(axis=0)
    count = len(points)
    rows = np.arange(count)[:: -(-count // ROWS) or 1]
    if len(rows) < 20 * size:
        return {}
    some = Gradients(points[rows][None], np.ones(1), data.target[rows])
    width = min(WIDTH, len(rows) // 8)
    plain = _small(some, width)
    if plain.solution.gcv[0] < WORTH:
        return {}
    q, p = model.pairs
    velocity = np.zeros_like(some.target)  # p' = - dH/dq - friction * q'
    velocity[:, q] = some.target[:, p]
    damped = _small(replace(some, others=velocity[None]), width)
    friction = float(damped.solution.coefficients[0, 0])
    if damped.solution.gcv[0] < EXPLAINED * plain.solution.gcv[0]:
        way = "lose" if friction > 0 else "gain"
        return {
            "dissipation": f"the data {way} energy: a friction of {friction:.3g} (p' = -dH/dq - friction q') explains"
            f" them with an error of {damped.solution.gcv[0]:.1e} in place of {plain.solution.gcv[0]:.1e}; learn it"
            " with PortHamiltonianNetwork()"
        }
    general = _general(some, plain)
    if plain.solution.gcv[0] > NOT_CANONICAL and general < BETTER * plain.solution.gcv[0]:
        return {
            "coordinates": f"no H explains the data in these coordinates (error {plain.solution.gcv[0]:.1e}), but a"
            f" vector field does ({general:.1e}): they are not canonical, or energy is not conserved; replace"
            " velocities by momenta p = dL/dq', check which states are pairs, or learn a PortHamiltonianNetwork() or a"
            " FlowMap()"
        }
    return {}


def _small(data: Gradients, width: int) -> EnergyFit:
    return fit_energy(data, width=width, activation="tanh", scale=0.5, seed=0)


def _general(data: Gradients, like: EnergyFit) -> float:
    """Cross-validated relative error of a field without a Hamiltonian, on neurons as many."""
    points, target = data.nodes[0], data.target
    layer = like.basis.layer
    z = (points - layer.centre) / layer.half_width
    columns = layer.width + 1 + z.shape[1]
    problem = LeastSquares(columns, target.shape[1], len(points), unpenalised=1 + z.shape[1])
    block = problem.block(len(points))
    block[0], block[1 : 1 + z.shape[1]] = 1.0, z.T
    layer.fill_values(points, block[1 + z.shape[1] : columns])
    block[columns:] = target.T * layer.half_width[:, None]
    solution = problem.solve("auto")
    return float(np.sqrt(np.sum((solution.gcv * solution.rms) ** 2) / np.sum(solution.rms**2)))
