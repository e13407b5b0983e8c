"""Iterative training beside sampling: gradients against finite differences, budgets, and what is reported."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

import dynsamp
from dynsamp.compare import compare, rows, save_comparison, sentence
from dynsamp.compare.losses import GradientLoss, IncrementLoss, SumOfLosses, task_of, train
from dynsamp.dataset import pack


def points(rows, components):
    return np.random.default_rng(0).uniform(-1, 1, (rows, components))


def losses(activation):
    rng = np.random.default_rng(1)
    z = points(7, 2)
    gradient = GradientLoss(z, rng.normal(size=(7, 2)), 5, activation)
    increment = IncrementLoss(z, rng.normal(size=(7, 3)), 4, activation)
    return {"gradient": gradient, "increment": increment, "both": SumOfLosses((gradient, increment))}


@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss"])
@pytest.mark.parametrize("kind", ["gradient", "increment", "both"])
def test_gradients_agree_with_finite_differences(kind, activation):
    loss = losses(activation)[kind]
    weights = np.random.default_rng(2).normal(size=loss.size)
    value, gradient = loss.value_and_gradient(weights)
    assert value > 0
    numerical = np.empty(loss.size)
    for k in range(loss.size):
        offset = np.zeros(loss.size)
        offset[k] = 1e-5
        numerical[k] = loss.value_and_gradient(weights + offset)[0] - loss.value_and_gradient(weights - offset)[0]
    np.testing.assert_allclose(gradient, numerical / 2e-5, rtol=1e-6, atol=1e-8)


def test_gradient_loss_vanishes_at_the_gradient_of_the_network():
    """The matched gradient is that of E = l.z + z'Sz/2 + c.tanh(Wz + b), here differentiated numerically."""
    z = points(6, 2)
    loss = GradientLoss(z, np.zeros((6, 2)), 3, "tanh")
    weights = np.random.default_rng(3).normal(size=loss.size)
    w, b, c, linear, matrix = loss.split(weights)

    def energy(x):
        return linear @ x + x @ matrix @ x / 2 + c @ np.tanh(w @ x + b)

    target = np.stack([approx_fprime(x, energy, 1e-7) for x in z])
    value, gradient = GradientLoss(z, target, 3, "tanh").value_and_gradient(weights)
    assert value < 1e-12
    assert np.abs(gradient).max() < 1e-5


def test_loss_does_not_depend_on_the_blocks_that_it_is_summed_in(monkeypatch):
    z = points(1000, 2)
    loss = GradientLoss(z, np.sin(3 * z), 20, "tanh")
    weights = loss.start(np.random.default_rng(0))
    whole = loss.value_and_gradient(weights)
    monkeypatch.setattr("dynsamp.networks.tuning.BLOCK_ROWS", 64)
    parts = loss.value_and_gradient(weights)
    assert whole[0] == pytest.approx(parts[0], rel=1e-13)
    np.testing.assert_allclose(whole[1], parts[1], rtol=1e-11, atol=1e-14)


def test_training_learns_and_repeats():
    """A quadratic potential lies in the network's own polynomial part: the loss can vanish."""
    z = points(50, 2)
    loss = GradientLoss(z, z @ np.array([[2.0, 0.3], [0.3, 1.0]]), 4, "tanh")
    first, second = (train(loss, budget=60, seed=5, progress=False) for _ in range(2))
    assert first.loss < 1e-9 * first.first_loss
    assert first.stopped != "budget"
    np.testing.assert_array_equal(first.weights, second.weights)


def test_budget_ends_training_after_the_running_evaluation():
    z = points(2000, 2)
    loss = GradientLoss(z, np.cos(5 * z), 100, "tanh")
    found = train(loss, budget=1e-9, progress=False)
    assert found.stopped == "budget"
    assert found.evaluations == 1
    assert found.loss == found.first_loss
    assert found.cost.seconds > 0


def pendulum_data():
    return dynsamp.generate("pendulum", trajectories=4, duration=2, dt=0.1)


