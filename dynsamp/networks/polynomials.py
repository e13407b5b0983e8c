"""Polynomials: the monomials up to a total degree, and of them as few as the data ask for.

A law is often a polynomial of few terms, and then no network comes near it: all its digits are found from few rows.
Where there are rows enough, all monomials are fitted, and those that the rows do not need are dropped one after the
other, by the extended Bayes criterion of Chen and Chen (2008, Biometrika 95, 759). Where there are more monomials than
rows, orthogonal least squares adds one after the other (Chen, Billings and Luo 1989, Int. J. Control 50, 1873), and
only a fit to rounding errors counts: fewer terms than rows that leave nothing are no accident.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from scipy.linalg import qr, solve_triangular

from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LinearSolution

EPSILON = float(np.finfo(float).eps)


def count_of(inputs: int, degree: int) -> int:
    """Number of monomials of total degree two and more."""
    return comb(inputs + degree, degree) - 1 - inputs


def powers(inputs: int, degree: int) -> np.ndarray:
    """Exponents (monomial, input) of total degree two and more, lower degrees first."""
    each = (combinations_with_replacement(range(inputs), total) for total in range(2, degree + 1))
    found = [np.bincount(factors, minlength=inputs) for some in each for factors in some]
    return np.array(found, dtype=float).reshape(-1, inputs)


def fill_powers(z: np.ndarray, exponents: np.ndarray, out: np.ndarray) -> None:
    """Write monomials of points ``z`` (row, input) into ``out`` (monomial, row)."""
    columns = np.ascontiguousarray(z.T)
    for row, exponent in zip(out, exponents.astype(int), strict=True):
        row[:] = 1.0
        for k in np.repeat(np.arange(len(exponent)), exponent):
            row *= columns[k]


def fewest_terms(triangle: np.ndarray, columns: int, rows: int, exact: float) -> LinearSolution:
    """Least squares with as few of the columns as will do, each target its own.

    Parameters
    ----------
    triangle : ndarray (column + target, column + target)
        Of the QR factorisation of [A, y], with fewer rows where there were fewer.
    columns, rows : int
        Of A.
    exact : float
        Relative residual that leaves nothing.
    """
    triangle = triangle[:rows]  # there are no more in it
    a, y = triangle[:, :columns], triangle[:, columns:]
    norms, size = np.linalg.norm(a, axis=0), np.linalg.norm(y, axis=0)
    norms[norms == 0.0] = np.inf  # a column of zeros is never taken
    a = a / norms
    found = np.zeros((columns, len(size)))
    rest, terms = np.zeros(len(size)), np.zeros(len(size))
    crowded = tuning.POLYNOMIAL_ROWS * columns > rows
    inverse = None if crowded else _inverse(a[:columns])
    limit = np.log(rows) + 2.0 * np.log(columns)
    for k in range(len(size)):
        target, floor = y[:, k], (4.0 * EPSILON * size[k]) ** 2
        if inverse is None:
            kept = _pursued(a, target, exact * size[k], rows // 3)
            all_of_it = _solved(a, target, kept)
        else:
            kept = np.arange(columns)
            c = inverse @ target[:columns]
            all_of_it = c, float(np.linalg.norm(target[columns:])), c**2 / (inverse**2).sum(axis=1)
        cost = limit * max(all_of_it[1] ** 2 / max(rows - len(kept), 1), floor)
        kept = _large(a, target, kept, all_of_it, cost)
        found[:, k], rest[k], terms[k] = _without(a, target, kept, cost)
        if crowded and rest[k] > 10.0 * exact * size[k]:
            rest[:] = np.inf  # chance finds terms for noise, too
            break
    size[size == 0.0] = 1.0
    freedom = np.maximum(rows - terms, 1e-100)
    zero, rms = np.zeros(len(size)), size / np.sqrt(max(rows, 1))
    gcv = rest * rows / freedom / size
    return LinearSolution(found / norms[:, None], rest / size, gcv, zero, terms, int(terms.max()), 1.0, rows, rms)


def _pursued(a: np.ndarray, y: np.ndarray, goal: float, most: int) -> np.ndarray:
    """Columns that leave nothing of y, or as many as may be tried, the first one always."""
    kept, left = [0], y
    for _ in range(min(tuning.POLYNOMIAL_TERMS, most)):
        new = a[:, kept[-1]] / np.linalg.norm(a[:, kept[-1]])
        left = left - new * (new @ left)
        if np.linalg.norm(left) <= goal:
            break
        a = a - np.outer(new, new @ a)  # what is left of columns is compared
        size = np.linalg.norm(a, axis=0)
        gain = np.where(size > np.sqrt(EPSILON), np.abs(left @ a), 0.0) / np.maximum(size, EPSILON)
        gain[kept] = 0.0
        kept.append(int(np.argmax(gain)))
        if gain[kept[-1]] == 0.0:
            break
    return np.array(sorted(set(kept)), dtype=np.int64)


def _inverse(r: np.ndarray) -> np.ndarray:
    r[np.diag_indices(len(r))] += np.where(np.abs(np.diag(r)) < EPSILON**2, 1.0, 0.0)
    return np.asarray(solve_triangular(r, np.eye(len(r)), check_finite=False))


def _solved(a: np.ndarray, y: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Coefficients of these columns, the norm of what is left, and what its square grows by without each of them."""
    q, r = qr(a[:, kept], mode="economic", check_finite=False)
    inverse = _inverse(r)
    c = solve_triangular(r, q.T @ y, check_finite=False)
    return c, float(np.linalg.norm(y - a[:, kept] @ c)), c**2 / (inverse**2).sum(axis=1)


