"""Whether data look like those of a Hamiltonian system: what a person should know before trusting a learned H."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.base import Samples
from dynsamp.models.measured.names import is_coordinate
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.least_squares import LeastSquares
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.search.energy import EnergyFit, fit_energy
from dynsamp.networks.segments.snapshots import noise_level
from dynsamp.words import State


def doubts(data: Gradients, samples: Samples, known: float = np.inf) -> dict[str, str]:
    """Sentences by key of the report: "dissipation" or "coordinates"; none where the data look Hamiltonian.

    Parameters
    ----------
    data : Gradients
        Rows of the gradient of H; its one other unknown is a friction of all momenta.
    samples : Samples
        Whose rows they are: how rough they are bounds their errors.
    known : float
        Relative error of the learned H: what small fits cannot explain, it may.
    """
    if known < tuning.DOUBT_WORTH:
        return {}
    count, size = data.target.shape
    rows = np.arange(count)[:: -(-count // tuning.DOUBT_ROWS) or 1]
    if len(rows) < tuning.DOUBT_ROWS_A_COMPONENT * size:
        return {}
    damped = data.take(rows)
    some = replace(damped, others=damped.others[:0])
    width = min(tuning.DOUBT_WIDTH, len(rows) // tuning.DOUBT_ROWS_A_NEURON)
    plain = _small(some, width)
    missed = float(plain.solution.gcv[0])
    rough = _roughness(samples)
    if missed < tuning.DOUBT_WORTH or max(known, rough) < tuning.GENERAL_BETTER * missed:
        return {}
    better = _small(damped, width).solution
    friction = float(better.coefficients[0, 0])
    ratio = float(better.gcv[0] / missed)
    statistic = some.target.size * (ratio**-2 - 1.0)  # of an F test of one unknown
    if ratio < tuning.FRICTION_EXPLAINS and statistic > tuning.FRICTION_SURE:
        way = "lose" if friction > 0 else "gain"
        return {
            "dissipation": f"the data {way} energy: a friction of {friction:.3g} (p' = -dH/dq - friction dH/dp)"
            f" explains them with an error of {better.gcv[0]:.1e} in place of {missed:.1e}; learn it"
            " with PortHamiltonianNetwork()"
        }
    if missed <= tuning.NOT_CANONICAL:
        return {}
    general = np.inf
    if some.plain:  # both with as many neurons, and judged alike
        width = min(2 * tuning.DOUBT_WIDTH, len(rows) // tuning.ROWS_A_NEURON)
        plain = _small(some, max(width, plain.basis.layer.width))
        general = _general(some, plain)
    if general < tuning.GENERAL_BETTER * min(known, plain.solution.gcv[0]):
        return {
            "coordinates": f"no H explains the data in these coordinates (error {plain.solution.gcv[0]:.1e}), but a"
            f" vector field does ({general:.1e}): they are not canonical, or energy is not conserved; replace"
            " velocities by momenta p = dL/dq', check which states are pairs, or learn a PortHamiltonianNetwork() or a"
            " FlowMap()"
        }
    left = float(plain.solution.residual[0])
    if min(left, known) > max(tuning.UNEXPLAINED, rough / tuning.GENERAL_BETTER):
        return {
            "coordinates": f"no H explains the data in these coordinates (error {left:.1e}), nor do errors of samples,"
            " which are as smooth as exact ones: the states are no canonical pairs, or others are hidden; check which"
            " states are pairs, or learn a FlowMap() with delays"
        }
    return {}


def _roughness(samples: Samples) -> float:
    """Relative size, at most, of independent errors of derivatives, or of those that samples make in differences."""
    inside, values = samples.inside, samples.y if samples.dy is None else samples.dy
    level = noise_level(samples.t, values, samples.length)
    if level is None or samples.facts.velocities:  # splines are smooth, and so are their errors
        return float(np.inf)
    signal = values[inside] if samples.dy is not None else np.diff(values, axis=1)[inside[:, 1:]] / np.sqrt(2.0)
    return float(np.sqrt(np.mean(level**2 / (np.mean(signal**2, axis=0) + 1e-300))))


def friction_of_momenta(pairs: np.ndarray) -> np.ndarray:
    """R of one friction of all momenta."""
    entry = np.zeros((pairs.size, pairs.size))
    entry[pairs[1], pairs[1]] = 1.0
    return entry


def friction_column(gradient: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """What that friction adds to -p', where the rows are gradients (row, component) of H."""
    column = np.zeros_like(gradient)
    column[:, pairs[0]] = gradient[:, pairs[1]]
    return column


def _small(data: Gradients, width: int) -> EnergyFit:
    return fit_energy(data, Neurons(width, "tanh", tuning.DOUBT_SCALE))


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


def doubts_of_names(owners: Sequence[State], pairs: np.ndarray, *, guessed: bool) -> dict[str, str]:
    """A sentence where units or names say that a momentum is another position: "coordinates" of the report."""
    for q, p in zip(*([owners[k] for k in part] for part in pairs), strict=True):
        alike = q.units == p.units and q.units not in ("", "1")
        if alike or (guessed and is_coordinate(q.name) and is_coordinate(p.name)):
            why = f"both are in {q.units}" if alike else "both are named as positions"
            return {
                "coordinates": f"{p.name} is taken for the momentum of {q.name}, but {why}: no H has such pairs; where"
                " all states are positions, positions=True takes velocities from their times"
            }
    return {}
