"""Learned stochastic equations against closed forms; tolerances are a few standard errors of the data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.models.base import Samples
from dynsamp.models.drift_diffusion import DriftDiffusion, DriftDiffusionModel
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import diffusion_values, field_values, solve
from dynsamp.words import State, Status


def samples_of(paths, dt, names="xyz"):
    t = np.tile(dt * np.arange(paths.shape[1]), (len(paths), 1))
    return Samples(t=t, y=paths, states=tuple(State(name) for name in names[: paths.shape[2]]))


def ou_paths(kappa, sigma, dt, count, steps, seed=0):
    """Exact AR(1) of dr = -kappa r dt + sigma dW, stationary from the start."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-kappa * dt)
    spread = sigma / np.sqrt(2 * kappa)
    r = np.empty((count, steps, 1))
    r[:, 0, 0] = spread * rng.standard_normal(count)
    for k in range(1, steps):
        r[:, k, 0] = decay * r[:, k - 1, 0] + spread * np.sqrt(1 - decay**2) * rng.standard_normal(count)
    return r


def relative(learned, exact):
    return np.sqrt(np.mean((learned - exact) ** 2) / np.mean(exact**2))


@pytest.mark.parametrize("dt", [0.01, 0.1])
def test_ornstein_uhlenbeck(dt):
    kappa, sigma = 2.0, 0.3
    paths = ou_paths(kappa, sigma, dt, 1000, 101)
    models = [DriftDiffusion().fit(samples_of(paths, dt), seed=seed) for seed in range(3)]
    x = np.linspace(-0.3, 0.3, 101)[:, None]  # two standard deviations
    time = 1000 * 100 * dt
    # slope and intercept each have a relative standard error of about sqrt(2 / (kappa time)); the Ito-Taylor
    # remainder is (kappa dt)^2 / 6 in the drift and (2 kappa dt)^2 / 6 in the variance
    drifts = [relative(model.drift(x), -kappa * x) for model in models]
    variances = [relative(model.diffusion(x) ** 2, np.full_like(x, sigma**2)) for model in models]
    assert np.median(drifts) < 4 * np.sqrt(2 / (kappa * time)) + (kappa * dt) ** 2 / 3
    assert np.median(variances) < 4 * np.sqrt(6 / 1e5) + (kappa * dt) ** 2


def test_geometric_brownian_motion_and_its_paths():
    mu, sigma, dt = 0.08, 0.2, 1 / 252
    steps = np.random.default_rng(1).standard_normal((400, 252))
    logs = np.cumsum((mu - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * steps, axis=1)
    prices = 100 * np.exp(np.concatenate([np.zeros((400, 1)), logs], axis=1))[..., None]
    model = DriftDiffusion().fit(samples_of(prices, dt))
    s = np.quantile(prices, np.linspace(0.02, 0.98, 50))[:, None]
    assert relative(model.diffusion(s), sigma * s) < 0.01
    assert relative(model.drift(s), mu * s) < 4 * sigma / np.sqrt(400) / mu
    paths = solve(model.kernel(), np.linspace(0, 1, 253), np.full((4000, 1), 100.0), seed=2)
    assert np.all(paths.status == Status.OK)
    assert paths.states.min() > 0
    assert np.std(np.log(paths.states[:, -1])) == pytest.approx(sigma, rel=0.06)
    assert paths.states[:, -1].mean() == pytest.approx(100 * np.exp(mu), rel=0.05)


def test_correlated_noise_of_two_components():
    # Heston's variance and log-price, simulated on a fine grid
    kappa, theta, xi, rho, dt, fine = 2.0, 0.04, 0.3, -0.7, 1 / 252, 4
    rng = np.random.default_rng(3)
    state = np.stack([np.zeros(1000), rng.gamma(2 * kappa * theta / xi**2, xi**2 / (2 * kappa), 1000)], axis=1)
    saved = [state]
    for _ in range(60):
        for _ in range(fine):
            z = rng.standard_normal((1000, 2)) * np.sqrt(dt / fine)
            root = np.sqrt(state[:, 1])
            price = state[:, 0] - state[:, 1] / 2 * dt / fine + root * z[:, 0]
            variance = state[:, 1] + kappa * (theta - state[:, 1]) * dt / fine
            variance = variance + xi * root * (rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1])
            state = np.stack([price, np.abs(variance)], axis=1)
        saved.append(state)
    paths = np.stack(saved, axis=1)
    model = DriftDiffusion().fit(samples_of(paths, dt))
    v = np.quantile(paths[..., 1], np.linspace(0.05, 0.95, 40))
    y = np.stack([np.zeros(40), v], axis=1)
    g = model.diffusion(y)
    a = g @ np.swapaxes(g, 1, 2)
    for (i, k), exact in {(0, 0): v, (1, 0): rho * xi * v, (1, 1): xi**2 * v}.items():
        assert relative(a[:, i, k], exact) < 0.04
    assert np.all(g[:, 0, 1] == 0)
    kernel = model.kernel()
    points = paths.reshape(-1, 2)[::600]
    assert_allclose(field_values(kernel, np.zeros(len(points)), points), model.drift(points), rtol=1e-12, atol=1e-12)
    assert_allclose(diffusion_values(kernel, np.zeros(len(points)), points), model.diffusion(points), atol=1e-12)
    ends = solve(kernel, np.arange(61) * dt, paths[:, 0], seed=5).states[:, -1]
    assert np.all(np.isfinite(ends))
    assert_allclose(ends.std(axis=0), paths[:, -1].std(axis=0), rtol=0.12)


