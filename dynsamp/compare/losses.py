"""Losses of one-hidden-layer networks as functions of all their weights, with gradients by hand, and their training.

Inputs are standardised, targets scaled to a root mean square of one; a loss is half the mean square error over rows
and components. Sums run over blocks of rows, so memory does not grow with the data. Iterative training minimises one
over all weights at once, within a budget of seconds.

A task is the loss of a fitted model's network, which keeps its shape, activation and standardisation and sees as many
rows of the data as the sampled one used; the trained weights become a model of the same kind.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dynsamp.kernels.features import activate
from dynsamp.meter import Cost, Meter
from dynsamp.models import Model, Samples
from dynsamp.models.flow_map import FlowMapModel
from dynsamp.models.hamiltonian import HamiltonianModel
from dynsamp.models.measured.canonical import gradient_data
from dynsamp.models.measured.increments import increments
from dynsamp.networks.network import blocks
from dynsamp.progress import Progress
from dynsamp.streams import generator

MEMORY = 20  # pairs of the limited-memory Hessian: more than SciPy's 10 helps here, 50 does not


@dataclass(frozen=True)
class _Network:
    """Common part: hidden layer sigma(W z + b)."""

    z: np.ndarray  # (row, component), standardised
    target: np.ndarray  # (row, output)
    width: int
    activation: str

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the arrays in the flat vector."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def split(self, weights: np.ndarray) -> list[np.ndarray]:
        """Views of the flat vector."""
        ends = np.cumsum([np.prod(shape) for shape in self.shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(weights, ends[:-1]), self.shapes, strict=True)]

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Hidden and output weights after Glorot and Bengio (2010), all else zero."""
        weights = np.zeros(self.size)
        hidden, _, output, *_ = self.split(weights)
        outputs = output.shape[1] if output.ndim > 1 else 1
        for layer, fans in ((hidden, sum(hidden.shape)), (output, self.width + outputs)):
            bound = np.sqrt(6.0 / fans)
            layer[...] = rng.uniform(-bound, bound, layer.shape)
        return weights

    def value_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss, and its gradient (weight,)."""
        value, gradient = 0.0, np.zeros(self.size)
        parts, sums = self.split(weights), self.split(gradient)
        for rows in blocks(len(self.z), self.width):
            value += self._add(parts, sums, self.z[rows], self.target[rows])
        gradient /= self.target.size
        return value / self.target.size, gradient

    def _add(self, parts: Sequence[np.ndarray], sums: Sequence[np.ndarray], z: np.ndarray, target: np.ndarray) -> float:
        """Half the sum of squares over some rows; its gradient is added to ``sums``."""
        raise NotImplementedError


@dataclass(frozen=True)
class GradientLoss(_Network):
    """Gradient matching: grad E(z) = target with E = l . z + z' S z / 2 + c . sigma(W z + b).

    Weights: W (width, component), b (width,), c (width,), l (component,), S (component, component), of which only the
    symmetric part counts.
    """

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """W, b, c, l, S."""
        d = self.z.shape[1]
        return (self.width, d), (self.width,), (self.width,), (d,), (d, d)

    def _add(self, parts: Sequence[np.ndarray], sums: Sequence[np.ndarray], z: np.ndarray, target: np.ndarray) -> float:
        w, b, c, linear, matrix = parts
        symmetric = 0.5 * (matrix + matrix.T)
        a = z @ w.T + b  # (row, width)
        slope, curvature = activate(self.activation, a, 1), activate(self.activation, a, 2)
        residual = (slope * c) @ w + linear + z @ symmetric - target
        back = residual @ w.T  # (row, width)
        curvature *= back
        curvature *= c
        sums[0] += (slope * c).T @ residual + curvature.T @ z
        sums[1] += curvature.sum(axis=0)
        sums[2] += np.einsum("nk,nk->k", slope, back)
        sums[3] += residual.sum(axis=0)
        outer = z.T @ residual
        sums[4] += 0.5 * (outer + outer.T)
        return 0.5 * float(np.vdot(residual, residual))


@dataclass(frozen=True)
class IncrementLoss(_Network):
    """Regression: m + z L + sigma(W z + b) C = target.

    Weights: W (width, component), b (width,), C (width, output), m (output,), L (component, output).
    """

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """W, b, C, m, L."""
        d, outputs = self.z.shape[1], self.target.shape[1]
        return (self.width, d), (self.width,), (self.width, outputs), (outputs,), (d, outputs)

    def _add(self, parts: Sequence[np.ndarray], sums: Sequence[np.ndarray], z: np.ndarray, target: np.ndarray) -> float:
        w, b, c, mean, linear = parts
        a = z @ w.T + b
        value, slope = activate(self.activation, a), activate(self.activation, a, 1)
        residual = value @ c + mean + z @ linear - target
        slope *= residual @ c.T
        sums[0] += slope.T @ z
        sums[1] += slope.sum(axis=0)
        sums[2] += value.T @ residual
        sums[3] += residual.sum(axis=0)
        sums[4] += z.T @ residual
        return 0.5 * float(np.vdot(residual, residual))


@dataclass(frozen=True)
class SumOfLosses:
    """Networks that share no weights, such as T(p) and V(q) of a separable Hamiltonian."""

    parts: tuple[_Network, ...]

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(part.size for part in self.parts)

    def split(self, weights: np.ndarray) -> list[np.ndarray]:
        """Flat vector of each part."""
        return np.split(weights, np.cumsum([part.size for part in self.parts])[:-1])

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Where training starts (weight,)."""
        return np.concatenate([part.start(rng) for part in self.parts])

    def value_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Loss, and its gradient (weight,)."""
        found = [part.value_and_gradient(own) for part, own in zip(self.parts, self.split(weights), strict=True)]
        return sum(value for value, _ in found), np.concatenate([gradient for _, gradient in found])


Loss = GradientLoss | IncrementLoss | SumOfLosses


@dataclass(frozen=True)
class Training:
    """What iterative training found, and what it cost."""

    weights: np.ndarray  # (weight,), the best seen
    loss: float
    first_loss: float
    evaluations: int  # of loss and gradient
    stopped: str  # why: "budget", or what the optimiser says
    cost: Cost


class _BudgetSpent(Exception):
    """Time is over."""


def train(loss: Loss, *, budget: float, seed: int = 0, progress: bool | None = None) -> Training:
    """Minimise a loss by L-BFGS (Liu and Nocedal 1989) until the budget is spent or nothing improves.

    Parameters
    ----------
    loss : Loss
        With its gradient.
    budget : float
        Seconds. One evaluation of the loss is always done and none is cut short.
    seed : int
        Of the initial weights.
    progress : bool, optional
        Show progress; default: on a terminal.
    """
    start = loss.start(generator(seed, "weights"))
    loss.value_and_gradient(start)  # compiles, before the clock runs
    best = np.empty(0)
    lowest = first = np.inf
    evaluations = 0
    with Meter() as meter, Progress("training iteratively", round(budget), enabled=progress) as bar:
        begun = time.perf_counter()

        def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal best, lowest, first, evaluations
            elapsed = time.perf_counter() - begun
            bar.update(min(round(elapsed), round(budget)))
            if evaluations and elapsed >= budget:
                raise _BudgetSpent
            value, gradient = loss.value_and_gradient(weights)
            evaluations += 1
            if evaluations == 1:
                first = value
            if value < lowest or not best.size:
                lowest, best = value, weights.copy()
            return value, gradient

        # tolerances at zero: it stops when the line search finds nothing better in float64
        try:
            endless: Any = {"maxiter": 10**9, "maxfun": 10**9, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
            result = minimize(objective, start, args=(), jac=True, method="L-BFGS-B", options=endless)
            stopped = str(result.message)
        except _BudgetSpent:
            stopped = "budget"
    return Training(best, lowest, first, evaluations, stopped, meter.cost)


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
        y, gradient = _some(model, rng, y, gradient)
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
        y, change = _some(model, rng, y, change)
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


def _some(model: Model, rng: np.random.Generator, y: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As many rows as the sampled fit used."""
    chosen = rng.permutation(len(y))[: _rows_used(model)] if len(y) > _rows_used(model) else slice(None)
    return y[chosen], target[chosen]


def _check_width(width: int) -> None:
    if not width:
        raise ValueError("the sampled model has no neurons, so there is nothing to train; choose --knob width=100")


def _positive(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1.0)
