"""Activations of hidden neurons and their derivatives: on arrays, and as functions for compilation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["ACTIVATIONS", "SLOPES", "VALUES", "activate"]


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
    if activation not in _FUNCTIONS:
        raise ValueError(f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}, got {activation!r}")
    if out is None:
        out = np.empty(np.shape(z))
    _FUNCTIONS[activation](z, order, out)
    return out


def _tanh(z: np.ndarray, order: int, out: np.ndarray) -> None:
    t = np.tanh(z, out=out)
    if order == 0:
        return
    s = np.multiply(t, t) if order == 2 else np.multiply(t, t, out=out)
    if order == 1:
        np.subtract(1.0, s, out=out)
    else:  # -2 t (1 - t^2)
        s -= 1.0
        s *= 2.0
        out *= s


def _sin(z: np.ndarray, order: int, out: np.ndarray) -> None:
    (np.cos if order == 1 else np.sin)(z, out=out)
    if order == 2:
        np.negative(out, out=out)


def _gauss(z: np.ndarray, order: int, out: np.ndarray) -> None:
    square = np.multiply(z, z)
    factor = None if order == 0 else -2.0 * z if order == 1 else 4.0 * square - 2.0
    np.exp(np.negative(square, out=square), out=out)
    if factor is not None:
        out *= factor


def _relu(z: np.ndarray, order: int, out: np.ndarray) -> None:
    if order == 0:
        np.maximum(z, 0.0, out=out)
    elif order == 1:
        np.greater(z, 0.0, out=out, casting="unsafe")
    else:
        out[...] = 0.0


def _softplus(z: np.ndarray, order: int, out: np.ndarray) -> None:
    if order == 0:
        np.logaddexp(z, 0.0, out=out)
        return
    small = np.exp(-np.abs(z))  # never overflows
    if order == 1:
        np.divide(np.where(z < 0.0, small, 1.0), 1.0 + small, out=out)
    else:
        np.divide(small, (1.0 + small) ** 2, out=out)


_FUNCTIONS: dict[str, Callable[[np.ndarray, int, np.ndarray], None]] = {
    "tanh": _tanh,
    "sin": _sin,
    "gauss": _gauss,
    "relu": _relu,
    "softplus": _softplus,
}
ACTIVATIONS = tuple(_FUNCTIONS)


def _gauss_value(z):  # type: ignore[no-untyped-def]
    return math.exp(-z * z)


def _relu_value(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, z, 0.0)


def _softplus_value(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, z, 0.0) + math.log1p(math.exp(-abs(z)))


def _tanh_slope(z):  # type: ignore[no-untyped-def]
    s = math.tanh(z)
    return 1.0 - s * s


def _sin_slope(z):  # type: ignore[no-untyped-def]
    return math.cos(z)


def _gauss_slope(z):  # type: ignore[no-untyped-def]
    return -2.0 * z * math.exp(-z * z)


def _relu_slope(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, 1.0, 0.0)


def _softplus_slope(z):  # type: ignore[no-untyped-def]
    return 0.5 + 0.5 * math.tanh(0.5 * z)


VALUES: dict[str, Callable[..., Any]] = {
    "tanh": math.tanh,
    "sin": math.sin,
    "gauss": _gauss_value,
    "relu": _relu_value,
    "softplus": _softplus_value,
}
SLOPES: dict[str, Callable[..., Any]] = {
    "tanh": _tanh_slope,
    "sin": _sin_slope,
    "gauss": _gauss_slope,
    "relu": _relu_slope,
    "softplus": _softplus_slope,
}
