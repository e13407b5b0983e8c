"""A scalar function of the state, its derivatives, and what is known of it.

    E(x) = linear . d + d' quadratic d / 2 + sum_m coefficients[m] factor_m(x) sigma(weights[m] . z + biases[m]) + terms

with d = x - centre, z = d / half_width; factor_m is 1, or a product x_i x_j; terms are known formulas. The quadratic
part is exact for harmonic systems and for kinetic energies, costs a few columns, and is what noisy data are shrunk to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dynsamp.networks.features import HiddenLayer, activate, blocks
from dynsamp.networks.terms import Term

__all__ = ["Energy", "Gradients"]


@dataclass(frozen=True)
class Gradients:
    """What is known of the gradient: sum_j weights[j] grad E(nodes[j]) = target, row by row.

    The weighted mean over several nodes makes Newton-Cotes collocation of snapshots linear.
    """

    nodes: np.ndarray  # (node, row, component)
    weights: np.ndarray  # (node,)
    target: np.ndarray  # (row, component)

    def take(self, rows: np.ndarray) -> Gradients:
        """Only these rows."""
        return Gradients(np.ascontiguousarray(self.nodes[:, rows]), self.weights, self.target[rows])


@dataclass(frozen=True)
class Energy:
    """A scalar function of x and its derivatives; arrays of points are (point, component)."""

    layer: HiddenLayer
    coefficients: np.ndarray  # (feature,)
    linear: np.ndarray  # (component,), per unit of x
    quadratic: np.ndarray  # (component, component), symmetric, per unit of x squared
    # (feature, 2) components that multiply a neuron, -1 for none; no rows: none for any neuron
    factors: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    terms: tuple[Term, ...] = ()
    term_coefficients: np.ndarray = field(default_factory=lambda: np.empty(0))

    def value(self, x: np.ndarray) -> np.ndarray:
        """E (point,); zero of the polynomial part at the centre."""
        d = x - self.layer.centre
        result: np.ndarray = d @ self.linear + 0.5 * np.einsum("ni,ij,nj->n", d, self.quadratic, d)
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.value(x)
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            sigma = activate(self.layer.activation, z, out=z)
            for pair, neurons in self._groups():
                result[rows] += (self.coefficients[neurons] @ sigma[neurons]) * _product(x[rows], pair)
        return result

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient of E with respect to x (point, component)."""
        outer = self.coefficients[:, None] * self.layer.weights / self.layer.half_width
        result: np.ndarray = self.linear + (x - self.layer.centre) @ self.quadratic
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.gradient(x)
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            for pair, neurons in self._groups():
                slope = activate(self.layer.activation, z[neurons], 1).T @ outer[neurons]
                result[rows] += slope * _product(x[rows], pair)[:, None]
                if pair[0] >= 0:
                    value = self.coefficients[neurons] @ activate(self.layer.activation, z[neurons])
                    result[rows, pair[0]] += value * x[rows, pair[1]]
                    result[rows, pair[1]] += value * x[rows, pair[0]]
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian of E with respect to x (point, component, component)."""
        slopes = self.layer.weights / self.layer.half_width
        result = np.repeat(self.quadratic[None], len(x), axis=0)
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.hessian(x)
        for rows in blocks(len(x), self.layer.width):
            z = self.layer.preactivations(x[rows])
            for (i, j), neurons in self._groups():
                c, w = self.coefficients[neurons, None], slopes[neurons]
                factor = _product(x[rows], (i, j))
                curvature = activate(self.layer.activation, z[neurons], 2) * c
                for k, column in enumerate(w.T):
                    result[rows, k] += (curvature.T @ (column[:, None] * w)) * factor[:, None]
                if i >= 0:
                    slope = (activate(self.layer.activation, z[neurons], 1) * c).T @ w
                    for one, other in ((i, j), (j, i)):
                        mixed = slope * x[rows, one][:, None]
                        result[rows, other] += mixed
                        result[rows, :, other] += mixed
                    value = c[:, 0] @ activate(self.layer.activation, z[neurons])
                    result[rows, i, j] += value
                    result[rows, j, i] += value
        return result

    def _groups(self) -> list[tuple[tuple[int, int], slice | np.ndarray]]:
        """Neurons by the components that multiply them."""
        if not len(self.factors):
            return [((-1, -1), slice(None))]
        kinds, index = np.unique(self.factors, axis=0, return_inverse=True)
        return [((int(i), int(j)), np.flatnonzero(index.ravel() == k)) for k, (i, j) in enumerate(kinds)]


def _product(x: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    i, j = pair
    return np.ones(len(x)) if i < 0 else np.asarray(x[:, i] * x[:, j])
