"""One-step models know what they know: laws that are polynomials, errors and noise as they are, hidden states named."""

import logging
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

from dynsamp.models.base import Samples
from dynsamp.models.drift_diffusion import DriftDiffusion
from dynsamp.models.flow_map import FlowMap, FlowMapModel
from dynsamp.models.null import Linear, RandomWalk
from dynsamp.models.sampled_network import SampledNetwork
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import solve
from dynsamp.words import State


def henon(y):
    """Hénon (1976), Commun. Math. Phys. 50, 69."""
    return np.stack([1.0 - 1.4 * y[..., 0] ** 2 + y[..., 1], 0.3 * y[..., 0]], axis=-1)


def logistic(y):
    return 3.7 * y * (1.0 - y)


def lattice(y):
    """Coupled quadratic maps: Kaneko (1984), Prog. Theor. Phys. 72, 480."""
    local = 1.0 - 1.7 * y**2
    return 0.7 * local + 0.15 * (np.roll(local, 1, axis=-1) + np.roll(local, -1, axis=-1))


def lorenz(_, y):
    return 10.0 * (y[1] - y[0]), y[0] * (28.0 - y[2]) - y[1], y[0] * y[1] - 8.0 / 3.0 * y[2]


def pendulum(_, y):
    return y[1], -np.sin(y[0])


def orbits(step, starts, length, skip=20):
    y, kept = np.asarray(starts, dtype=float), []
    for k in range(skip + length):
        if k >= skip:
            kept.append(y)
        y = step(y)
    return np.stack(kept, axis=1)


def flow(field, starts, length, dt, skip=0.0):
    times = skip + dt * np.arange(length)
    options = {"method": "DOP853", "rtol": 1e-11, "atol": 1e-11}
    return np.stack([solve_ivp(field, (0.0, times[-1]), start, t_eval=times, **options).y.T for start in starts])


def samples(y, **more):
    states = tuple(State(f"x{k}") for k in range(y.shape[2]))
    return Samples(t=np.tile(0.1 * np.arange(y.shape[1]), (len(y), 1)), y=y, states=states, **more)


def noisy(y, level, seed):
    return y + level * y.std(axis=(0, 1)) * np.random.default_rng(seed).normal(size=y.shape)


def true_error(model, fresh):
    """Relative error of a step on fresh states, each component in units of its own change."""
    y, change = fresh[:, :-1].reshape(-1, fresh.shape[2]), np.diff(fresh, axis=1).reshape(-1, fresh.shape[2])
    return float(np.sqrt(np.mean(((model.step(y) - y - change) / np.sqrt((change**2).mean(axis=0))) ** 2)))


@pytest.mark.parametrize(("step", "size"), [(henon, 2), (logistic, 1), (lattice, 16)])
def test_a_polynomial_map_is_found_from_a_hundred_clean_points(step, size, tmp_path):
    rng = np.random.default_rng(size)
    model = FlowMap().fit(samples(orbits(step, rng.uniform(0.1, 0.3, (1, size)), 100)), seed=1)
    fresh = orbits(step, rng.uniform(0.1, 0.3, (5, size)), 100)
    assert true_error(model, fresh) < 1e-12
    assert model.report["error"] < 1e-12
    y, h = fresh[0, :20], 1e-6
    assert_allclose(solve(model.kernel(), [0.0, model.dt], y).states[:, 1], model.step(y), atol=1e-13)
    differences = [(step(y + h * e) - step(y - h * e)) / (2.0 * h) for e in np.eye(size)]
    assert_allclose(model.jacobian(y), np.stack(differences, axis=-1), atol=1e-8)
    write_model(model, tmp_path / "map.model")
    back = read_model(tmp_path / "map.model", {"flow-map": FlowMapModel}.__getitem__)
    assert_array_equal(back.step(y), model.step(y))


def test_the_formula_is_the_law():
    model = FlowMap().fit(samples(orbits(henon, [[0.1, 0.1]], 100)))
    assert model.formula == "x0(t + dt) = 1 + x1 - 1.4*x0**2\nx1(t + dt) = 0.3*x0"
    neurons = FlowMap(width=40).fit(samples(orbits(henon, [[0.1, 0.1]], 200)))
    assert neurons.formula.startswith("no formula: 40 ")


def test_exponents_of_a_file_are_whole_numbers():
    model = FlowMap().fit(samples(orbits(henon, [[0.1, 0.1]], 100)))
    for bad in (model.weights + 0.5, -model.weights, 40.0 * model.weights):
        with pytest.raises(ValueError, match="exponents"):
            replace(model, weights=bad)


CASES = {
    "Lorenz": lambda rng, n: flow(lorenz, rng.normal([0, 0, 25], 5, (n or 1, 3)), 100 if n else 1500, 0.05, 10.0),
    "pendulum": lambda rng, n: flow(pendulum, rng.uniform(-1.5, 1.5, (n or 40, 2)), 50, 0.1),
    "henon": lambda rng, n: orbits(henon, rng.uniform(-0.1, 0.1, (n or 1, 2)), 100 if n else 800),
}


@pytest.mark.parametrize("level", [0.01, 0.05])
@pytest.mark.parametrize("name", CASES)
def test_error_and_noise_of_a_map_are_told(name, level):
    # errors of the inputs flatten a map, and no residual shows it
    clean = CASES[name](np.random.default_rng(3), 0)
    model = FlowMap().fit(samples(noisy(clean, level, 4)), seed=1)
    ratio = true_error(model, CASES[name](np.random.default_rng(5), 20)) / model.report["error"]
    assert 1 / 3 < ratio < 3
    true = {f"x{k}": level * size for k, size in enumerate(clean.std(axis=(0, 1)))}
    found = model.report["noise"]
    assert found
    assert found == pytest.approx({name: true[name] for name in found}, rel=0.25)
    assert "hidden" not in model.report


