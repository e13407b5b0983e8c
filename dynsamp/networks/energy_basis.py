"""The columns of a gradient fit: polynomials and neurons that obey what is declared.

Rows are gradients with respect to z = (x - centre) / half_width, so that every row is an energy whatever the units of
x: the rows of the first component come first. Equations between gradients are taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dynsamp.networks.gradients import Gradients
from dynsamp.networks.network import Energy, HiddenLayer, blocks
from dynsamp.networks.structure import Structure
from dynsamp.networks.terms import Term

__all__ = ["EnergyBasis"]


@dataclass(frozen=True)
class EnergyBasis:
    """Functions of which an energy is a combination: polynomials, known terms, then symmetrised neurons."""

    structure: Structure
    layer: HiddenLayer  # before symmetrisation, one row of weights a column
    factors: np.ndarray  # (feature, 2), see Energy; or no rows
    others: int = 0  # unknowns of the data that are no part of the energy; their columns come first

    @classmethod
    def of(cls, structure: Structure, layer: HiddenLayer, others: int = 0) -> EnergyBasis:
        """Every neuron of ``layer`` (on all components), times every factor of the structure."""
        kinds = structure.factors
        if len(kinds) == 1:
            return cls(structure, layer, np.empty((0, 2), np.int64), others)
        weights, biases = np.tile(layer.weights, (len(kinds), 1)), np.tile(layer.biases, len(kinds))
        factors = np.repeat(np.array(kinds, np.int64), layer.width, axis=0)
        return cls(structure, replace(layer, weights=weights, biases=biases), factors, others)

    @cached_property
    def forms(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear and quadratic forms in z of the polynomial part."""
        return self.structure.quadratics(self.layer.half_width)

    @property
    def free(self) -> int:
        """Number of columns that are not neurons: other unknowns, polynomials, known terms."""
        return self.others + len(self.forms[0]) + len(self.structure.terms)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.free + self.layer.width

    @cached_property
    def images(self) -> list[tuple[HiddenLayer, np.ndarray, np.ndarray]]:
        """Layer, factors and signs (feature,) of the neurons at x -> S x, for every S of the group."""
        half, centre = self.layer.half_width, self.layer.centre
        found = []
        for element in self.structure.group:
            weights = self.layer.weights @ (element * half / half[:, None])
            biases = self.layer.biases + (self.layer.weights / half) @ (element @ centre - centre)
            layer = replace(self.layer, weights=np.ascontiguousarray(weights), biases=biases)
            factors, signs = self.factors, np.ones(len(biases))
            if len(factors):
                # component i of S x is +-x[to[i]], as Structure has checked
                to, sign = np.argmax(np.abs(element), axis=1), element.sum(axis=1)
                one, other = factors.T
                signs = np.where(one >= 0, sign[one] * sign[other], 1.0)
                factors = np.sort(np.where(factors >= 0, to[factors], -1), axis=1)
            found.append((layer, factors, signs))
        return found

    @property
    def simple(self) -> bool:
        """Whether a column is one neuron, without images or factors."""
        return len(self.images) == 1 and not len(self.factors)

    def fill_others(self, data: Gradients, columns: np.ndarray, target: np.ndarray) -> None:
        """Write everything but neurons (free, equation * row), and the target (equation * row,)."""
        half, energies = self.layer.half_width, data.maps is None
        scale = half[:, None] if energies else 1.0
        shape = data.target.shape[::-1]
        forms, first = len(self.forms[0]), self.others
        for row, other in zip(columns[:first], data.others, strict=True):
            np.multiply(other.T, scale, out=row.reshape(shape))
        self._fill_polynomials(data, columns[first : first + forms])
        for row, term in zip(columns[first + forms :], self.structure.terms, strict=True):
            np.multiply(data.push(_gradients(term, data)).T, scale, out=row.reshape(shape))
        np.multiply(data.target.T, scale, out=target.reshape(shape))

    def _fill_polynomials(self, data: Gradients, columns: np.ndarray) -> None:
        """Gradients of the polynomial part."""
        half = self.layer.half_width
        linear, quadratic = self.forms
        if data.maps is None:
            mean = np.tensordot(data.weights, (data.nodes - self.layer.centre) / half, 1)
            polynomial = (quadratic @ mean.T) + data.weights.sum() * linear[..., None]
            columns[:] = polynomial.reshape(columns.shape)
            return
        columns[:] = 0.0
        total = columns.reshape(len(columns), data.target.shape[1], -1)
        for node, maps in zip(data.nodes, data.maps, strict=True):
            slopes = (quadratic @ ((node - self.layer.centre) / half).T + linear[..., None]) / half[:, None]
            total += np.einsum("rec,fcr->fer", maps, slopes, optimize=True)

    def fill(self, data: Gradients, out: np.ndarray) -> None:
        """Write all columns and the target, last, into ``out`` (column + 1, equation * row)."""
        self.fill_others(data, out[: self.free], out[-1])
        neurons = out[self.free : -1]
        if data.maps is None:
            self._fill_means(data, neurons)
        else:
            self._fill_mapped(data, data.maps, neurons)

    def _fill_means(self, data: Gradients, neurons: np.ndarray) -> None:
        """Weighted means of the gradients of neurons over the nodes."""
        first, temporary = True, None
        for node, weight in zip(data.nodes, data.weights, strict=True):
            for image, factors, signs in self.images:
                if first:
                    self._fill_image(image, factors, node, neurons)
                    target = neurons
                else:
                    temporary = np.empty_like(neurons) if temporary is None else temporary
                    self._fill_image(image, factors, node, temporary)
                    target = temporary
                share = weight / len(self.images)
                if len(factors):
                    target *= (share * signs)[:, None]
                elif share != 1.0:
                    target *= share
                if not first:
                    neurons += target
                first = False

    def _fill_mapped(self, data: Gradients, maps: np.ndarray, neurons: np.ndarray) -> None:
        """Linear equations between the gradients of neurons at the nodes, in blocks that stay in cache."""
        neurons[:] = 0.0
        count, equations, size = len(data.target), data.target.shape[1], self.structure.size
        total = neurons.reshape(len(neurons), equations, count)
        half = self.layer.half_width
        for node, own in zip(data.nodes, maps / half, strict=True):
            for image, factors, signs in self.images:
                for rows in blocks(count, len(neurons) * equations):
                    x, part = node[rows], own[rows]
                    if not len(factors):  # the gradient of a neuron is its slope times its weights
                        slope = np.empty((len(neurons), len(x)))
                        image.fill_values(x, slope, 1)
                        slope /= len(self.images)
                        turned = np.ascontiguousarray(part.transpose(2, 1, 0)).reshape(size, -1)
                        along = (image.weights @ turned).reshape(len(neurons), equations, len(x))
                        along *= slope[:, None, :]
                        total[:, :, rows] += along
                        continue
                    gradient = np.empty((len(neurons), size * len(x)))
                    self._fill_image(image, factors, x, gradient)
                    gradient *= (signs / len(self.images))[:, None]
                    parts = gradient.reshape(len(neurons), size, len(x))
                    total[:, :, rows] += np.einsum("rec,fcr->fer", part, parts, optimize=True)

    def _fill_image(self, layer: HiddenLayer, factors: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
        """Gradients of one image of the neurons."""
        if not layer.width:
            return
        layer.fill_gradients(x, out)
        if not len(factors):
            return
        half, count = layer.half_width, len(x)
        parts = out.reshape(len(out), -1, count)
        with_factor = np.flatnonzero(factors[:, 0] >= 0)
        values = np.empty((len(with_factor), count))
        weights = np.ascontiguousarray(layer.weights[with_factor])
        some = replace(layer, weights=weights, biases=layer.biases[with_factor])
        some.fill_values(x, values)
        for neuron, value in zip(with_factor, values, strict=True):
            i, j = factors[neuron]
            parts[neuron] *= x[:, i] * x[:, j]
            parts[neuron, i] += value * x[:, j] * half[i]
            parts[neuron, j] += value * x[:, i] * half[j]

    def energy(self, coefficients: np.ndarray) -> Energy:
        """The combination with these coefficients (column,), as ordinary neurons."""
        half = self.layer.half_width
        coefficients = coefficients[self.others :]
        forms, free = len(self.forms[0]), self.free - self.others
        linear, quadratic = (np.tensordot(coefficients[:forms], form, 1) for form in self.forms)
        weights = coefficients[free:] / len(self.images)
        layers, factors, signs = zip(*self.images, strict=True)
        layer = replace(
            self.layer,
            weights=np.ascontiguousarray(np.concatenate([image.weights for image in layers])),
            biases=np.concatenate([image.biases for image in layers]),
        )
        every = np.concatenate([sign * weights for sign in signs])
        return Energy(
            layer, every, linear / half, quadratic / np.outer(half, half), np.concatenate(factors),
            self.structure.terms, coefficients[forms:free].copy(),
        )  # fmt: skip


def _gradients(term: Term, data: Gradients) -> Iterator[np.ndarray]:
    """Gradient of a term at each node (row, component)."""
    for node in data.nodes:
        gradient = term.gradient(node)
        finite = np.isfinite(term.value(node)) & np.all(np.isfinite(gradient), axis=1)
        if not np.all(finite):
            at = node[np.argmin(finite)].tolist()
            raise ValueError(f"term {term.text!r} is not finite at the point {at}; correct it, or the data")
        yield gradient
