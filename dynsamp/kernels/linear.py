"""Linear systems, one in each lane: LU factors with partial pivoting, where every lane chooses its own pivots.

A matrix lies in DIM rows of a larger one, from row o on. Row r changes places with row k where its entry is larger;
``swaps``, of the same shape, keeps where that was so. The imaginary part of a complex matrix follows in the next DIM
rows. Reciprocals of the pivots lie on the diagonal.
Golub and Van Loan (2013), Matrix Computations, section 3.4.
"""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DIM, fma, select


def factor(a: Any, swaps: Any, o: Any) -> None:
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


def substitute(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
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


def factor_complex(a: Any, swaps: Any, o: Any) -> None:
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


def substitute_complex(a: Any, swaps: Any, o: Any, x: Any, row: Any) -> None:
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


def exchange(a: Any, k: Any, r: Any, c: Any, where: Any) -> None:
    """Entries c of rows k and r change places."""
    upper, lower = a[k, c], a[r, c]
    a[k, c], a[r, c] = select(where, lower, upper), select(where, upper, lower)


def swap(x: Any, row: Any, k: Any, r: Any, where: Any) -> None:
    """Entries k and r of a row change places."""
    upper, lower = x[row, k], x[row, r]
    x[row, k], x[row, r] = select(where, lower, upper), select(where, upper, lower)
