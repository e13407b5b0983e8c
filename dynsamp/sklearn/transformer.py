"""Features of a sampled layer, for any estimator that follows."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from dynsamp.networks.network import Hidden
from dynsamp.networks.neurons import Activation, Neurons, Sampler, Width
from dynsamp.networks.sampling import sample_hidden, standardisation
from dynsamp.sklearn.classifier import label_bits
from dynsamp.sklearn.settings import one_thread, seed_of, widths_of
from dynsamp.streams import generator


@dataclass(eq=False, repr=False)  # scikit-learn knows how to show and to copy it
class SampledTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Values of hidden neurons whose weights are drawn from pairs of data points.

    Parameters
    ----------
    width : int or sequence of int, default 100
        Neurons; several layers where it is a sequence, of which the last one's values come out.
    activation : {"tanh", "sin", "gauss", "relu", "softplus"}, default "tanh"
    scale : float, default 1.0
        Slope of a neuron about its centre; 1 is the published one.
    sampler : {"elm", "uniform", "swim", "near"}, optional
        How directions are drawn: "uniform" pairs of points where there is no ``y``, and "swim" where there is, pairs
        over which ``y`` changes much. Default: by whether ``y`` is given; "elm" for "sin".
    published : bool, default False
        Take inputs as they are instead of standardising them to [-1, 1].
    random_state : int, RandomState or None, default None
        An integer gives the same bits at every fit.

    Attributes
    ----------
    hidden_ : Hidden
        The layers.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where the input had string column names.

    Notes
    -----
    ``y`` of floating-point numbers (row,) or (row, output) is a target with values; ``y`` of integers, strings or
    booleans are labels, of which only matters whether they differ.

    With ``published=True`` and its least-squares solution, ``make_pipeline(SampledTransformer(...),
    LinearRegression())`` is the network of Bolager, Burak, Datar, Sun and Dietrich (2023), arXiv:2306.16830.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import RidgeCV
    >>> from sklearn.pipeline import make_pipeline
    >>> x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    >>> y = np.sin(5 * x[:, 0]) * x[:, 1]
    >>> model = make_pipeline(SampledTransformer(200, random_state=0), RidgeCV(np.logspace(-9, 0, 10)))
    >>> bool(model.fit(x[:400], y[:400]).score(x[400:], y[400:]) > 0.99)
    True
    """

    width: Width = 100
    _: KW_ONLY
    activation: Activation = "tanh"
    scale: float = 1.0
    sampler: Sampler | None = None
    published: bool = False
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> SampledTransformer:
        """Draw the weights.

        Parameters
        ----------
        X : array-like (row, input)
        y : array-like (row,) or (row, output), optional
            For the density of pairs.
        """
        x = validate_data(self, X, dtype=[np.float64, np.float32]).astype(float)
        target = None
        if y is not None and self.sampler not in ("elm", "uniform"):
            target = density_target(y)
            check_consistent_length(x, target)
        centre, half_width = standardisation(x)
        if self.published:
            centre, half_width = np.zeros_like(centre), np.ones_like(half_width)
        sampler = self.sampler or ("swim" if target is not None and self.activation != "sin" else None)
        with one_thread():
            neurons = Neurons(widths_of(self.width), self.activation, float(self.scale), sampler)
            rng = generator(seed_of(self.random_state), "weights")
            hidden = sample_hidden(x, neurons, rng=rng, target=target, centre=centre, half_width=half_width)
        self.hidden_: Hidden = hidden
        self._n_features_out = self.hidden_.width
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Features (row, neuron) of ``X`` (row, input), in its floating-point type."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        out = np.empty((self.hidden_.width, len(x)), x.dtype)
        with one_thread():
            self.hidden_.fill_values(x, out)
        return out.T

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def density_target(y: ArrayLike) -> np.ndarray:
    """Target (row, output) of the density: values as they are, labels as bits."""
    y = np.asarray(y)
    if y.dtype.kind == "f":
        return np.asarray(check_array(y, ensure_2d=False, dtype=float)).reshape(len(y), -1)
    if y.ndim == 2 and y.shape[1] > 1:  # several columns of labels, or multilabel
        return np.concatenate([density_target(column) for column in y.T], axis=1)
    return label_bits(np.unique(y.ravel(), return_inverse=True)[1])
