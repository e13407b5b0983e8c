"""Null models against what they must reproduce exactly."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import expm

from dynsamp.models.base import Samples
from dynsamp.models.null import Climatology, Linear, Persistence, RandomWalk
from dynsamp.solve import solve
from dynsamp.words import Facts, State, Status

STATES = (State("x"), State("v"))
DT = 0.1
MATRIX = expm(DT * np.array([[0.0, 1.0], [-2.0, -0.3]]))  # a damped oscillator, sampled


def oscillators(count=5, steps=40, offset=3.0):
    y = np.empty((count, steps, 2))
    y[:, 0] = np.random.default_rng(0).standard_normal((count, 2))
    for k in range(1, steps):
        y[:, k] = y[:, k - 1] @ MATRIX.T
    return Samples(
        t=np.tile(DT * np.arange(steps), (count, 1)), y=y + offset, states=STATES, facts=Facts(time_unit="s")
    )


def test_the_linear_map_recovers_a_linear_system():
    samples = oscillators()
    model = Linear().fit(samples)
    assert_allclose(np.eye(2) + model.matrix, MATRIX, atol=1e-12)
    assert model.facts.dt == pytest.approx(DT)
    assert model.facts.time_unit == "s"
    times = DT * np.arange(200)
    solution = solve(model.kernel(), times, samples.y[:, 0])
    exact = [3.0 + (samples.y[:, 0] - 3.0) @ np.linalg.matrix_power(MATRIX, k).T for k in range(200)]
    assert_allclose(solution.states, np.stack(exact, axis=1), atol=1e-9)
    assert_allclose(model.step(samples.y[:, 0]), solution.states[:, 1], rtol=1e-14)
    assert_allclose(model.jacobian(samples.y), np.broadcast_to(MATRIX, (5, 40, 2, 2)), atol=1e-12)


def test_the_linear_map_of_a_constant_component_is_finite():
    samples = oscillators()
    y = samples.y.copy()
    y[..., 1] = 7.0
    model = Linear().fit(replace(samples, y=y))
    assert np.all(np.isfinite(model.matrix))
    assert_allclose(model.step(np.array([3.0, 7.0]))[1], 7.0)


def test_trajectories_of_different_lengths_are_not_joined():
    samples = oscillators(count=2)
    y = samples.y.copy()
    y[0, 10:] = np.nan
    model = Linear().fit(replace(samples, y=y, length=np.array([10, 40])))
    assert model.report["rows"] == 9 + 39
    assert_allclose(np.eye(2) + model.matrix, MATRIX, atol=1e-12)


def test_persistence_repeats_and_climatology_forgets():
    samples = oscillators()
    starts = np.array([[1.0, 2.0], [np.nan, 0.0]])
    ids = np.arange(2)
    states, status = Persistence().fit(samples).predict(starts, np.arange(3.0), ids, 0)
    assert_array_equal(states[0], [[1.0, 2.0]] * 3)
    assert_array_equal(status, [Status.OK, Status.INVALID_INPUT])
    model = Climatology().fit(samples)
    states, _ = model.predict(starts, np.arange(3.0), ids, 0)
    mean = samples.y.reshape(-1, 2).mean(axis=0)
    assert_allclose(states[0], [starts[0], mean, mean])
    assert_allclose(model.spread, samples.y.reshape(-1, 2).std(axis=0))
    assert not model.stochastic


def test_the_random_walk_has_the_moments_of_its_increments():
    rng = np.random.default_rng(1)
    spacing = rng.uniform(0.5, 1.5, (1, 20_000))  # may differ
    drift, volatility = np.array([0.3, -0.2]), np.array([0.7, 0.1])
    noise = volatility * np.sqrt(spacing[..., None]) * rng.standard_normal((1, 20_000, 2))
    y = np.concatenate([np.zeros((1, 1, 2)), np.cumsum(drift * spacing[..., None] + noise, axis=1)], axis=1)
    t = np.concatenate([[[0.0]], np.cumsum(spacing, axis=1)], axis=1)
    model = RandomWalk().fit(Samples(t=t, y=y, states=STATES))
    # four standard errors of a mean and of a standard deviation
    assert_allclose(model.mean_rate, drift, atol=4 * 0.7 / np.sqrt(20_000))
    assert_allclose(model.volatility, volatility, rtol=4 / np.sqrt(2 * 20_000))
    assert model.stochastic
    paths = solve(model.kernel(), [0.0, 1.0, 4.0], np.zeros((40_000, 2)), seed=3).states
    assert_allclose(paths[:, -1].mean(axis=0), 4 * model.mean_rate, atol=4 * 2 * 0.7 / np.sqrt(40_000))
    assert_allclose(paths[:, -1].std(axis=0), 2 * model.volatility, rtol=4 / np.sqrt(2 * 40_000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: replace(s, y=s.y[:, :1], t=s.t[:, :1], length=np.ones(5, int)),
            "none of the 5 trajectories has two",
        ),
        (lambda s: replace(s, t=s.t**2), "evenly sampled data, but trajectory 0 has a spacing"),
        (lambda s: replace(s, y=np.ones_like(s.y)), "the data never change"),
        (lambda s: replace(s, t=-s.t), "times of trajectory 0 do not increase"),
        (
            lambda s: replace(s, y=np.where(np.arange(40)[:, None] == 7, np.nan, s.y)),
            "'x' is nan in trajectory 0 at sample 7",
        ),
    ],
)
def test_data_that_cannot_be_learned_from_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Linear().fit(change(oscillators()))
