"""The plugin `prices` against moments in closed form, within Monte-Carlo errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynsamp
from dynsamp.plugins import system
from dynsamp.solve import solve

PATHS = 20_000


def agrees(samples, expected, errors=4.0):
    """Mean of independent samples within its standard error."""
    samples = np.asarray(samples, dtype=float)
    return abs(samples.mean() - expected) < errors * samples.std(ddof=1) / np.sqrt(samples.size)


def paths(name, y0, times, seed=1, parameters=None):
    law = system(name)
    theta = np.broadcast_to(law.theta(parameters), (PATHS, len(law.parameters)))
    starts = np.broadcast_to(np.asarray(y0, dtype=float), (PATHS, law.size))
    states, status = law.generate(np.asarray(times, dtype=float), starts, theta, np.arange(PATHS), seed)
    assert not status.any()
    return states[:, :, 0]


@pytest.mark.parametrize("times", [[0, 0.5, 2], [0, 0.1, 0.5, 0.6, 2]])
def test_ou_has_its_exact_law_at_any_times(times):
    x = paths("ou", [0.4], times)
    at_half, at_two = x[:, times.index(0.5)], x[:, -1]
    assert agrees(at_half, 0.4 * np.exp(-1))
    stationary = 0.3**2 / (2 * 2)
    variance = stationary * (1 - np.exp(-8))
    assert agrees((at_two - 0.4 * np.exp(-4)) ** 2, variance)
    covariance = stationary * np.exp(-2 * 1.5) * (1 - np.exp(-2))
    assert agrees((at_half - 0.4 * np.exp(-1)) * (at_two - 0.4 * np.exp(-4)), covariance)


def test_ou_autocorrelation_decays_exponentially():
    x = paths("ou", [0.0], [0, 5, 5.25])  # after ten relaxation times
    assert agrees(x[:, 1] * x[:, 2] / (0.3**2 / 4), np.exp(-0.5))


def test_ou_without_reversion_is_brownian_motion():
    x = paths("ou", [0.0], [0, 3], parameters={"kappa": 0.0})
    assert agrees(x[:, 1] ** 2, 0.3**2 * 3)


def test_ou_solver_agrees_with_exact_generation():
    """Euler-Maruyama's stationary variance is σ²/2κ / (1 - κ h/2)."""
    law, h = system("ou"), 0.02
    y = solve(law.kernel(), np.arange(0, 4.01, 0.5), np.zeros((PATHS, 1)), step=h, seed=2).states[:, -1, 0]
    assert agrees(y**2, 0.3**2 / 4 / (1 - 2 * h / 2))


def test_gbm_mean_variance_and_log_returns():
    s = paths("gbm", [100.0], [0, 0.5, 1.0])
    assert agrees(s[:, 2], 100 * np.exp(0.08))
    assert agrees((s[:, 2] - 100 * np.exp(0.08)) ** 2, 100**2 * np.exp(0.16) * (np.exp(0.04) - 1))
    first, second = np.log(s[:, 1] / 100), np.log(s[:, 2] / s[:, 1])
    assert agrees(first, (0.08 - 0.02) / 2)
    assert agrees((first - 0.03) * (second - 0.03), 0.0)


def test_gbm_prices_a_call_like_black_and_scholes():
    s = paths("gbm", [100.0], [0, 1.0], parameters={"mu": 0.05, "sigma": 0.2})
    assert agrees(np.exp(-0.05) * np.maximum(s[:, 1] - 100, 0), 10.450583572186)


def test_a_path_depends_on_its_id_and_not_on_the_batch():
    law, times = system("gbm"), np.linspace(0, 1, 5)
    theta = np.broadcast_to(law.theta(), (8, 2))
    together, _ = law.generate(times, np.full((8, 1), 100.0), theta, np.arange(8), 7)
    alone, _ = law.generate(times, np.full((1, 1), 100.0), theta[:1], np.array([5]), 7)
    assert_allclose(together[5:6], alone, rtol=0)
    other, _ = law.generate(times, np.full((1, 1), 100.0), theta[:1], np.array([5]), 8)
    assert not np.array_equal(alone[:, 1:], other[:, 1:])


def test_heston_variance_reverts_as_cir_and_leans_against_the_price():
    """Moments of the CIR process: Cox, Ingersoll and Ross (1985)."""
    law, v0, t, h = system("heston"), 0.08, 0.5, 1 / 1008
    kappa, theta, sigma, rho = 4.0, 0.04, 0.5, -0.7
    start = np.tile([0.0, v0], (PATHS, 1))
    y = solve(law.kernel(), [0.0, t], start, step=h, seed=3).states[:, -1]
    decay = np.exp(-kappa * t)
    mean = theta + (v0 - theta) * decay
    variance = v0 * sigma**2 / kappa * (decay - decay**2) + theta * sigma**2 / (2 * kappa) * (1 - decay) ** 2
    # full truncation errs by order h: a margin of κ h beside the sampling error
    assert abs(y[:, 1].mean() - mean) < 4 * np.sqrt(variance / PATHS) + kappa * h * mean
    squares = (y[:, 1] - mean) ** 2
    assert abs(squares.mean() - variance) < 4 * squares.std() / np.sqrt(PATHS) + 2 * kappa * h * variance
    integrated = theta * t + (v0 - theta) * (1 - decay) / kappa
    assert abs(y[:, 0].mean() - (0.05 * t - integrated / 2)) < 4 * y[:, 0].std() / np.sqrt(PATHS) + 1e-4
    assert np.corrcoef(y.T)[0, 1] < -0.5 < 0 > rho


def test_heston_discounted_price_is_a_martingale_without_drift():
    law = system("heston")
    start = np.tile([0.0, 0.04], (PATHS, 1))
    y = solve(law.kernel(law.theta({"mu": 0.0})), [0.0, 0.5], start, step=1 / 1008, seed=4).states[:, -1]
    assert agrees(np.exp(y[:, 0]), 1.0)  # exact for the scheme too: given v, each step is a lognormal of mean 1


@pytest.fixture(scope="module")
def returns():
    data = dynsamp.generate("garch", trajectories=400, duration=2500, seed=5)
    return data["r"].values[:, 500:]  # the start is forgotten


def test_garch_moments(returns):
    """Bollerslev (1986): variance, kurtosis and autocorrelation of the squares."""
    omega, a, b = 0.02, 0.08, 0.9
    variance = omega / (1 - a - b)
    assert agrees((returns**2).mean(axis=1), variance)
    kurtosis = 3 * (1 - (a + b) ** 2) / (1 - (a + b) ** 2 - 2 * a**2)
    assert agrees((returns**4).mean(axis=1), kurtosis * variance**2)
    acf = a * (1 - a * b - b**2) / (1 - 2 * a * b - b**2)
    square_variance = (kurtosis - 1) * variance**2
    for lag in (1, 5):
        products = (returns[:, lag:] ** 2 * returns[:, :-lag] ** 2).mean(axis=1)
        assert agrees(products, acf * (a + b) ** (lag - 1) * square_variance + variance**2)
    assert agrees((returns[:, 1:] * returns[:, :-1]).mean(axis=1), 0.0)


def test_garch_variance_follows_its_recursion():
    data = dynsamp.generate("garch", trajectories=2, duration=50)
    r, h = data["r"].values, data["h"].values
    assert_allclose(h[:, 1:], 0.02 + 0.08 * r[:, :-1] ** 2 + 0.9 * h[:, :-1], rtol=1e-14)
