"""Learned stochastic equations against closed forms; tolerances are a few standard errors of the data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.models.base import Samples
from dynsamp.models.drift_diffusion import DriftDiffusion, DriftDiffusionModel
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import diffusion_values, field_values, solve, statistics
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


def euler(drift, diffusion, start, dt, steps, seed, parts):
    """Paths of dy = drift dt + diffusion dW in fine steps, saved every dt."""
    rng = np.random.default_rng(seed)
    y, saved = np.array(start, dtype=float), [np.array(start, dtype=float)]
    for _ in range(steps):
        for _ in range(parts):
            noise = rng.standard_normal(y.shape) * np.sqrt(dt / parts)
            y = y + drift(y) * dt / parts + diffusion(y) * noise
        saved.append(y)
    return np.stack(saved, axis=1)


def test_a_double_well_seen_every_half_unit_of_time():
    # wells contract at a rate of 2, so a regression of increments halves the drift
    paths = euler(lambda y: y - y**3, lambda y: 0.6 + 0 * y, np.ones((100, 1)), 0.5, 200, 4, 50)[:, 20:]
    model = DriftDiffusion().fit(samples_of(paths, 0.5))
    x = np.quantile(paths, np.linspace(0.02, 0.98, 97))[:, None]
    assert relative(model.drift(x), x - x**3) < 0.2
    assert relative(model.diffusion(x), 0.6 + 0 * x) < 0.15
    assert "x**3" in model.formula


def test_high_powers_stay_as_they_are_beyond_the_data(tmp_path):
    def drift(y):
        return np.sin(3 * y) - 0.3 * y

    rng = np.random.default_rng(3)
    paths = euler(drift, lambda y: 0.5 + 0.2 * np.cos(y), rng.standard_normal((20, 1)), 0.05, 700, 3, 10)[:, 100:]
    model = DriftDiffusion().fit(samples_of(paths, 0.05))
    y = np.linspace(1.5 * paths.min(), 1.5 * paths.max(), 99)[:, None]
    assert relative(model.drift(y), drift(y)) < 1.0  # polynomials of degree five or six are wrong by factors of ten
    assert np.abs(model.drift(np.array([[-100.0], [100.0]]))).max() < 100
    far = solve(model.kernel(), np.array([0.0, 50.0]), np.full((500, 1), paths.max() + 1.0), seed=1)
    assert np.all(far.status == Status.OK)
    assert np.abs(far.states[:, -1]).max() < 2 * np.abs(paths).max()
    write_model(model, tmp_path / "m")
    back = read_model(tmp_path / "m", {"drift-diffusion": DriftDiffusionModel}.__getitem__)
    assert np.array_equal(back.drift(y), model.drift(y))
    assert np.array_equal(back.drift_error(y), model.drift_error(y))


def test_short_records_have_the_simplest_law_that_unseen_rows_confirm():
    found = [DriftDiffusion().fit(samples_of(ou_paths(1.0, 0.7, 0.1, 1, 500, seed=seed), 0.1)) for seed in range(12)]
    assert not any("**" in model.formula or "neurons" in model.formula for model in found)


def test_growth_over_decades_is_that_of_logarithms():
    mu, sigma, dt = 0.5, 0.4, 0.1
    steps = np.random.default_rng(2).standard_normal((50, 200))
    logs = np.cumsum((mu - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * steps, axis=1)
    y = np.exp(np.concatenate([np.zeros((50, 1)), logs], axis=1))[..., None]  # to 1e4
    model = DriftDiffusion().fit(samples_of(y, dt))
    s = np.geomspace(0.1, 1e4, 30)[:, None]
    # maximum likelihood: mean and variance of the increments of the logarithm
    found = np.diff(np.log(y[..., 0]), axis=1)
    assert_allclose(model.diffusion(s), np.sqrt(found.var() / dt) * s, rtol=1e-3)
    assert_allclose(model.drift(s), (found.mean() / dt + found.var() / dt / 2) * s, rtol=1e-3)
    assert_allclose(model.diffusion_error(s), s * sigma / np.sqrt(2 * found.size), rtol=0.1)
    kernel = model.kernel()
    far = solve(kernel, np.array([0.0, 20.0]), np.ones((2000, 1)), seed=3).states[:, -1, 0]
    assert far.min() > 0
    assert np.log(far).mean() == pytest.approx(found.mean() / dt * 20, abs=5 * sigma * np.sqrt(20 / 2000))
    told = statistics(kernel, np.array([0.0, 20.0]), np.ones((2000, 1)), seed=3)
    assert told.mean[0, -1, 0] == pytest.approx(far.mean())
    over = statistics(kernel, np.array([0.0, 20.0]), np.ones((2000, 1)), seed=3, over="time")
    assert_allclose(over.last[:, 0], far)


def test_growth_that_is_not_seen_is_not_said_to_be_known():
    mu, sigma, dt = 0.1, 0.3, 0.05  # standard error of mu: sigma / sqrt(total time) = 0.021, twice that of none
    ratios = []
    for seed in range(6):
        steps = np.random.default_rng(seed).standard_normal((20, 200))
        logs = np.cumsum((mu - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * steps, axis=1)
        model = DriftDiffusion(transform="log").fit(samples_of(np.exp(logs)[..., None], dt))
        s = np.exp(logs).reshape(-1, 1)[::20]
        ratios.append(relative(model.drift(s), mu * s) / model.report["error"]["drift"])
    assert max(ratios) < 5


def test_square_root_noise_and_a_bound():
    kappa, theta, sigma, dt = 1.0, 0.5, 0.9, 0.02
    rng = np.random.default_rng(0)
    scale, y = sigma**2 * (1 - np.exp(-kappa * dt)) / (4 * kappa), rng.gamma(1.23, 0.405, 100)
    saved = [y]
    for _ in range(500):  # exact: noncentral chi-squared, Cox, Ingersoll and Ross (1985)
        y = scale * rng.noncentral_chisquare(4 * kappa * theta / sigma**2, y * np.exp(-kappa * dt) / scale)
        saved.append(y)
    paths = np.stack(saved, axis=1)[..., None]
    t = np.tile(dt * np.arange(501), (100, 1))
    model = DriftDiffusion().fit(Samples(t=t, y=paths, states=(State("x", bounds=(0, None)),)))
    x = np.quantile(paths, np.linspace(0.02, 0.98, 97))[:, None]
    assert relative(model.diffusion(x), sigma * np.sqrt(x)) < 4 * np.sqrt(1 / (2 * 5e4))
    assert relative(model.drift(x), kappa * (theta - x)) < 0.2
    ends = solve(model.kernel(), np.array([0.0, 1.0, 5.0]), np.full((2000, 1), 0.01), seed=1).states
    assert ends.min() == 0.0
    assert ends[:, -1].mean() == pytest.approx(theta, abs=0.05)


def test_errors_of_the_samples_are_told_from_diffusion():
    paths = ou_paths(1.0, 0.7, 0.02, 40, 1000, seed=5)
    noisy = paths + 0.1 * np.random.default_rng(6).standard_normal(paths.shape)  # its variance is that of 2 steps
    model = DriftDiffusion().fit(samples_of(noisy, 0.02))
    assert model.report["noise"]["x"] == pytest.approx(0.1, rel=0.05)
    x = np.linspace(-0.8, 0.8, 9)[:, None]
    assert relative(model.diffusion(x), np.full_like(x, 0.7)) < 0.05
    assert relative(model.drift(x), -x) < 0.3
    assert "noise" not in DriftDiffusion().fit(samples_of(paths, 0.02)).report


def test_standard_errors_and_reported_errors_hold():
    x, scores, ratios = np.linspace(-1, 1, 21)[:, None], [], []
    for seed in range(16):
        model = DriftDiffusion().fit(samples_of(ou_paths(1.0, 0.7, 0.1, 20, 100, seed=seed), 0.1))
        scores.append([(model.drift(x) + x)[-1] / model.drift_error(x)[-1]])
        scores[-1].append((model.diffusion(x) - 0.7)[-1] / model.diffusion_error(x)[-1])
        ratios.append(relative(model.drift(x), -x) / model.report["error"]["drift"])
        low, high = model.report["error_interval"]["drift"]
        assert low <= model.report["error"]["drift"] <= high
    assert np.all(np.abs(np.sqrt(np.mean(np.square(scores), axis=0)) - 1) < 0.5)
    assert 0.5 < np.median(ratios) < 2


@pytest.mark.parametrize("dt", [0.2, 2.0])
def test_forecasts_do_not_depend_on_how_often_they_are_saved(dt):
    model = DriftDiffusion().fit(samples_of(ou_paths(5.0, 1.0, 0.2, 200, 200), 0.2))  # a step of 1 / kappa
    assert model.longest < 0.02
    ends = solve(model.kernel(), np.arange(0, 10 + dt / 2, dt), np.zeros((4000, 1)), seed=1).states[:, -1]
    assert ends.std() == pytest.approx(1 / np.sqrt(10), rel=0.06)


def test_stochastic_lorenz_equations_are_found():
    def field(y):
        x, y, z = y.T
        return np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)

    start = np.random.default_rng(1).standard_normal((4, 3))
    paths = euler(field, lambda y: 1 + 0 * y, start, 0.01, 2000, 1, 10)[:, 200:]
    model = DriftDiffusion().fit(samples_of(paths, 0.01))
    points = paths.reshape(-1, 3)[::50]
    assert relative(model.drift(points), field(points)) < 0.02
    assert "x*z" in model.formula


def test_a_component_that_never_changes_and_one_without_noise():
    rng = np.random.default_rng(0)
    phase = np.linspace(0, 50, 1000) + rng.uniform(0, 6, (4, 1))
    still = np.stack([np.sin(phase), np.cos(phase), np.full_like(phase, 3.0)], axis=2)
    model = DriftDiffusion().fit(samples_of(still, 50 / 999))
    points = still.reshape(-1, 3)[::100]
    assert_allclose(model.drift(points), np.stack([points[:, 1], -points[:, 0], 0 * points[:, 0]], axis=1), atol=1e-6)
    assert np.abs(model.diffusion(points)).max() < 1e-4
    assert model.report["error"]["diffusion"] == 1.0  # of one that is not there
    with pytest.raises(ValueError, match="transform='log' needs positive states, but 'x'"):
        DriftDiffusion(transform="log").fit(samples_of(still, 0.05))


def test_files_of_before_have_squares_in_theta():
    theta = np.array([0.5, 1e-9, 0.1, -0.2, 2.0, 0.3, 0.4])  # centre, floor, drift, covariance with its square
    model = DriftDiffusionModel(states=(State("x"),), dt=0.1, theta=theta)
    d = np.linspace(-1, 1, 5)[:, None]
    assert_allclose(model.drift(d + 0.5), 0.1 - 0.2 * d)
    assert_allclose(model.diffusion(d + 0.5) ** 2, 2.0 + 0.3 * d + 0.4 * d**2)
    with pytest.raises(ValueError, match="fit it again"):
        model.drift_error(d)
    with pytest.raises(ValueError, match="monomials of degree 1 to 6"):
        DriftDiffusionModel(
            states=(State("x"),), dt=0.1, theta=theta, exponents=np.array([[7]]), terms=np.zeros((1, 2))
        )
