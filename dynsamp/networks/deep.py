"""Networks of any depth: values, exact Jacobians and exact Hessians.

    f(x) = offset + linear x + coefficients h_L,   h_l = sigma(W_l h_(l-1) + b_l),   h_0 = (x - centre) / half_width

Derivatives are products of matrices, not differences. With the tangents of the pre-activations P_l = dz_l/dx, carried
forward, and the adjoints g_l = df/dh_l, carried backward,

    df/dx = linear + P_1' (g_1 sigma'(z_1)),   d2f/dx2 = sum_l P_l' diag(g_l sigma''(z_l)) P_l.

Rows are worked on in blocks that stay in cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dynsamp.networks.features import HiddenLayer, activate, blocks
from dynsamp.networks.sampling import sample_layer

__all__ = ["Hidden", "Network", "sample_hidden"]

_SCRATCH = 1 << 18  # elements of a block of tangents: two megabytes


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
    """A network and its derivatives; arrays of points are (row, input)."""

    hidden: Hidden
    offset: np.ndarray  # (output,)
    linear: np.ndarray  # (output, input), of x - centre
    coefficients: np.ndarray  # (output, feature)
    centre: np.ndarray  # (input,)

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
        outputs = len(self.offset)
        first = self.hidden.layers[0]
        slopes = first.weights / first.half_width
        for rows in self._blocks(len(x), outputs):
            zs = self._preactivations(x[rows])
            for k, adjoint in enumerate(self._adjoints(zs)):
                if k == len(zs) - 1:  # of the first layer
                    adjoint *= activate(first.activation, zs[0], 1)
                    result[rows] += (adjoint.transpose(2, 0, 1).reshape(-1, first.width) @ slopes).reshape(
                        -1, outputs, slopes.shape[1]
                    )
        return result

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """d2f/dx2 (row, output, input, input)."""
        size, outputs = len(self.centre), len(self.offset)
        result = np.zeros((len(x), outputs, size, size))
        if not self.hidden.layers:
            return result
        for rows in self._blocks(len(x), max(outputs, size)):
            zs = self._preactivations(x[rows])
            tangents = self._tangents(zs)
            for layer, z, tangent, adjoint in zip(
                reversed(self.hidden.layers), reversed(zs), reversed(tangents), self._adjoints(zs), strict=True
            ):
                curvature = adjoint * activate(layer.activation, z, 2)  # (output, feature, row)
                for k in range(outputs):
                    if tangent.shape[0] == 1:  # of the first layer: the same for all rows
                        for i in range(size):
                            result[rows, k, i] += curvature[k].T @ (tangent[0, :, i, None] * tangent[0])
                    else:
                        weighted = tangent * curvature[k].T[:, :, None]
                        result[rows, k] += tangent.transpose(0, 2, 1) @ weighted
        return 0.5 * (result + result.transpose(0, 1, 3, 2))  # symmetric to the last bit

    def _blocks(self, count: int, lanes: int) -> Iterator[slice]:
        step = max(1, _SCRATCH // max(1, self.hidden.widest * lanes))
        for start in range(0, count, step):
            yield slice(start, min(start + step, count))

    def _preactivations(self, x: np.ndarray) -> list[np.ndarray]:
        """(feature, row) of every layer."""
        found: list[np.ndarray] = []
        for layer in self.hidden.layers:
            found.append(layer.preactivations(x))
            x = activate(layer.activation, found[-1]).T
        return found

    def _adjoints(self, zs: list[np.ndarray]) -> Iterator[np.ndarray]:
        """df/dh (output, feature, row) of every layer, the last first."""
        adjoint = np.repeat(self.coefficients[:, :, None], zs[-1].shape[1], axis=2)
        for k in range(len(zs) - 1, -1, -1):
            yield adjoint.copy()
            if k:
                layer = self.hidden.layers[k]
                inner = adjoint * activate(layer.activation, zs[k], 1)
                adjoint = (layer.weights / layer.half_width).T @ inner

    def _tangents(self, zs: list[np.ndarray]) -> list[np.ndarray]:
        """dz/dx (row, feature, input) of every layer; (1, feature, input) of the first."""
        first = self.hidden.layers[0]
        found = [(first.weights / first.half_width)[None]]
        for layer, below, z in zip(self.hidden.layers[1:], self.hidden.layers, zs, strict=False):
            slope = activate(below.activation, z, 1).T[:, :, None]
            found.append((layer.weights / layer.half_width) @ (slope * found[-1]))
        return found


def sample_hidden(
    x: np.ndarray,
    widths: tuple[int, ...],
    *,
    rng: np.random.Generator,
    activation: str,
    scale: float | tuple[float, ...],
    sampler: str | None,
    target: np.ndarray | None,
    centre: np.ndarray,
    half_width: np.ndarray,
    place: str | None = None,
    length: str | None = None,
) -> Hidden:
    """Sample hidden layers one after the other.

    The pairs of a deeper layer are points of the input space, pushed through the layers already sampled: the numerator
    of their density is the change of the target itself, the denominator the distance in the representation below, at
    least 1e-10 (Bolager, Burak, Datar, Sun and Dietrich 2023, definition 4).

    Parameters
    ----------
    x : ndarray (row, input)
        Not standardised.
    widths : tuple of int
        Neurons of each layer.
    scale : float or one of each layer
    target : ndarray (row, output)
    centre, half_width : ndarray (input,)
        Standardisation of the inputs; representations are taken as they are.
    rng, activation, sampler, place, length
        As for ``sample_layer``.
    """
    scales = scale if isinstance(scale, tuple) else (scale,) * len(widths)
    layers: tuple[HiddenLayer, ...] = ()
    value = x
    for width, slope in zip(widths, scales, strict=True):
        if layers:
            value = Hidden(layers[-1:]).values(value)
            centre, half_width = np.zeros(value.shape[1]), np.ones(value.shape[1])
        layer = sample_layer(
            value, width, rng=rng, activation=activation, scale=slope, sampler=sampler, target=target, centre=centre,
            half_width=half_width, place=place, length=length,
        )  # fmt: skip
        layers = (*layers, layer)
    return Hidden(layers)
