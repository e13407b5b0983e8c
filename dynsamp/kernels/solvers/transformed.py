"""The linear systems of a fully implicit step, taken apart; no method itself.

(A^-1 / h x I - I x J) Z = R with A^-1 = T Lambda T^-1 is one system of the size of the state for each real eigenvalue
of A^-1 and a complex one for each pair of them: for three stages a fifth of the work.
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import (
    BASIS,
    COBASIS,
    DIM,
    MU,
    PAIRS,
    REALS,
    STAGES,
    factor,
    factor_complex,
    fma,
    substitute,
    substitute_complex,
    vector,
)


def prepare(h: Any, jac: Any, factors: Any, swaps: Any) -> None:
    """Factors of all systems, (ROWS, DIM): first the real ones."""
    for k in range(len(REALS)):
        shifted(REALS[k] / h, jac, factors, k * DIM)
        factor(factors, swaps, k * DIM)
    for k in range(len(PAIRS)):
        o = (len(REALS) + 2 * k) * DIM
        shifted(PAIRS[k, 0] / h, jac, factors, o)
        for i in range(DIM):
            for j in range(DIM):
                factors[o + DIM + i, j] = 0.0
            factors[o + DIM + i, i] = PAIRS[k, 1] / h
        factor_complex(factors, swaps, o)


def shifted(diagonal: Any, jac: Any, factors: Any, o: Any) -> None:
    """``diagonal`` I - J in the rows from o on."""
    for i in range(DIM):
        for j in range(DIM):
            factors[o + i, j] = -jac[i, j]
        factors[o + i, i] = diagonal - jac[i, i]


def resolve(factors: Any, swaps: Any, r: Any) -> None:
    """Solution Z (stage, state), in place of R."""
    transform(COBASIS, r)
    for k in range(len(REALS)):
        substitute(factors, swaps, k * DIM, r, k)
    for k in range(len(PAIRS)):
        row = len(REALS) + 2 * k
        substitute_complex(factors, swaps, row * DIM, r, row)
    transform(BASIS, r)


def transform(a: Any, x: Any) -> None:
    """x <- a x for x (stage, state)."""
    column = vector(STAGES)
    for d in range(DIM):
        for i in range(STAGES):
            total = a[i, 0] * x[0, d]
            for j in range(1, STAGES):
                total = fma(a[i, j], x[j, d], total)
            column[i] = total
        for i in range(STAGES):
            x[i, d] = column[i]


def place(i: Any, y: Any, moves: Any, u: Any) -> None:
    """State u at stage i."""
    for d in range(DIM):
        total = y[d]
        for j in range(STAGES):
            total = fma(MU[i, j], moves[j, d], total)
        u[d] = total
