"""Regression by sampled networks."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from dynsamp.models.sampled_network import SampledNetwork, SampledNetworkModel
from dynsamp.networks.neurons import Activation, Sampler, Width
from dynsamp.sklearn.settings import one_thread, seed_of, widths_of


@dataclass(eq=False, repr=False)  # scikit-learn knows how to show and to copy it
class SampledRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """``dynsamp.SampledNetwork`` as a regressor: hidden layers drawn from the data, one linear solve.

    What is left at None is chosen from the data, at a fraction of the cost of the fit.

    Parameters
    ----------
    width : int, sequence of int or None, default None
        Neurons; of each layer where it is a sequence.
    activation : {"tanh", "sin", "gauss", "relu", "softplus"} or None, default None
    scale : float or None, default None
        Slope of the neurons on standardised inputs; 1 is the published construction.
    sampler : {"elm", "uniform", "swim", "near"} or None, default None
        Normal weights; pairs of points, uniform or where the target changes most; near pairs where it changes most.
    regularisation : float or None, default None
        Ridge parameter for columns of unit norm; 0 is plain least squares.
    dtype : {"float64", "float32"}, default "float64"
        Precision of the features during the fit.
    published : bool, default False
        The published method to the letter.
    tolerance : float or None, default None
        Relative error that is good enough: more neurons are not tried.
    memory : int or None, default None
        Bound on the peak of a fit in bytes.
    random_state : int, RandomState or None, default None
        An integer gives the same bits at every fit.

    Attributes
    ----------
    model_ : SampledNetworkModel
        With ``jacobian(x)`` and ``hessian(x)``, exact through all layers, and ``summary()``.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where the input had string column names.

    References
    ----------
    Bolager, Burak, Datar, Sun and Dietrich (2023), Sampling weights of deep neural networks, arXiv:2306.16830.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).uniform(-1, 1, (500, 2))
    >>> y = np.sin(5 * x[:, 0]) * x[:, 1]
    >>> model = SampledRegressor(random_state=0).fit(x, y)
    >>> slope = model.model_.jacobian(np.array([0.3, 0.5]))[0, 0]  # 2.5 cos(1.5)
    >>> bool(abs(slope - 2.5 * np.cos(1.5)) < 1e-6)
    True
    """

    width: Width | None = None
    _: KW_ONLY
    activation: Activation | None = None
    scale: float | None = None
    sampler: Sampler | None = None
    regularisation: float | None = None
    dtype: Literal["float64", "float32"] = "float64"
    published: bool = False
    tolerance: float | None = None
    memory: int | None = None
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: ArrayLike, y: ArrayLike) -> SampledRegressor:
        """Fit to rows ``X`` (row, input) with targets ``y`` (row,) or (row, output)."""
        x, target = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        target = np.asarray(target, float)
        self._flat = target.ndim == 1
        width = self.width
        if width is not None and not (np.isscalar(width) and width == 0):
            widths = widths_of(width)
            width = widths[0] if len(widths) == 1 else widths
        knobs = {**self.get_params(deep=False), "width": width}
        memory, seed = knobs.pop("memory"), seed_of(knobs.pop("random_state"))
        with one_thread():
            self.model_: SampledNetworkModel = SampledNetwork(**knobs).fit(x, target, seed=seed, memory=memory)
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Targets (row,) or (row, output), as ``y`` was, of ``X`` (row, input)."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        with one_thread():
            values = self.model_.values(x)
        return values[:, 0] if self._flat else values
