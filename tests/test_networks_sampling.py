import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import special_ortho_group

from dynsamp.kernels.features import activate
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.sampling import S2, sample_layer, sample_pairs, standardisation
from dynsamp.streams import generator


def cloud(points=200, components=3, seed=0):
    return np.random.default_rng(seed).normal(size=(points, components))


def neuron_of(pair, scale):
    neurons = Neurons(1, "tanh", scale, "uniform")
    return sample_layer(pair, neurons, rng=generator(0, "weights"), centre=np.zeros(3), half_width=np.ones(3))


def test_tanh_constants_of_the_published_construction():
    # Bolager et al. (2023), arXiv:2306.16830: tanh is -1/2, 0, +1/2 at the two points and half-way
    for seed in range(5):
        pair = cloud(2, seed=seed)
        layer = neuron_of(pair, 1.0)
        values = layer.values(np.array([pair[0], pair.mean(axis=0), pair[1]])).ravel()
        assert_allclose(sorted(values), [-0.5, 0.0, 0.5], atol=1e-12)
    assert pytest.approx(np.log(3) / 2, abs=1e-15) == S2


def test_scale_turns_the_slope_about_the_mid_point():
    pair = cloud(2, seed=1)
    layer = neuron_of(pair, 0.3)
    assert_allclose(layer.weights, 0.3 * neuron_of(pair, 1.0).weights)
    assert_allclose(layer.values(pair.mean(axis=0)[None]), 0.0, atol=1e-12)


def test_features_do_not_feel_rotation_translation_and_a_common_scale():
    x = cloud()
    moved = 7.3 * x @ special_ortho_group.rvs(3, random_state=5).T + np.array([1.0, -2.0, 30.0])
    target = np.sin(x[:, 0])
    layers = [
        sample_layer(
            points,
            Neurons(50, sampler="swim"),
            rng=generator(3, "weights"),
            target=target,
            centre=np.zeros(3),
            half_width=np.ones(3),
        )
        for points in (x, moved)
    ]
    assert_allclose(layers[0].values(x), layers[1].values(moved), atol=1e-9)


def test_pairs_are_distinct_also_when_reversed():
    x = cloud(points=30)
    for target in (None, x[:, 0]):
        first, second = sample_pairs(x, 60, generator(1, "weights"), target)
        assert len({frozenset(pair) for pair in zip(first, second, strict=True)}) == 60
        assert np.all(first != second)


def test_density_follows_the_slope_of_the_target():
    # a step at 0: pairs that straddle it must be far more frequent than among uniform ones
    x = np.linspace(-1, 1, 400)[:, None]
    target = np.where(x[:, 0] > 0, 1.0, 0.0) + 1e-3 * x[:, 0]
    share = {}
    for name, values in (("uniform", None), ("swim", target)):
        first, second = sample_pairs(x, 100, generator(2, "weights"), values)
        share[name] = np.mean(x[first, 0] * x[second, 0] < 0)
    assert share["swim"] > 0.9 > 0.7 > share["uniform"]


@pytest.mark.parametrize("sampler", ["elm", "uniform", "swim"])
@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss"])
@pytest.mark.parametrize(
    "x",
    [
        np.array([[0.0, 1.0], [0.0, 2.0]]),  # two points, one constant coordinate
        np.zeros((5, 2)),  # one point five times
        np.array([[3.0, 4.0]]),
        np.repeat(np.arange(4.0), 5)[:, None],  # duplicates
    ],
)
def test_degenerate_data_give_finite_layers_of_the_width_asked_for(x, activation, sampler):
    layer = sample_layer(x, Neurons(12, activation, sampler=sampler), rng=generator(0, "weights"), target=x[:, 0])
    assert layer.width == 12
    assert np.all(np.isfinite(layer.weights))
    assert np.all(np.isfinite(layer.biases))
    assert np.all(np.isfinite(layer.values(x)))


def test_elm_hyperplanes_pass_through_data_points():
    x = cloud()
    layer = sample_layer(x, Neurons(40, "tanh", sampler="elm"), rng=generator(0, "weights"))
    assert_allclose(np.abs(layer.preactivations(x)).min(axis=1), 0.0, atol=1e-12)


def test_same_seed_same_layer_other_seed_other_layer():
    x = cloud()
    first, again, other = (
        sample_layer(x, Neurons(40), rng=generator(key[0], "weights", key[1])) for key in ((1, 2), (1, 2), (1, 3))
    )
    assert_array_equal(first.weights, again.weights)
    assert not np.array_equal(first.weights, other.weights)


