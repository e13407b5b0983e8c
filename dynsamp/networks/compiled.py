"""Activations and their slopes for compiled right-hand sides: one number, or one register of lanes, at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

__all__ = ["SLOPES", "VALUES"]

Function = Callable[..., Any]


@njit
def _gauss(z):  # type: ignore[no-untyped-def]
    return math.exp(-z * z)


@njit
def _relu(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, z, 0.0)


@njit
def _softplus(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, z, 0.0) + math.log1p(math.exp(-abs(z)))


@njit
def _tanh_slope(z):  # type: ignore[no-untyped-def]
    s = math.tanh(z)
    return 1.0 - s * s


@njit
def _sin_slope(z):  # type: ignore[no-untyped-def]
    return math.cos(z)


@njit
def _gauss_slope(z):  # type: ignore[no-untyped-def]
    return -2.0 * z * math.exp(-z * z)


@njit
def _relu_slope(z):  # type: ignore[no-untyped-def]
    return np.where(z > 0.0, 1.0, 0.0)


@njit
def _softplus_slope(z):  # type: ignore[no-untyped-def]
    return 0.5 + 0.5 * math.tanh(0.5 * z)


VALUES: dict[str, Function] = {
    "tanh": math.tanh,
    "sin": math.sin,
    "gauss": _gauss,
    "relu": _relu,
    "softplus": _softplus,
}
SLOPES: dict[str, Function] = {
    "tanh": _tanh_slope,
    "sin": _sin_slope,
    "gauss": _gauss_slope,
    "relu": _relu_slope,
    "softplus": _softplus_slope,
}
