import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from dynsamp.networks.neurons import Neurons
from dynsamp.networks.sampling import sample_hidden, sample_pairs
from dynsamp.sklearn import SampledClassifier
from dynsamp.sklearn.classifier import fit_scores, label_bits, sharpness_of
from dynsamp.streams import generator


def halves(load, seed=0):
    x, y = load(return_X_y=True)
    return train_test_split(x, y, test_size=0.3, random_state=seed, stratify=y)


def hidden_layer(x, width, seed=0):
    size = x.shape[1]
    return sample_hidden(
        x,
        Neurons(width, "tanh", 1.0, "uniform"),
        rng=generator(seed, "weights"),
        target=None,
        centre=np.zeros(size),
        half_width=np.ones(size),
    )


@pytest.mark.parametrize(("load", "least"), [(load_wine, 0.94), (load_breast_cancer, 0.94), (load_digits, 0.96)])
def test_accuracy_on_public_data(load, least):
    x, held, y, truth = halves(load)
    model = SampledClassifier(random_state=0).fit(x, y)
    assert model.score(held, truth) > least
    # probabilities better than the shares of the classes, by far
    shares = np.bincount(truth) / len(truth)
    assert log_loss(truth, model.predict_proba(held)) < 0.2 * -np.sum(shares * np.log(shares))


def test_labels_may_be_strings():
    x, held, y, truth = halves(load_wine)
    names = np.array(["red", "green", "blue"])
    model = SampledClassifier(random_state=0).fit(x, names[y])
    assert_array_equal(model.classes_, ["blue", "green", "red"])
    assert model.score(held, names[truth]) > 0.94


@pytest.mark.parametrize("width", [30, 400])  # fewer and more neurons than rows
def test_left_out_scores_are_those_of_fits_without_the_row(width):
    rng = np.random.default_rng(0)
    x, index = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    y = np.eye(3)[index]
    hidden = hidden_layer(x, width)
    fitted = fit_scores(hidden, x, y, 0.3)
    features = hidden.values(x)
    # scikit-learn's ridge, with the columns scaled once as they are for all rows
    size = np.linalg.norm(features - features.mean(axis=0), axis=0)
    full = Ridge(0.3).fit(features / size, y)
    assert_allclose(features @ fitted.coefficients + fitted.offset, full.predict(features / size), atol=1e-9)
    for row in (0, 17, 59):
        others = np.arange(60) != row
        alone = Ridge(0.3).fit(features[others] / size, y[others]).predict(features[row : row + 1] / size)
        assert_allclose(fitted.left_out[row], alone[0], atol=1e-9)


def test_more_rows_than_a_block_give_the_ridge_solution_too():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5000, 2))
    y = np.eye(2)[(x[:, 0] > 0).astype(int)]
    hidden = hidden_layer(x, 20)
    features = hidden.values(x)
    size = np.linalg.norm(features - features.mean(axis=0), axis=0)
    fitted = fit_scores(hidden, x, y, 1e-3)
    expected = Ridge(1e-3).fit(features / size, y).predict(features / size)
    assert_allclose(features @ fitted.coefficients + fitted.offset, expected, atol=1e-8)


def test_sharpness_of_scores_that_are_logarithms_of_probabilities():
    # labels drawn with probabilities softmax(2.5 s): the likelihood is largest near 2.5
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(20_000, 3))
    p = np.exp(2.5 * scores)
    p /= p.sum(axis=1, keepdims=True)
    index = (rng.uniform(size=(len(p), 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    assert sharpness_of(scores, index, np.bincount(index)) == pytest.approx(2.5, rel=0.03)


def test_probabilities_of_overlapping_classes_are_calibrated():
    # two normal distributions at -1 and +1: P(second | x) = 1 / (1 + exp(-2 x))
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 4000)
    x = (2 * y - 1 + rng.normal(size=4000))[:, None]
    model = SampledClassifier(random_state=0).fit(x, y)
    points = np.linspace(-2, 2, 41)[:, None]
    assert np.abs(model.predict_proba(points)[:, 1] - 1 / (1 + np.exp(-2 * points[:, 0]))).max() < 0.1


def test_scores_probabilities_and_predictions_agree():
    for load in (load_wine, load_breast_cancer):
        x, held, y, _ = halves(load)
        model = SampledClassifier(random_state=0).fit(x, y)
        p, d = model.predict_proba(held), model.decision_function(held)
        assert_allclose(p.sum(axis=1), 1.0)
        assert_allclose(np.log(p), model.predict_log_proba(held))
        assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(held))
        if d.ndim == 1:
            assert_array_equal(d > 0, model.predict(held) == model.classes_[1])
            assert_allclose(p[:, 1], 1 / (1 + np.exp(-model.sharpness_ * d)))


def test_pairs_join_different_classes():
    # the published density of classification: 0 where labels agree
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(300, 2)), rng.integers(0, 5, 300)
    first, second = sample_pairs(x, 200, generator(0, "weights"), label_bits(labels))
    assert np.all(labels[first] != labels[second])
    onehot = sample_pairs(x, 200, generator(0, "weights"), np.eye(5)[labels])
    assert_array_equal(onehot, (first, second))


def test_a_curved_boundary_needs_a_hidden_layer():
    x, y = make_moons(600, noise=0.1, random_state=0)
    deep = SampledClassifier((40, 80), random_state=0).fit(x[:400], y[:400])
    assert deep.coef_.shape == (2, 80)
    assert deep.score(x[400:], y[400:]) > 0.97


def test_one_class_and_unknown_widths_are_refused():
    x = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match="one class only"):
        SampledClassifier().fit(x, np.ones(4))
    with pytest.raises(ValueError, match="width must be"):
        SampledClassifier(0).fit(x, [0, 1, 0, 1])
