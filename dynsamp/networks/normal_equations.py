"""From a Gram matrix [A, y]'[A, y] to coefficients and what is known about them."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, solve_triangular

from dynsamp.networks.ridge import RidgePath
from dynsamp.networks.solution import Solution

__all__ = ["solve_normal_equations"]

EPSILON = float(np.finfo(float).eps)


def solve_normal_equations(
    gram: np.ndarray, columns: int, free: int, rows: int, regularisation: float | str | None
) -> Solution:
    """Solve a problem of which only the Gram matrix is left.

    Parameters
    ----------
    gram : ndarray (columns + targets, columns + targets), Fortran order
        Only the lower triangle is read; it is destroyed.
    columns, free, rows : int
        Unknowns, the first ``free`` of them without penalty; equations.
    regularisation : float, "gcv", "auto" or None
        See GramLeastSquares.solve.
    """
    size = np.sqrt(np.diag(gram))
    norms, targets = np.split(np.where(size > 0.0, size, 1.0), [columns])
    matrix = np.asfortranarray(np.tril(gram[:columns, :columns]))
    matrix /= norms[:, None]
    matrix /= norms
    moments = gram[columns:, :columns].T / norms[:, None]
    total = np.diag(gram)[columns:].copy()
    # columns without penalty are eliminated first
    least = EPSILON * max(columns, 1)
    first, _ = _cholesky(matrix[:free, :free], least)
    reduced = solve_triangular(first, moments[:free], lower=True, check_finite=False)
    coupling = solve_triangular(first, matrix[free:, :free].T, lower=True, check_finite=False)
    total -= np.sum(reduced**2, axis=0)
    inner = np.asfortranarray(matrix[free:, free:] - coupling.T @ coupling)
    right = moments[free:] - coupling.T @ reduced
    if isinstance(regularisation, str) and len(inner):
        found = _along_the_path(inner, right, total, rows, free, least)
    else:
        wanted = 0.0 if isinstance(regularisation, str) else float(regularisation or 0.0)
        found = _one_penalty(inner, right, max(wanted, least), least)
    penalised, gain, ridge, dimension, rank, condition = found
    others = solve_triangular(first, reduced - coupling @ penalised, lower=True, trans=1, check_finite=False)
    # what is left of the target is a difference of squares: rounding errors of the squares are its least
    missing = np.sqrt(np.maximum(total - gain, EPSILON * targets**2))
    dimension = dimension + free
    with np.errstate(divide="ignore"):
        gcv = np.where(rows > dimension, missing * rows / np.maximum(rows - dimension, 0.0) / targets, np.inf)
    return Solution(
        coefficients=np.concatenate([others, penalised]) / norms[:, None],
        residual=missing / targets,
        gcv=gcv,
        regularisation=np.where(ridge > least, ridge, 0.0),
        dimension=dimension,
        rank=free + rank,
        condition=condition,
        rows=rows,
        rms=targets / np.sqrt(max(rows, 1)),
    )


Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int, float]


def _along_the_path(
    gram: np.ndarray, moments: np.ndarray, total: np.ndarray, rows: int, free: int, least: float
) -> Found:
    path = RidgePath(gram, moments)
    ridge = np.array([path.choose(k, float(total[k]), rows, free) for k in range(len(total))])
    ridge = np.maximum(ridge, least)
    for k in range(len(ridge)):
        while not np.isfinite(path.gain(ridge[k], k)):
            ridge[k] *= 10.0
    return (
        np.stack([path.coefficients(value, k) for k, value in enumerate(ridge)], axis=1),
        np.array([path.gain(value, k) for k, value in enumerate(ridge)]),
        ridge,
        np.array([path.dimension(value) for value in ridge]),
        int(np.sum(path.values > 10.0 * least)),
        float(np.sqrt((path.values[-1] + least) / (path.values[0] + least))),
    )


def _one_penalty(gram: np.ndarray, moments: np.ndarray, ridge: float, least: float) -> Found:
    count, targets = moments.shape
    factor, ridge = _cholesky(gram, ridge)
    coefficients = lapack.dpotrs(factor, moments, lower=1)[0] if count else moments.copy()
    gain = np.sum(moments * coefficients, axis=0) + ridge * np.sum(coefficients**2, axis=0)
    if ridge > least:  # trace of G (G + ridge)^-1 = n - ridge |L^-1|^2
        inverse = lapack.dtrtri(factor, lower=1)[0] if count else factor
        dimension = count - ridge * float(np.sum(inverse**2))
        rank = round(dimension)  # a penalty hides which columns are dependent: what counts is what it leaves
    else:
        rank = int(np.sum(np.diag(factor) ** 2 > 10.0 * ridge))
        dimension = float(rank)
    reciprocal = 1.0
    if count:
        size = np.abs(np.tril(gram))
        largest = float(np.max(size.sum(axis=0) + size.sum(axis=1) - np.diag(size)))
        reciprocal = float(lapack.dpocon(factor, largest, uplo="L")[0])
    condition = float(1.0 / np.sqrt(max(reciprocal, EPSILON**2)))
    return coefficients, gain, np.full(targets, ridge), np.full(targets, dimension), rank, condition


def _cholesky(gram: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Lower factor of gram + ridge, for the least of ridge, 10 ridge, ... for which there is one, and that."""
    count = len(gram)
    while True:
        matrix = np.array(gram, order="F")
        matrix[np.diag_indices(count)] += ridge
        factor, failed = lapack.dpotrf(matrix, lower=1, clean=1, overwrite_a=1) if count else (matrix, 0)
        if not failed:
            return factor, ridge
        ridge *= 10.0
