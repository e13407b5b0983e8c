"""Sampled networks on arrays: hidden layers, and values, gradients, Jacobians and Hessians of what is made of them.

A layer works on standardised inputs, z = (x - centre) / half_width. Matrices of features are stored one feature a
row, (feature, row), C-contiguous: that is the column-major design matrix which LAPACK factorises in place. Rows are
worked on in blocks that stay in cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dynsamp.kernels.features import activate, fill_gradients, fill_responses
from dynsamp.networks import tuning
from dynsamp.networks.polynomials import fill_powers
from dynsamp.networks.terms import Term, mentions, parse


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Row slices so short that a (width, row) block stays in cache."""
    size = min(tuning.BLOCK_ROWS, max(64, tuning.BLOCK_ENTRIES // max(width, 1)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


@dataclass(frozen=True)
class HiddenLayer:
    """Neurons sigma(weights z + biases) on standardised inputs z = (x - centre) / half_width.

    With the activation "polynomial" they are monomials of z instead: the weights are their exponents.
    """

    weights: np.ndarray  # (feature, component)
    biases: np.ndarray  # (feature,)
    activation: str
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)

    @property
    def width(self) -> int:
        """Number of neurons."""
        return len(self.biases)

    @property
    def polynomial(self) -> bool:
        """Whether the neurons are monomials."""
        return self.activation == "polynomial"

    def _derived(self, component: int, coefficients: np.ndarray) -> tuple[HiddenLayer, np.ndarray]:
        """Monomials and coefficients of the derivative by a component of x."""
        power = self.weights[:, component]
        lower = self.weights.copy()
        lower[:, component] = np.maximum(power - 1.0, 0.0)
        return replace(self, weights=lower), coefficients * (power / self.half_width[component])

    @property
    def plain_weights(self) -> np.ndarray:
        """Weights (feature, component) of x - centre."""
        return np.asarray(self.weights / self.half_width)

    @property
    def standardised(self) -> HiddenLayer:
        """The same neurons as functions of z."""
        return replace(self, centre=np.zeros(self.weights.shape[1]), half_width=np.ones(self.weights.shape[1]))

    def taken(self, neurons: np.ndarray) -> HiddenLayer:
        """Only these neurons."""
        return replace(self, weights=np.ascontiguousarray(self.weights[neurons]), biases=self.biases[neurons])

    def fill_values(self, x: np.ndarray, out: np.ndarray, order: int = 0) -> None:
        """Write the features of ``x`` (row, component), or a derivative of the activation, into ``out``.

        Parameters
        ----------
        x : ndarray (row, component)
        out : ndarray (feature, row), float64 or float32
            May be columns of a larger matrix.
        order : {0, 1, 2}
            Of the derivative with respect to the pre-activations.
        """
        if self.polynomial:
            fill_powers((x - self.centre) / self.half_width, self.weights, out)
            out *= self.biases[:, None]
            return
        fill_responses(self.activation, order, x, self._arrays, out)

    def fill_gradients(self, x: np.ndarray, out: np.ndarray) -> None:
        """Write derivatives with respect to z, not x, into ``out`` (feature, component * row).

        The rows of the first component come first: out[:, k * len(x) + i] is d/dz_k at x_i. Divide by
        ``half_width[k]`` for the derivative with respect to x_k.
        """
        fill_gradients(self.activation, x, self._arrays, out)

    @property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.weights, self.biases, self.centre, self.half_width

    def preactivations(self, x: np.ndarray) -> np.ndarray:
        """(feature, row) of points ``x`` (row, component)."""
        out = np.empty((self.width, len(x)))
        fill_responses(None, 0, x, self._arrays, out)
        return out

    def responses(self, x: np.ndarray, order: int = 0) -> np.ndarray:
        """Features (feature, row) of ``x`` (row, component), or a derivative of the activation."""
        out = np.empty((self.width, len(x)))
        self.fill_values(x, out, order)
        return out

    def values(self, x: np.ndarray) -> np.ndarray:
        """Features (row, feature) of ``x`` (row, component)."""
        return self.responses(x).T

    def sums(self, x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Sums of neurons (..., row), with coefficients (..., feature)."""
        return np.asarray(coefficients @ self.responses(x))

    def slopes(self, x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Derivatives by x of the sums (..., row, component)."""
        if self.polynomial:
            parts = (self._derived(k, coefficients) for k in range(len(self.centre)))
            return np.stack([layer.sums(x, c) for layer, c in parts], axis=-1)
        return np.asarray(self.responses(x, 1).T @ (coefficients[..., None] * self.weights / self.half_width))

    def curvatures(self, x: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Second derivatives by x of the sums (..., row, component, component)."""
        if self.polynomial:
            parts = (self._derived(k, coefficients) for k in range(len(self.centre)))
            return np.stack([layer.slopes(x, c) for layer, c in parts], axis=-1)
        weights, curved = self.plain_weights, self.responses(x, 2).T
        rows = [curved @ ((coefficients * column)[..., None] * weights) for column in weights.T]
        return np.stack(rows, axis=-2)


@dataclass(frozen=True)
class Hidden:
    """Hidden layers, the first on standardised inputs, each of the others on the layer before; none is allowed."""

    layers: tuple[HiddenLayer, ...]

    @property
    def width(self) -> int:
        """Neurons of the last layer."""
        return self.layers[-1].width if self.layers else 0

    @property
    def widest(self) -> int:
        """Neurons of the widest layer."""
        return max((layer.width for layer in self.layers), default=0)

    def fill_values(self, x: np.ndarray, out: np.ndarray) -> None:
        """Write the last layer's values at ``x`` (row, input) into ``out`` (feature, row)."""
        if not self.layers:
            return
        if len(self.layers) == 1:
            self.layers[0].fill_values(x, out)
            return
        for rows in blocks(len(x), self.widest):
            value = x[rows]
            for layer in self.layers[:-1]:
                below = np.empty((layer.width, len(value)), out.dtype)
                layer.fill_values(value, below)
                value = below.T
            self.layers[-1].fill_values(value, out[:, rows])

    def values(self, x: np.ndarray) -> np.ndarray:
        """Values (row, feature) of the last layer; ``x`` itself where there is none."""
        if not self.layers:
            return x
        out = np.empty((self.width, len(x)))
        self.fill_values(x, out)
        return out.T


@dataclass(frozen=True)
class Network:
    """A network of any depth and its derivatives; arrays of points are (row, input).

        f(x) = offset + linear (x - centre) + coefficients h_L,   h_l = sigma(W_l h_(l-1) + b_l)

    Derivatives are products of matrices, not differences. With the tangents of the pre-activations P_l = dz_l/dx,
    carried forward, and the adjoints g_l = df/dh_l, carried backward, d2f/dx2 = sum_l P_l' diag(g_l sigma''(z_l)) P_l.
    """

    hidden: Hidden
    offset: np.ndarray  # (output,)
    linear: np.ndarray  # (output, input), of x - centre
    coefficients: np.ndarray  # (output, feature)
    centre: np.ndarray  # (input,)

    @property
    def width(self) -> int:
        """Neurons of the last layer."""
        return self.hidden.width

    def values(self, x: np.ndarray) -> np.ndarray:
        """f (row, output)."""
        result: np.ndarray = self.offset + (x - self.centre) @ self.linear.T
        for rows in blocks(len(x), self.hidden.widest):
            if self.hidden.layers:
                result[rows] += self.hidden.values(x[rows]) @ self.coefficients.T
        return result

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """df/dx (row, output, input)."""
        result = np.repeat(self.linear[None], len(x), axis=0)
        if not self.hidden.layers:
            return result
        *below, last = self.hidden.layers
        for rows in self._blocks(len(x), len(self.offset)):
            zs, value = _forward(below, x[rows])
            adjoint = last.slopes(value, self.coefficients)  # (output, row, feature of the layer below)
            for layer, z in zip(reversed(below), reversed(zs), strict=True):
                adjoint = (adjoint * activate(layer.activation, z, 1).T) @ layer.plain_weights
            result[rows] += adjoint.transpose(1, 0, 2)
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """d2f/dx2 (row, output, input, input)."""
        size, outputs = len(self.centre), len(self.offset)
        result = np.zeros((len(x), outputs, size, size))
        layers = self.hidden.layers
        if layers and layers[0].polynomial:
            return layers[0].curvatures(x, self.coefficients).swapaxes(0, 1)
        for rows in self._blocks(len(x), max(outputs, size)) if layers else ():
            zs, _ = _forward(layers, x[rows])
            tangents = [layers[0].plain_weights[None]]  # (row, feature, input); the same for all rows of the first
            for layer, below, z in zip(layers[1:], layers, zs, strict=False):
                tangents.append(layer.plain_weights @ (activate(below.activation, z, 1).T[:, :, None] * tangents[-1]))
            adjoint = self.coefficients[:, None]  # (output, row, feature)
            for layer, z, tangent in zip(reversed(layers), reversed(zs), reversed(tangents), strict=True):
                curvature = adjoint * activate(layer.activation, z, 2).T
                for k in range(outputs):
                    if len(tangent) == 1:
                        for i in range(size):
                            result[rows, k, i] += curvature[k] @ (tangent[0, :, i, None] * tangent[0])
                    else:
                        result[rows, k] += tangent.transpose(0, 2, 1) @ (tangent * curvature[k][:, :, None])
                adjoint = (adjoint * activate(layer.activation, z, 1).T) @ layer.plain_weights
        return 0.5 * (result + result.transpose(0, 1, 3, 2))  # symmetric to the last bit

    def _blocks(self, count: int, lanes: int) -> Iterator[slice]:
        step = max(1, tuning.TANGENT_ENTRIES // max(1, self.hidden.widest * lanes))
        for start in range(0, count, step):
            yield slice(start, min(start + step, count))


def _forward(layers: Sequence[HiddenLayer], x: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Pre-activations (feature, row) of every layer, and the values (row, feature) of the last."""
    found: list[np.ndarray] = []
    for layer in layers:
        found.append(layer.preactivations(x))
        x = activate(layer.activation, found[-1]).T
    return found, x


@dataclass(frozen=True)
class Energy:
    """A scalar function of x, its derivatives, and what is known of it; arrays of points are (point, component).

        E(x) = linear . d + d' quadratic d / 2 + sum_m coefficients[m] factor_m(x) sigma(weights[m] . z + biases[m])

    plus known formulas, ``terms``, with d = x - centre, z = d / half_width; factor_m is 1, or a product x_i x_j. The
    quadratic part is exact for harmonic systems and for kinetic energies, costs a few columns, and is what noisy data
    are shrunk to.
    """

    layer: HiddenLayer
    coefficients: np.ndarray  # (feature,)
    linear: np.ndarray  # (component,), per unit of x
    quadratic: np.ndarray  # (component, component), symmetric, per unit of x squared
    # (feature, 2) components that multiply a neuron, -1 for none; no rows: none for any neuron
    factors: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))
    terms: tuple[Term, ...] = ()
    term_coefficients: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.layer.width

    def value(self, x: np.ndarray) -> np.ndarray:
        """E (point,); zero of the polynomial part at the centre."""
        d = x - self.layer.centre
        result: np.ndarray = d @ self.linear + 0.5 * np.einsum("ni,ij,nj->n", d, self.quadratic, d)
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.value(x)
        for rows, (pair, layer, c) in self._pieces(len(x)):
            result[rows] += layer.sums(x[rows], c) * _product(x[rows], pair)
        return result

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient of E with respect to x (point, component)."""
        result: np.ndarray = self.linear + (x - self.layer.centre) @ self.quadratic
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.gradient(x)
        for rows, ((i, j), layer, c) in self._pieces(len(x)):
            result[rows] += layer.slopes(x[rows], c) * _product(x[rows], (i, j))[:, None]
            if i >= 0:
                value = layer.sums(x[rows], c)
                result[rows, i] += value * x[rows, j]
                result[rows, j] += value * x[rows, i]
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian of E with respect to x (point, component, component)."""
        result = np.repeat(self.quadratic[None], len(x), axis=0)
        for term, coefficient in zip(self.terms, self.term_coefficients, strict=True):
            result += coefficient * term.hessian(x)
        for rows, ((i, j), layer, c) in self._pieces(len(x)):
            result[rows] += layer.curvatures(x[rows], c) * _product(x[rows], (i, j))[:, None, None]
            if i >= 0:
                slope = layer.slopes(x[rows], c)
                for one, other in ((i, j), (j, i)):
                    mixed = slope * x[rows, one][:, None]
                    result[rows, other] += mixed
                    result[rows, :, other] += mixed
                value = layer.sums(x[rows], c)
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
        rest = (np.empty((0, 2), np.int64), terms, self.term_coefficients[known])
        return Energy(layer, self.coefficients[mine], self.linear[components], quadratic, *rest)

    @cached_property
    def _groups(self) -> list[tuple[tuple[int, int], HiddenLayer, np.ndarray]]:
        """Neurons and coefficients by the components that multiply them."""
        if not len(self.factors):
            return [((-1, -1), self.layer, self.coefficients)]
        kinds, index = np.unique(self.factors, axis=0, return_inverse=True)
        found = []
        for k, (i, j) in enumerate(kinds):
            mine = np.flatnonzero(index.ravel() == k)
            found.append(((int(i), int(j)), self.layer.taken(mine), self.coefficients[mine]))
        return found

    def _pieces(self, points: int) -> Iterator[tuple[slice, tuple[tuple[int, int], HiddenLayer, np.ndarray]]]:
        """Blocks of points that stay in cache, each with all groups."""
        for group in self._groups:
            if group[1].width:
                for rows in blocks(points, group[1].width):
                    yield rows, group


def _product(x: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    i, j = pair
    return np.ones(len(x)) if i < 0 else np.asarray(x[:, i] * x[:, j])