def _large(
    a: np.ndarray, y: np.ndarray, kept: np.ndarray, all_of_it: tuple[np.ndarray, float, np.ndarray], cost: float
) -> np.ndarray:
    """Without many small terms at once, where what is left stays what it was: those left out may be alike."""
    c, rest, gain = all_of_it
    allowed = rest**2 + cost * len(kept)
    for least in (None, *tuning.POLYNOMIAL_SMALL):
        some, size, before = kept, np.abs(c), -1
        while len(some) not in (0, before):
            before = len(some)
            some = some[gain >= cost] if least is None else some[size >= least * size.max()]
            if least is None:
                break
            size = np.abs(_solved(a, y, some)[0])
        if len(some) < len(kept) and _solved(a, y, some)[1] ** 2 <= allowed:
            return some
    return kept


def _without(a: np.ndarray, y: np.ndarray, kept: np.ndarray, cost: float) -> tuple[np.ndarray, float, int]:
    """Coefficients (column,) without the terms that are not worth their cost, what is left, and their number."""
    result = np.zeros(a.shape[1])
    while len(kept):
        c, rest, gain = _solved(a, y, kept)
        if len(kept) > tuning.MAP_FIRST_WIDTH:
            gain[:] = np.inf  # all of many that are alike
        order = np.argsort(gain)[: max(1, len(kept) // 10)]
        drop = order[gain[order] < cost / len(order)]
        if not len(drop):
            result[kept] = c
            return result, rest, len(kept)
        kept = np.delete(kept, drop)
    return result, float(np.linalg.norm(y)), 0


def written(coefficients: np.ndarray, exponents: np.ndarray, names: Sequence[str], digits: int) -> str:
    """A sum of monomials as people, and ``terms=``, write it."""
    parts = []
    for coefficient, exponent in zip(coefficients, exponents.astype(int), strict=True):
        number = f"{abs(coefficient):.{digits}g}"
        if coefficient == 0.0 or float(number) == 0.0:
            continue
        factors = [name if e == 1 else f"{name}**{e}" for name, e in zip(names, exponent, strict=True) if e]
        text = "*".join(factors if factors and float(number) == 1.0 else [number, *factors])
        parts.append(f"{'-' if coefficient < 0 else '+'} {text}")
    joined = " ".join(parts).removeprefix("+ ")
    return joined.replace("- ", "-", 1) if joined.startswith("- ") else joined or "0"
