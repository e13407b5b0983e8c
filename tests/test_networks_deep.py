"""Networks of several layers: derivatives against mpmath and complex steps, pairs in the representation."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.activations import ACTIVATIONS
from dynsamp.networks.network import Hidden, HiddenLayer, Network
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.sampling import sample_hidden
from dynsamp.streams import generator

SIGMA = {
    "tanh": mpmath.tanh,
    "sin": mpmath.sin,
    "gauss": lambda z: mpmath.exp(-(z**2)),
    "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
    "relu": lambda z: mpmath.mpf(max(z, 0)),
}


def network(activation, widths=(7, 6, 5), inputs=3, outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    layers, below = [], inputs
    for k, width in enumerate(widths):
        centre = rng.normal(size=below) if k == 0 else np.zeros(below)
        half_width = rng.uniform(0.5, 2.0, below) if k == 0 else np.ones(below)
        weights = rng.normal(size=(width, below)) / np.sqrt(below)
        layers.append(HiddenLayer(weights, rng.normal(size=width), activation, centre, half_width))
        below = width
    return Network(
        Hidden(tuple(layers)),
        rng.normal(size=outputs),
        rng.normal(size=(outputs, inputs)),
        rng.normal(size=(outputs, below)),
        rng.normal(size=inputs),
    )


def exact(net, x, output):
    """The function of mpmath numbers."""

    def f(*point):
        value = [
            (v - mpmath.mpf(c)) / mpmath.mpf(h)
            for v, c, h in zip(point, net.hidden.layers[0].centre, net.hidden.layers[0].half_width, strict=True)
        ]
        for layer in net.hidden.layers:
            value = [
                SIGMA[layer.activation](mpmath.fdot(map(mpmath.mpf, row), value) + mpmath.mpf(bias))
                for row, bias in zip(layer.weights, layer.biases, strict=True)
            ]
        moved = [v - mpmath.mpf(c) for v, c in zip(point, net.centre, strict=True)]
        skip = mpmath.fdot(map(mpmath.mpf, net.linear[output]), moved)
        return mpmath.mpf(net.offset[output]) + skip + mpmath.fdot(map(mpmath.mpf, net.coefficients[output]), value)

    return f


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(9,), (7, 6, 5)])
def test_values_jacobian_and_hessian_agree_with_forty_digits(activation, widths):
    net = network(activation, widths)
    x = np.random.default_rng(1).normal(size=(2, 3))
    values, jacobian, hessian = net.values(x), net.jacobian(x), net.hessian(x)
    orders = {i: tuple(int(i == k) for k in range(3)) for i in range(3)}
    with mpmath.workdps(40):
        for row, point in enumerate(x):
            f = exact(net, point, 1)
            at = tuple(map(mpmath.mpf, point))
            assert_allclose(values[row, 1], float(f(*at)), rtol=1e-10)
            for i in range(3):
                assert_allclose(jacobian[row, 1, i], float(mpmath.diff(f, at, orders[i])), rtol=1e-10, atol=1e-10)
                for j in range(3):
                    order = tuple(a + b for a, b in zip(orders[i], orders[j], strict=True))
                    assert_allclose(hessian[row, 1, i, j], float(mpmath.diff(f, at, order)), rtol=1e-10, atol=1e-10)


def complex_values(net, x):
    """f of complex points."""
    value = (x - net.hidden.layers[0].centre) / net.hidden.layers[0].half_width
    for layer in net.hidden.layers:
        value = {"tanh": np.tanh, "sin": np.sin}[layer.activation](value @ layer.weights.T + layer.biases)
    return net.offset + (x - net.centre) @ net.linear.T + value @ net.coefficients.T


@pytest.mark.parametrize("activation", ["tanh", "sin"])
def test_jacobian_is_the_complex_step_for_many_rows(activation):
    net = network(activation, (40, 30), inputs=4, outputs=3)
    x = np.random.default_rng(2).normal(size=(3000, 4))
    jacobian = net.jacobian(x)
    for i in range(4):
        step = np.zeros(4, complex)
        step[i] = 1e-30j
        assert_allclose(jacobian[..., i], complex_values(net, x + step).imag / 1e-30, rtol=1e-10, atol=1e-11)


def test_hessian_is_symmetric_and_the_derivative_of_the_jacobian():
    net = network("tanh", (30, 20), inputs=4)
    x = np.random.default_rng(3).normal(size=(50, 4))
    hessian = net.hessian(x)
    assert_array_equal(hessian, hessian.transpose(0, 1, 3, 2))
    for i in range(4):
        h = 1e-3 * np.eye(4)[i]
        # fourth order: the truncation error is far below the tolerance
        near, far = (net.jacobian(x + k * h) - net.jacobian(x - k * h) for k in (1, 2))
        slope = (8 * near - far) / 12e-3
        assert_allclose(hessian[..., i], slope, atol=1e-8)


def test_no_hidden_layer_is_a_linear_function():
    rng = np.random.default_rng(4)
    net = Network(Hidden(()), rng.normal(size=2), rng.normal(size=(2, 3)), np.empty((2, 0)), rng.normal(size=3))
    x = rng.normal(size=(5, 3))
    assert_allclose(net.values(x), net.offset + (x - net.centre) @ net.linear.T)
    assert_array_equal(net.jacobian(x), np.repeat(net.linear[None], 5, 0))
    assert not net.hessian(x).any()


def sampled(x, y, widths, **how):
    neurons = Neurons(widths or 0, **{"activation": "tanh", "scale": 1.0, "sampler": "swim"} | how)
    size = x.shape[1]
    return sample_hidden(
        x, neurons, rng=generator(7, "weights"), target=y, centre=np.zeros(size), half_width=np.ones(size)
    )


def test_deeper_neurons_are_half_at_both_ends_of_pairs_of_representations():
    # tanh neurons take -1/2 and 1/2 at the two points of their pair, in whichever layer
    x = np.random.default_rng(5).uniform(-1, 1, (60, 2))
    hidden = sampled(x, np.sin(3 * x[:, :1]), (20, 15, 10))
    for depth in (1, 2, 3):
        h = Hidden(hidden.layers[:depth]).values(x)
        distance = np.min(np.abs(h + 0.5), axis=0), np.min(np.abs(h - 0.5), axis=0)
        assert np.max(distance) < 1e-12


def test_relu_is_zero_and_one_at_its_pair():
    x = np.random.default_rng(6).uniform(-1, 1, (60, 2))
    hidden = sampled(x, np.sin(3 * x[:, :1]), (20, 15), activation="relu")
    h = hidden.values(x)
    pre = hidden.layers[1].preactivations(hidden.layers[0].values(x)).T
    assert np.max(np.min(np.abs(pre), axis=0)) < 1e-12
    assert np.max(np.min(np.abs(h - 1), axis=0)) < 1e-12


def test_features_of_all_layers_are_invariant_under_similarities():
    # x -> a Q x + c with one seed: the published construction keeps every neuron's values
    rng = np.random.default_rng(8)
    x = rng.uniform(-1, 1, (80, 3))
    y = np.cos(2 * x[:, :1] * x[:, 1:2])
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = 7.5 * x @ q.T + np.array([1.0, -2.0, 30.0])
    assert_allclose(sampled(moved, y, (20, 15)).values(moved), sampled(x, y, (20, 15)).values(x), atol=1e-9)


def test_no_two_neurons_are_the_same_even_when_all_pairs_are_used():
    x = np.array([-1.0, -0.7, -0.1, 0.2, 0.55, 1.0])[:, None]  # 15 pairs
    hidden = sampled(x, np.sign(x), (15, 15))
    for layer in hidden.layers:
        both = np.column_stack([layer.weights, layer.biases])
        assert np.all(np.isfinite(both))
        assert len(np.unique(both.round(12), axis=0)) == layer.width


def test_layers_are_a_function_of_the_seed():
    x = np.random.default_rng(9).uniform(-1, 1, (50, 2))
    first, again = (sampled(x, x[:, :1] ** 2, (12, 8)) for _ in range(2))
    for a, b in zip(first.layers, again.layers, strict=True):
        assert_array_equal(a.weights, b.weights)
        assert_array_equal(a.biases, b.biases)
