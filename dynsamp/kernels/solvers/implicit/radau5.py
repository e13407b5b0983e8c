"""Radau IIA method of order 5 with an error estimate of order 3: three implicit stages, L-stable, adaptive.

Collocation at (4 - sqrt(6))/10, (4 + sqrt(6))/10 and 1: Z_i = h sum_j A_ij f(t + c_j h, y + Z_j), y1 = y + Z_3, by
simplified Newton iterations; the matrix is that of the start of the step. The estimate is filtered through the real
linear system, (u/h - J) e = f(t, y) + (e_1 Z_1 + e_2 Z_2 + e_3 Z_3)/h, so that stiff components do not spoil it.
The interpolant, of order 3, is the collocation polynomial, through the start and the stages of the step.
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, sections IV.5 and IV.8 (code RADAU5), tables IV.5.6
and IV.8.
"""

import math

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
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
from dynsamp.kernels.solvers.implicit.systems import blocks

__all__ = ["BASIS", "COBASIS", "CURVE", "ERROR_ORDER", "EXCESS", "KEPT", "PAIRS", "REALS", "STAGES", "doubt"]
__all__ += ["interpolant", "point", "trial_step"]

ORDER, ERROR_ORDER, STAGES = 5, 4, 3  # error norm = O(h^4)
KEPT = 3  # Z
ITERATIONS = 10
CLOSE = 0.01  # error norm of the iteration: far below that of the step, which is 1
SMALL = 1e-6  # change after which nothing more need be known

ROOT = math.sqrt(6.0)
NODES = np.array([(4.0 - ROOT) / 10.0, (4.0 + ROOT) / 10.0, 1.0])
A = np.array(
    [
        [(88.0 - 7.0 * ROOT) / 360.0, (296.0 - 169.0 * ROOT) / 1800.0, (-2.0 + 3.0 * ROOT) / 225.0],
        [(296.0 + 169.0 * ROOT) / 1800.0, (88.0 + 7.0 * ROOT) / 360.0, (-2.0 - 3.0 * ROOT) / 225.0],
        [(16.0 - ROOT) / 36.0, (16.0 + ROOT) / 36.0, 1.0 / 9.0],
    ]
)
REALS, PAIRS, BASIS, COBASIS, INVERSE = blocks(A)
ESTIMATE = (
    np.array([-13.0 - 7.0 * ROOT, -13.0 + 7.0 * ROOT, -1.0]) / 3.0
)  # times Z / h, the difference to a formula of order 3
# from Z to the coefficients of x, x^2, x^3 of the polynomial through the stages
POWERS = np.linalg.inv(NODES[:, None] ** np.arange(1.0, 4.0))


def trial_step(t, y, dy, theta, h, tolerance, y_new, dy_new, stages):
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


def collocate(t, y, theta, h, tolerance, stages, factors, swaps):
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


def estimate(dy, y, h, tolerance, y_new, stages, factors, swaps):
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


# --- interpolant

INTERPOLANT_ORDER = 3
CURVE = 4  # rows: three coefficients, and how far the slope at the start is off
EXCESS = 1.0  # ``doubt`` says what the path's error is
QUARTIC, CUBIC = 0.185, 0.1  # from that slope, and from the last coefficient, to the largest error of the path


def interpolant(t, y, dy, theta, h, y_new, dy_new, stages, curve):
    """Fill ``curve`` (CURVE, state) with coefficients of x, x^2, x^3, and h (y' - its slope) at x = 0."""
    for d in range(DIM):
        for i in range(STAGES):
            total = POWERS[i, 0] * stages[0, d]
            for j in range(1, STAGES):
                total = fma(POWERS[i, j], stages[j, d], total)
            curve[i, d] = total
        curve[3, d] = fma(h, dy[d], -curve[0, d])


def doubt(y, y_new, tolerance, curve):
    """Error norm of the path, which may be far above that of a step to a stiff component's slow solution.

    Where the slope at the start is noise, because the system is very stiff, the last coefficient bounds the error.
    """
    square = 0.0 * y[0]
    for d in range(DIM):
        error = min(QUARTIC * abs(curve[3, d]), CUBIC * abs(curve[2, d]))
        scaled = error / fma(tolerance[0], max(abs(y[d]), abs(y_new[d])), tolerance[1])
        square = fma(scaled, scaled, square)
    return np.sqrt(square / DIM)


def point(x, y, curve, u):
    """State at the fraction x of the step."""
    for d in range(DIM):
        u[d] = fma(x, fma(x, fma(x, curve[2, d], curve[1, d]), curve[0, d]), y[d])
