"""Vector fields (J - R) grad H + B u + F(t) of sampled networks as scalar loops, for compilation.

The right-hand side works in place and needs no room: J - R is never singular for R >= 0, so it is lower times upper
times a permutation of columns. The gradient is written in the permuted order, then multiplied by the upper triangle
from above and the lower one from below, each entry after its last use.

theta = the gradient's (see ``fields``), upper and lower (n, n), B (n, inputs), frequency, amplitudes (harmonic, n, 2)
of cosine and sine; the coefficients of known terms come last of the gradient's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from scipy.linalg import lu

from dynsamp.networks.fields import energy_gradient, general_theta
from dynsamp.networks.network import Energy
from dynsamp.networks.terms import Tree

__all__ = ["factored_matrix", "port_field", "port_theta"]

Function = Callable[..., Any]


def factored_matrix(matrix: np.ndarray) -> tuple[tuple[int, ...], np.ndarray, np.ndarray]:
    """place, upper, lower with matrix @ g = lower @ upper @ h, h[place[k]] = g[k]."""
    permutation, left, right = lu(matrix.T)  # matrix' = P L U: matrix = U' L' P'
    place = tuple(int(k) for k in np.argmax(permutation, axis=1))
    return place, np.asarray(left.T), np.asarray(right.T)


@cache
def port_field(
    activation: str,
    place: tuple[int, ...],
    terms: tuple[Tree, ...] = (),
    *,
    factored: bool = False,
    inputs: int = 0,
    harmonics: int = 0,
) -> Function:
    """Return ``field(t, y, theta, dy)``, or ``field(t, y, theta, u, dy)`` with inputs."""
    gradient = energy_gradient(activation, place, terms, factored=factored)
    size, formulas = len(place), len(terms)
    tail = 2 * size * size + size * inputs + (1 + 2 * harmonics * size if harmonics else 0)

    def energetic_part(y, theta, dy):  # type: ignore[no-untyped-def]
        neurons = 1 + 2 * size + size * size
        end = len(theta) - tail
        gradient(y, theta, 1, 1 + size, 1 + 2 * size, neurons, int(theta[0]), end - formulas, dy)
        for i in range(size):
            total = theta[end + i * size + i] * dy[i]
            for j in range(i + 1, size):
                total = total + theta[end + i * size + j] * dy[j]
            dy[i] = total
        lower = end + size * size
        for k in range(size):
            i = size - 1 - k
            total = theta[lower + i * size + i] * dy[i]
            for j in range(i):
                total = total + theta[lower + i * size + j] * dy[j]
            dy[i] = total

    def driven_part(t, theta, dy):  # type: ignore[no-untyped-def]
        first = len(theta) - (1 + 2 * harmonics * size)
        for m in range(harmonics):
            phase = (m + 1) * theta[first] * t
            cosine, sine = math.cos(phase), math.sin(phase)
            for i in range(size):
                at = first + 1 + 2 * (m * size + i)
                dy[i] = dy[i] + (theta[at] * cosine + theta[at + 1] * sine)

    energetic, driven = _jit(energetic_part), _jit(driven_part)

    def free(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001
        energetic(y, theta, dy)

    def forced(t, y, theta, dy):  # type: ignore[no-untyped-def]
        energetic(y, theta, dy)
        driven(t, theta, dy)

    def steered(t, y, theta, u, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001
        energetic(y, theta, dy)
        gains = len(theta) - (1 + 2 * harmonics * size if harmonics else 0) - size * inputs
        for i in range(size):
            for j in range(inputs):
                dy[i] = dy[i] + theta[gains + i * inputs + j] * u[j]

    def steered_forced(t, y, theta, u, dy):  # type: ignore[no-untyped-def]
        steered_only(t, y, theta, u, dy)
        driven(t, theta, dy)

    if not inputs:
        return forced if harmonics else free
    if not harmonics:
        return steered
    steered_only = _jit(steered)
    return steered_forced


def _jit(function: Function) -> Function:
    compiled: Function = njit(function)
    return compiled


def port_theta(
    energy: Energy,
    upper: np.ndarray,
    lower: np.ndarray,
    input_matrix: np.ndarray,
    frequency: float,
    amplitudes: np.ndarray,
) -> np.ndarray:
    """Theta of ``port_field``; amplitudes (harmonic, component, 2), none where there is no force."""
    force = np.concatenate([[frequency], amplitudes.ravel()]) if amplitudes.size else np.empty(0)
    return np.concatenate([general_theta(energy), upper.ravel(), lower.ravel(), input_matrix.ravel(), force])
