"""Orthogonalisation near the rate of matrix products: rows are folded into a triangle, some thousand at a time.

Householder's QR of [R; B] with R upper triangular, for one block of rows B after the other: sequential TSQR (Demmel,
Grigori, Hoemmen and Langou 2012, SIAM J. Sci. Comput. 34), backward stable as one factorisation of all rows. A block
stays in the last cache; its panels are factorised in turn, and all columns to their right updated by two matrix
products with a wide compact WY form (Schreiber and Van Loan 1989).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas, lapack

__all__ = ["CHUNK", "fold", "triangle_of"]

CHUNK = 4096  # rows at once
PANEL = 64  # columns at once, several blocks of INNER
INNER = 16
WIDE = 128  # columns from which on all this pays


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
        if count and (columns < WIDE or count < 2 * columns):
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
    for left in range(0, columns, PANEL):
        right = min(left + PANEL, columns)
        corner, vectors, factors, _ = lapack.dtpqrt(
            0, min(INNER, right - left), np.asfortranarray(triangle[left:right, left:right]), block[:, left:right],
            overwrite_a=1, overwrite_b=1,
        )  # fmt: skip
        triangle[left:right, left:right] = corner
        if right == columns:
            return
        rest = block[:, right:]
        # Q' = I - [I; V] T' [I; V]' on [triangle rows; rest]
        change = blas.dgemm(1.0, vectors, rest, trans_a=1)
        change += triangle[left:right, right:]
        change = blas.dgemm(1.0, _wide(vectors, factors), change, trans_a=1)
        triangle[left:right, right:] -= change
        blas.dgemm(-1.0, vectors, change, beta=1.0, c=rest, overwrite_c=1)


def _wide(vectors: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """T of all vectors [I; V] (row, column) from those of blocks of columns, side by side in ``factors``."""
    width, columns = factors.shape
    wide = np.zeros((columns, columns), order="F")
    products = blas.dgemm(1.0, vectors, vectors, trans_a=1)
    for left in range(0, columns, width):
        right = min(left + width, columns)
        own = np.triu(factors[: right - left, left:right])
        wide[left:right, left:right] = own
        wide[:left, left:right] = -wide[:left, :left] @ products[:left, left:right] @ own
    return wide
