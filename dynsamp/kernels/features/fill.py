"""From arrays to the compiled loops over them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from dynsamp.kernels.activations import ACTIVATIONS, SIGMAS, identity
from dynsamp.kernels.features import layer
from dynsamp.kernels.jit import disabled, specialise

_PLAIN = disabled()
_WIDTH = 16  # rows in a register: four of AVX2, two of AVX-512
_BLOCK = 4096  # rows that are standardised at once
_TILE = 2048  # inputs of a tile, at most 16 kB of the first cache
_ROWS = 512

# weights (feature, component), biases (feature,), centre (component,), half_width (component,)
Layer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def activate(activation: str, z: np.ndarray, order: int = 0, out: np.ndarray | None = None) -> np.ndarray:
    """Value or derivative of an activation.

    Parameters
    ----------
    activation : {"tanh", "sin", "gauss", "relu", "softplus"}
        ``gauss`` is exp(-z^2), ``relu`` max(z, 0) with derivative 0 at 0, ``softplus`` log(1 + e^z).
    z : ndarray
        Pre-activations.
    order : {0, 1, 2}
        Order of the derivative.
    out : ndarray, optional
        Same shape as ``z``, may be ``z`` itself.
    """
    if activation not in SIGMAS:
        raise ValueError(f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, got {activation!r}")
    if out is None:
        out = np.empty(np.shape(z))
    if _PLAIN:
        out[...] = SIGMAS[activation][order](z)
        return out
    values = out if out.flags.c_contiguous and out.dtype == float else np.empty(out.shape)
    _pointwise(activation, order)(np.ascontiguousarray(z, dtype=float).reshape(-1), values.reshape(-1))
    if values is not out:
        out[...] = values
    return out


def fill_responses(activation: str | None, order: int, x: np.ndarray, layer: Layer, out: np.ndarray) -> None:
    """Write a derivative of the activation at weights z + biases, z = (x - centre) / half_width.

    Parameters
    ----------
    activation : {"tanh", "sin", "gauss", "relu", "softplus"} or None
        None is the pre-activation itself.
    order : {0, 1, 2}
    x : ndarray (row, component)
    layer : tuple of ndarray
        weights (feature, component), biases (feature,), centre (component,) and half_width (component,), float64.
    out : ndarray (feature, row), float64 or float32
        Rows of a matrix may be apart, the entries of a row are not.
    """
    _fill(activation, order, x, layer, out, 0)


def fill_gradients(activation: str, x: np.ndarray, layer: Layer, out: np.ndarray) -> None:
    """Write the derivative of the features with respect to z[k] to out[:, k row : (k + 1) row], for all k.

    Parameters are those of ``fill_responses``, but ``out`` is (feature, component * row).
    """
    _fill(activation, 1, x, layer, out, len(x))


def _fill(activation: str | None, order: int, x: np.ndarray, arrays: Layer, out: np.ndarray, stride: int) -> None:
    if not out.size:
        return
    weights, biases, centre, half_width = arrays
    if _PLAIN:
        _fill_plain(activation, order, x, arrays, out, stride)
        return
    flat, pitch = _flat(out)
    run = _kernel(activation, order, out.dtype.char)
    weights, biases = np.ascontiguousarray(weights), np.ascontiguousarray(biases)
    components = len(centre)
    tile = np.empty(max(_WIDTH, min(_ROWS, _TILE // max(components, 1) // _WIDTH * _WIDTH)))
    for first in range(0, len(x), _BLOCK):
        part = x[first : first + _BLOCK]
        rows = len(part)
        z = np.zeros((components, -(-rows // _WIDTH) * _WIDTH))
        np.subtract(part.T, centre[:, None], out=z[:, :rows])
        z[:, :rows] /= half_width[:, None]
        run(z.reshape(-1), rows, weights, biases, tile, flat, pitch, first, stride)


def _fill_plain(activation: str | None, order: int, x: np.ndarray, arrays: Layer, out: np.ndarray, stride: int) -> None:
    weights, biases, centre, half_width = arrays
    for first in range(0, len(x), _ROWS):
        part = x[first : first + _ROWS]
        z = weights @ ((part - centre) / half_width).T + biases[:, None]
        values = z if activation is None else activate(activation, z, order, out=z)
        if not stride:
            out[:, first : first + len(part)] = values
        for k, column in enumerate(weights.T if stride else ()):
            np.multiply(values, column[:, None], out=out[:, k * stride + first : k * stride + first + len(part)])


def _flat(out: np.ndarray) -> tuple[np.ndarray, int]:
    """One-dimensional view of all memory from the first to the last entry, and the distance of its rows.

    Compiled code sees one contiguous array, whatever block of a larger matrix it writes.
    """
    if out.flags.c_contiguous and out.dtype.char in "df":
        return out.reshape(-1), out.shape[1]
    pitch, rest = divmod(out.strides[0], out.itemsize)
    if len(out) < 2:
        pitch, rest = out.shape[1], 0
    together = out.shape[1] < 2 or out.strides[1] == out.itemsize
    if out.dtype.char not in "df" or rest or pitch < out.shape[1] or not together:
        raise ValueError(
            f"features need rows of contiguous float64 or float32, got {out.dtype} with strides {out.strides}; write to"
            " a C-contiguous array or to columns of one"
        )
    size = pitch * (len(out) - 1) + out.shape[1]
    return np.lib.stride_tricks.as_strided(out, (size,), (out.itemsize,)), pitch


@cache
def _kernel(activation: str | None, order: int, char: str) -> Callable[..., Any]:
    sigma = identity if activation is None else SIGMAS[activation][order]
    number = np.empty(1)
    arguments = number, 1, np.empty((1, 1)), number, number, np.empty(1, dtype=char), 1, 0, 0
    return specialise(layer.run, (), {}, arguments, sigma=sigma, WIDTH=_WIDTH)


@cache
def _pointwise(activation: str, order: int) -> Callable[..., Any]:
    sigma, number = SIGMAS[activation][order], np.empty(1)
    return specialise(layer.pointwise, (), {}, (number, number), sigma=sigma, WIDTH=_WIDTH)
