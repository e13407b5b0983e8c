import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.search.climb import Climb, ladder
from dynsamp.networks.search.energy import fit_energy


def gradients(gradient, points=600, components=2, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, (points, components))
    g = gradient(x)
    return Gradients(x[None], np.ones(1), g + noise * g.std() * rng.normal(size=g.shape))


def test_a_quadratic_energy_needs_no_neurons():
    data = gradients(lambda x: x @ np.array([[2.0, 0.3], [0.3, 1.0]]) + [1.0, -1.0])
    fit = fit_energy(data)
    assert fit.energy.layer.width == 0
    assert_allclose(fit.energy.quadratic, [[2.0, 0.3], [0.3, 1.0]], atol=1e-12)


def test_a_network_recovers_itself():
    knobs = Neurons(30, "tanh", 1.0, "uniform")
    first = fit_energy(gradients(lambda x: np.sin(3 * x)), knobs)
    data = gradients(first.energy.gradient)
    again = fit_energy(data, knobs)  # the same points and seed: the same neurons
    assert_allclose(again.energy.layer.weights, first.energy.layer.weights)
    assert again.solution.residual[0] < 1e-11
    x = data.nodes[0]
    assert_allclose(np.ptp(again.energy.value(x) - first.energy.value(x)), 0.0, atol=1e-9)


def test_derivatives_of_the_energy_against_differences():
    # the ridge keeps coefficients small, so that differences lose no digits
    data = gradients(lambda x: np.sin(2 * x))
    energy = fit_energy(data, Neurons(40, "sin", 2.0), FitOptions(regularisation=1e-8)).energy
    x = np.random.default_rng(1).uniform(-2, 2, (20, 2))
    step = 1e-5
    for k in range(2):
        shift = step * np.eye(2)[k]
        slope = (energy.value(x + shift) - energy.value(x - shift)) / (2 * step)
        assert_allclose(energy.gradient(x)[:, k], slope, atol=1e-8)
        curvature = (energy.gradient(x + shift) - energy.gradient(x - shift)) / (2 * step)
        assert_allclose(energy.hessian(x)[:, k], curvature, atol=1e-6)


def test_streaming_in_little_memory_gives_the_same_energy():
    data = gradients(lambda x: np.sin(x) + 0.01 * np.random.default_rng(5).normal(size=x.shape), points=4000)
    knobs = Neurons(20, "tanh", 0.5)
    whole, streamed = fit_energy(data, knobs), fit_energy(data, knobs, FitOptions(memory=1_200_000))
    assert np.array_equal(streamed.energy.coefficients, whole.energy.coefficients)
    with pytest.raises(ValueError, match="allow more"):
        fit_energy(data, knobs, FitOptions(memory=500_000))


def test_noise_does_not_come_through():
    clean = gradients(np.sin, points=3000)
    noisy = gradients(np.sin, points=3000, noise=0.1)
    fit = fit_energy(noisy)
    error = np.linalg.norm(fit.energy.gradient(clean.nodes[0]) - clean.target) / np.linalg.norm(clean.target)
    assert error < 0.04  # of 0.1 of noise


@pytest.mark.parametrize("points", [2, 3, 5, 9])
def test_a_few_points_give_something_sane(points):
    data = gradients(np.sin, points=points)
    fit = fit_energy(data)
    x = np.random.default_rng(2).uniform(-2, 2, (200, 2))
    assert np.all(np.isfinite(fit.energy.gradient(x)))
    assert np.abs(fit.energy.gradient(x)).max() < 20.0


def test_noise_of_zero_signal_is_not_learned():
    data = gradients(lambda x: np.random.default_rng(8).normal(size=x.shape), points=1000)
    fit = fit_energy(data)
    assert np.sqrt(np.mean(fit.energy.gradient(data.nodes[0]) ** 2)) < 0.3


def test_ladder_keeps_two_rows_a_neuron():
    assert ladder(None, 10) == [5]
    assert ladder(None, 10_000) == [100, 200, 400, 800, 1600]
    assert ladder(200, 10) == [200]
    assert ladder(400, 10) == [100, 200, 400]


def test_choose_finds_the_best_scale_and_stops_when_more_neurons_do_not_help():
    def assess(neurons):
        error = 1e-5 + abs(np.log(neurons.scale / 0.5)) / neurons.width + (neurons.activation != "sin")
        return error, neurons

    climb = Climb(assess, Neurons())
    best = climb.up([100, 200, 400, 800, 1600])
    assert best.activation == "sin"
    assert best.scale == pytest.approx(0.5, rel=0.25)
    assert best.fit == best.neurons
    assert all(trial.fit is None for trial in climb.trials)


def test_gradient_neurons_find_the_direction_of_oscillation():
    # 1 - cos(12 x0) + x1^2 / 2: all gradient differences that matter point along x0
    data = gradients(lambda x: np.stack([12 * np.sin(12 * x[:, 0]), x[:, 1]], axis=1), points=2000)
    found, isotropic = (
        fit_energy(data, Neurons(120, "sin", 24.0, sampler)).solution.gcv[0] for sampler in ("gradient", "elm")
    )
    assert found < 1e-3
    assert isotropic > 0.1
