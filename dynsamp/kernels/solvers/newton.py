"""The equations of a Gauss method where f is stiff: simplified Newton's method; no method itself.

With slopes k_i = L_i / (h b_i): k <- k + A^-1 Z / h, (A^-1 / h x I - I x J) Z = f(stages) - k, from Z = 0 on, until the
changes Z are rounding.
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
    INVERSE,
    NODES,
    ROWS,
    STAGES,
    WEIGHTS,
    fma,
    jacobian,
    matrix,
    place,
    prepare,
    resolve,
    rhs,
    select,
    some,
    transform,
    vector,
)

ITERATIONS = 30
NEGLIGIBLE, ROUNDING = 2.0**-70, 1e-12  # as in ``gauss``
COARSE, QUICK = 1e-8, 0.25
BLUR = 2.0**-49  # rounding of J y that the stages cannot get rid of


def newton(t: Any, y: Any, theta: Any, h: Any, moves: Any, lost: Any) -> Any:
    """Moves of the trajectories ``lost``; returns which of them were found."""
    jac, factors, swaps = matrix(DIM, DIM), matrix(ROWS, DIM), matrix(ROWS, DIM)
    z, f, u = matrix(STAGES, DIM), vector(DIM), vector(DIM)
    jacobian(t, y, theta, jac)
    prepare(h, jac, factors, swaps)
    size, blur = 0.0 * y[0], 0.0 * y[0]
    for d in range(DIM):
        size = size + abs(y[d])
        for k in range(DIM):
            blur = fma(abs(jac[d, k]), abs(y[k]), blur)
        for i in range(STAGES):
            moves[i, d] = select(lost, 0.0, moves[i, d])
    change = np.inf + 0.0 * size
    going, solved = lost, change < 0.0
    contracts = solved
    for _ in range(ITERATIONS):
        for i in range(STAGES):
            place(i, y, moves, u)
            rhs(fma(NODES[i], h, t), u, theta, f)
            for d in range(DIM):
                z[i, d] = f[d] - moves[i, d] / (WEIGHTS[i] * h)
        resolve(factors, swaps, z)
        new = 0.0 * size
        for i in range(STAGES):
            for d in range(DIM):
                new = new + abs(z[i, d])
        size = select(change < np.inf, size, size + new)  # of y and of how far it moves
        transform(INVERSE, z)
        for i in range(STAGES):
            for d in range(DIM):
                moves[i, d] = select(going, fma(WEIGHTS[i], z[i, d], moves[i, d]), moves[i, d])
        shrinks = new < change
        rate = new / change
        done = (rate > 0.0) & (rate * new <= NEGLIGIBLE * size) | (new == 0.0)
        coarse = select(contracts, COARSE, ROUNDING)
        done = done | (np.logical_not(shrinks) & (change <= fma(BLUR * abs(h), blur, coarse * size)))
        contracts = contracts | ((rate > 0.0) & (rate < QUICK))
        solved = solved | (going & done)
        change = select(going, new, change)
        going = going & shrinks & np.logical_not(done)
        if not some(going):
            break
    return solved