def test_standardisation_maps_the_data_onto_the_unit_box():
    x = cloud() * [1.0, 100.0, 0.0] + [0.0, 5.0, 1e5]
    centre, half_width = standardisation(x)
    z = (x - centre) / half_width
    assert_allclose(z[:, :2].max(axis=0), 1.0)
    assert_allclose(z[:, :2].min(axis=0), -1.0)
    assert_array_equal(z[:, 2], 0.0)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss"])
def test_derivatives_of_activations_against_the_complex_step(activation):
    functions = {"tanh": np.tanh, "sin": np.sin, "gauss": lambda z: np.exp(-z * z)}
    z = np.linspace(-2, 2, 41)
    assert_allclose(activate(activation, z), functions[activation](z))
    assert_allclose(activate(activation, z, 1), functions[activation](z + 1e-30j).imag / 1e-30, rtol=1e-13, atol=1e-14)
    step = 1e-5
    central = (activate(activation, z + step, 1) - activate(activation, z - step, 1)) / (2 * step)
    assert_allclose(activate(activation, z, 2), central, atol=1e-9)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_activation_may_write_over_its_argument(order):
    for activation in ("tanh", "sin", "gauss"):
        z = np.linspace(-2, 2, 11)
        expected = activate(activation, z, order)
        assert_array_equal(activate(activation, z, order, out=z), expected)


def test_gradient_rows_against_differences():
    x = cloud(points=9000, components=2)  # several blocks
    layer = sample_layer(x, Neurons(7, "gauss"), rng=generator(0, "weights"))
    rows = np.empty((7, 2 * len(x)))
    layer.fill_gradients(x, rows)
    step = 1e-6
    for k in range(2):
        shift = np.zeros(2)
        shift[k] = step * layer.half_width[k]
        central = (layer.values(x + shift) - layer.values(x - shift)) / (2 * step)
        assert_allclose(rows[:, k * len(x) : (k + 1) * len(x)].T, central, atol=1e-8)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="'relu', 'softplus', got 'step'"):
        Neurons(3, "step")
    with pytest.raises(ValueError, match="'near', 'gradient', got 'grid'"):
        Neurons(3, sampler="grid")
    with pytest.raises(ValueError, match="values of the target"):
        sample_layer(cloud(), Neurons(3, sampler="swim"), rng=generator(0, "weights"))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_no_two_neurons_are_the_same_though_points_repeat(activation):
    x = np.repeat(cloud()[:12], 5, axis=0)  # 66 different pairs
    layer = sample_layer(x, Neurons(100, activation), rng=generator(0, "weights"))
    neurons = np.column_stack([layer.weights, layer.biases])
    assert len(np.unique(neurons, axis=0)) == 100
    if activation == "tanh":
        mirrored = np.concatenate([neurons, -neurons])
        assert len(np.unique(mirrored, axis=0)) == 200


def test_points_on_a_sphere_keep_their_biases():
    # angles as cosine and sine: mid-points of pairs would leave every neuron without a bias
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 200)
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    still = {"centre": np.zeros(2), "half_width": np.ones(2)}
    assert np.abs(sample_layer(x, Neurons(50), rng=generator(0, "weights"), **still).biases).max() > 0.1
    published = sample_layer(x, Neurons(50, place="midpoint"), rng=generator(0, "weights"), **still)
    assert np.abs(published.biases).max() < 1e-12


@pytest.mark.parametrize("place", ["midpoint", "point", "box"])
@pytest.mark.parametrize("length", ["pair", "far", "unit"])
@pytest.mark.parametrize("sampler", ["elm", "uniform", "near"])
def test_centre_and_length_are_separate_choices(sampler, place, length):
    x = cloud()
    layer, steeper = (
        sample_layer(
            x, Neurons(30, "tanh", scale, sampler, place, length), rng=generator(0, "weights"), target=np.sin(x)
        )
        for scale in (2.0, 4.0)
    )
    assert_allclose(steeper.weights, 2 * layer.weights)
    if place == "point":  # every hyperplane passes through a data point
        assert np.abs(layer.preactivations(x)).min(axis=1).max() < 1e-12
    if length == "unit" and sampler != "elm":
        assert_allclose(np.linalg.norm(layer.weights, axis=1), 2 * 2 * S2)
