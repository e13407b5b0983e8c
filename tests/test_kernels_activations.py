import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.activations import ACTIVATIONS, SIGMAS
from dynsamp.kernels.features import activate, fill_responses
from dynsamp.kernels.jit import compiled, disabled

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


def on_lanes(activation, order, z):
    """As fits call it: one neuron of unit weight."""
    one, out = np.ones((1, 1)), np.empty((1, len(z)))
    fill_responses(activation, order, z[:, None], (one, np.zeros(1), np.zeros(1), np.ones(1)), out)
    return out[0]


def on_floats(activation, order, z):
    """As the loops of forecasts call it."""
    sigma, out = SIGMAS[activation][order], np.empty(len(z))

    @compiled
    def run(z, out):
        for i in range(len(z)):
            out[i] = sigma(z[i])

    run(z, out)
    return out


def on_arrays(activation, order, z):
    return activate(activation, z, order)


@pytest.mark.parametrize("route", [on_lanes, on_floats, on_arrays])
@pytest.mark.parametrize(("activation", "order"), ORDERS)
def test_relative_errors_are_a_few_units_in_the_last_place_from_minus_40_to_40(activation, order, route):
    rng = np.random.default_rng(1)
    z = np.concatenate([np.linspace(-40.0, 40.0, 161), *(rng.normal(size=150) * scale for scale in (0.1, 1.0, 6.0))])
    with mpmath.workprec(120):
        exact = [EXACT[activation][order](mpmath.mpf(float(x))) for x in z]
        cancelling = activation == "gauss" and order == 2  # digits are lost where 4 z^2 is near 2
        size = [EXACT["gauss"][0](x) * (4 * x * x + 2) if cancelling else e for x, e in zip(z, exact, strict=True)]
        errors = [abs(float(v) - e) for v, e in zip(route(activation, order, z), exact, strict=True)]
        # z^2 is rounded before its exponential is taken
        square = 2 * z * z if activation == "gauss" else 0.0 * z
        bounds = [(6 + s) * np.spacing(abs(float(e))) + 1e-299 for s, e in zip(square, size, strict=True)]
        assert all(error <= bound for error, bound in zip(errors, bounds, strict=True))


@compiled_only
@pytest.mark.parametrize(("activation", "order"), ORDERS)
def test_floats_and_lanes_have_the_same_bits(activation, order):
    z = np.concatenate([np.linspace(-40.0, 40.0, 161), [0.0, -0.0, 1e-300, -745.0, 800.0, 2.0**30 + 1, -3e15]])
    assert_array_equal(on_floats(activation, order, z), on_lanes(activation, order, z))


@pytest.mark.parametrize("route", [pytest.param(on_lanes, marks=compiled_only), on_arrays])
@pytest.mark.parametrize(("activation", "order"), ORDERS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_arguments_of_any_size(activation, order, route):
    z = np.array([0.0, -0.0, 1e-300, -40.0, 40.0, -745.0, 800.0, -1e5, 2.0**30, 2.0**30 + 1, -3e15, 1e22, -1e300])
    with mpmath.workprec(2200):
        exact = [float(EXACT[activation][order](mpmath.mpf(float(x)))) for x in z]
    assert_allclose(route(activation, order, z), exact, rtol=1e-12, atol=1e-290)


@pytest.mark.parametrize("route", [pytest.param(on_lanes, marks=compiled_only), on_arrays])
@pytest.mark.parametrize(("activation", "order"), [(name, order) for name, order in ORDERS if name != "relu"])
def test_what_is_not_a_number_is_not_hidden(activation, order, route):
    assert np.isnan(route(activation, order, np.array([1.0, np.nan]))[1])


def test_relu_and_its_derivatives_are_zero_up_to_zero():
    z = np.array([-2.0, -0.0, 0.0, 3.0])
    assert_array_equal(activate("relu", z), [0.0, 0.0, 0.0, 3.0])
    assert_array_equal(activate("relu", z, 1), [0.0, 0.0, 0.0, 1.0])
    assert_array_equal(activate("relu", z, 2), 0.0)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_softplus_neither_overflows_nor_loses_small_values(order):
    limits = {0: [0.0, math.exp(-700.0), 1000.0], 1: [0.0, math.exp(-700.0), 1.0], 2: [0.0, math.exp(-700.0), 0.0]}
    z = np.array([-1000.0, -700.0, 1000.0])
    assert_allclose(activate("softplus", z, order), limits[order], rtol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_argument_may_be_overwritten(activation, order):
    z = np.linspace(-2.0, 2.0, 11)
    expected = activate(activation, z.copy(), order)
    assert_array_equal(activate(activation, z, order, out=z), expected)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="'softplus', got 'gelu'"):
        activate("gelu", np.zeros(2))