def test_the_error_of_a_linear_map_is_what_it_misses():
    clean = CASES["Lorenz"](np.random.default_rng(3), 0)
    model = Linear().fit(samples(clean))
    assert 1 / 2 < true_error(model, CASES["Lorenz"](np.random.default_rng(5), 20)) / model.report["error"] < 2
    assert "noise" not in model.report


@pytest.mark.parametrize("level", [0.0, 0.05])
def test_error_and_noise_of_a_regression_are_told(level):
    rng = np.random.default_rng(7)
    x, fresh = rng.uniform(-1.0, 1.0, (800, 2)), rng.uniform(-1.0, 1.0, (4000, 2))

    def law(points):
        return np.sin(3.0 * points[:, 0]) * np.exp(points[:, 1])

    size = law(x).std()
    model = SampledNetwork().fit(x, law(x) + level * size * rng.normal(size=len(x)), seed=1)
    error = np.sqrt(np.mean((model.values(fresh)[:, 0] - law(fresh)) ** 2)) / np.sqrt(np.mean(law(fresh) ** 2))
    assert 1 / 3 < error / model.report["error"] < 3
    if level:
        assert model.report["noise"]["y"] == pytest.approx(level * size, rel=0.2)


@pytest.mark.parametrize("level", [0.0, 0.01])
@pytest.mark.parametrize("name", ["sine", "Lorenz", "pendulum", "henon"])
def test_a_hidden_state_is_told_from_noise(name, level, caplog):
    rng = np.random.default_rng(3)
    full = np.sin(0.1 * np.arange(1000))[None, :, None] if name == "sine" else CASES[name](rng, 0)
    with caplog.at_level(logging.WARNING, "dynsamp"):
        model = FlowMap().fit(samples(noisy(full[..., :1], level, 4)), seed=1)
    assert model.report["hidden"].startswith("hidden states: try delays")
    assert "hidden states" in caplog.text
    if name != "sine":
        assert "hidden" not in FlowMap().fit(samples(noisy(full, level, 4)), seed=1).report


def test_randomness_of_the_law_is_no_hidden_state():
    rng, y = np.random.default_rng(2), np.zeros((1, 1500, 1))
    for k in range(1, 1500):
        y[0, k] = 0.95 * y[0, k - 1] + 0.3 * rng.normal(size=1)
    for data in (y, rng.normal(size=(1, 500, 1)), np.cumsum(rng.normal(size=(1, 800, 2)), axis=1)):
        assert "hidden" not in FlowMap().fit(samples(data)).report


def test_a_trajectory_of_another_law_is_named(caplog):
    y = flow(pendulum, np.random.default_rng(1).uniform(-1.0, 1.0, (20, 2)), 60, 0.1)
    y[7, :, 1] *= 1.2
    with caplog.at_level(logging.WARNING, "dynsamp"):
        model = FlowMap(width=0).fit(samples(flow(lambda t, y: (y[1], -y[0]), y[:, 0], 60, 0.1)))
        assert "worst" not in model.report
        broken = flow(lambda t, y: (y[1], -y[0]), y[:, 0], 60, 0.1)
        broken[7, :, 1] *= 1.2
        model = FlowMap(width=0).fit(samples(broken))
    assert list(model.report["worst"]) == ["trajectory 7"]
    assert "trajectory 7" in caplog.text


@pytest.mark.parametrize("estimator", [FlowMap(), Linear()])
def test_a_conserved_sum_does_not_grow(estimator):
    """A ring of three masses (Toda 1967, J. Phys. Soc. Jpn. 22, 431) at rest as a whole: the data say nothing of it."""

    def toda(_, y):
        stretch = np.exp(y[:3] - np.roll(y[:3], -1))
        return np.concatenate([y[3:], np.roll(stretch, 1) - stretch])

    starts = np.random.default_rng(0).uniform(-0.5, 0.5, (14, 2, 3))
    starts = (starts - starts.mean(axis=2, keepdims=True)).reshape(-1, 6)
    y = np.stack([solve_ivp(toda, (0, 6), y0, "DOP853", 0.1 * np.arange(60), rtol=1e-11).y.T for y0 in starts])
    model = estimator.fit(samples(y[:12]))
    assert abs(np.linalg.eigvals(model.jacobian(y[12, 0]))).max() < 1.1  # the linear map itself: 1
    forecast = solve(model.kernel(), model.dt * np.arange(60), y[12:, 0]).states
    assert_allclose(forecast[..., :3].sum(axis=-1), 0.0, atol=1e-3)
    assert np.abs(forecast - y[12:]).max() < (1e-3 if estimator == FlowMap() else 0.5)


@pytest.mark.parametrize("rounding", [0.0, 1e-15])
def test_a_constant_component_leaves_the_law_of_the_others(rounding):
    y = 1e9 * orbits(henon, [[0.1, 0.1]], 300)
    still = 0.3 * (1.0 + rounding * np.random.default_rng(0).normal(size=(1, 300, 1)))
    model = FlowMap().fit(samples(np.concatenate([y, still], axis=2)))
    assert model.activation == "polynomial"
    assert model.report["error"] < 1e-12


@pytest.mark.parametrize("estimator", [FlowMap(), Linear(), RandomWalk(), DriftDiffusion()])
def test_inputs_that_are_not_used_are_said(estimator, caplog):
    y = orbits(henon, [[0.1, 0.1]], 100)
    with caplog.at_level(logging.WARNING, "dynsamp"):
        model = estimator.fit(samples(y, u=np.zeros((1, 100, 1))))
    assert model.report["note"] == "the inputs of the data were not used"
    assert "does not use the inputs" in caplog.text
