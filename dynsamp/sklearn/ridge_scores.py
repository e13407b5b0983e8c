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

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import brentq

from dynsamp.networks.network import Hidden
from dynsamp.networks.ridge import gcv_score

ROWS = 4096  # of features at once
GRID = np.logspace(-12, 1, 53)  # ridge parameters, relative to the largest eigenvalue
SAMPLE = 500  # rows left out in turn
SHARPNESS = (1e-3, 1e3)  # at least and at most
CONSTANT = 1e-12  # relative norm below which a feature is one


@dataclass(frozen=True)
class Scores:
    """Scores offset + features coefficients."""

    coefficients: np.ndarray  # (feature, class)
    offset: np.ndarray  # (class,)
    left_out: np.ndarray  # (sample, class) scores of some rows from a fit to all the others
    sample: np.ndarray  # (sample,) numbers of these rows
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
    ridge = _choose(values, moments**2, float(np.sum(centred**2)), rows, regularisation)
    inner = moments / (values + ridge)[:, None]
    directions = vectors / norms[:, None]
    coefficients = directions @ inner
    offset = middle - (source.shift + mean) @ coefficients
    some = _some(rows)
    features = source.of(some) - mean
    scores = middle + features @ coefficients
    features = features @ (directions / np.sqrt(values + ridge))
    leverage = 1.0 / rows + np.einsum("ij,ij->i", features, features)
    return Scores(coefficients, offset, _without(y[some], scores, leverage), some, ridge)


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
    ridge = _choose(values, squares, float(np.sum(centred**2)), rows, regularisation)
    leverage = 1.0 / rows + np.sum(vectors**2 * (values / (values + ridge)), axis=1)
    scores = middle + vectors @ (projected * (values / (values + ridge))[:, None])
    coefficients = features.T @ (vectors @ (projected / (values + ridge)[:, None])) / norms[:, None]
    some = _some(rows)
    left_out = _without(y[some], scores[some], leverage[some])
    return Scores(coefficients, middle - shift @ coefficients, left_out, some, ridge)


def _some(rows: int) -> np.ndarray:
    """Numbers of at most ``SAMPLE`` rows, evenly spread: enough for the one number that is taken from them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(int))


def sharpness_of(left_out: np.ndarray, index: np.ndarray, counts: np.ndarray) -> float:
    """Inverse temperature of scores (row, class), given labels (row,) and how often each came in all data (class,)."""
    rows, classes = left_out.shape
    other = 1.0 / ((counts[index] + 2.0) * (classes - 1))
    aims = np.repeat(other[:, None], classes, axis=1)
    aims[np.arange(rows), index] = 1.0 - (classes - 1) * other
    below = left_out - left_out.max(axis=1, keepdims=True)  # softmax does not feel it, and cannot overflow
    wanted = float(np.sum(aims * below))

    def slope(logarithm: float) -> float:  # of the log-likelihood, which is concave
        weights = np.exp(np.exp(logarithm) * below)
        weights /= weights.sum(axis=1, keepdims=True)
        return wanted - float(np.sum(weights * below))

    low, high = np.log(SHARPNESS)
    if slope(low) <= 0.0:  # scores that say nothing
        return SHARPNESS[0]
    if slope(high) >= 0.0:
        return SHARPNESS[1]
    return float(np.exp(brentq(slope, low, high, xtol=1e-4)))


class _Features:
    """Features of all rows, less their mean over the first block."""

    def __init__(self, hidden: Hidden, x: np.ndarray) -> None:
        self.hidden, self.x = hidden, x
        self._first = hidden.values(x[:ROWS])
        self.shift = self._first.mean(axis=0)
        self._first -= self.shift

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows and their features (row, feature)."""
        yield slice(0, ROWS), self._first
        for start in range(ROWS, len(self.x), ROWS):
            rows = slice(start, start + ROWS)
            yield rows, self.hidden.values(self.x[rows]) - self.shift

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Features (row, feature) of these rows."""
        if len(self.x) <= ROWS:
            return np.asarray(self._first[rows])
        return np.asarray(self.hidden.values(self.x[rows]) - self.shift)


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


def _choose(values: np.ndarray, squares: np.ndarray, total: float, rows: int, given: float | None) -> float:
    """Ridge parameter; ``squares`` of the moments (eigenvector, class)."""
    top = float(values[-1]) or 1.0
    if given is not None:
        return max(float(given), top * 1e-15)
    ridges = top * GRID
    sums = values + ridges[:, None]
    gain = (2.0 / sums - values / sums**2) @ squares.sum(axis=1)
    score = gcv_score(total - gain, rows - 1.0, np.sum(values / sums, axis=1))
    return float(ridges[np.argmin(score)])


def _without(y: np.ndarray, scores: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Scores that rows would get without themselves."""
    return np.asarray(y - (y - scores) / np.maximum(1.0 - leverage, 1e-6)[:, None])
