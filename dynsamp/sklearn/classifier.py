"""Classification by sampled networks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from dynsamp.networks.network import Hidden
from dynsamp.networks.neurons import Activation, Neurons, Sampler, Width
from dynsamp.networks.sampling import sample_hidden, standardisation
from dynsamp.sklearn.ridge_scores import fit_scores, label_bits, sharpness_of
from dynsamp.sklearn.settings import one_thread, seed_of, widths_of
from dynsamp.streams import generator

MOST = 2000  # neurons by default
ROWS = 4096  # of features at once


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
