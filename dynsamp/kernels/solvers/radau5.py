"""Radau IIA method of order 5 with an error estimate of order 3: three implicit stages, L-stable, adaptive.

Collocation at (4 - sqrt(6))/10, (4 + sqrt(6))/10 and 1: Z_i = h sum_j A_ij f(t + c_j h, y + Z_j), y1 = y + Z_3, by
simplified Newton iterations; the matrix is that of the start of the step. The estimate is filtered through the real
linear system, (u/h - J) e = f(t, y) + (e_1 Z_1 + e_2 Z_2 + e_3 Z_3)/h, so that stiff components do not spoil it.
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, sections IV.5 and IV.8 (code RADAU5).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
    ESTIMATE,
    INVERSE,
    NODES,
    ROWS,
    fma,
    jacobian,
    matrix,
    prepare,
    resolve,
    rhs,
    select,
    some,
    substitute,
    vector,
)

__all__ = ["ERROR_ORDER", "KEPT", "STAGES", "trial_step"]

ORDER, ERROR_ORDER, STAGES = 5, 4, 3  # error norm = O(h^4)
KEPT = 3  # Z
ITERATIONS = 10
CLOSE = 0.01  # error norm of the iteration: far below that of the step, which is 1
SMALL = 1e-6  # change after which nothing more need be known


def trial_step(
    t: Any, y: Any, dy: Any, theta: Any, h: Any, tolerance: Any, y_new: Any, dy_new: Any, stages: Any
) -> Any:
    """One step from (t, y) with dy = f(t, y) to y_new, dy_new; returns the error norm, at most 1 if acceptable.

    ``stages`` (KEPT, state) keeps Z for the interpolant. The norm is infinite where Newton's method does not converge.
    """
    jac, factors, swaps = matrix(DIM, DIM), matrix(ROWS, DIM), matrix(ROWS, DIM)
    jacobian(t, y, theta, jac)
    prepare(h, jac, factors, swaps)
    solved = collocate(t, y, theta, h, tolerance, stages, factors, swaps)
    for d in range(DIM):
        y_new[d] = y[d] + stages[2, d]
    rhs(t + h, y_new, theta, dy_new)
    error = estimate(dy, y, h, tolerance, y_new, stages, factors, swaps)
    return select(solved, error, np.inf)


def collocate(t: Any, y: Any, theta: Any, h: Any, tolerance: Any, stages: Any, factors: Any, swaps: Any) -> Any:
    """Stages Z by Newton's method from zero on; returns whether it converged."""
    r, f, u = matrix(STAGES, DIM), vector(DIM), vector(DIM)
    for i in range(STAGES):
        for d in range(DIM):
            stages[i, d] = 0.0
    change = np.inf + 0.0 * y[0]
    going = change > 0.0  # NaN stays out
    solved = change < 0.0
    for _ in range(ITERATIONS):
        for i in range(STAGES):
            for d in range(DIM):
                u[d] = y[d] + stages[i, d]
            rhs(fma(NODES[i], h, t), u, theta, f)
            for d in range(DIM):
                total = INVERSE[i, 0] * stages[0, d]
                for j in range(1, STAGES):
                    total = fma(INVERSE[i, j], stages[j, d], total)
                r[i, d] = f[d] - total / h
        resolve(factors, swaps, r)
        new = 0.0 * y[0]
        for d in range(DIM):
            scale = 1.0 / fma(tolerance[0], abs(y[d]), tolerance[1])
            for i in range(STAGES):
                stages[i, d] = select(going, stages[i, d] + r[i, d], stages[i, d])
                new = fma(r[i, d] * scale, r[i, d] * scale, new)
        new = np.sqrt(new / (STAGES * DIM))
        rate = new / change  # 0 in the first iteration
        done = (rate > 0.0) & (rate * new <= CLOSE * (1.0 - rate)) | (new <= SMALL)
        solved = solved | (going & done)
        going = going & (rate < 1.0) & np.logical_not(done)
        change = new
        if not some(going):
            break
    return solved


def estimate(dy: Any, y: Any, h: Any, tolerance: Any, y_new: Any, stages: Any, factors: Any, swaps: Any) -> Any:
    """Error norm: root mean square over atol + rtol max(|y|, |y1|)."""
    e = matrix(1, DIM)
    for d in range(DIM):
        total = ESTIMATE[0] * stages[0, d]
        for j in range(1, STAGES):
            total = fma(ESTIMATE[j], stages[j, d], total)
        e[0, d] = dy[d] + total / h
    substitute(factors, swaps, 0, e, 0)
    square = 0.0 * y[0]
    for d in range(DIM):
        scaled = e[0, d] / fma(tolerance[0], max(abs(y[d]), abs(y_new[d])), tolerance[1])
        square = fma(scaled, scaled, square)
    return np.sqrt(square / DIM)
