"""Classification by sampled networks: ridge regression of one-hot labels, judged by the rows it leaves out.

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
from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from dynsamp.networks.network import Hidden
from dynsamp.networks.neurons import Activation, Neurons, Sampler, Width
from dynsamp.networks.ridge import gcv_score
from dynsamp.networks.sampling import sample_hidden, standardisation
from dynsamp.sklearn.settings import one_thread, seed_of, widths_of
from dynsamp.streams import generator

MOST = 2000  # neurons by default
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


@dataclass(eq=False, repr=False)  # scikit-learn knows how to show and to copy it
class SampledClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Network with sampled hidden layers, its last layer fitted to one-hot labels by ridge regression.

    Parameters
    ----------
    width : int, sequence of int or None, default None
        Neurons; of each layer where it is a sequence. None takes sqrt(rows) log(rows), which is enough for the best
        rate that ridge regression reaches (Rudi and Rosasco 2017, arXiv:1602.04474), at most 2000.
    activation : {"tanh", "sin", "gauss", "relu", "softplus"}, default "tanh"
    scale : float, default 1.0
        Slope of a neuron about its centre; 1 is the published one.
    sampler : {"swim", "uniform", "elm", "near"}, default "swim"
        Pairs of points that give the neurons their directions: "swim" takes points of different classes, the closer
        the likelier (Bolager, Burak, Datar, Sun and Dietrich 2023, arXiv:2306.16830).
    regularisation : float or None, default None
        Ridge parameter for features of unit norm; None chooses it by generalised cross validation.
    random_state : int, RandomState or None, default None
        An integer gives the same bits at every fit.

    Attributes
    ----------
    classes_ : ndarray (class,)
    hidden_ : Hidden
        The layers.
    coef_ : ndarray (class, neuron)
    intercept_ : ndarray (class,)
    regularisation_ : float
        What was chosen.
    sharpness_ : float
        Of the probabilities, softmax(sharpness scores).
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where the input had string column names.

    Notes
    -----
    Inputs are standardised to [-1, 1] inside. Scores estimate probabilities but may leave [0, 1]; ``predict_proba`` is
    their softmax, sharpened so that the likelihood of the scores which each row gets from a fit to all others is
    largest: temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, arXiv:1706.04599) with targets smoothed as by
    Platt (1999), on leave-one-out scores (in closed form) in place of a held-out set. It changes no prediction.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> x, y = make_moons(300, noise=0.1, random_state=0)
    >>> model = SampledClassifier(random_state=0).fit(x[:200], y[:200])
    >>> bool(model.score(x[200:], y[200:]) > 0.95)
    True
    """

    width: Width | None = None
    _: KW_ONLY
    activation: Activation = "tanh"
    scale: float = 1.0
    sampler: Sampler = "swim"
    regularisation: float | None = None
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: ArrayLike, y: ArrayLike) -> SampledClassifier:
        """Fit to rows ``X`` (row, input) with labels ``y`` (row,)."""
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, index = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}; a classifier needs rows of at least two")
        enough = min(MOST, int(np.ceil(np.sqrt(len(x)) * np.log(len(x)))))
        widths = widths_of(enough if self.width is None else self.width)
        centre, half_width = standardisation(x)
        with one_thread():
            neurons = Neurons(widths, self.activation, float(self.scale), self.sampler)
            rng, target = generator(seed_of(self.random_state), "weights"), label_bits(index)
            hidden = sample_hidden(x, neurons, rng=rng, target=target, centre=centre, half_width=half_width)
            ones = np.asarray(index[:, None] == np.arange(len(self.classes_)), float)
            scores = fit_scores(hidden, x, ones, self.regularisation)
            self.sharpness_ = sharpness_of(scores.left_out, index[scores.sample], ones.sum(axis=0))
        self.hidden_: Hidden = hidden
        self.coef_, self.intercept_ = scores.coefficients.T, scores.offset
        self.regularisation_ = scores.regularisation
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Scores (row, class); for two classes (row,), that of the second minus that of the first."""
        scores = self._scores(X)
        return scores if len(self.classes_) > 2 else np.asarray(scores[:, 1] - scores[:, 0])

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Class (row,) of the largest score."""
        best = np.argmax(self._scores(X), axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities (row, class)."""
        scores = self._scores(X)
        return np.asarray(softmax(self.sharpness_ * scores, axis=1))

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:
        """Logarithms of the probabilities (row, class)."""
        scores = self._scores(X)
        return np.asarray(log_softmax(self.sharpness_ * scores, axis=1))

    def _scores(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        result = np.empty((len(x), len(self.classes_)))
        with one_thread():
            for start in range(0, len(x), ROWS):
                rows = slice(start, start + ROWS)
                result[rows] = self.hidden_.values(x[rows]) @ self.coef_.T + self.intercept_
        return result
