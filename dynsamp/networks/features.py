"""Hidden layers: their values and gradients, written into blocks that stay in cache.

A layer works on standardised inputs, z = (x - centre) / half_width. Matrices of features are stored one feature a
row, (feature, row), C-contiguous: that is the column-major design matrix which LAPACK factorises in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dynsamp.kernels.features import fill_gradients, fill_responses
from dynsamp.kernels.jit import disabled
from dynsamp.networks.activations import ACTIVATIONS, activate

__all__ = ["ACTIVATIONS", "HiddenLayer", "activate", "blocks"]

_BLOCK = 4096  # rows at once, at most
_CACHE = 1 << 16  # elements of one scratch block: half a megabyte


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Row slices so short that a (width, row) block stays in cache."""
    size = min(_BLOCK, max(64, _CACHE // max(width, 1)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


@dataclass(frozen=True)
class HiddenLayer:
    """Neurons sigma(weights z + biases) on standardised inputs z = (x - centre) / half_width."""

    weights: np.ndarray  # (feature, component)
    biases: np.ndarray  # (feature,)
    activation: str
    centre: np.ndarray  # (component,)
    half_width: np.ndarray  # (component,)

    @property
    def width(self) -> int:
        """Number of neurons."""
        return len(self.biases)

    def preactivations(self, x: np.ndarray) -> np.ndarray:
        """(feature, row) of points ``x`` (row, component)."""
        out = np.empty((self.width, len(x)))
        if disabled():
            for rows in blocks(len(x), self.width):
                self._plain(None, 0, x[rows], out[:, rows])
        else:
            fill_responses(None, 0, x, self._arrays, out)
        return out

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
        if disabled():
            for rows in blocks(len(x), self.width):
                self._plain(self.activation, order, x[rows], out[:, rows])
        else:
            fill_responses(self.activation, order, x, self._arrays, out)

    def fill_gradients(self, x: np.ndarray, out: np.ndarray) -> None:
        """Write derivatives with respect to z, not x, into ``out`` (feature, component * row).

        The rows of the first component come first: out[:, k * len(x) + i] is d/dz_k at x_i. Divide by
        ``half_width[k]`` for the derivative with respect to x_k.
        """
        if not disabled():
            fill_gradients(self.activation, x, self._arrays, out)
            return
        count = len(x)
        slope = np.empty((self.width, count))
        self.fill_values(x, slope, order=1)
        for k, column in enumerate(self.weights.T):
            np.multiply(slope, column[:, None], out=out[:, k * count : (k + 1) * count])

    @property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.weights, self.biases, self.centre, self.half_width

    def _plain(self, activation: str | None, order: int, x: np.ndarray, out: np.ndarray) -> None:
        """Without compiled code."""
        z = self.weights @ ((x - self.centre) / self.half_width).T + self.biases[:, None]
        out[...] = z if activation is None else activate(activation, z, order, out=z)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Features (row, feature) of ``x`` (row, component)."""
        out = np.empty((self.width, len(x)))
        self.fill_values(x, out)
        return out.T
