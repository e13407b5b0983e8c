"""Orthogonalisation near the rate of matrix products: rows are folded into a triangle, some thousand at a time.

Householder's QR of [R; B] with R upper triangular, for one block of rows B after the other: sequential TSQR (Demmel,
Grigori, Hoemmen and Langou 2012, SIAM J. Sci. Comput. 34), backward stable as one factorisation of all rows. A block
stays in the last cache; its panels are factorised in turn, and all columns to their right updated by two matrix
products with a wide compact WY form (Schreiber and Van Loan 1989).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from dynsamp.kernels.features import panel
from dynsamp.kernels.jit import disabled, specialise

__all__ = ["CHUNK", "fold", "triangle_of"]

CHUNK = 4096  # rows at once
PANEL = 64  # columns at once
INNER = 16  # columns that are factorised without matrix products
FEW = 128  # columns for which one factorisation of many rows is as fast
WIDE = 768  # columns from which on panels of our own pay for being compiled
REGISTER = 8


def triangle_of(rows: np.ndarray, triangle: np.ndarray | None = None) -> np.ndarray:
    """Upper triangle of the QR factorisation of ``triangle``, if any, above ``rows``.

    Parameters
    ----------
    rows : ndarray (column, row)
        The transpose of the matrix, C-contiguous along its rows; destroyed.
    triangle : ndarray (column, column), Fortran order, optional
        Destroyed.
    """
    columns, count = rows.shape
    start = 0
    if triangle is None:
        triangle = np.zeros((columns, columns), order="F")
        if count and (columns < FEW or count < 2 * columns):
            start = min(count, max(CHUNK, columns))
            first = rows[:, :start].T
            work, _ = lapack.dgeqrf_lwork(*first.shape)
            factor = lapack.dgeqrf(first, lwork=int(work), overwrite_a=1)[0]
            filled = min(start, columns)
            triangle[:filled] = np.triu(factor[:filled])
    for begin in range(start, count, CHUNK):
        fold(triangle, np.asfortranarray(rows[:, begin : begin + CHUNK].T))
    return triangle


def fold(triangle: np.ndarray, block: np.ndarray) -> None:
    """Replace ``triangle`` by that of [triangle; block].

    Parameters
    ----------
    triangle : ndarray (column, column), Fortran order
        Upper triangular.
    block : ndarray (row, column), Fortran order
        Destroyed: what is left are the Householder vectors.
    """
    columns = len(triangle)
    if disabled() or columns < WIDE:
        inner = max(1, min(64, columns // 8))
        corner = lapack.dtpqrt(0, inner, triangle, block, overwrite_a=1, overwrite_b=1)[0]
        triangle[:] = corner
        return
    if len(block) % REGISTER:  # rows of zeros change nothing
        block = np.asfortranarray(np.pad(block, ((0, -len(block) % REGISTER), (0, 0))))
    factors = np.empty(columns)
    for left in range(0, columns, PANEL):
        right = min(left + PANEL, columns)
        _panel(triangle, block, factors, left, right)
        _update(triangle, block, factors, left, right, columns)


def _panel(triangle: np.ndarray, block: np.ndarray, factors: np.ndarray, left: int, right: int) -> None:
    """Factorise columns left ... right: the left half of them, then what it leaves of the right half."""
    if right - left <= INNER:
        corner = np.array(triangle[left:right, left:right])
        _kernel()(corner, block[:, left:right].T, factors[left:right])
        triangle[left:right, left:right] = corner
        return
    middle = left + (right - left + 1) // 2
    _panel(triangle, block, factors, left, middle)
    _update(triangle, block, factors, left, middle, right)
    _panel(triangle, block, factors, middle, right)


def _update(triangle: np.ndarray, block: np.ndarray, factors: np.ndarray, left: int, middle: int, right: int) -> None:
    """Apply the reflectors of columns left ... middle to columns middle ... right."""
    if middle == right:
        return
    vectors, rest = block[:, left:middle], block[:, middle:right]
    # their product is 1 - [I; V] T [I; V]' with T^-1 = diag(1 / tau) + the strict upper triangle of V'V: Puglisi
    # (1992), SIAM J. Sci. Stat. Comput. 13; a reflector with tau = 0 is none
    inverse = blas.dsyrk(1.0, vectors, trans=1)
    inverse[np.diag_indices(len(inverse))] = 1.0 / np.maximum(factors[left:middle], 1e-290)
    wide = lapack.dtrtri(inverse, overwrite_c=1)[0]
    change = blas.dgemm(1.0, vectors, rest, trans_a=1)
    change += triangle[left:middle, middle:right]
    change = blas.dtrmm(1.0, wide, change, trans_a=1, overwrite_b=1)
    triangle[left:middle, middle:right] -= change
    blas.dgemm(-1.0, vectors, change, beta=1.0, c=rest, overwrite_c=1)


@cache
def _kernel() -> Any:
    matrix = np.empty((1, 1))
    return specialise(panel.run, (), {}, (matrix, matrix, np.empty(1)))
