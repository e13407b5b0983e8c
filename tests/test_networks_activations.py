import math

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.networks.activations import ACTIVATIONS, SLOPES, VALUES, activate

EXACT = {
    "tanh": mpmath.tanh,
    "sin": mpmath.sin,
    "gauss": lambda z: mpmath.exp(-z * z),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
}


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("activation", list(EXACT))
def test_values_and_derivatives_against_mpmath(activation, order):
    z = np.linspace(-6.0, 6.0, 25)
    with mpmath.workprec(100):
        expected = [float(mpmath.diff(EXACT[activation], mpmath.mpf(float(x)), order)) for x in z]
    assert_allclose(activate(activation, z, order), expected, rtol=1e-12, atol=1e-15)


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


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_compiled_values_and_slopes_are_the_same_functions(activation):
    z = np.linspace(-3.0, 3.0, 13)
    assert_allclose([VALUES[activation](x) for x in z], activate(activation, z.copy()), rtol=1e-13, atol=1e-16)
    assert_allclose([SLOPES[activation](x) for x in z], activate(activation, z, 1), rtol=1e-13, atol=1e-15)
