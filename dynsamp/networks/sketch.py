"""Least squares on a random sketch of the rows: one pass over any number of them in the memory of a few per column.

Every row is added, with random signs, to two rows of a matrix of three rows a column. With high probability that
preserves the length of every combination of columns to within a modest factor, so that the solution of the short
problem has a residual close to the least: Clarkson and Woodruff (2013), Low rank approximation and regression in input
sparsity time, STOC; Cohen (2016), Nearly tight oblivious subspace embeddings by trace inequalities, SODA, for several
nonzeros a row. Orthogonalisation of the sketch keeps all digits of clean data.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from dynsamp.kernels.features import sketch as driver
from dynsamp.kernels.jit import specialise
from dynsamp.networks import tuning
from dynsamp.networks.least_squares import LeastSquares, LinearSolution, Regularisation
from dynsamp.networks.normal_equations import OnePass


class SketchedLeastSquares(OnePass):
    """A least-squares problem that keeps a sketch of its rows; blocks as those of ``LeastSquares``.

    Parameters
    ----------
    columns, targets : int
        Number of unknowns and of right-hand sides.
    rows_kept : int, optional
        Rows of the sketch, by default four a column. Problems of no more rows are solved as they are.
    unpenalised : int
        The first so many columns are free of the ridge penalty.
    seed : int
        The sketch is a function of it and of the numbers of the rows, whatever blocks they arrive in.
    """

    def __init__(
        self, columns: int, targets: int, rows_kept: int | None = None, unpenalised: int = 0, seed: int = 0
    ) -> None:
        super().__init__(columns, targets, unpenalised=unpenalised)
        kept = tuning.SKETCH_ROWS_A_COLUMN * columns if rows_kept is None else rows_kept
        if not kept > columns and columns:
            raise ValueError(f"rows_kept must exceed the {columns} columns, got {kept}; four a column are usual")
        self._sketch = np.zeros((columns + targets, max(kept, 1)))
        self._key = np.array([seed % 2**64], dtype=np.uint64)

    def solve(
        self, regularisation: Regularisation = None, *, tikhonov: float = tuning.TIKHONOV, cutoff: float | None = None
    ) -> LinearSolution:
        """Solve; see ``LeastSquares.solve``. Residual and cross-validated error are those of the sketch."""
        self._add()
        kept = min(self.rows, self._sketch.shape[1])
        problem = LeastSquares(self.columns, self.targets, kept, self.unpenalised)
        problem.block(kept)[:] = self._sketch[:, :kept]
        solution = problem.solve(regularisation, tikhonov=tikhonov, cutoff=cutoff)
        return replace(solution, rows=self.rows, rms=solution.rms * np.sqrt(kept / max(self.rows, 1)))

    def _add(self) -> None:
        if self._block is None or not self._block.size:
            return
        count = self._block.shape[1]
        places, signs = np.empty((2, count), dtype=np.int64), np.empty((2, count))
        kept = self._sketch.shape[1]
        _kernel()(self._key, self.rows - count, self._block, kept, places, signs, self._sketch)
        self._block = None


@cache
def _kernel() -> Any:
    matrix = np.empty((1, 1))
    places = np.empty((1, 1), dtype=np.int64)
    return specialise(driver.run, (), {}, (np.empty(1, dtype=np.uint64), 0, matrix, 1, places, matrix, matrix))
