"""Ridge regression for all penalties at once, the penalty by generalised cross validation.

The Gram matrix is made tridiagonal once; every penalty after that costs O(n) operations a target. No eigenvectors are
needed, which saves most of the time of an eigenvalue decomposition: Elden (1977), Algorithms for the regularization
of ill-conditioned least squares problems, BIT 17. Cross validation: Golub, Heath and Wahba (1979), Technometrics 21;
the dimension of the fit counts 1.4 times against under-smoothing: Kim and Gu (2004), J. R. Stat. Soc. B 66.
"""

import numpy as np
from scipy.linalg import lapack

from dynsamp.networks import tuning


def gcv_score(missing: float | np.ndarray, rows: float, dimension: float | np.ndarray) -> np.ndarray:
    """Score of generalised cross validation, the less the better: infinite where no freedom is left.

    Parameters
    ----------
    missing : float or ndarray
        Squared residual; rounding errors below zero count as zero.
    rows : float
        Equations that are left for what is penalised.
    dimension : float or ndarray
        Trace of the matrix that maps targets to fitted values.
    """
    freedom = rows - tuning.SMOOTHNESS * np.asarray(dimension)
    return np.where(freedom > 0.0, np.maximum(missing, 0.0) / np.maximum(freedom, 1e-100) ** 2, np.inf)


class RidgePath:
    """Solutions of (gram + ridge) c = moments.

    Parameters
    ----------
    gram : ndarray (column, column)
        Symmetric, positive semi-definite but for rounding errors; only the lower triangle is read, and destroyed
        where the array is in Fortran order.
    moments : ndarray (column, target)
        A'y of each target.
    """

    def __init__(self, gram: np.ndarray, moments: np.ndarray) -> None:
        self._diagonal, self._beside = np.diag(gram).copy(), np.empty(0)
        values = self._diagonal
        if len(gram) > 1:  # LAPACK's wrapper does not take less
            work, _ = lapack.dsytrd_lwork(len(gram), lower=1)
            self._reflectors, self._diagonal, self._beside, self._tau, _ = lapack.dsytrd(
                gram, lower=1, lwork=int(work), overwrite_a=1
            )
            values, _ = lapack.dsterf(self._diagonal, self._beside)
        self._moments = self._turn(moments, "T")
        self.values = np.maximum(values, 0.0)  # eigenvalues, ascending

    def coefficients(self, ridge: float, target: int) -> np.ndarray:
        """Coefficients (column,) of one target."""
        return self._turn(self._solve(ridge, target)[:, None], "N")[:, 0]

    def gain(self, ridge: float, target: int) -> float:
        """|y|^2 less the squared residual, NaN where rounding errors leave no solution."""
        solution = self._solve(ridge, target)
        return float(solution @ self._moments[:, target] + ridge * (solution @ solution))

    def dimension(self, ridge: float) -> float:
        """Trace of the matrix that maps targets to fitted values."""
        return float(np.sum(self.values / (self.values + ridge)))

    def choose(self, target: int, total: float, rows: int, free: int = 0) -> float:
        """Ridge parameter of least GCV score; 0 where none beats plain least squares.

        Parameters
        ----------
        target : int
        total : float
            |y|^2.
        rows : int
            Equations.
        free : int
            Coefficients that were eliminated before.
        """

        def score(logarithm: float) -> float:
            ridge = float(np.exp(logarithm))
            missing = total - self.gain(ridge, target)
            return float(gcv_score(missing, rows - free, self.dimension(ridge))) if np.isfinite(missing) else np.inf

        least, largest = np.log(tuning.LEAST_RIDGE), np.log(tuning.LARGEST_RIDGE)
        grid = np.log(max(self.values[-1], 1e-300)) + np.linspace(least, largest, tuning.RIDGES)
        for _ in range(3):  # zoom in
            scores = [score(value) for value in grid]
            best = int(np.argmin(scores))
            if not np.isfinite(scores[best]):
                return float(np.exp(grid[-1]))
            if best == 0 and len(grid) == tuning.RIDGES and rows > free + len(self.values):
                return 0.0  # the data ask for no penalty
            step = grid[1] - grid[0]
            grid = grid[best] + np.linspace(-step, step, 9)
        return float(np.exp(grid[4]))

    def _solve(self, ridge: float, target: int) -> np.ndarray:
        if len(self._diagonal) == 1:
            result: np.ndarray = self._moments[:, target] / (self._diagonal + ridge)
            return result
        *_, result, failed = lapack.dptsv(self._diagonal + ridge, self._beside, self._moments[:, target])
        return np.full_like(result, np.nan) if failed else result

    def _turn(self, vectors: np.ndarray, way: str) -> np.ndarray:
        """Q'v ("T") or Q v ("N") of the matrix that makes the Gram matrix tridiagonal."""
        result = np.array(vectors, order="F")
        if len(result) > 1:
            reflectors = self._reflectors[1:, :-1]
            room = max(1, 64 * result.shape[1])
            result[1:] = lapack.dormqr("L", way, reflectors, self._tau, result[1:], room)[0]
        return result