def test_a_covariance_that_is_not_positive_keeps_its_variances():
    n, pairs = 3, 6
    theta = np.zeros(2 * n + n * (1 + n) + pairs * (1 + n + pairs))
    theta[n : 2 * n] = 1e-6
    entries = np.array([1.0, 2.0, 4.0, -9.0, 5.0, 9.0])  # correlations 1, -3, 5/6
    theta[2 * n + n * (1 + n) :: 1 + n + pairs] = entries
    model = DriftDiffusionModel(states=tuple(State(name) for name in "abc"), dt=0.1, theta=theta)
    g = model.diffusion(np.zeros(3))
    assert_allclose(np.diag(g @ g.T), [1.0, 4.0, 9.0], rtol=1e-5)
    assert np.all(np.isfinite(g))
    assert_allclose(diffusion_values(model.kernel(), np.zeros(1), np.zeros((1, 3)))[0], g, atol=1e-12)


def test_a_positive_covariance_is_factorised_exactly():
    rng = np.random.default_rng(8)
    n, pairs = 4, 10
    root = rng.standard_normal((n, n))
    a = root @ root.T
    theta = np.zeros(2 * n + n * (1 + n) + pairs * (1 + n + pairs))
    theta[n : 2 * n] = 1e-9
    theta[2 * n + n * (1 + n) :: 1 + n + pairs] = a[np.tril_indices(n)]
    model = DriftDiffusionModel(states=tuple(State(name) for name in "abcd"), dt=0.1, theta=theta)
    assert_allclose(model.diffusion(np.zeros((2, n))), np.stack([np.linalg.cholesky(a)] * 2), atol=1e-10)


def test_few_increments_give_a_usable_model():
    paths = ou_paths(1.0, 0.5, 0.1, 1, 40)
    model = DriftDiffusion().fit(samples_of(paths, 0.1))
    forecast = solve(model.kernel(), 0.1 * np.arange(100), paths[:, -1], seed=1)
    assert np.all(forecast.status == Status.OK)
    assert np.abs(forecast.states).max() < 10
    assert model.report["width"] == 0  # 39 increments show no more than a line and a constant


def test_a_saved_model_is_the_same(tmp_path):
    model = DriftDiffusion(width=5).fit(samples_of(ou_paths(1.0, 0.5, 0.1, 4, 50), 0.1))
    write_model(model, tmp_path / "m")
    back = read_model(tmp_path / "m", {"drift-diffusion": DriftDiffusionModel}.__getitem__)
    x = np.linspace(-1, 1, 9)[:, None]
    assert np.array_equal(back.drift(x), model.drift(x))
    assert np.array_equal(back.diffusion(x), model.diffusion(x))
    assert back.stochastic


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="needs 6 increments, got 3"):
        DriftDiffusion().fit(samples_of(ou_paths(1.0, 0.5, 0.1, 1, 4), 0.1))
    rng = np.random.default_rng(0)
    wide = samples_of(rng.standard_normal((2, 30, 13)), 0.1, names="abcdefghijklm")
    with pytest.raises(ValueError, match="up to 12 components"):
        DriftDiffusion().fit(wide)
    with pytest.raises(ValueError, match="theta of shape"):
        DriftDiffusionModel(states=(State("x"),), dt=0.1, theta=np.zeros(8))
    for knobs in ({"width": -1}, {"scale": 0.0}, {"sampler": "x"}, {"regularisation": -1.0}):
        with pytest.raises(ValueError, match="must"):
            DriftDiffusion(**knobs)
