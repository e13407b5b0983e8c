"""Least squares through the normal equations, for targets that no network of this width fits to many digits.

They cost half of an orthogonalisation and run at the full rate of the machine, but square the condition number: of a
relative residual below 1e-7 nothing is seen. That is enough for noisy data and hard targets; clean data belong to
``LeastSquares``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.linalg import blas

from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.normal_equations import solve_normal_equations
from dynsamp.networks.solution import Solution

__all__ = ["GradientGram", "GramLeastSquares"]

ROWS = 1024  # of a block: a panel of a thousand columns stays in the last cache


class GramLeastSquares:
    """A least-squares problem that keeps its Gram matrix only; blocks as those of ``LeastSquares``.

    Parameters
    ----------
    columns, targets : int
        Number of unknowns and of right-hand sides.
    rows : int
        Of the largest block to come; blocks of about 1024 rows are fastest.
    unpenalised : int
        The first so many columns are free of the ridge penalty.
    """

    def __init__(self, columns: int, targets: int, rows: int = ROWS, unpenalised: int = 0) -> None:
        self.columns, self.targets, self.unpenalised = columns, targets, unpenalised
        self.rows = 0  # seen so far
        size = columns + targets
        self._gram = np.zeros((size, size), order="F")
        self._room = np.empty(size * rows)
        self._block: np.ndarray | None = None

    def block(self, rows: int) -> np.ndarray:
        """Return an array (columns + targets, rows) to be filled before anything else is called."""
        self._add()
        size = len(self._gram)
        if size * rows > len(self._room):
            self._room = np.empty(size * rows)
        self.rows += rows
        self._block = self._room[: size * rows].reshape(size, rows)
        return self._block

    def solve(self, regularisation: float | Literal["gcv", "auto"] | None = None) -> Solution:
        """Solve; no more rows may follow.

        Parameters
        ----------
        regularisation : float, "gcv", "auto" or None
            Ridge parameter for columns of unit norm; "gcv" (or "auto") chooses it by cross validation, each target
            its own; None takes the least that rounding errors of the Gram matrix allow.
        """
        self._add()
        return solve_normal_equations(self._gram, self.columns, self.unpenalised, self.rows, regularisation)

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
    targets : int

    Examples
    --------
    >>> layer = HiddenLayer(np.eye(2), np.zeros(2), "tanh", np.zeros(2), np.ones(2))
    >>> x = np.array([[0.1, 0.2], [0.3, -0.4], [-0.5, 0.6]])
    >>> problem = GradientGram(layer)
    >>> problem.add(x, (3.0 / np.cosh(x.T) ** 2).reshape(1, -1))  # 3 tanh(x_1) + 3 tanh(x_2)
    >>> problem.solve().coefficients[:, 0].round(6)
    array([3., 3.])
    """

    def __init__(self, layer: HiddenLayer, extra: int = 0, targets: int = 1) -> None:
        self.layer, self.extra, self.targets = layer, extra, targets
        self.rows = 0  # seen so far, components times points
        width, others = layer.width, extra + targets
        self._slopes = np.empty(width * ROWS)
        self._features = np.zeros((width, width), order="F")  # S S'
        self._mixed = np.zeros((width, others), order="F")
        self._others = np.zeros((others, others))

    def add(self, x: np.ndarray, others: np.ndarray) -> None:
        """Add points.

        Parameters
        ----------
        x : ndarray (point, component)
        others : ndarray (extra + targets, component * point)
            The extra columns and the targets; rows in the order of ``HiddenLayer.fill_gradients``: those of the first
            component come first. Derivatives are with respect to standardised inputs.
        """
        weights, count = self.layer.weights, len(x)
        components = weights.shape[1]
        parts = others.reshape(len(others), components, count)
        for start in range(0, count, ROWS):
            stop = min(start + ROWS, count)
            slopes = self._slopes[: len(weights) * (stop - start)].reshape(len(weights), stop - start)
            self.layer.fill_values(x[start:stop], slopes, order=1)
            blas.dsyrk(1.0, slopes.T, beta=1.0, c=self._features, trans=1, lower=1, overwrite_c=1)
            right = parts[:, :, start:stop].reshape(-1, stop - start)
            products = (slopes @ right.T).reshape(len(weights), len(others), components)
            self._mixed += np.einsum("fok,fk->fo", products, weights)
        self._others += others @ others.T
        self.rows += components * count

    def solve(self, regularisation: float | Literal["gcv", "auto"] | None = None) -> Solution:
        """Coefficients of the extra columns, then of the features; see ``GramLeastSquares.solve``."""
        extra, weights = self.extra, self.layer.weights
        columns = extra + len(weights)
        gram = np.zeros((columns + self.targets, columns + self.targets), order="F")
        gram[:extra, :extra] = self._others[:extra, :extra]
        gram[extra:columns, :extra] = self._mixed[:, :extra]
        np.multiply(self._features, weights @ weights.T, out=gram[extra:columns, extra:columns])
        gram[columns:, :extra] = self._others[extra:, :extra]
        gram[columns:, extra:columns] = self._mixed[:, extra:].T
        gram[columns:, columns:] = self._others[extra:, extra:]
        return solve_normal_equations(gram, columns, extra, self.rows, regularisation)
