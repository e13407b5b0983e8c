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

from dynsamp.networks.compiled import SLOPES, VALUES
from dynsamp.networks.compiled_terms import compiled_gradients
from dynsamp.networks.energy import Energy
from dynsamp.networks.terms import Tree

__all__ = ["factored_field", "general_field", "general_theta", "separable_fields", "separable_theta"]

Function = Callable[..., Any]


@cache
def general_field(
    activation: str, partner: tuple[int, ...], sign: tuple[float, ...], terms: tuple[Tree, ...] = ()
) -> Function:
    """Return ``field(t, y, theta, dy)`` with dy[partner[k]] = sign[k] dH/dy[k].

    The partner of a q is its p, with sign -1; the partner of a p is its q, with sign 1.
    """
    slope, known = SLOPES[activation], compiled_gradients(terms, partner)
    size, formulas = len(partner), len(terms)

    def field(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001 - t belongs to every right-hand side
        first = 1 + 2 * size + size * size
        for k in range(size):
            at = 1 + 2 * size + k * size
            g = theta[1 + size + k] + theta[at] * (y[0] - theta[1])
            for i in range(1, size):
                g = g + theta[at + i] * (y[i] - theta[1 + i])
            dy[partner[k]] = g
        for m in range(int(theta[0])):
            at = first + m * (size + 2)
            z = theta[at] + theta[at + 2] * y[0]
            for i in range(1, size):
                z = z + theta[at + 2 + i] * y[i]
            s = theta[at + 1] * slope(z)
            for k in range(size):
                dy[partner[k]] = dy[partner[k]] + theta[at + 2 + k] * s
        known(y, theta, len(theta) - formulas, dy)
        for k in range(size):
            dy[partner[k]] = sign[k] * dy[partner[k]]

    return field


@cache
def factored_field(
    activation: str, partner: tuple[int, ...], sign: tuple[float, ...], terms: tuple[Tree, ...] = ()
) -> Function:
    """Return the field of ``general_field`` for neurons that are multiplied by products of two components."""
    slope, sigma, known = SLOPES[activation], VALUES[activation], compiled_gradients(terms, partner)
    size, formulas = len(partner), len(terms)

    def field(t, y, theta, dy):  # type: ignore[no-untyped-def]  # noqa: ARG001
        first = 1 + 2 * size + size * size
        for k in range(size):
            at = 1 + 2 * size + k * size
            g = theta[1 + size + k] + theta[at] * (y[0] - theta[1])
            for i in range(1, size):
                g = g + theta[at + i] * (y[i] - theta[1 + i])
            dy[partner[k]] = g
        for m in range(int(theta[0])):
            at = first + m * (size + 4)
            z = theta[at] + theta[at + 2] * y[0]
            for i in range(1, size):
                z = z + theta[at + 2 + i] * y[i]
            s = theta[at + 1] * slope(z)
            one, other = int(theta[at + 2 + size]), int(theta[at + 3 + size])
            if one >= 0:
                s = s * (y[one] * y[other])
                v = theta[at + 1] * sigma(z)
                dy[partner[one]] = dy[partner[one]] + v * y[other]
                dy[partner[other]] = dy[partner[other]] + v * y[one]
            for k in range(size):
                dy[partner[k]] = dy[partner[k]] + theta[at + 2 + k] * s
        known(y, theta, len(theta) - formulas, dy)
        for k in range(size):
            dy[partner[k]] = sign[k] * dy[partner[k]]

    return field


@cache
def separable_fields(
    potential: str, kinetic: str, dof: int, terms_v: tuple[Tree, ...] = (), terms_t: tuple[Tree, ...] = ()
) -> tuple[Function, Function]:
    """Return ``velocity(t, p, theta, dq)`` and ``force(t, q, theta, dp)`` of H = V(q) + T(p)."""
    slope_v, slope_t = SLOPES[potential], SLOPES[kinetic]
    same = tuple(range(dof))
    known_v, known_t = compiled_gradients(terms_v, same), compiled_gradients(terms_t, same)
    count_v, count_t = len(terms_v), len(terms_t)

    def velocity(t, p, theta, dq):  # type: ignore[no-untyped-def]  # noqa: ARG001
        for k in range(dof):
            at = 2 + 4 * dof + dof * dof + k * dof
            g = theta[2 + 3 * dof + k] + theta[at] * (p[0] - theta[2 + dof])
            for i in range(1, dof):
                g = g + theta[at + i] * (p[i] - theta[2 + dof + i])
            dq[k] = g
        first = 2 + 4 * dof + 2 * dof * dof + int(theta[0]) * (dof + 2)
        for m in range(int(theta[1])):
            at = first + m * (dof + 2)
            z = theta[at] + theta[at + 2] * p[0]
            for i in range(1, dof):
                z = z + theta[at + 2 + i] * p[i]
            s = theta[at + 1] * slope_t(z)
            for k in range(dof):
                dq[k] = dq[k] + theta[at + 2 + k] * s
        known_t(p, theta, len(theta) - count_t, dq)

    def force(t, q, theta, dp):  # type: ignore[no-untyped-def]  # noqa: ARG001
        for k in range(dof):
            at = 2 + 4 * dof + k * dof
            g = theta[2 + 2 * dof + k] + theta[at] * (q[0] - theta[2])
            for i in range(1, dof):
                g = g + theta[at + i] * (q[i] - theta[2 + i])
            dp[k] = -g
        first = 2 + 4 * dof + 2 * dof * dof
        for m in range(int(theta[0])):
            at = first + m * (dof + 2)
            z = theta[at] + theta[at + 2] * q[0]
            for i in range(1, dof):
                z = z + theta[at + 2 + i] * q[i]
            s = theta[at + 1] * slope_v(z)
            for k in range(dof):
                dp[k] = dp[k] - theta[at + 2 + k] * s
        # the coefficients of V are stored with the sign of the force
        known_v(q, theta, len(theta) - count_t - count_v, dp)

    return velocity, force


def _neurons(energy: Energy) -> np.ndarray:
    layer = energy.layer
    weights = layer.weights / layer.half_width
    biases = layer.biases - weights @ layer.centre
    factors = energy.factors if len(energy.factors) else np.empty((layer.width, 0))
    return np.column_stack([biases, energy.coefficients, weights, factors]).ravel()


def general_theta(energy: Energy) -> np.ndarray:
    """Theta of ``general_field``, or of ``factored_field`` where neurons have factors."""
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
            -potential.term_coefficients,
            kinetic.term_coefficients,
        ],
        dtype=float,
    )
