import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.features import fill_gradients, fill_responses
from dynsamp.kernels.jit import disabled
from dynsamp.networks.network import HiddenLayer

ORDERS = [(name, order) for name in ("tanh", "sin", "gauss", "relu", "softplus") for order in (0, 1, 2)]
EXACT = {
    "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2, lambda z: -2 * mpmath.tanh(z) * mpmath.sech(z) ** 2),
    "sin": (mpmath.sin, mpmath.cos, lambda z: -mpmath.sin(z)),
    "gauss": (
        lambda z: mpmath.exp(-z * z),
        lambda z: -2 * z * mpmath.exp(-z * z),
        lambda z: (4 * z * z - 2) * mpmath.exp(-z * z),
    ),
    "relu": (lambda z: max(z, 0), lambda z: mpmath.mpf(z > 0), lambda z: mpmath.mpf(0)),
    "softplus": (
        lambda z: mpmath.log1p(mpmath.exp(z)),
        lambda z: 1 / (1 + mpmath.exp(-z)),
        lambda z: mpmath.exp(-abs(z)) / (1 + mpmath.exp(-abs(z))) ** 2,
    ),
}
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


def responses(activation, order, z):
    """The activation itself: one neuron of unit weight."""
    one, out = np.ones((1, 1)), np.empty((1, len(z)))
    fill_responses(activation, order, z[:, None], (one, np.zeros(1), np.zeros(1), np.ones(1)), out)
    return out[0]


@compiled_only
@pytest.mark.parametrize(("activation", "order"), ORDERS)
def test_activations_and_derivatives_to_a_few_units_in_the_last_place(activation, order):
    rng = np.random.default_rng(1)
    z = np.concatenate([rng.normal(size=300) * scale for scale in (0.1, 1.0, 6.0)])
    with mpmath.workprec(120):
        exact = [EXACT[activation][order](mpmath.mpf(float(x))) for x in z]
        cancelling = activation == "gauss" and order == 2  # digits are lost where 4 z^2 is near 2
        size = [EXACT["gauss"][0](x) * (4 * x * x + 2) if cancelling else e for x, e in zip(z, exact, strict=True)]
        errors = [abs(float(v) - e) for v, e in zip(responses(activation, order, z), exact, strict=True)]
        # z^2 is rounded before its exponential is taken
        bounds = [(6 + 2 * x * x) * np.spacing(abs(float(e))) + 1e-299 for x, e in zip(z, size, strict=True)]
        assert all(error <= bound for error, bound in zip(errors, bounds, strict=True))


@compiled_only
@pytest.mark.parametrize(("activation", "order"), ORDERS)
def test_arguments_of_any_size(activation, order):
    z = np.array([0.0, -0.0, 1e-300, -40.0, 40.0, -745.0, 800.0, -1e5, 2.0**30, 2.0**30 + 1, -3e15, 1e22, -1e300])
    with mpmath.workprec(2200):
        exact = [float(EXACT[activation][order](mpmath.mpf(float(x)))) for x in z]
    assert_allclose(responses(activation, order, z), exact, rtol=1e-12, atol=1e-290)


@compiled_only
@pytest.mark.parametrize(("activation", "order"), [(name, order) for name, order in ORDERS if name != "relu"])
def test_what_is_not_a_number_is_not_hidden(activation, order):
    assert np.isnan(responses(activation, order, np.array([1.0, np.nan]))[1])


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
