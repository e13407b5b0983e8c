"""Gradients of a scalar function: what turns them into motion, and what is known of them, the rows of a fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np


def canonical_matrix(pairs: np.ndarray) -> np.ndarray:
    """J (component, component) of canonical pairs (2, dof): q' = dH/dp, p' = -dH/dq."""
    return rotated(np.eye(pairs.size), pairs, 0)


def rotated(gradient: np.ndarray, pairs: np.ndarray, axis: int = -1) -> np.ndarray:
    """J times a gradient along an axis: the motion (q', p') = (dH/dp, -dH/dq)."""
    source = np.moveaxis(gradient, axis, 0)
    result = np.empty_like(source)
    result[pairs[0]], result[pairs[1]] = source[pairs[1]], -source[pairs[0]]
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))


def partners(pairs: np.ndarray) -> tuple[list[int], list[float]]:
    """to and sign with (J g)[to[k]] = sign[k] g[k]: the derivative by a q is minus the slope of its p."""
    to, sign = np.empty(pairs.size, np.int64), np.ones(pairs.size)
    to[pairs[0]], to[pairs[1]], sign[pairs[0]] = pairs[1], pairs[0], -1.0
    return to.tolist(), sign.tolist()


def gradient_of(motion: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Gradient of H (..., component) = (-p', q')."""
    return -rotated(motion, pairs)


@dataclass(frozen=True)
class Gradients:
    """What is known of the gradient, row by row, a row being one or more equations.

    Without ``maps`` the weighted mean of the gradient over the nodes of a row is known,
    sum_j weights[j] grad E(nodes[j]) = target; that makes Newton-Cotes collocation of snapshots linear. With them any
    linear equations between the gradients at the nodes of a row are: sum_j maps[j] grad E(nodes[j]) = target. Unknowns
    that are no part of E have columns of their own, ``others``.
    """

    nodes: np.ndarray  # (node, row, component)
    weights: np.ndarray  # (node,)
    target: np.ndarray  # (row, equation); an equation a component without maps
    maps: np.ndarray | None = None  # (node, row, equation, component)
    others: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)))  # (other, row, equation)
    estimate: np.ndarray | None = None  # (row, component): about the gradient at the mean of the nodes, with maps
    # (row,) number of the trajectory that a row belongs to, in the order of time; empty: every row stands alone
    block: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def take(self, rows: np.ndarray) -> Gradients:
        """Only these rows."""
        return replace(
            self,
            nodes=np.ascontiguousarray(self.nodes[:, rows]),
            target=self.target[rows],
            maps=None if self.maps is None else self.maps[:, rows],
            others=self.others[:, rows] if len(self.others) else self.others,
            estimate=None if self.estimate is None else self.estimate[rows],
            block=self.block[rows] if len(self.block) else self.block,
        )

    @property
    def middles(self) -> np.ndarray:
        """Points (row, component) to which the rows belong."""
        return np.asarray(self.nodes.mean(axis=0))

    @property
    def slopes(self) -> np.ndarray:
        """About the gradient (row, component) at the middles."""
        return self.target if self.estimate is None else self.estimate

    @property
    def plain(self) -> bool:
        """Whether a row is the gradient at one point, and nothing else is unknown."""
        single = self.maps is None and len(self.nodes) == 1 and float(self.weights[0]) == 1.0
        return single and not len(self.others)

    def push(self, gradients: Iterable[np.ndarray]) -> np.ndarray:
        """Left-hand sides (row, equation) for gradients (row, component) at each node."""
        total = np.zeros_like(self.target)
        for j, gradient in enumerate(gradients):
            if self.maps is None:
                total += self.weights[j] * gradient
            else:
                total += np.einsum("rec,rc->re", self.maps[j], gradient)
        return total

    def pull(self, values: np.ndarray) -> np.ndarray:
        """The adjoint of ``push``: (node, row, component) of values (row, equation)."""
        if self.maps is None:
            return np.asarray(self.weights[:, None, None] * values)
        return np.asarray(np.einsum("jrec,re->jrc", self.maps, values))
