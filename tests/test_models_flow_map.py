"""Flow maps: exact where the truth is in reach, sane where data are few and noisy."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.models.base import Samples
from dynsamp.models.flow_map import FlowMap, FlowMapModel
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import Kernel, solve
from dynsamp.words import State, Status

XYZ = tuple(State(name) for name in "xyz")


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]), chaotic=True)


def attractor(count, steps, dt, seed=0):
    starts = np.random.default_rng(seed).normal([0.0, 0.0, 25.0], 5.0, (count, 3))
    starts = solve(LORENZ, [0.0, 20.0], starts, rtol=1e-9).states[:, -1]
    times = dt * np.arange(steps)
    return Samples(t=np.tile(times, (count, 1)), y=solve(LORENZ, times, starts).states, states=XYZ)


@pytest.fixture(scope="module")
def train():
    return attractor(1, 1001, 0.02)


@pytest.fixture(scope="module")
def model(train):
    return FlowMap().fit(train, seed=1)


def test_a_flow_map_told_nothing_follows_the_lorenz_attractor(model):
    # 10 time units are 9 Lyapunov times: errors grow by a factor of 8000
    truth = attractor(10, 501, 0.02, seed=5)
    forecast = solve(model.kernel(), truth.t[0], truth.y[:, 0])
    assert np.all(forecast.status == Status.OK)
    error = np.abs(forecast.states - truth.y).max(axis=(1, 2))
    assert np.median(error) < 1e-3
    assert error.max() < 1.0


def test_kernel_and_arrays_give_the_same_step(model, train):
    states = solve(model.kernel(), [0.0, model.dt], train.y[0, :100]).states
    assert_allclose(states[:, 1], model.step(train.y[0, :100]), atol=1e-11)  # large coefficients cancel
    assert model.step(train.y[0, :6].reshape(2, 3, 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("activation", ["sin", "tanh", "gauss"])
def test_the_jacobian_is_the_derivative_of_the_step(train, activation):
    model = FlowMap(width=60, activation=activation, scale=0.4).fit(train)
    y, h = train.y[0, ::200], 1e-4  # large coefficients cancel: a step is good to 1e-11, its differences to 1e-7
    shifted = [(model.step(y + h * e) - model.step(y - h * e)) / (2 * h) for e in np.eye(3)]
    assert_allclose(model.jacobian(y), np.stack(shifted, axis=-1), atol=1e-6)
    states = solve(model.kernel(), [0.0, model.dt], y).states
    assert_allclose(states[:, 1], model.step(y), atol=1e-11)


def test_a_linear_map_is_learned_exactly():
    rotation = 0.99 * np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    y = np.empty((1, 200, 2))
    y[0, 0] = 1.0, 0.5
    for k in range(1, 200):
        y[0, k] = rotation @ y[0, k - 1]
    model = FlowMap(width=0).fit(Samples(t=np.arange(200.0)[None], y=y, states=XYZ[:2]))
    assert_allclose(model.jacobian(np.zeros(2)), rotation, atol=1e-12)


def test_a_map_with_strong_folds_is_learned():
    # the logistic map, which no flow generates
    y = np.empty((4, 500, 1))
    y[:, 0, 0] = 0.1, 0.3, 0.45, 0.7
    for k in range(1, 500):
        y[:, k] = 3.9 * y[:, k - 1] * (1 - y[:, k - 1])
    model = FlowMap().fit(Samples(t=np.tile(np.arange(500.0), (4, 1)), y=y, states=XYZ[:1]))
    x = np.linspace(0.1, 0.97, 50)[:, None]
    assert_allclose(model.step(x), 3.9 * x * (1 - x), atol=1e-8)


def noisy_pendulum(rows, noise, seed):
    rng = np.random.default_rng(seed)
    t = 0.1 * np.arange(rows)
    # small swings, damped a little
    clean = np.stack([np.cos(t), -np.sin(t)], axis=1) * np.exp(-0.01 * t)[:, None]
    return Samples(t=t[None], y=(clean + noise * rng.standard_normal(clean.shape))[None], states=XYZ[:2]), clean


@pytest.mark.parametrize("rows", [12, 60, 300])
@pytest.mark.parametrize("noise", [0.02, 0.1])
def test_few_noisy_rows_give_a_stable_model(rows, noise):
    samples, _ = noisy_pendulum(rows, noise, seed=rows)
    model = FlowMap().fit(samples, seed=3)
    forecast = solve(model.kernel(), samples.t[0, 0] + model.dt * np.arange(5 * rows), samples.y[0, -1:])
    assert np.all(forecast.status == Status.OK)
    assert np.abs(forecast.states).max() < 3.0


def test_noise_is_not_fitted():
    samples, clean = noisy_pendulum(1000, 0.01, seed=1)
    model = FlowMap().fit(samples, seed=1)
    error = model.step(clean[:-1]) - clean[1:]
    assert np.sqrt((error**2).mean()) < 0.005  # half of the noise that one sample carries
    assert "noise suspected" in model.report["chosen"]


def test_a_constant_component_stays_constant(train):
    y = np.concatenate([train.y, np.full((*train.y.shape[:2], 1), 300.0)], axis=2)
    model = FlowMap(width=100, activation="sin", scale=0.2).fit(replace(train, y=y, states=(*XYZ, State("c"))))
    step = model.step(y[0, :50])
    assert_allclose(step[:, 3], 300.0, rtol=1e-12)
    assert_allclose(step[:, :3], train.y[0, 1:51], atol=1e-5)


def test_trajectories_of_different_lengths_are_not_joined(train):
    y = np.stack([train.y[0, :400], train.y[0, 500:900]])
    y[1, 300:] = np.nan
    ragged = Samples(t=np.tile(train.t[0, :400], (2, 1)), y=y, states=XYZ, length=np.array([400, 300]))
    model = FlowMap(width=150).fit(ragged)
    assert model.report["rows"] == 399 + 299
    assert np.abs(model.step(train.y[0, :-1]) - train.y[0, 1:]).max() < 1e-3


def test_one_seed_gives_one_model(train):
    knobs = FlowMap(width=80, activation="tanh", scale=0.2)
    first, again, other = knobs.fit(train, seed=4), knobs.fit(train, seed=4), knobs.fit(train, seed=5)
    assert_array_equal(first.weights, again.weights)
    assert_allclose(first.step(train.y[0]), again.step(train.y[0]), rtol=1e-10)
    assert np.any(first.weights != other.weights)


def test_a_saved_map_forecasts_the_same(model, tmp_path, train):
    write_model(model, tmp_path / "lorenz.model")
    back = read_model(tmp_path / "lorenz.model", {"flow-map": FlowMapModel}.__getitem__)
    assert_array_equal(back.step(train.y[0]), model.step(train.y[0]))
    assert_array_equal(back.kernel().theta, model.kernel().theta)


def test_arrays_that_do_not_fit_together_make_no_model(model):
    with pytest.raises(ValueError, match=r"biases should be float64 of shape \(feature\)"):
        replace(model, biases=model.biases[:, None])
    with pytest.raises(ValueError, match=r"coefficients should be float64 of shape \(output, feature\)"):
        replace(model, coefficients=model.coefficients[:, 1:])


@pytest.mark.parametrize(
    "knobs",
    [{"width": -1}, {"width": 2.5}, {"activation": "gelu"}, {"scale": 0.0}, {"sampler": "x"}, {"regularisation": -1}],
)
def test_impossible_knobs_are_refused(knobs):
    with pytest.raises(ValueError, match="must"):
        FlowMap(**knobs)


@pytest.mark.parametrize(
    "way", [{"sampler": "swim", "activation": "tanh"}, {"regularisation": 1e-8}, {"memory": 1 << 20}]
)
def test_every_knob_leads_to_a_usable_map(train, way):
    memory = way.pop("memory", None)
    model = FlowMap(width=60, scale=0.3, **way).fit(train, memory=memory)
    assert np.abs(model.step(train.y[0, :-1]) - train.y[0, 1:]).max() < 0.1
