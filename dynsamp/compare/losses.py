"""Losses of one-hidden-layer networks as functions of all their weights, with gradients by hand, and their training.

Inputs are standardised, targets scaled to a root mean square of one; a loss is half the mean square error over rows
and components. Sums run over blocks of rows, so memory does not grow with the data. Iterative training minimises one
over all weights at once, within a budget of seconds.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dynsamp.kernels.features import activate
from dynsamp.meter import Cost, Meter
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
