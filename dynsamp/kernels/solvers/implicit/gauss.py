"""The equations of a Gauss method, solved down to rounding; no method itself.

L_i = h b_i f(t + c_i h, y0 + sum_j MU[i, j] L_j), y1 = y0 + sum_i L_i, MU[i, j] = A[i, j] / b[j]: symplectic if
MU[i, j] + MU[j, i] = 1, which holds to the last bit here (Antonana, Makazaga, Murua 2017, Numer. Algorithms 76, 861).
Start: the polynomial through the slopes of the last step, continued. Then sweeps, each stage with the newest of the
others, until the next change would be far below rounding, or changes no longer shrink because they are rounding: that
of a learned f, a sum of large terms, may be coarse, but shows after changes that did shrink. A trajectory that is done
stays: none depends on its neighbours.

Where sweeps do not contract (h times the Lipschitz constant of f is above about 1), simplified Newton's method: with
slopes k_i = L_i / (h b_i), k <- k + A^-1 Z / h, (A^-1 / h x I - I x J) Z = f(stages) - k, from Z = 0 on.
Hairer, Lubich, Wanner (2006), Geometric Numerical Integration, sections VIII.5 and VIII.6; Hairer, Wanner (1996),
Solving Ordinary Differential Equations II, section IV.8.
"""

import numpy as np

from dynsamp.kernels.slots import (
    DIM,
    INVERSE,
    MU,
    NODES,
    ROWS,
    STAGES,
    WEIGHTS,
    add,
    fma,
    jacobian,
    matrix,
    prepare,
    resolve,
    rhs,
    select,
    some,
    transform,
    vector,
)

__all__ = ["implicit_step", "symplectic"]

SWEEPS = 50
NEGLIGIBLE = 2.0**-70  # size of the next change, relative to y, that is not waited for: larger ones add up
ROUNDING = 1e-13  # changes that no longer shrink are rounding below this size, relative to y
COARSE, QUICK = 1e-8, 0.25  # below the first they are, too, where one sweep has shrunk them by the second: a learned f
ITERATIONS, STIFF_ROUNDING = 30, 1e-12  # of Newton's method, in place of SWEEPS and ROUNDING
BLUR = 2.0**-49  # rounding of J y that the stages cannot get rid of


def symplectic(*above_half: tuple[float, ...]) -> np.ndarray:
    """MU (stage, stage) of a Gauss method from its rows below the diagonal."""
    mu = np.full((len(above_half) + 1,) * 2, 0.5)
    for i, row in enumerate(above_half, 1):
        for j, value in enumerate(row):
            mu[i, j], mu[j, i] = value, 1.0 - value  # the difference is exact
    return mu


def implicit_step(t, y, theta, h, low, moves, older, ahead, known):
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


def predict(t, y, theta, h, moves, older, ahead, known):
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


def place(i, y, moves, u):
    """State u at stage i."""
    for d in range(DIM):
        total = y[d]
        for j in range(STAGES):
            total = fma(MU[i, j], moves[j, d], total)
        u[d] = total


def newton(t, y, theta, h, moves, lost):
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
        coarse = select(contracts, COARSE, STIFF_ROUNDING)
        done = done | (np.logical_not(shrinks) & (change <= fma(BLUR * abs(h), blur, coarse * size)))
        contracts = contracts | ((rate > 0.0) & (rate < QUICK))
        solved = solved | (going & done)
        change = select(going, new, change)
        going = going & shrinks & np.logical_not(done)
        if not some(going):
            break
    return solved
