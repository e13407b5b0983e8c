"""The equations of a Gauss method, solved down to rounding; no method itself.

L_i = h b_i f(t + c_i h, y0 + sum_j MU[i, j] L_j), y1 = y0 + sum_i L_i. Start: the polynomial through the slopes of the
last step, continued. Then sweeps, each stage with the newest of the others, until the next change would be far below
rounding, or changes no longer shrink because they are rounding: that of a learned f, a sum of large terms, may be
coarse, but shows after changes that did shrink. A trajectory that is done stays: none depends on its neighbours. Where
sweeps do not contract (h times the Lipschitz constant of f is above about 1), Newton's method.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections VIII.5 and VIII.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import DIM, NODES, STAGES, WEIGHTS, add, fma, newton, place, rhs, select, some, vector

SWEEPS = 50
NEGLIGIBLE = 2.0**-70  # size of the next change, relative to y, that is not waited for: larger ones add up
ROUNDING = 1e-13  # changes that no longer shrink are rounding below this size, relative to y
COARSE, QUICK = 1e-8, 0.25  # below the first they are, too, where one sweep has shrunk them by the second: a learned f


def implicit_step(t: Any, y: Any, theta: Any, h: Any, low: Any, moves: Any, older: Any, ahead: Any, known: Any) -> Any:
    """One step in place; returns whether its equations were solved, or y is no number anyway.

    moves (stage, state): L of the last step on entry, of this one on return; older (stage, state): of the one before;
    ahead (stage, 2 stages) continues those of the ``known`` (0, 1 or 2) last steps to this one.
    """
    u, f, size = vector(DIM), vector(DIM), predict(t, y, theta, h, moves, older, ahead, known)
    change = np.inf + 0.0 * size
    going, solved = change > 0.0, change < 0.0  # NaN stays out
    contracts = solved
    for _ in range(SWEEPS):
        new = 0.0 * size
        for i in range(STAGES):
            place(i, y, moves, u)
            rhs(fma(NODES[i], h, t), u, theta, f)
            for d in range(DIM):
                move = (WEIGHTS[i] * h) * f[d]
                new = new + abs(move - moves[i, d])  # NaN counts
                moves[i, d] = select(going, move, moves[i, d])
        shrinks = new < change
        rate = new / change  # 0 in the first sweep
        done = (rate > 0.0) & (rate * new <= NEGLIGIBLE * size) | (new == 0.0)
        done = done | (np.logical_not(shrinks) & (change <= select(contracts, COARSE, ROUNDING) * size))
        contracts = contracts | ((rate > 0.0) & (rate < QUICK))
        solved = solved | (going & done)
        change = select(going, new, change)
        going = going & shrinks & np.logical_not(done)
        if not some(going):
            break
    lost = np.logical_not(solved) & (size < np.inf)
    if some(lost):
        solved = solved | newton(t, y, theta, h, moves, lost)
    for i in range(DIM):
        total = moves[0, i]
        for j in range(1, STAGES):
            total = total + moves[j, i]
        add(y, low, i, 1.0, total)
    return solved | np.logical_not(size < np.inf)


def predict(t: Any, y: Any, theta: Any, h: Any, moves: Any, older: Any, ahead: Any, known: Any) -> Any:
    """First guess of the moves, in place; returns the size of numbers in this step."""
    size = 0.0 * y[0]
    if known == 0:
        f = vector(DIM)
        rhs(t, y, theta, f)
        for d in range(DIM):
            for i in range(STAGES):
                older[i, d], moves[i, d] = 0.0, (WEIGHTS[i] * h) * f[d]
    else:
        guess = vector(STAGES)
        for d in range(DIM):
            for i in range(STAGES):
                total = ahead[i, 0] * moves[0, d]
                for j in range(1, STAGES):
                    total = fma(ahead[i, j], moves[j, d], total)
                for j in range(STAGES):
                    total = fma(ahead[i, STAGES + j], older[j, d], total)
                guess[i] = total
            for i in range(STAGES):
                older[i, d], moves[i, d] = moves[i, d], guess[i]
    for d in range(DIM):
        total = abs(y[d])
        for i in range(STAGES):
            total = total + abs(moves[i, d])
        size = size + total
    return size
