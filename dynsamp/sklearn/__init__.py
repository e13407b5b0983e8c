"""Sampled networks as scikit-learn estimators.

``SampledRegressor``, ``SampledClassifier`` and ``SampledTransformer`` follow scikit-learn's conventions: they go into
pipelines, grid searches and cross validation, take data frames, and copy and pickle. Hidden weights are drawn from the
data (Bolager, Burak, Datar, Sun and Dietrich 2023, arXiv:2306.16830); what is trained is one linear problem.

scikit-learn is an optional extra: ``pip install dynsamp[sklearn]``.

Examples
--------
>>> from sklearn.datasets import load_wine
>>> from sklearn.model_selection import cross_val_score
>>> from dynsamp.sklearn import SampledClassifier
>>> x, y = load_wine(return_X_y=True)
>>> float(cross_val_score(SampledClassifier(random_state=0), x, y).mean()) > 0.95
True

Any knob can be searched; the rest chooses itself:

>>> from sklearn.model_selection import GridSearchCV
>>> search = GridSearchCV(SampledClassifier(random_state=0), {"width": [5, 100]}).fit(x, y)
>>> search.best_estimator_.hidden_.width
100
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("dynsamp.sklearn needs scikit-learn; install it with: pip install dynsamp[sklearn]") from error

from dynsamp.sklearn.classifier import SampledClassifier
from dynsamp.sklearn.regressor import SampledRegressor
from dynsamp.sklearn.transformer import SampledTransformer

__all__ = ["SampledClassifier", "SampledRegressor", "SampledTransformer"]
