"""Implicit midpoint rule, order 2, symplectic for every Hamiltonian, time-reversible, keeps quadratic invariants.

y1 = y0 + h k,  k = f(t + h/2, y0 + h/2 k). Fixed-point iteration from k = f(t, y0) down to rounding: until the
change is nothing, or no longer shrinks. A trajectory whose iteration does not converge (h times the Lipschitz constant
of f is above about 1) becomes NaN: shorten the step.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections II.1.3 and VIII.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, fma, rhs, select, some, vector

ORDER = 2
ITERATIONS = 100
CONVERGED = 1e-13  # change of h k / 2, relative to max |y|, below which a stalled iteration is a success


def step(t: Any, y: Any, theta: Any, h: Any) -> None:
    """One step in place: y (state,), theta (parameter,)."""
    k, k_new, middle = vector(DIM), vector(DIM), vector(DIM)
    half = 0.5 * h
    rhs(t, y, theta, k)
    size = abs(y[0])
    for i in range(DIM):
        size = max(size, abs(y[i]))
    change = np.inf + 0.0 * size
    going = change > 0.0  # NaN stays out
    for _ in range(ITERATIONS):
        for i in range(DIM):
            middle[i] = fma(half, k[i], y[i])
        rhs(t + half, middle, theta, k_new)
        new = 0.0 * y[0]
        for i in range(DIM):
            new = max(new, abs(half * (k_new[i] - k[i])))
        going = going & (new < change)
        for i in range(DIM):  # what has converged stays: no trajectory depends on its neighbours
            k[i] = select(going, k_new[i], k[i])
        change = select(going, new, change)
        going = going & (new > 0.0)
        if not some(going):
            break
    good = change <= CONVERGED * size
    for i in range(DIM):
        y[i] = select(good, fma(h, k[i], y[i]), np.nan)
