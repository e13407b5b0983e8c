"""Least squares through the normal equations, for targets that no network of this width fits to many digits.

They cost half of an orthogonalisation and run at the full rate of the machine, but square the condition number: of a
relative residual below 1e-7 nothing is seen. That is enough for noisy data and hard targets; clean data belong to
``LeastSquares``.
"""

import numpy as np
from scipy.linalg import blas, lapack, solve_triangular

from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LinearSolution, Regularisation
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.ridge import RidgePath

_EPSILON = float(np.finfo(float).eps)


class OnePass:
    """A least-squares problem that takes its rows in as they come, in room for one block; see ``LeastSquares``."""

    def __init__(self, columns: int, targets: int, rows: int = 0, unpenalised: int = 0) -> None:
        self.columns, self.targets, self.unpenalised = columns, targets, unpenalised
        self.rows = 0  # seen so far
        self._room = np.empty((columns + targets) * rows)
        self._block: np.ndarray | None = None

    def block(self, rows: int) -> np.ndarray:
        """Return an array (columns + targets, rows) to be filled before anything else is called."""
        self._add()
        size = self.columns + self.targets
        if size * rows > len(self._room):
            self._room = np.empty(size * rows)
        self.rows += rows
        self._block = self._room[: size * rows].reshape(size, rows)
        return self._block

    def _add(self) -> None:
        """Take in the last block."""
        raise NotImplementedError


class GramLeastSquares(OnePass):
    """A least-squares problem that keeps its Gram matrix only; blocks as those of ``LeastSquares``.

    Parameters
    ----------
    columns, targets : int
        Number of unknowns and of right-hand sides.
    rows : int
        Of the largest block to come, if it is known; blocks of about 512 rows are fastest.
    unpenalised : int
        The first so many columns are free of the ridge penalty.
    """

    def __init__(self, columns: int, targets: int, rows: int = 0, unpenalised: int = 0) -> None:
        super().__init__(columns, targets, rows, unpenalised)
        self._gram = np.zeros((columns + targets, columns + targets), order="F")

    def solve(self, regularisation: Regularisation = None) -> LinearSolution:
        """Solve; no more rows may follow.

        Parameters
        ----------
        regularisation : float, "gcv", "auto" or None
            Ridge parameter for columns of unit norm; "gcv" (or "auto") chooses it by cross validation, each target
            its own; None takes the least that rounding errors of the Gram matrix allow.
        """
        self._add()
        return _solve(self._gram, self.columns, self.unpenalised, self.rows, regularisation)

    def _add(self) -> None:
        if self._block is not None and self._block.size:
            blas.dsyrk(1.0, self._block.T, beta=1.0, c=self._gram, trans=1, lower=1, overwrite_c=1)
        self._block = None


class GradientGram:
    """A scalar function from its gradient: Gram matrix of the gradient rows of a hidden layer.

    The product of two features' gradients is the product of their slopes times that of their weights, so that the
    Gram matrix of all d rows of a point is the Hadamard product (W W') o (S S') of slopes S (feature, point): d times
    fewer operations.

    Parameters
    ----------
    layer : HiddenLayer
    extra : int
        Further columns, free of the ridge penalty.

    Examples
    --------
    >>> layer = HiddenLayer(np.eye(2), np.zeros(2), "tanh", np.zeros(2), np.ones(2))
    >>> x = np.array([[0.1, 0.2], [0.3, -0.4], [-0.5, 0.6]])
    >>> problem = GradientGram(layer)
    >>> problem.add(x, (3.0 / np.cosh(x.T) ** 2).reshape(1, -1))  # 3 tanh(x_1) + 3 tanh(x_2)
    >>> problem.solve().coefficients[:, 0].round(6)
    array([3., 3.])
    """

    def __init__(self, layer: HiddenLayer, extra: int = 0) -> None:
        self.layer, self.extra = layer, extra
        self.rows = 0  # seen so far, components times points
        width, others = layer.width, extra + 1
        self._slopes = np.empty(width * tuning.SLOPE_ROWS)
        self._features = np.zeros((width, width), order="F")  # S S'
        self._mixed = np.zeros((width, others), order="F")
        self._others = np.zeros((others, others))

    def add(self, x: np.ndarray, others: np.ndarray) -> None:
        """Add points.

        Parameters
        ----------
        x : ndarray (point, component)
        others : ndarray (extra + 1, component * point)
            The extra columns and the target; rows in the order of ``HiddenLayer.fill_gradients``: those of the first
            component come first. Derivatives are with respect to standardised inputs.
        """
        weights, count = self.layer.weights, len(x)
        components = weights.shape[1]
        parts = others.reshape(len(others), components, count)
        for start in range(0, count, tuning.SLOPE_ROWS):
            stop = min(start + tuning.SLOPE_ROWS, count)
            slopes = self._slopes[: len(weights) * (stop - start)].reshape(len(weights), stop - start)
            self.layer.fill_values(x[start:stop], slopes, order=1)
            blas.dsyrk(1.0, slopes.T, beta=1.0, c=self._features, trans=1, lower=1, overwrite_c=1)
            right = parts[:, :, start:stop].reshape(-1, stop - start)
            products = (slopes @ right.T).reshape(len(weights), len(others), components)
            self._mixed += np.einsum("fok,fk->fo", products, weights)
        self._others += others @ others.T
        self.rows += components * count

    def solve(self, regularisation: Regularisation = None) -> LinearSolution:
        """Coefficients of the extra columns, then of the features; see ``GramLeastSquares.solve``."""
        extra, weights = self.extra, self.layer.weights
        columns = extra + len(weights)
        gram = np.zeros((columns + 1, columns + 1), order="F")
        gram[:extra, :extra] = self._others[:extra, :extra]
        gram[extra:columns, :extra] = self._mixed[:, :extra]
        np.multiply(self._features, weights @ weights.T, out=gram[extra:columns, extra:columns])
        gram[columns:, :extra] = self._others[extra:, :extra]
        gram[columns:, extra:columns] = self._mixed[:, extra:].T
        gram[columns:, columns:] = self._others[extra:, extra:]
        return _solve(gram, columns, extra, self.rows, regularisation)


def _solve(gram: np.ndarray, columns: int, free: int, rows: int, regularisation: Regularisation) -> LinearSolution:
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
    least = _EPSILON * max(columns, 1)
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
    missing = np.sqrt(np.maximum(total - gain, _EPSILON * targets**2))
    dimension = dimension + free
    with np.errstate(divide="ignore"):
        gcv = np.where(rows > dimension, missing * rows / np.maximum(rows - dimension, 0.0) / targets, np.inf)
    return LinearSolution(
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
    condition = float(1.0 / np.sqrt(max(reciprocal, _EPSILON**2)))
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
