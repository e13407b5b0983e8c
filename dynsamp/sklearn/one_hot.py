"""Ridge regression of one-hot labels, judged by the rows it leaves out.

Scores are the best linear combinations of features to columns that are 1 in their class and 0 elsewhere: estimates of
the class probabilities (Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 4.2). One
eigendecomposition serves every ridge parameter, chosen by generalised cross validation, and the score that each row
would get from a fit to all the others, in closed form (Allen 1974): with the hat matrix H of the fit,

    left_out = y - (y - scores) / (1 - diag H).

Probabilities are softmax(sharpness scores). The sharpness (inverse temperature) maximises the likelihood of the
left-out scores: temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599) without a held-out set.
Rows of a class of n are aimed at with (n + 1) / (n + 2), not 1, the rest shared by the other classes, as Platt (1999,
Probabilistic outputs for support vector machines) does for two, so that separable data do not promise certainty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.special import log_softmax, softmax

from dynsamp.networks.deep import Hidden
from dynsamp.networks.least_squares import SMOOTHNESS

__all__ = ["Scores", "fit_scores", "label_bits", "sharpness_of"]

ROWS = 4096  # of features at once
KEPT = 1 << 23  # features that are kept rather than computed twice: 64 megabytes
GRID = np.logspace(-12, 1, 53)  # ridge parameters, relative to the largest eigenvalue
CONSTANT = 1e-12  # relative norm below which a feature is one


@dataclass(frozen=True)
class Scores:
    """Scores offset + features coefficients."""

    coefficients: np.ndarray  # (feature, class)
    offset: np.ndarray  # (class,)
    left_out: np.ndarray  # (row, class)
    error: float  # cross-validated squared error over the variance of the labels
    regularisation: float  # for columns of unit norm


def label_bits(index: np.ndarray) -> np.ndarray:
    """Columns (row, bit) of zeros and ones whose largest difference is 1 where labels differ.

    One-hot columns would do as well (the published density), but take as many columns as there are classes.
    """
    bits = max(1, int(np.max(index, initial=0)).bit_length())
    return np.asarray((index[:, None] >> np.arange(bits)) & 1, float)


def fit_scores(hidden: Hidden, x: np.ndarray, y: np.ndarray, regularisation: float | None = None) -> Scores:
    """Fit one-hot labels.

    Parameters
    ----------
    hidden : Hidden
    x : ndarray (row, input)
    y : ndarray (row, class)
        Zeros and ones.
    regularisation : float, optional
        Ridge parameter for columns of unit norm; None chooses it.
    """
    rows, width = len(x), hidden.width
    if rows <= width:
        return _dual(hidden, x, y, regularisation)
    middle = y.mean(axis=0)
    centred = y - middle
    source = _Features(hidden, x)
    mean, norms, gram, moments = _gram(source, centred)
    values, vectors = eigh(gram, check_finite=False, overwrite_a=True)
    values = np.maximum(values, 0.0)
    moments = vectors.T @ moments
    ridge, error = _choose(values, moments**2, float(np.sum(centred**2)), rows, regularisation)
    inner = moments / (values + ridge)[:, None]
    directions = vectors / norms[:, None]
    coefficients = directions @ inner
    left_out = np.empty(y.shape)
    for block, features in source.blocks():
        coordinates = (features - mean) @ directions  # (row, eigenvector)
        leverage = 1.0 / rows + coordinates**2 @ (1.0 / (values + ridge))
        left_out[block] = _without(y[block], middle + coordinates @ inner, leverage)
    return Scores(coefficients, middle - (source.shift + mean) @ coefficients, left_out, error, ridge)


def _dual(hidden: Hidden, x: np.ndarray, y: np.ndarray, regularisation: float | None) -> Scores:
    """Fewer rows than features: the same through the matrix of inner products of rows."""
    rows, middle = len(x), y.mean(axis=0)
    centred = y - middle
    features = hidden.values(x)
    shift = features.mean(axis=0)
    features -= shift
    norms = _norms(np.einsum("ij,ij->j", features, features), rows)
    features /= norms
    values, vectors = eigh(features @ features.T, check_finite=False, overwrite_a=True)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ centred
    squares = projected**2 * values[:, None]
    ridge, error = _choose(values, squares, float(np.sum(centred**2)), rows, regularisation)
    leverage = 1.0 / rows + np.sum(vectors**2 * (values / (values + ridge)), axis=1)
    scores = middle + vectors @ (projected * (values / (values + ridge))[:, None])
    coefficients = features.T @ (vectors @ (projected / (values + ridge)[:, None])) / norms[:, None]
    return Scores(coefficients, middle - shift @ coefficients, _without(y, scores, leverage), error, ridge)


def sharpness_of(left_out: np.ndarray, index: np.ndarray) -> float:
    """Inverse temperature of the left-out scores (row, class) of labels ``index`` (row,)."""
    rows, classes = left_out.shape
    counts = np.bincount(index, minlength=classes)
    other = 1.0 / ((counts[index] + 2.0) * (classes - 1))
    aims = np.repeat(other[:, None], classes, axis=1)
    aims[np.arange(rows), index] = 1.0 - (classes - 1) * other
    wanted = float(np.sum(aims * left_out))

    def slope(sharpness: float) -> float:  # of the log-likelihood, which is concave
        return wanted - float(np.sum(softmax(sharpness * left_out, axis=1) * left_out))

    low, high = 1e-3, 1e3
    if slope(low) <= 0.0:  # scores that say nothing
        return low
    if slope(high) >= 0.0:
        return high
    for _ in range(40):  # bisection of the logarithm
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if slope(middle) > 0.0 else (low, middle)
        if high < 1.001 * low:
            break
    return float(np.sqrt(low * high))


def log_probabilities(scores: np.ndarray, sharpness: float) -> np.ndarray:
    """Logarithms of class probabilities (row, class)."""
    return np.asarray(log_softmax(sharpness * scores, axis=1))


class _Features:
    """Features of all rows, less their mean over the first block, in blocks; kept where there is room."""

    def __init__(self, hidden: Hidden, x: np.ndarray) -> None:
        self.hidden, self.x = hidden, x
        first = hidden.values(x[:ROWS])
        self.shift = first.mean(axis=0)
        first -= self.shift
        self._kept = [first]
        self._keep_all = len(x) * hidden.width <= KEPT

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows and their features (row, feature)."""
        for k, start in enumerate(range(0, len(self.x), ROWS)):
            rows = slice(start, start + ROWS)
            if k < len(self._kept):
                yield rows, self._kept[k]
                continue
            features = self.hidden.values(self.x[rows])
            features -= self.shift
            if self._keep_all:
                self._kept.append(features)
            yield rows, features


