"""The linear systems of a fully implicit step: taken apart, and solved in every lane.

(A^-1 / h x I - I x J) Z = R with A^-1 = T Lambda T^-1 is one system of the size of the state for each real eigenvalue
of A^-1 and a complex one for each pair of them, u +- i v with the block ((u, -v), (v, u)) in Lambda: for three stages a
fifth of the work. Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.

Each is solved by LU factors with partial pivoting, where every lane chooses its own pivots: Golub and Van Loan (2013),
Matrix Computations, section 3.4. A matrix lies in DIM rows of a larger one, from row o on. Row r changes places with
row k where its entry is larger; ``swaps``, of the same shape, keeps where that was so. The imaginary part of a complex
matrix follows in the next DIM rows. Reciprocals of the pivots lie on the diagonal.
"""

import numpy as np

from dynsamp.kernels.slots import BASIS, COBASIS, DIM, PAIRS, REALS, STAGES, fma, select, vector

__all__ = ["blocks", "prepare", "resolve", "substitute", "transform"]


def blocks(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inverse of A (stage, stage) = T Lambda T^-1 as (reals u, pairs (u, v), T, T^-1, A^-1).

    Columns of T: those of the real eigenvalues, then two for each pair u +- i v, v > 0.
    """
    inverse = np.linalg.inv(a)
    values, vectors = np.linalg.eig(inverse)
    order = np.lexsort((values.imag, values.real))
    reals = [k for k in order if abs(values[k].imag) < 1e-8]
    upper = [k for k in order if values[k].imag >= 1e-8]
    columns = [vectors[:, k].real for k in reals]
    for k in upper:
        columns += [vectors[:, k].real, -vectors[:, k].imag]
    basis = np.ascontiguousarray(np.array(columns, dtype=float).T)
    pairs = np.array([(values[k].real, values[k].imag) for k in upper], dtype=float).reshape(-1, 2)
    return values[reals].real.copy(), pairs, basis, np.linalg.inv(basis), inverse


def prepare(h, jac, factors, swaps):
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


def shifted(diagonal, jac, factors, o):
    """``diagonal`` I - J in the rows from o on."""
    for i in range(DIM):
        for j in range(DIM):
            factors[o + i, j] = -jac[i, j]
        factors[o + i, i] = diagonal - jac[i, i]


def resolve(factors, swaps, r):
    """Solution Z (stage, state), in place of R."""
    transform(COBASIS, r)
    for k in range(len(REALS)):
        substitute(factors, swaps, k * DIM, r, k)
    for k in range(len(PAIRS)):
        row = len(REALS) + 2 * k
        substitute_complex(factors, swaps, row * DIM, r, row)
    transform(BASIS, r)


def transform(a, x):
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


# --- one system


def factor(a, swaps, o):
    """Factors of a real matrix, in place."""
    for k in range(DIM):
        for r in range(k + 1, DIM):
            larger = abs(a[o + r, k]) > abs(a[o + k, k])
            swaps[o + r, k] = select(larger, 1.0, 0.0)
            for c in range(DIM):
                exchange(a, o + k, o + r, c, larger)
        inverse = 1.0 / a[o + k, k]
        a[o + k, k] = inverse
        for r in range(o + k + 1, o + DIM):
            ratio = a[r, k] * inverse
            a[r, k] = ratio
            for c in range(k + 1, DIM):
                a[r, c] = fma(-ratio, a[o + k, c], a[r, c])


def substitute(a, swaps, o, x, row):
    """Solution in place of the right-hand side, which is this row of x."""
    for k in range(DIM):
        for r in range(k + 1, DIM):
            swap(x, row, k, r, swaps[o + r, k] > 0.0)
    for r in range(DIM):
        total = x[row, r]
        for c in range(r):
            total = fma(-a[o + r, c], x[row, c], total)
        x[row, r] = total
    for i in range(DIM):
        r = DIM - 1 - i
        total = x[row, r]
        for c in range(r + 1, DIM):
            total = fma(-a[o + r, c], x[row, c], total)
        x[row, r] = total * a[o + r, r]


def factor_complex(a, swaps, o):
    """Factors of a complex matrix, in place; the size of a number is the sum of those of its parts."""
    b = o + DIM
    for k in range(DIM):
        for r in range(k + 1, DIM):
            larger = abs(a[o + r, k]) + abs(a[b + r, k]) > abs(a[o + k, k]) + abs(a[b + k, k])
            swaps[o + r, k] = select(larger, 1.0, 0.0)
            for c in range(DIM):
                exchange(a, o + k, o + r, c, larger)
                exchange(a, b + k, b + r, c, larger)
        p, q = a[o + k, k], a[b + k, k]
        square = fma(p, p, q * q)
        p, q = p / square, -q / square
        a[o + k, k], a[b + k, k] = p, q
        for r in range(k + 1, DIM):
            u, v = a[o + r, k], a[b + r, k]
            u, v = fma(u, p, -(v * q)), fma(u, q, v * p)
            a[o + r, k], a[b + r, k] = u, v
            for c in range(k + 1, DIM):
                a[o + r, c] = fma(v, a[b + k, c], fma(-u, a[o + k, c], a[o + r, c]))
                a[b + r, c] = fma(-v, a[o + k, c], fma(-u, a[b + k, c], a[b + r, c]))


def substitute_complex(a, swaps, o, x, row):
    """Solution in place of the right-hand side, whose parts are this row of x and the next."""
    b, other = o + DIM, row + 1
    for k in range(DIM):
        for r in range(k + 1, DIM):
            swap(x, row, k, r, swaps[o + r, k] > 0.0)
            swap(x, other, k, r, swaps[o + r, k] > 0.0)
    for r in range(DIM):
        p, q = x[row, r], x[other, r]
        for c in range(r):
            p = fma(a[b + r, c], x[other, c], fma(-a[o + r, c], x[row, c], p))
            q = fma(-a[b + r, c], x[row, c], fma(-a[o + r, c], x[other, c], q))
        x[row, r], x[other, r] = p, q
    for i in range(DIM):
        r = DIM - 1 - i
        p, q = x[row, r], x[other, r]
        for c in range(r + 1, DIM):
            p = fma(a[b + r, c], x[other, c], fma(-a[o + r, c], x[row, c], p))
            q = fma(-a[b + r, c], x[row, c], fma(-a[o + r, c], x[other, c], q))
        u, v = a[o + r, r], a[b + r, r]
        x[row, r], x[other, r] = fma(p, u, -(q * v)), fma(p, v, q * u)


def exchange(a, k, r, c, where):
    """Entries c of rows k and r change places."""
    upper, lower = a[k, c], a[r, c]
    a[k, c], a[r, c] = select(where, lower, upper), select(where, upper, lower)


def swap(x, row, k, r, where):
    """Entries k and r of a row change places."""
    upper, lower = x[row, k], x[row, r]
    x[row, k], x[row, r] = select(where, lower, upper), select(where, upper, lower)
