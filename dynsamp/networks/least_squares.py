"""Linear least squares by orthogonalisation, in place and in bounded memory.

Features of a sampled layer are nearly dependent (condition numbers beyond 1e12 are usual), so clean data are never
solved through the normal equations. Columns are scaled to unit norm, tiny Tikhonov rows keep the solution bounded,
and one Householder QR of [A, y] gives coefficients, residual and generalised cross validation. Rows may arrive in
blocks: what came before is kept as its triangle. Noisy data get ridge regression, its parameter by generalised
cross validation (``ridge``).

Near the rate of matrix products: rows are folded into the triangle some thousand at a time, Householder's QR of [R; B]
with R upper triangular for one block of rows B after the other. That is sequential TSQR (Demmel, Grigori, Hoemmen and
Langou 2012, SIAM J. Sci. Comput. 34), backward stable as one factorisation of all rows. A block stays in the last
cache; its panels are factorised in turn, and all columns to their right updated by two matrix products with a wide
compact WY form (Schreiber and Van Loan 1989).
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from scipy.linalg import blas, lapack, solve_triangular, svd

from dynsamp.kernels.features import panel
from dynsamp.kernels.jit import disabled, specialise
from dynsamp.networks import tuning
from dynsamp.networks.ridge import RidgePath

Regularisation = float | Literal["gcv", "auto"] | None
_LANES = 8  # rows of a register


@dataclass(frozen=True)
class LinearSolution:
    """What a least-squares problem gave."""

    coefficients: np.ndarray  # (column, target)
    residual: np.ndarray  # (target,) norm of the residual over norm of the target
    gcv: np.ndarray  # (target,) root of the GCV estimate of the squared error, over the rms of the target
    regularisation: np.ndarray  # (target,) ridge parameter for columns of unit norm; 0 is plain least squares
    dimension: np.ndarray  # (target,) effective number of coefficients
    rank: int  # numerical rank of the scaled matrix
    condition: float  # estimate for the scaled matrix
    rows: int
    rms: np.ndarray  # (target,) of the right-hand sides


class LeastSquares:
    """A least-squares problem that takes its rows in blocks.

    Parameters
    ----------
    columns, targets : int
        Number of unknowns and of right-hand sides.
    rows : int
        Rows that will come in all, or the size of the blocks in which they are reduced.
    unpenalised : int
        The first so many columns are free of the ridge penalty.

    Examples
    --------
    >>> problem = LeastSquares(columns=2, targets=1, rows=3)
    >>> block = problem.block(3)              # (columns + targets, 3), the targets last
    >>> block[:] = [[1, 1, 1], [0, 1, 2], [1, 3, 5]]
    >>> problem.solve().coefficients[:, 0].round(12)
    array([1., 2.])
    """

    def __init__(self, columns: int, targets: int, rows: int, unpenalised: int = 0) -> None:
        self.columns, self.targets, self.unpenalised = columns, targets, unpenalised
        self.rows = 0  # seen so far
        self._used = 0
        size = columns + targets
        # matrices are (column + target, row): the transpose is column-major, as LAPACK wants it
        self._room = np.empty((size, max(rows, size)))
        self._triangle: np.ndarray | None = None  # of the rows that were in the room before

    def block(self, rows: int) -> np.ndarray:
        """Return an array (columns + targets, rows) to be filled before anything else is called."""
        free = self._room.shape[1]
        if rows > free:
            raise ValueError(f"a block of {rows} rows does not fit, {free} are free; make the problem with more rows")
        if self._used + rows > free:
            self._triangle = self.triangle()
            self._used = 0
        start, self._used = self._used, self._used + rows
        self.rows += rows
        return self._room[:, start : self._used]

    def triangle(self) -> np.ndarray:
        """Upper triangle (column + target, column + target) of all rows so far; destroys them."""
        return triangle_of(self._room[:, : self._used], self._triangle)

    def solve(
        self, regularisation: Regularisation = None, *, tikhonov: float | None = None, cutoff: float | None = None
    ) -> LinearSolution:
        """Solve; no more rows may follow.

        Parameters
        ----------
        regularisation : float, "gcv", "auto" or None
            Ridge parameter for columns of unit norm; "gcv" chooses it by cross validation, each target its own;
            "auto" does so where the data look noisy (relative GCV error above 1e-6) or there are too few rows;
            None solves without.
        tikhonov : float, optional
            Times sqrt(columns), on columns of unit norm: what bounds the solution of dependent columns.
        cutoff : float, optional
            Instead of all this the solution of least norm without the singular values of A, columns as they are, up
            to ``cutoff`` times the largest: ``numpy.linalg.lstsq(A, y, rcond=cutoff)``, the published solver of
            sampled networks.

        Raises
        ------
        ValueError
            If both a regularisation and a cut-off are asked for.
        """
        if cutoff is not None and regularisation is not None:
            raise ValueError(
                f"a fit takes a regularisation or a cutoff, got {regularisation!r} and {cutoff!r}; drop one of them"
            )
        triangle = self.triangle()
        if cutoff is not None:
            return truncate(triangle, self.columns, self.rows, cutoff)
        columns, size = self.columns, len(triangle)
        # what orthogonalisation keeps: the norms of columns and targets
        norms, targets = np.split(np.linalg.norm(triangle, axis=0), [columns])
        norms[norms == 0.0] = 1.0
        targets[targets == 0.0] = 1.0
        triangle[:, :columns] /= norms
        if columns:
            penalty = np.zeros((columns, size), order="F")
            np.fill_diagonal(penalty, (tuning.TIKHONOV if tikhonov is None else tikhonov) * np.sqrt(columns))
            triangle = lapack.dtpqrt(columns, min(32, size), triangle, penalty, overwrite_a=1, overwrite_b=1)[0]
        found = _solve(triangle, self.unpenalised, self.rows, regularisation, targets)
        return replace(found, coefficients=found.coefficients / norms[:, None])


def truncate(triangle: np.ndarray, columns: int, rows: int, cutoff: float) -> LinearSolution:
    """Solution of least norm of a triangle [A, y], relative singular values of A up to ``cutoff`` dropped."""
    left, values, right = svd(triangle[:columns, :columns], lapack_driver="gesdd", check_finite=False)
    kept = int(np.sum(values > cutoff * values[0])) if columns else 0
    moments = left.T @ triangle[:columns, columns:]
    size = np.linalg.norm(triangle[:, columns:], axis=0)
    size[size == 0.0] = 1.0
    missing = np.hypot(np.linalg.norm(moments[kept:], axis=0), np.linalg.norm(triangle[columns:, columns:], axis=0))
    freedom = rows - kept
    targets = len(size)
    return LinearSolution(
        coefficients=right[:kept].T @ (moments[:kept] / values[:kept, None]),
        residual=missing / size,
        gcv=missing * rows / freedom / size if freedom > 0 else np.full(targets, np.inf),
        regularisation=np.zeros(targets),
        dimension=np.full(targets, float(kept)),
        rank=kept,
        condition=float(values[0] / values[-1]) if columns and values[-1] > 0.0 else float("inf") if columns else 1.0,
        rows=rows,
        rms=size / np.sqrt(max(rows, 1)),
    )


def _solve(
    triangle: np.ndarray, free: int, rows: int, regularisation: Regularisation, size: np.ndarray
) -> LinearSolution:
    """Solution of a triangle [A, y] with columns of unit norm; the targets had the norms ``size``."""
    targets, columns = len(size), len(triangle) - len(size)
    r, y = triangle[:columns, :columns], triangle[:columns, columns:]
    rest = np.sqrt(np.sum(triangle[columns:, columns:] ** 2, axis=0))  # what no coefficients can fit
    freedom = rows - columns
    gcv = rest * rows / freedom / size if freedom > 0 else np.full(targets, np.inf)
    diagonal = np.abs(np.diag(r))
    rank = int(np.sum(diagonal > tuning.RANK_CUT))
    reciprocal = float(lapack.dtrcon(np.asfortranarray(r))[0]) if columns else 1.0
    condition = 1.0 / reciprocal if reciprocal > 0.0 else float("inf")
    if columns == free or regularisation is None or (regularisation == "auto" and np.all(gcv < tuning.NOISE)):
        ridge = np.zeros(targets)
    elif isinstance(regularisation, str):
        ridge = np.zeros(targets)
        inner = np.asfortranarray(r[free:, free:])
        path = RidgePath(blas.dsyrk(1.0, inner, trans=1, lower=1), inner.T @ y[free:])
        for k in range(targets):
            best = path.choose(k, float(y[free:, k] @ y[free:, k] + rest[k] ** 2), rows, free)
            # coefficients that cancel far below the noise bring nothing but rounding errors
            ridge[k] = max(best, (tuning.NEGLIGIBLE * min(gcv[k], 1.0)) ** 2)
    else:
        ridge = np.full(targets, float(regularisation))
    coefficients = np.empty((columns, targets))
    residual, dimension = rest / size, np.full(targets, float(columns))
    plain = ridge == 0.0
    if columns and np.any(plain):
        coefficients[:, plain] = solve_triangular(r, y[:, plain], check_finite=False)
    for k in map(int, np.flatnonzero(~plain)):
        penalised, distance, freed = _ridge(r, y[:, k], free, ridge[k])
        missing = np.hypot(rest[k], distance)
        score = missing * rows / max(rows - freed, 1e-100) / size[k]
        if (
            regularisation == "auto" and score > tuning.MARGIN * gcv[k]
        ):  # what is left is no noise: a penalty only harms
            coefficients[:, k] = solve_triangular(r, y[:, k], check_finite=False)
            ridge[k] = 0.0
        else:
            coefficients[:, k], dimension[k], gcv[k], residual[k] = penalised, freed, score, missing / size[k]
    rms = size / np.sqrt(max(rows, 1))
    return LinearSolution(coefficients, residual, gcv, ridge, dimension, rank, condition, rows, rms)


def _ridge(r: np.ndarray, y: np.ndarray, free: int, ridge: float) -> tuple[np.ndarray, float, float]:
    """Coefficients, norm of the part of the residual inside the range, effective dimension."""
    inner = r[free:, free:]
    count = len(inner)
    stacked = np.zeros((2 * count, count + 1), order="F")
    stacked[:count, :count], stacked[:count, count] = inner, y[free:]
    stacked[count:, :count][np.diag_indices(count)] = np.sqrt(ridge)
    work, _ = lapack.dgeqrf_lwork(*stacked.shape)
    factor = lapack.dgeqrf(stacked, lwork=int(work), overwrite_a=1)[0]
    upper = factor[:count, :count]
    penalised = solve_triangular(upper, factor[:count, count], check_finite=False)
    others = y[:0]
    if free:
        others = solve_triangular(r[:free, :free], y[:free] - r[:free, free:] @ penalised, check_finite=False)
    # trace of A (A'A + ridge)^-1 A' = |inner upper^-1|^2
    hat = solve_triangular(upper, inner.T, trans=1, check_finite=False)
    dimension = free + float(np.sum(hat**2))
    return np.concatenate([others, penalised]), float(np.linalg.norm(y[free:] - inner @ penalised)), dimension


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
        if count and (columns < tuning.QR_FEW or count < 2 * columns):
            start = min(count, max(tuning.QR_ROWS, columns))
            first = rows[:, :start].T
            work, _ = lapack.dgeqrf_lwork(*first.shape)
            factor = lapack.dgeqrf(first, lwork=int(work), overwrite_a=1)[0]
            filled = min(start, columns)
            triangle[:filled] = np.triu(factor[:filled])
    for begin in range(start, count, tuning.QR_ROWS):
        fold(triangle, np.asfortranarray(rows[:, begin : begin + tuning.QR_ROWS].T))
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
    if disabled() or columns < tuning.QR_WIDE:
        inner = max(1, min(64, columns // 8))
        corner = lapack.dtpqrt(0, inner, triangle, block, overwrite_a=1, overwrite_b=1)[0]
        triangle[:] = corner
        return
    if len(block) % _LANES:  # rows of zeros change nothing
        block = np.asfortranarray(np.pad(block, ((0, -len(block) % _LANES), (0, 0))))
    factors = np.empty(columns)
    for left in range(0, columns, tuning.QR_PANEL):
        right = min(left + tuning.QR_PANEL, columns)
        _panel(triangle, block, factors, left, right)
        _update(triangle, block, factors, left, right, columns)


def _panel(triangle: np.ndarray, block: np.ndarray, factors: np.ndarray, left: int, right: int) -> None:
    """Factorise columns left ... right: the left half of them, then what it leaves of the right half."""
    if right - left <= tuning.QR_INNER:
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