def _norms(squares: np.ndarray, rows: int) -> np.ndarray:
    norms = np.sqrt(np.maximum(squares, 0.0))
    return np.where(norms > CONSTANT * np.sqrt(rows), norms, np.inf)  # a constant feature gets no weight


def _gram(source: _Features, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean and norms of the features, Gram matrix and moments of the centred features of unit norm."""
    rows, width = len(y), source.hidden.width
    gram, moments, total = np.zeros((width, width)), np.zeros((width, y.shape[1])), np.zeros(width)
    for block, features in source.blocks():
        gram += features.T @ features
        moments += features.T @ y[block]
        total += features.sum(axis=0)
    gram -= np.outer(total, total / rows)  # small: the mean of the first block is gone already
    norms = _norms(np.diag(gram), rows)
    gram /= norms
    gram /= norms[:, None]
    return total / rows, norms, gram, moments / norms[:, None]


def _choose(
    values: np.ndarray, squares: np.ndarray, total: float, rows: int, given: float | None
) -> tuple[float, float]:
    """Ridge parameter and relative cross-validated error; ``squares`` of the moments (eigenvector, class)."""
    top = float(values[-1]) or 1.0
    ridges = top * GRID if given is None else np.array([max(float(given), top * 1e-15)])
    sums = values + ridges[:, None]
    gain = (2.0 / sums - values / sums**2) @ squares.sum(axis=1)
    freedom = rows - 1.0 - SMOOTHNESS * np.sum(values / sums, axis=1)
    missing = np.maximum(total - gain, 0.0) * rows
    score = np.where(freedom > 0.0, missing / np.maximum(freedom, 1e-100) ** 2, np.inf)
    best = int(np.argmin(score))
    return float(ridges[best]), float(score[best] * rows / total) if total else 0.0


def _without(y: np.ndarray, scores: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Scores that rows would get without themselves."""
    return np.asarray(y - (y - scores) / np.maximum(1.0 - leverage, 1e-6)[:, None])
