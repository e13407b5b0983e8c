"""Sampled networks as right-hand sides and steps for compilation: one layout of theta, one loop.

The functions are plain Python, scalar loops over theta, and the kernels compile them for numbers and for registers of
lanes. Dimension, activation and structure are fixed by the factories; the numbers of neurons are read from theta, so
that a new width needs no new code.

A network sees a patch of values and adds to others. It gives its values (of a map or a drift), or the gradient of the
one function that it is (of an energy). A state without sites is one patch; on a grid the network is the same at every
site, and the loop over sites stays a loop, so that code is as short for thousands of sites as for eight.

theta = the number of neurons of each network, then of each network:
        centre (input), constant (output), linear (output, input), coefficients of known terms, and of each neuron:
        bias, weights (input), coefficients (output; one for a gradient), the two inputs that multiply it where neurons
        have factors, -1 for none; of a monomial: a factor, the exponents, coefficients

Of an energy, constant and linear are its linear and its quadratic part, and the biases of neurons include the
standardisation: they take the inputs as they are, those of a map as they are from the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.linalg import lu

from dynsamp.kernels.activations import SIGMAS
from dynsamp.networks.grid import Patch, margins
from dynsamp.networks.network import Energy, Network
from dynsamp.networks.terms import Term, added_gradients

Function = Callable[..., Any]


@dataclass(frozen=True)
class Wiring:
    """What a network sees and gives: all of it that code depends on."""

    activation: str
    sees: Patch  # of the inputs
    gives: Patch  # of the outputs
    sign: tuple[float, ...] = ()  # of a gradient: factors of the outputs; none: the network gives its values
    factored: bool = False
    terms: tuple[Term, ...] = ()
    triangle: bool = False  # whether the outputs are the lower triangle of a matrix

    @classmethod
    def gradient(cls, energy: Energy, to: Sequence[int], sign: Sequence[float], sees: Patch | None = None) -> Wiring:
        """Gradient of an energy: the derivative by field k goes to field to[k], times sign[k]."""
        sees = Patch.own(len(energy.linear)) if sees is None else sees
        gives = Patch(tuple(int(to[k]) for k in sees.fields), sees.offsets)
        signs = tuple(float(sign[k]) for k in sees.fields)
        return cls(energy.layer.activation, sees, gives, signs, len(energy.factors) > 0, energy.terms)

    def walk(self, ends: str) -> tuple[int, int]:
        """Margins of the sites of all patches; on a ring they start where no offset reaches below zero."""
        low = min(*self.sees.offsets, *self.gives.offsets)
        return (-low, -low) if ends == "periodic" else margins(self.sees, ends)

    @property
    def fixed(self) -> int:
        """Numbers in front of the neurons."""
        return self.sees.size + self.gives.size * (1 + self.sees.size) + len(self.terms)

    @property
    def record(self) -> int:
        """Numbers of a neuron."""
        return 1 + self.sees.size + (1 if self.sign else self.gives.size) + (2 if self.factored else 0)


def network_theta(*networks: Network | Energy) -> np.ndarray:
    """Theta of networks, energies or maps."""
    blocks = [_energy_block(part) if isinstance(part, Energy) else _map_block(part) for part in networks]
    return np.concatenate([[part.width for part in networks], *blocks], dtype=float)


def trusted(*networks: Network | Energy) -> tuple[np.ndarray, np.ndarray]:
    """Places in the theta of networks, and the numbers there, that the functions take for sizes and components."""
    places, numbers, start = list(range(len(networks))), [float(part.width) for part in networks], len(networks)
    for part in networks:
        if isinstance(part, Energy):
            size, pair = len(part.linear), 2 if len(part.factors) else 0
            fixed, record = 2 * size + size * size + len(part.terms), 2 + size + pair
            if pair:
                ends = start + fixed + record * np.arange(1, part.width + 1)
                places += np.stack([ends - 2, ends - 1], axis=1).ravel().tolist()
                numbers += part.factors.ravel().tolist()
        else:
            outputs, size = part.linear.shape
            fixed, record = size + outputs * (1 + size), 1 + size + outputs
            (layer,) = part.hidden.layers
            if layer.polynomial:
                first = start + fixed + record * np.arange(part.width) + 1
                places += (first[:, None] + np.arange(size)).ravel().tolist()
                numbers += layer.weights.ravel().tolist()
        start += fixed + record * part.width
    return np.array(places), np.array(numbers)


def _energy_block(energy: Energy) -> np.ndarray:
    layer, weights = energy.layer, energy.layer.plain_weights
    biases = layer.biases - weights @ layer.centre
    factors = energy.factors if len(energy.factors) else np.empty((layer.width, 0))
    neurons = np.column_stack([biases, weights, energy.coefficients, factors])
    polynomial = (layer.centre, energy.linear, energy.quadratic.ravel())
    return np.concatenate([*polynomial, energy.term_coefficients, neurons.ravel()])


def _map_block(network: Network) -> np.ndarray:
    (layer,) = network.hidden.layers  # centred as the network is
    neurons = np.column_stack([layer.biases, layer.plain_weights, network.coefficients.T])
    return np.concatenate([network.centre, network.offset, network.linear.ravel(), neurons.ravel()])


@cache
def _neighbours(patch: Patch, ring: bool) -> Function:
    """Return ``component(i, k, n)``: that of place k of the patch at site i of n, negative beyond the ends.

    A ring is walked from a site where no offset reaches below zero.
    """
    field, offset = patch.fields, patch.offsets

    def component(i, k, n):  # type: ignore[no-untyped-def]
        j = i + offset[k]
        if ring and j >= n:
            j = j - n
        return field[k] * n + j if 0 <= j < n else -1

    return component


@cache
def network_field(
    wirings: tuple[Wiring, ...], which: tuple[int, ...], fields: int = 0, ends: str = "", *, steps: bool = False
) -> Function:
    """Return ``field(t, y, theta, dy)``: the sum of the networks ``which`` of those in theta.

    On a grid the arrays have ``fields`` at each site. With ``steps``, y + the sum: a map.
    """
    field: Function | None = None
    for number in which:
        added = _added(wirings, number, (fields, ends), first=field is None, last=steps and number == which[-1])
        field = added if field is None else _after(field, added)
    assert field is not None
    return field


def _after(before: Function, added: Function) -> Function:
    def field(t, y, theta, out):  # type: ignore[no-untyped-def]
        before(t, y, theta, out)
        added(t, y, theta, out)

    return field


def _added(
    wirings: tuple[Wiring, ...],
    number: int,
    grid: tuple[int, str],
    *,
    affine: bool = True,
    first: bool = False,
    last: bool = False,
) -> Function:
    """Return ``add(t, y, theta, out)``: add one network to ``out``, the first to zero; after the last, y.

    Conditions on names that are fixed here cost nothing: they go before types are inferred.
    """
    wiring, (fields, ends) = wirings[number], grid
    sites, ring = fields > 0, ends == "periodic"
    before, behind = wiring.walk(ends) if sites else (0, 0)
    seen, given = _neighbours(wiring.sees, ring), _neighbours(wiring.gives, ring)
    to, size, outputs = wiring.gives.fields, wiring.sees.size, wiring.gives.size
    polynomial = wiring.activation == "polynomial"
    sigma, slope, _ = SIGMAS["relu" if polynomial else wiring.activation]
    known: Any = added_gradients(wiring.terms, to, wiring.sign, (seen, given) if sites else ())
    gradient, factored, triangle = len(wiring.sign) > 0, wiring.factored, wiring.triangle
    sign, formulas = wiring.sign or (1.0,) * outputs, len(wiring.terms)
    start = len(wirings) + sum(each.fixed for each in wirings[:number])
    records = (*(each.record for each in wirings[:number]), 0)
    fixed, record = wiring.fixed, wiring.record
    zeroed, written = first and sites, first and not sites

    def add(t, y, theta, out):  # type: ignore[no-untyped-def]  # noqa: ARG001 - t belongs to every right-hand side
        n = len(y) // fields if sites else 1
        centre = start
        if number > 0:
            for k in range(number):
                centre = centre + int(theta[k]) * records[k]
        if zeroed:
            for k in range(len(out)):
                out[k] = 0.0
        if affine:
            for i in range(before, n + behind):
                for o in range(outputs):
                    j = given(i, o, n) if sites else to[o] if gradient else o
                    if j >= 0:
                        value = theta[centre + size + o]
                        at = centre + size + outputs + o * size
                        for k in range(size):
                            m = seen(i, k, n) if sites else k
                            if m >= 0:
                                value = value + theta[at + k] * (y[m] - theta[centre + k])
                        if gradient:
                            value = sign[o] * value
                        out[j] = value if written else out[j] + value
        for neuron in range(int(theta[number])):
            at = centre + fixed + neuron * record
            for i in range(before, n + behind):
                z = theta[at]
                for k in range(size):
                    m = seen(i, k, n) if sites else k
                    if polynomial:
                        for _ in range(int(theta[at + 1 + k])):
                            z = z * (y[m] - theta[centre + k])
                    elif m >= 0:
                        z = z + theta[at + 1 + k] * (y[m] if gradient else y[m] - theta[centre + k])
                if gradient:
                    s = theta[at + 1 + size] * slope(z)
                    if factored:
                        one, other = int(theta[at + 2 + size]), int(theta[at + 3 + size])
                        if one >= 0:
                            s = s * (y[one] * y[other])
                            v = theta[at + 1 + size] * sigma(z)
                            out[to[one]] = out[to[one]] + sign[one] * (v * y[other])
                            out[to[other]] = out[to[other]] + sign[other] * (v * y[one])
                    for k in range(size):
                        j = given(i, k, n) if sites else to[k]
                        if j >= 0:
                            out[j] = out[j] + (sign[k] * theta[at + 1 + k]) * s
                elif triangle:
                    h = sigma(z)
                    for row in range(size):
                        for k in range(row + 1):
                            entry = row * (row + 1) // 2 + k
                            out[row, k] = out[row, k] + theta[at + 1 + size + entry] * h
                else:
                    h = z if polynomial else sigma(z)
                    for o in range(outputs):
                        j = given(i, o, n) if sites else o
                        out[j] = out[j] + theta[at + 1 + size + o] * h
        if formulas > 0:
            if sites:
                for i in range(before, n + behind):
                    known(y, theta, centre + fixed - formulas, out, i, n)
            else:
                known(y, theta, centre + fixed - formulas, out)
        if last:
            for k in range(len(out)):  # the increment is summed before it meets the larger state
                out[k] = y[k] + out[k]

    return add


def map_step(activation: str, sees: Patch, outputs: int, fields: int = 0) -> Function:
    """Return ``step(t, y, theta, out)`` with out = y + F(y), F a network of states or, on a ring, of patches."""
    return network_field((Wiring(activation, sees, Patch.own(outputs)),), (0,), fields, "periodic", steps=True)


@cache
def neuron_sum(wirings: tuple[Wiring, ...], number: int) -> Function:
    """Return ``add(t, y, theta, out)``: add the neurons of one network, without sites."""
    return _added(wirings, number, (0, ""), affine=False)


def factored_matrix(matrix: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """place, and the numbers of upper and lower, with matrix @ g = lower @ upper @ h, h[place[k]] = g[k].

    J - R is never singular for R >= 0, so it is lower times upper times a permutation of columns.
    """
    permutation, left, right = lu(matrix.T)  # matrix' = P L U: matrix = U' L' P'
    place = tuple(int(k) for k in np.argmax(permutation, axis=1))
    return place, np.concatenate([left.T.ravel(), right.T.ravel()])


@cache
def port_field(part: Wiring, inputs: int = 0, harmonics: int = 0) -> Function:
    """Return ``field(t, y, theta, dy)``, or ``field(t, y, theta, u, dy)`` with inputs: (J - R) grad H + B u + F(t).

    Theta ends in upper and lower of J - R (n, n), B (n, inputs), and where there is a force its frequency and
    amplitudes (harmonic, n, 2) of cosine and sine. The field needs no room: the gradient is written in the permuted
    order, then multiplied by the upper triangle from above and the lower one from below, each entry after its last use.
    """
    gradient, size = network_field((part,), (0,)), part.sees.size
    force = 1 + 2 * harmonics * size if harmonics else 0
    tail = 2 * size * size + size * inputs + force

    def energetic(t: Any, y: Any, theta: Any, dy: Any) -> None:
        gradient(t, y, theta, dy)
        upper = len(theta) - tail
        for i in range(size):
            total = theta[upper + i * size + i] * dy[i]
            for j in range(i + 1, size):
                total = total + theta[upper + i * size + j] * dy[j]
            dy[i] = total
        lower = upper + size * size
        for k in range(size):
            i = size - 1 - k
            total = theta[lower + i * size + i] * dy[i]
            for j in range(i):
                total = total + theta[lower + i * size + j] * dy[j]
            dy[i] = total

    def driven(t: Any, theta: Any, dy: Any) -> None:
        first = len(theta) - force
        for m in range(harmonics):
            phase = (m + 1) * theta[first] * t
            cosine, sine = math.cos(phase), math.sin(phase)
            for i in range(size):
                at = first + 1 + 2 * (m * size + i)
                dy[i] = dy[i] + (theta[at] * cosine + theta[at + 1] * sine)

    def forced(t, y, theta, dy):  # type: ignore[no-untyped-def]
        energetic(t, y, theta, dy)
        driven(t, theta, dy)

    def steered(t, y, theta, u, dy):  # type: ignore[no-untyped-def]
        energetic(t, y, theta, dy)
        gains = len(theta) - force - size * inputs
        for i in range(size):
            for j in range(inputs):
                dy[i] = dy[i] + theta[gains + i * inputs + j] * u[j]
        if harmonics > 0:
            driven(t, theta, dy)

    return steered if inputs else forced if harmonics else energetic
