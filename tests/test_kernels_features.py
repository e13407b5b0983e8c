import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.features import fill_gradients
from dynsamp.kernels.jit import disabled
from dynsamp.networks.network import HiddenLayer

compiled_only = pytest.mark.skipif(disabled(), reason="vector code exists compiled only")


def layer_of(activation="tanh", features=7, components=3, seed=0):
    rng = np.random.default_rng(seed)
    return HiddenLayer(
        rng.normal(size=(features, components)),
        rng.normal(size=features),
        activation,
        rng.normal(size=components),
        rng.uniform(0.5, 2.0, components),
    )


@pytest.mark.parametrize("components", [1, 2, 3, 4, 5, 9, 70])
def test_preactivations_are_those_of_a_matrix_product(components):
    layer = layer_of(components=components)
    x = np.random.default_rng(2).normal(size=(100, components))
    expected = layer.weights @ ((x - layer.centre) / layer.half_width).T + layer.biases[:, None]
    assert_allclose(layer.preactivations(x), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss", "relu", "softplus"])
def test_gradients_are_weights_times_slopes(activation):
    layer = layer_of(activation)
    x = np.random.default_rng(3).normal(size=(1000, 3))
    slopes, gradients = np.empty((7, 1000)), np.empty((7, 3000))
    layer.fill_values(x, slopes, order=1)
    layer.fill_gradients(x, gradients)
    for k in range(3):
        assert_array_equal(gradients[:, k * 1000 : (k + 1) * 1000], slopes * layer.weights[:, k : k + 1])


@compiled_only
@pytest.mark.parametrize("components", [2, 40])
@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss", "relu", "softplus"])
def test_the_same_bits_for_any_block(activation, components):
    layer = layer_of(activation, components=components)
    x = np.random.default_rng(4).normal(size=(9001, components))
    whole = np.empty((7, 9001))
    layer.fill_values(x, whole)
    for size in (1, 15, 16, 17, 600, 5000):
        first = int(np.random.default_rng(size).integers(0, 9001 - size))
        part = np.full((7, size + 3), -9.0)
        layer.fill_values(x[first : first + size], part[:, 2 : 2 + size])
        assert_array_equal(part[:, 2 : 2 + size], whole[:, first : first + size])
        assert_array_equal(part[:, [0, 1, -1]], -9.0)  # nothing else is touched


@compiled_only
def test_gradients_in_columns_of_a_larger_matrix():
    layer = layer_of()
    x = np.random.default_rng(5).normal(size=(50, 3))
    whole, larger = np.empty((7, 150)), np.full((9, 170), -9.0)
    arrays = layer.weights, layer.biases, layer.centre, layer.half_width
    fill_gradients("tanh", x, arrays, whole)
    fill_gradients("tanh", x, arrays, larger[1:8, 10:160])
    assert_array_equal(larger[1:8, 10:160], whole)
    larger[1:8, 10:160] = -9.0
    assert_array_equal(larger, -9.0)


def test_single_precision_is_double_rounded_once():
    layer = layer_of("sin")
    x = np.random.default_rng(6).normal(size=(100, 3))
    single, double = np.empty((7, 100), dtype=np.float32), np.empty((7, 100))
    layer.fill_values(x, single)
    layer.fill_values(x, double)
    assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("points", [0, 1])
@pytest.mark.parametrize("features", [0, 1])
def test_empty_layers_and_blocks(points, features):
    layer = layer_of(features=features)
    out = np.empty((features, points))
    layer.fill_values(np.zeros((points, 3)), out)
    assert_allclose(out, np.tanh(layer.preactivations(np.zeros((points, 3)))))
    layer.fill_gradients(np.zeros((points, 3)), np.empty((features, 3 * points)))


@compiled_only
def test_other_formats_and_scattered_rows_are_refused():
    layer, x = layer_of(), np.zeros((4, 3))
    for out in (np.empty((7, 4), dtype=np.int64), np.empty((4, 7)).T, np.empty((7, 8))[:, ::2]):
        with pytest.raises(ValueError, match="rows of contiguous float64 or float32"):
            layer.fill_values(x, out)
