"""scikit-learn's own conventions, by its own checks."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from dynsamp.sklearn import SampledClassifier, SampledRegressor, SampledTransformer


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([SampledClassifier(), SampledRegressor(), SampledTransformer()])
def test_conventions(estimator, check):
    check(estimator)
