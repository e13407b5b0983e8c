"""Collocation methods in the form that rounding and Newton's method like best; no method itself.

A method with nodes c, weights b and matrix A is written with MU[i, j] = A[i, j] / b[j]. Gauss methods are symplectic if
MU[i, j] + MU[j, i] = 1, which holds to the last bit here: Antonana, Makazaga, Murua (2017), Numer. Algorithms 76, 861.
The inverse of A is similar to a matrix of numbers and of blocks ((u, -v), (v, u)) on the diagonal:
Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.8.
"""

from __future__ import annotations

import numpy as np

__all__ = ["blocks", "symplectic"]


def symplectic(*above_half: tuple[float, ...]) -> np.ndarray:
    """MU (stage, stage) of a Gauss method from its rows below the diagonal."""
    mu = np.full((len(above_half) + 1,) * 2, 0.5)
    for i, row in enumerate(above_half, 1):
        for j, value in enumerate(row):
            mu[i, j], mu[j, i] = value, 1.0 - value  # the difference is exact
    return mu


def blocks(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inverse of A (stage, stage) = T Lambda T^-1 as (reals u, pairs (u, v), T, T^-1, A^-1).

    Columns of T: those of the real eigenvalues, then two for each pair u +- i v, v > 0.
    """
    inverse = np.linalg.inv(a)
    values, vectors = np.linalg.eig(inverse)
    order = np.lexsort((values.imag, values.real))
    reals = [k for k in order if abs(values[k].imag) < 1e-8]
    upper = [k for k in order if values[k].imag >= 1e-8]
    columns = [vectors[:, k].real for k in reals]
    for k in upper:
        columns += [vectors[:, k].real, -vectors[:, k].imag]
    basis = np.ascontiguousarray(np.array(columns, dtype=float).T)
    pairs = np.array([(values[k].real, values[k].imag) for k in upper], dtype=float).reshape(-1, 2)
    return values[reals].real.copy(), pairs, basis, np.linalg.inv(basis), inverse
