"""Hamiltonian vector fields of sampled networks as scalar loops, for compilation.

The functions read everything from a flat ``theta``, the numbers of neurons too: a new width needs no new code.
Dimension and activation are fixed by the factories. A neuron is a record (bias, coefficient, weights) and takes the
coordinates as they are, so biases include the standardisation.

general      theta = width, centre (n), linear (n), quadratic (n, n), neurons
factored     the same; a neuron ends in the two components that multiply it, -1 for none
separable    theta = number of neurons of V and of T, centre (2 d), linear (2 d), quadratic of V and of T (d, d each),
             neurons of V, neurons of T

The coefficients of known terms come last (those of V, then of T).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from dynsamp.networks.compiled import SLOPES, VALUES
from dynsamp.networks.compiled_terms import compiled_gradients
from dynsamp.networks.network import Energy
from dynsamp.networks.terms import Tree

__all__ = ["energy_gradient", "general_field", "general_theta", "separable_fields", "separable_theta"]

Function = Callable[..., Any]


@cache
def energy_gradient(
    activation: str, place: tuple[int, ...], terms: tuple[Tree, ...] = (), *, factored: bool = False
) -> Function:
    """Return ``gradient(y, theta, centre, linear, quadratic, neurons, width, coefficients, out)`` of one energy.

    Component k goes to out[place[k]]. The integers say where in theta its parts begin.
    """
    slope, sigma, known = SLOPES[activation], VALUES[activation], compiled_gradients(terms, place)
    size = len(place)
    record = size + (4 if factored else 2)

    def gradient(y, theta, centre, linear, quadratic, neurons, width, coefficients, out):  # type: ignore[no-untyped-def]
        for k in range(size):
            at = quadratic + k * size
            g = theta[linear + k] + theta[at] * (y[0] - theta[centre])
            for i in range(1, size):
                g = g + theta[at + i] * (y[i] - theta[centre + i])
            out[place[k]] = g
        for m in range(width):
            at = neurons + m * record
            z = theta[at] + theta[at + 2] * y[0]
            for i in range(1, size):
                z = z + theta[at + 2 + i] * y[i]
            s = theta[at + 1] * slope(z)
            if factored:
                one, other = int(theta[at + 2 + size]), int(theta[at + 3 + size])
                if one >= 0:
                    s = s * (y[one] * y[other])
                    v = theta[at + 1] * sigma(z)
                    out[place[one]] = out[place[one]] + v * y[other]
                    out[place[other]] = out[place[other]] + v * y[one]
            for k in range(size):
                out[place[k]] = out[place[k]] + theta[at + 2 + k] * s
        known(y, theta, coefficients, out)

    compiled: Function = njit(gradient)
    return compiled


@cache
def general_field(
    activation: str,
    partner: tuple[int, ...],
    sign: tuple[float, ...],
    terms: tuple[Tree, ...] = (),
    *,
    factored: bool = False,
) -> Function:
    """Return ``field(t, y, theta, dy)`` with dy[partner[k]] = sign[k] dH/dy[k].

    The partner of a q is its p, with sign -1; the partner of a p is its q, with sign 1. Neurons have factors where
    ``factored``.
    """
    gradient = energy_gradient(activation, partner, terms, factored=factored)
    size, formulas = len(partner), len(terms)

    def field(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001 - t belongs to every right-hand side
        neurons = 1 + 2 * size + size * size
        gradient(y, theta, 1, 1 + size, 1 + 2 * size, neurons, int(theta[0]), len(theta) - formulas, dy)
        for k in range(size):
            dy[partner[k]] = sign[k] * dy[partner[k]]

    return field


@cache
def separable_fields(
    potential: str, kinetic: str, dof: int, terms_v: tuple[Tree, ...] = (), terms_t: tuple[Tree, ...] = ()
) -> tuple[Function, Function]:
    """Return ``velocity(t, p, theta, dq)`` and ``force(t, q, theta, dp)`` of H = V(q) + T(p)."""
    same = tuple(range(dof))
    gradient_v, gradient_t = energy_gradient(potential, same, terms_v), energy_gradient(kinetic, same, terms_t)
    count_v, count_t = len(terms_v), len(terms_t)

    def velocity(t, p, theta, dq):  # type: ignore[no-untyped-def]  # noqa: ARG001
        quadratic, neurons = 2 + 4 * dof + dof * dof, 2 + 4 * dof + 2 * dof * dof + int(theta[0]) * (dof + 2)
        terms = len(theta) - count_t
        gradient_t(p, theta, 2 + dof, 2 + 3 * dof, quadratic, neurons, int(theta[1]), terms, dq)

    def force(t, q, theta, dp):  # type: ignore[no-untyped-def]  # noqa: ARG001
        quadratic, neurons = 2 + 4 * dof, 2 + 4 * dof + 2 * dof * dof
        terms = len(theta) - count_t - count_v
        gradient_v(q, theta, 2, 2 + 2 * dof, quadratic, neurons, int(theta[0]), terms, dp)
        for k in range(dof):
            dp[k] = -dp[k]

    return velocity, force


def _neurons(energy: Energy) -> np.ndarray:
    layer = energy.layer
    weights = layer.weights / layer.half_width
    biases = layer.biases - weights @ layer.centre
    factors = energy.factors if len(energy.factors) else np.empty((layer.width, 0))
    return np.column_stack([biases, energy.coefficients, weights, factors]).ravel()


def general_theta(energy: Energy) -> np.ndarray:
    """Theta of ``general_field``, neurons with their factors where they have any."""
    width = np.array([energy.layer.width])
    polynomial = (energy.layer.centre, energy.linear, energy.quadratic.ravel())
    return np.concatenate([width, *polynomial, _neurons(energy), energy.term_coefficients], dtype=float)


def separable_theta(potential: Energy, kinetic: Energy) -> np.ndarray:
    """Theta of ``separable_fields``."""
    both = (potential, kinetic)
    return np.concatenate(
        [
            np.array([part.layer.width for part in both]),
            *(part.layer.centre for part in both),
            *(part.linear for part in both),
            *(part.quadratic.ravel() for part in both),
            *(_neurons(part) for part in both),
            potential.term_coefficients,
            kinetic.term_coefficients,
        ],
        dtype=float,
    )
