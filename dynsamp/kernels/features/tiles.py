"""From a tile of one neuron's values to the rows of a matrix, in the number format of that."""

from __future__ import annotations

from dynsamp.kernels.jit import inner

__all__ = ["write_products", "write_values"]


@inner
def write_values(tile, out, at):
    """Put a tile (row,) at out[at:]."""
    row = out[at : at + len(tile)]
    for i in range(len(tile)):
        row[i] = tile[i]


@inner
def write_products(tile, weights, j, out, at, stride):
    """Put weights[j, k] times a tile at out[at + k stride:], for all k."""
    for k in range(weights.shape[1]):
        weight, row = weights[j, k], out[at + k * stride : at + k * stride + len(tile)]
        for i in range(len(tile)):
            row[i] = weight * tile[i]
