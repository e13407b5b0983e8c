"""A scalar function of the state, its derivatives, and what is known of it.

    E(x) = linear . d + d' quadratic d / 2 + sum_m coefficients[m] factor_m(x) sigma(weights[m] . z + biases[m]) + terms

with d = x - centre, z = d / half_width; factor_m is 1, or a product x_i x_j; terms are known formulas. The quadratic
part is exact for harmonic systems and for kinetic energies, costs a few columns, and is what noisy data are shrunk to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynsamp.networks.features import HiddenLayer, blocks
from dynsamp.networks.terms import Term, mentions, parse

__all__ = ["Energy", "Gradients"]


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

    def take(self, rows: np.ndarray) -> Gradients:
        """Only these rows."""
        return replace(
            self,
            nodes=np.ascontiguousarray(self.nodes[:, rows]),
            target=self.target[rows],
            maps=None if self.maps is None else self.maps[:, rows],
            others=self.others[:, rows] if len(self.others) else self.others,
            estimate=None if self.estimate is None else self.estimate[rows],
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
        for rows, (pair, layer, c) in self._pieces(len(x)):
            result[rows] += (c @ _response(layer, x[rows], 0)) * _product(x[rows], pair)
        return result

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient of E with respect to x (point, component)."""
        result: np.ndarray = self.linear + (x - self.layer.centre) @ self.quadratic
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.gradient(x)
        for rows, ((i, j), layer, c) in self._pieces(len(x)):
            outer = c[:, None] * layer.weights / layer.half_width
            result[rows] += (_response(layer, x[rows], 1).T @ outer) * _product(x[rows], (i, j))[:, None]
            if i >= 0:
                value = c @ _response(layer, x[rows], 0)
                result[rows, i] += value * x[rows, j]
                result[rows, j] += value * x[rows, i]
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian of E with respect to x (point, component, component)."""
        result = np.repeat(self.quadratic[None], len(x), axis=0)
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.hessian(x)
        for rows, ((i, j), layer, c) in self._pieces(len(x)):
            w, factor = layer.weights / layer.half_width, _product(x[rows], (i, j))
            curvature = _response(layer, x[rows], 2)
            for k, column in enumerate(w.T):
                result[rows, k] += (curvature.T @ ((c * column)[:, None] * w)) * factor[:, None]
            if i >= 0:
                slope = _response(layer, x[rows], 1).T @ (c[:, None] * w)
                for one, other in ((i, j), (j, i)):
                    mixed = slope * x[rows, one][:, None]
                    result[rows, other] += mixed
                    result[rows, :, other] += mixed
                value = c @ _response(layer, x[rows], 0)
                result[rows, i, j] += value
                result[rows, j, i] += value
        return result

    def restricted(self, components: np.ndarray, names: Sequence[str]) -> Energy:
        """The summand that depends on these components (of ``names``), of an energy that is such a sum."""
        mine = np.any(self.layer.weights[:, components] != 0.0, axis=1)
        layer = replace(
            self.layer,
            weights=np.ascontiguousarray(self.layer.weights[np.ix_(mine, components)]),
            biases=self.layer.biases[mine],
            centre=self.layer.centre[components],
            half_width=self.layer.half_width[components],
        )
        known = [k for k, term in enumerate(self.terms) if mentions(term, components)]
        terms = tuple(parse(self.terms[k].text, names) for k in known)
        quadratic = self.quadratic[np.ix_(components, components)]
        return Energy(
            layer, self.coefficients[mine], self.linear[components], quadratic, terms=terms,
            term_coefficients=self.term_coefficients[known],
        )  # fmt: skip

    @cached_property
    def _groups(self) -> list[tuple[tuple[int, int], HiddenLayer, np.ndarray]]:
        """Neurons and coefficients by the components that multiply them."""
        if not len(self.factors):
            return [((-1, -1), self.layer, self.coefficients)]
        kinds, index = np.unique(self.factors, axis=0, return_inverse=True)
        found = []
        for k, (i, j) in enumerate(kinds):
            mine = np.flatnonzero(index.ravel() == k)
            layer = replace(
                self.layer, weights=np.ascontiguousarray(self.layer.weights[mine]), biases=self.layer.biases[mine]
            )
            found.append(((int(i), int(j)), layer, self.coefficients[mine]))
        return found

    def _pieces(self, points: int) -> Iterator[tuple[slice, tuple[tuple[int, int], HiddenLayer, np.ndarray]]]:
        """Blocks of points that stay in cache, each with all groups."""
        for group in self._groups:
            if group[1].width:
                for rows in blocks(points, group[1].width):
                    yield rows, group


def _response(layer: HiddenLayer, x: np.ndarray, order: int) -> np.ndarray:
    """Activations (feature, point) of one layer, or their derivatives."""
    out = np.empty((layer.width, len(x)))
    layer.fill_values(x, out, order)
    return out


def _product(x: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    i, j = pair
    return np.ones(len(x)) if i < 0 else np.asarray(x[:, i] * x[:, j])
