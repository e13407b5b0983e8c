"""A fitted model's network as a loss of all its weights, and the trained weights as a model of the same kind.

The network keeps its shape, activation and standardisation, and sees as many rows of the data as the sampled one used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynsamp.compare.losses import GradientLoss, IncrementLoss, SumOfLosses
from dynsamp.models import Model, Samples
from dynsamp.models.flow_map import FlowMapModel
from dynsamp.models.hamiltonian import HamiltonianModel
from dynsamp.models.measured.canonical import gradient_data
from dynsamp.models.measured.increments import increments
from dynsamp.streams import generator


def task_of(model: Model, samples: Samples, seed: int) -> HamiltonianTask | FlowMapTask:
    """The task that least squares solved for the model, with the hidden weights free too.

    Raises
    ------
    ValueError
        If the model is no network that can be trained, or has no neurons.
    """
    rng = generator(seed, "points")
    if isinstance(model, HamiltonianModel):
        return HamiltonianTask(model, samples, rng)
    if isinstance(model, FlowMapModel):
        return FlowMapTask(model, samples, rng)
    raise ValueError(
        f"compare trains Hamiltonian networks and flow maps, got a {type(model).__name__}; choose the estimator"
        " 'hamiltonian' or 'flow-map'"
    )


@dataclass(frozen=True)
class _Part:
    """One network of a Hamiltonian: all of it, or V or T of a separable one."""

    columns: np.ndarray  # components that it depends on
    neurons: slice
    loss: GradientLoss
    scale: float  # of the energy, so that targets have a root mean square of one


class HamiltonianTask:
    """Gradient matching, the loss that the sampled network solves for its last layer."""

    def __init__(self, model: HamiltonianModel, samples: Samples, rng: np.random.Generator) -> None:
        data, source = gradient_data(samples, model.pairs)
        if source != "derivatives":
            raise ValueError("compare needs derivatives in the training data; generate them with derivatives=True")
        y, gradient = data.nodes[0], data.target
        if len(y) > _rows_used(model):
            chosen = rng.permutation(len(y))[: _rows_used(model)]
            y, gradient = y[chosen], gradient[chosen]
        self._sampled = model
        self.rows = len(y)  # data points that the loss sums over
        _check_width(sum(model.widths))  # one of V and T may be quadratic
        z, target = (y - model.centre) / model.half_width, gradient * model.half_width
        columns = list(model.pairs) if model.separable else [np.arange(y.shape[1])]
        ends = np.cumsum([0, *model.widths])
        self._parts = [
            _part(z, target, part, slice(low, high), activation)
            for part, low, high, activation in zip(columns, ends[:-1], ends[1:], model.activations, strict=True)
        ]
        self.loss: SumOfLosses = SumOfLosses(tuple(part.loss for part in self._parts))

    def model(self, weights: np.ndarray) -> HamiltonianModel:
        """Model with trained weights (weight,); zero at the centre of the data like the sampled one."""
        sampled = self._sampled
        hidden, quadratic = np.zeros_like(sampled.weights), np.zeros_like(sampled.quadratic)
        biases, coefficients = np.empty_like(sampled.biases), np.empty_like(sampled.coefficients)
        linear = np.empty_like(sampled.linear)
        for part, own in zip(self._parts, self.loss.split(weights), strict=True):
            w, b, c, slope, matrix = part.loss.split(own)
            hidden[part.neurons, part.columns] = w
            biases[part.neurons], coefficients[part.neurons] = b, part.scale * c
            half = sampled.half_width[part.columns]
            linear[part.columns] = part.scale * slope / half
            symmetric = part.scale * 0.5 * (matrix + matrix.T)
            quadratic[np.ix_(part.columns, part.columns)] = symmetric / np.outer(half, half)
        trained = replace(
            sampled, weights=hidden, biases=biases, coefficients=coefficients, linear=linear, quadratic=quadratic,
            offset=0.0,
        )  # fmt: skip
        return replace(trained, offset=-float(trained.energy(trained.centre)))


def _part(z: np.ndarray, target: np.ndarray, columns: np.ndarray, neurons: slice, activation: str) -> _Part:
    own = target[:, columns]
    scale = float(np.sqrt(np.mean(own**2))) or 1.0
    loss = GradientLoss(np.ascontiguousarray(z[:, columns]), own / scale, int(neurons.stop - neurons.start), activation)
    return _Part(columns, neurons, loss, scale)


class FlowMapTask:
    """Regression of increments."""

    def __init__(self, model: FlowMapModel, samples: Samples, rng: np.random.Generator) -> None:
        _check_width(len(model.biases))
        pairs = increments(samples, "a flow map")
        if model.ring is not None:
            pairs = model.ring.increments(pairs, _rows_used(model), 0)
        y, change = pairs.y, pairs.dy
        if len(y) > _rows_used(model):
            chosen = rng.permutation(len(y))[: _rows_used(model)]
            y, change = y[chosen], change[chosen]
        self._sampled = model
        self.rows = len(y)  # data points that the loss sums over
        self._spread = _positive(y.std(axis=0))
        self._scale = _positive(np.sqrt(np.mean(change**2, axis=0)))
        z = (y - model.centre) / self._spread
        self.loss: IncrementLoss = IncrementLoss(z, change / self._scale, len(model.biases), model.activation)

    def model(self, weights: np.ndarray) -> FlowMapModel:
        """Model with trained weights (weight,)."""
        w, b, c, mean, linear = self.loss.split(weights)
        return replace(
            self._sampled,
            weights=np.ascontiguousarray(w / self._spread),
            biases=b.copy(),
            coefficients=np.ascontiguousarray((c * self._scale).T),
            constant=mean * self._scale,
            linear=np.ascontiguousarray((linear * self._scale / self._spread[:, None]).T),
        )


def _rows_used(model: Model) -> int:
    """Data points behind the sampled fit; its report counts equations."""
    rows = model.report.get("rows")
    counts: Sequence[int] = list(rows.values()) if isinstance(rows, dict) else [rows] if rows else []
    return max(counts, default=1 << 62)


def _check_width(width: int) -> None:
    if not width:
        raise ValueError("the sampled model has no neurons, so there is nothing to train; choose --knob width=100")


def _positive(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1.0)
