"""Vector fields of sums of a local law over sites as scalar loops, for compilation.

The loops over sites and neurons stay loops, so that code is as short for thousands of sites as for eight. Theta is the
number of neurons of each part of the law, then of each part: linear (place), quadratic (place, place), and of each
neuron: bias, coefficient, weights (place).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from dynsamp.networks.compiled import SLOPES
from dynsamp.networks.lattice import Part
from dynsamp.networks.network import Energy

__all__ = ["lattice_field", "lattice_theta", "local_gradient"]

Function = Callable[..., Any]


@cache
def local_gradient(
    activation: str, part: Part, fields: int, ends: str, to: tuple[int, ...], sign: tuple[float, ...]
) -> Function:
    """Return ``add(y, theta, first, width, out)``: add the gradient of one part of the sum.

    The arrays have ``fields`` fields; the derivative with respect to place k goes to field to[k], times sign[k]. Theta
    of the part starts at ``first``, and has ``width`` neurons.
    """
    slope = SLOPES[activation]
    field, offset, size = part.fields, part.offsets, len(part.fields)
    low, high = min(offset), max(offset)
    ring, cut = ends == "periodic", ends == "free"

    @njit
    def neighbour(i, k, n):  # type: ignore[no-untyped-def]
        """Site of place k; no site of the lattice where it is beyond a fixed end."""
        j = i + offset[k]
        return j - n if ring and j >= n else j

    @njit
    def polynomial(y, theta, first, i, n, out):  # type: ignore[no-untyped-def]
        for k in range(size):
            j = neighbour(i, k, n)
            if 0 <= j < n:
                g = theta[first + k] + 0.0 * y[0]
                for m in range(size):
                    other = neighbour(i, m, n)
                    if 0 <= other < n:
                        g = g + theta[first + (1 + k) * size + m] * y[field[m] * n + other]
                out[to[k] * n + j] = out[to[k] * n + j] + sign[k] * g

    @njit
    def neuron(y, theta, at, i, n, out):  # type: ignore[no-untyped-def]
        z = theta[at] + 0.0 * y[0]
        for k in range(size):
            j = neighbour(i, k, n)
            if 0 <= j < n:
                z = z + theta[at + 2 + k] * y[field[k] * n + j]
        s = theta[at + 1] * slope(z)
        for k in range(size):
            j = neighbour(i, k, n)
            if 0 <= j < n:
                out[to[k] * n + j] = out[to[k] * n + j] + (sign[k] * theta[at + 2 + k]) * s

    def add(y, theta, first, width, out):  # type: ignore[no-untyped-def]
        n = len(y) // fields
        # offset zero of the first patch, and behind that of the last
        begin, end = -high, n - low
        if ring:
            begin = -low
        if cut:
            begin, end = -low, n - high
        for i in range(begin, end):
            polynomial(y, theta, first, i, n, out)
        for m in range(width):
            for i in range(begin, end):
                neuron(y, theta, first + size + size * size + m * (2 + size), i, n, out)

    compiled: Function = njit(add)
    return compiled


@cache
def lattice_field(
    activations: tuple[str, ...],
    parts: tuple[Part, ...],
    which: tuple[int, ...],
    fields: tuple[int, ...],
    ends: str,
    to: tuple[int, ...],
    sign: tuple[float, ...],
) -> Function:
    """Return ``field(t, y, theta, dy)`` from the parts ``which`` of a law.

    The arrays have these ``fields`` of a state; the derivative with respect to field fields[k] goes to field to[k] of
    dy, times sign[k].
    """

    def start(y, theta, out):  # type: ignore[no-untyped-def]  # noqa: ARG001
        for k in range(len(out)):
            out[k] = 0.0 * y[0]

    total: Function = njit(start)
    sizes = tuple(len(part.fields) for part in parts)
    for number in which:
        places = tuple(fields.index(field) for field in parts[number].fields)
        own = Part(places, parts[number].offsets)
        add = local_gradient(
            activations[number], own, len(fields), ends, tuple(to[k] for k in places), tuple(sign[k] for k in places)
        )
        total = _with(total, add, number, sizes)

    def field(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001
        total(y, theta, dy)

    return field


def _with(before: Function, add: Function, number: int, sizes: tuple[int, ...]) -> Function:
    """``before``, and one more part."""
    fixed = len(sizes) + sum(size + size * size for size in sizes[:number])

    def total(y, theta, out):  # type: ignore[no-untyped-def]
        before(y, theta, out)
        first = fixed
        for k in range(number):
            first = first + int(theta[k]) * (2 + sizes[k])
        add(y, theta, first, int(theta[number]), out)

    compiled: Function = njit(total)
    return compiled


def lattice_theta(laws: Sequence[Energy]) -> np.ndarray:
    """Theta of ``lattice_field``, of the laws of all parts in plain coordinates."""
    found = [np.array([law.layer.width for law in laws], dtype=float)]
    for law in laws:
        neurons = np.column_stack([law.layer.biases, law.coefficients, law.layer.weights])
        found += [law.linear, law.quadratic.ravel(), neurons.ravel()]
    return np.concatenate(found)