@pytest.mark.parametrize("separable", [False, True])
def test_trained_hamiltonian_has_the_vector_field_that_its_loss_judges(separable):
    """The loss is half the mean square misfit of grad H in the model's standardised, scaled coordinates."""
    data = pendulum_data()
    model = dynsamp.fit(data, dynsamp.HamiltonianNetwork(width=15, activation="tanh", scale=1.0, separable=separable))
    samples = pack(data)
    task = task_of(model, samples, seed=0)
    weights = np.random.default_rng(4).normal(size=task.loss.size)
    trained = task.model(weights)
    y, dy = (values.reshape(-1, 2)[: task.rows] for values in (samples.y, samples.dy))
    assert task.rows == samples.y.shape[0] * samples.y.shape[1], "all rows, in their order"
    misfit = (trained.vector_field(y) - dy) * model.half_width[::-1]
    true = dy * model.half_width[::-1]
    if separable:
        expected = sum(np.mean(misfit[:, k] ** 2) / np.mean(true[:, k] ** 2) for k in (0, 1)) / 2
    else:
        expected = np.mean(misfit**2) / np.mean(true**2) / 2
    assert task.loss.value_and_gradient(weights)[0] == pytest.approx(expected, rel=1e-9)
    assert trained.energy(trained.centre) == pytest.approx(0, abs=1e-9)
    assert trained.widths == model.widths


def test_trained_flow_map_takes_the_steps_that_its_loss_judges():
    data = dynsamp.generate("lorenz63", trajectories=1, duration=2, dt=0.02)
    model = dynsamp.fit(data, dynsamp.FlowMap(width=12, activation="tanh", scale=1.0))
    y = pack(data).y[0]
    task = task_of(model, pack(data), seed=0)
    assert task.rows == len(y) - 1
    weights = 0.1 * np.random.default_rng(4).normal(size=task.loss.size)
    error = task.model(weights).step(y[:-1]) - y[1:]
    expected = np.mean(error**2 / np.mean(np.diff(y, axis=0) ** 2, axis=0)) / 2
    assert task.loss.value_and_gradient(weights)[0] == pytest.approx(expected, rel=1e-9)


def test_comparison_of_a_hamiltonian_system():
    options = {"trajectories": 6, "duration": 2.0, "dt": 0.1}
    estimator = dynsamp.HamiltonianNetwork(width=30, separable=True)
    result = compare("pendulum", budget=0.5, generate=options, estimator=estimator, progress=False)
    assert result.error_name == "error of H"
    assert result.sampled.error < result.trained.error < 1
    assert result.training.loss < 0.1 * result.training.first_loss
    assert result.trained.model.biases.shape == result.sampled.model.biases.shape
    assert {"energy_error", "truth_energy_error"} <= set(result.trained.scores)
    assert result.trained.cost.seconds >= 0.5
    assert "smaller" in sentence(result)
    assert [len(row) for row in rows(result)] == [3] * len(rows(result))


def test_comparison_of_a_flow_map(tmp_path):
    options = {"trajectories": 1, "duration": 20.0, "dt": 0.02}  # long enough to see both lobes
    estimator = dynsamp.FlowMap(width=60, activation="tanh", scale=1.0)
    truth = {"trajectories": 2, "duration": 1.0}
    result = compare("lorenz63", budget=0.5, generate=options, truth=truth, estimator=estimator, progress=False)
    assert result.error_name == "one-step error"
    assert 0 < result.sampled.error < 0.01
    assert 0 < result.trained.error < np.inf
    assert result.training.loss < result.training.first_loss
    assert {path.name for path in save_comparison(result, tmp_path)} == {
        "nrmse.png", "sampled.model", "trained.model", "comparison.json",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["ou", "gbm"])
def test_stochastic_systems_are_refused_in_one_sentence(name):
    with pytest.raises(ValueError, match=f"compare serves Hamiltonian systems and flow maps, but '{name}' has noise"):
        compare(name)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="choose the estimator 'hamiltonian' or 'flow-map'"):
        compare("pendulum", generate={"trajectories": 2, "duration": 1.0, "dt": 0.1}, estimator="linear")


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf")])
def test_budget_must_be_positive(budget):
    with pytest.raises(ValueError, match="budget must be a positive number of seconds"):
        compare("pendulum", budget=budget)
