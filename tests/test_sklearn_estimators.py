import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from dynsamp.models import SampledNetwork
from dynsamp.sklearn import SampledClassifier, SampledRegressor, SampledTransformer

ALL = (SampledClassifier, SampledRegressor, SampledTransformer)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([make() for make in ALL])
def test_conventions_of_scikit_learn(estimator, check):
    check(estimator)


def product(rows=300, outputs=1):
    x = np.random.default_rng(0).uniform(-1, 1, (rows, 2))
    y = np.stack([np.sin(3 * x[:, 0]) * x[:, 1], x[:, 0] ** 2], axis=1)
    return x, y[:, 0] if outputs == 1 else y


def outcome(model, x):
    return model.transform(x) if hasattr(model, "transform") else model.predict(x)


@pytest.mark.parametrize("make", ALL)
def test_an_integer_random_state_gives_the_same_bits(make):
    x, y = product()
    y = (y > 0).astype(int) if make is SampledClassifier else y
    one, two, other = (outcome(make(random_state=k).fit(x, y), x) for k in (5, 5, 6))
    assert_array_equal(one, two)
    if make is not SampledClassifier:
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("make", ALL)
def test_copies_by_clone_and_by_pickle(make):
    x, y = product()
    y = np.where(y > 0, "up", "down") if make is SampledClassifier else y
    model = make(width=30, random_state=1).fit(x, y)
    assert_array_equal(outcome(pickle.loads(pickle.dumps(model)), x), outcome(model, x))
    assert_array_equal(outcome(clone(model).fit(x, y), x), outcome(model, x))


@pytest.mark.parametrize("make", [SampledClassifier, SampledRegressor])
def test_a_grid_search_over_the_width_changes_the_width(make):
    x, y = product()
    y = (y > 0).astype(int) if make is SampledClassifier else y
    search = GridSearchCV(make(random_state=0, scale=1.0), {"width": [1, 60]}, cv=3).fit(x, y)
    assert search.cv_results_["mean_test_score"][1] > search.cv_results_["mean_test_score"][0]
    best = search.best_estimator_
    assert (best.hidden_.width if make is SampledClassifier else best.model_.widths[0]) == 60


def test_the_regressor_is_the_sampled_network():
    x, y = product(outputs=2)
    model = SampledRegressor(80, activation="tanh", scale=0.5, random_state=3).fit(x, y)
    same = SampledNetwork(80, activation="tanh", scale=0.5).fit(x, y, seed=3)
    assert_array_equal(model.predict(x), same.values(x))
    assert model.score(x, y) > 0.9999


def test_one_target_comes_back_as_it_was_given():
    x, y = product()
    assert SampledRegressor(20, random_state=0).fit(x, y).predict(x).shape == (300,)
    assert SampledRegressor(20, random_state=0).fit(x, y[:, None]).predict(x).shape == (300, 1)


def test_layers_are_given_by_a_sequence():
    x, y = product()
    for width in ((20, 40), [20, 40], np.array([20, 40])):
        model = SampledRegressor(width, activation="tanh", scale=1.0, random_state=0).fit(x, y)
        assert list(model.model_.widths) == [20, 40]
        assert SampledTransformer(width, random_state=0).fit_transform(x).shape == (300, 40)


def test_features_of_the_published_construction():
    # tanh(1/2 ln 3) = 1/2 at the ends of a pair (Bolager et al. 2023); two points make one pair
    x = np.array([[0.0, 1.0], [3.0, 5.0]])
    features = SampledTransformer(1, published=True, random_state=0).fit_transform(x)
    assert_allclose(np.sort(features[:, 0]), [-0.5, 0.5], atol=1e-14)


def test_features_go_before_other_estimators():
    x, y = product()
    regression = make_pipeline(SampledTransformer(60, random_state=0), LinearRegression()).fit(x, y)
    assert regression.score(x, y) > 0.999
    wine, labels = load_wine(return_X_y=True)
    names = np.array(["a", "b", "c"])[labels]
    classes = make_pipeline(SampledTransformer(60, random_state=0), LogisticRegression()).fit(wine, names)
    assert classes.score(wine, names) > 0.95


def test_data_frames_in_and_out():
    pandas = pytest.importorskip("pandas")
    x, y = product()
    frame = pandas.DataFrame(x, columns=["east", "north"])
    model = SampledTransformer(3, random_state=0).set_output(transform="pandas").fit(frame)
    features = model.transform(frame)
    assert list(model.feature_names_in_) == ["east", "north"]
    assert list(features.columns) == [f"sampledtransformer{k}" for k in range(3)]
    with pytest.raises(ValueError, match="feature names"):
        SampledRegressor(5, random_state=0).fit(frame, y).predict(frame[["north", "east"]])


def test_float32_features_stay_float32():
    x, _ = product()
    model = SampledTransformer(10, random_state=0).fit(x)
    single = model.transform(x.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, model.transform(x), atol=1e-5)


def test_scikit_learn_is_optional():
    """dynsamp never imports it, and says what to install where it is missing."""
    code = """if True:
        import sys, dynsamp
        dynsamp.SampledNetwork if hasattr(dynsamp, "SampledNetwork") else dynsamp.FlowMap
        assert "sklearn" not in sys.modules
        sys.modules["sklearn"] = None
        try:
            import dynsamp.sklearn
        except ImportError as error:
            print(error)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install dynsamp[sklearn]" in done.stdout
