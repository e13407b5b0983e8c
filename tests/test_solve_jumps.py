"""Jump diffusions: Merton's closed forms, counts, compensated drift, and rates that depend on the state."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dynsamp.solve import Kernel, solve
from dynsamp.words import Status

MU, SIGMA, RATE, MEAN, SPREAD = 0.05, 0.2, 2.0, -0.1, 0.2
THETA = np.array([MU, SIGMA, RATE, MEAN, SPREAD])
COUNT = 60_000


def drift(t, y, theta, dy):
    dy[0] = theta[0] - 0.5 * theta[1] ** 2


def diffusion(t, y, theta, g):
    g[0] = theta[1]


def still(t, y, theta, dy):
    dy[0] = 0.0


def silent(t, y, theta, g):
    g[0] = 0.0


def rate(t, y, theta):
    return theta[2]


def normal_jump(t, y, theta, z, dy):
    dy[0] = theta[3] + theta[4] * z[0]


def one(t, y, theta, z, dy):
    dy[0] = 1.0


def exponential(t, y, theta, z, dy):
    dy[0] = -np.log(z[0])


def decaying(t, y, theta):
    return np.maximum(y[0], 0.0)


def death(t, y, theta, z, dy):
    dy[0] = -1.0


def senseless(t, y, theta):
    return theta[2] * y[0]


MERTON = Kernel("sde", (drift, diffusion, rate, normal_jump), THETA, noise="diagonal")
COUNTS = Kernel("sde", (still, silent, rate, one), THETA, noise="diagonal")


@pytest.mark.parametrize("step", [1.0, 0.1])
def test_merton_has_its_characteristic_function(step):
    x = solve(MERTON, [0.0, 1.0], np.zeros((COUNT, 1)), step=step, seed=1).states[:, -1, 0]
    for u in (0.5, 1.0, 3.0, 6.0):
        jump = np.exp(1j * u * MEAN - 0.5 * (u * SPREAD) ** 2)
        exact = np.exp(1j * u * (MU - SIGMA**2 / 2) - 0.5 * (u * SIGMA) ** 2 + RATE * (jump - 1))
        assert abs(np.exp(1j * u * x).mean() - exact) < 4.5 / np.sqrt(COUNT)


def test_compensated_price_is_a_martingale():
    compensated = THETA.copy()
    compensated[0] = -RATE * (np.exp(MEAN + SPREAD**2 / 2) - 1)
    kernel = Kernel("sde", MERTON.functions, compensated, noise="diagonal")
    prices = np.exp(solve(kernel, [0.0, 0.5, 2.0], np.zeros((COUNT, 1)), step=0.25, seed=2).states[..., 0])
    error = prices.std(axis=0) / np.sqrt(COUNT)
    assert np.all(np.abs(prices.mean(axis=0) - 1.0) <= 4 * error)


@pytest.mark.parametrize("step", [1.0, 0.125])
def test_counts_are_poisson(step):
    counts = solve(COUNTS, [0.0, 1.0], np.zeros((COUNT, 1)), step=step, seed=3).states[:, -1, 0]
    bins = np.append(np.bincount(counts.astype(int), minlength=9)[:8], np.sum(counts >= 8))
    law = np.append(stats.poisson.pmf(np.arange(8), RATE), stats.poisson.sf(7, RATE))
    assert stats.chisquare(bins, COUNT * law).pvalue > 1e-4


def test_counts_of_two_intervals_are_independent():
    n = solve(COUNTS, [0.0, 1.0, 2.0], np.zeros((COUNT, 1)), seed=4).states[..., 0]
    assert abs(np.corrcoef(n[:, 1], n[:, 2] - n[:, 1])[0, 1]) < 4.5 / np.sqrt(COUNT)


def test_uniform_marks():
    kernel = Kernel("sde", (still, silent, rate, exponential), THETA, noise="diagonal", mark_law="uniform")
    total = solve(kernel, [0.0, 1.0], np.zeros((COUNT, 1)), seed=5).states[:, -1, 0]  # exponential sizes of mean 1
    assert total.mean() == pytest.approx(RATE, abs=4.5 * np.sqrt(2 * RATE / COUNT))
    assert total.var() == pytest.approx(2 * RATE, rel=0.06)


def test_rate_that_depends_on_the_state():
    # pure death: the mean of survivors decays like e^-t; the step's frozen rate makes an error of first order
    kernel = Kernel("sde", (still, silent, decaying, death), THETA, noise="diagonal")
    left = solve(kernel, [0.0, 1.0], np.full((COUNT, 1), 20.0), step=1 / 64, seed=6).states[:, -1, 0]
    assert left.mean() == pytest.approx(20 * np.exp(-1), rel=0.02)


def test_senseless_rates_are_failures_of_their_trajectory():
    kernel = Kernel("sde", (still, silent, senseless, one), THETA, noise="diagonal")
    solution = solve(kernel, [0.0, 1.0, 2.0], [[1.0], [-1.0], [1e9], [0.0]], seed=7)
    assert solution.status.tolist() == [Status.OK, Status.DIVERGED, Status.DIVERGED, Status.OK]
    assert np.isnan(solution.states[1:3, 1:]).all()
    assert solution.states[3, -1, 0] == 0.0


def test_jumps_depend_on_neither_threads_nor_company():
    start = np.linspace(0.0, 1.0, 70)[:, None]
    whole = solve(MERTON, [0.0, 1.0], start, step=0.25, seed=8, threads=1).states
    part = solve(MERTON, [0.0, 1.0], start[60:65], ids=np.arange(60, 65), step=0.25, seed=8, threads=2).states
    np.testing.assert_array_equal(part, whole[60:65])


def test_jumps_are_declared_whole():
    with pytest.raises(TypeError, match="4 with jumps"):
        solve(Kernel("sde", (drift, diffusion, rate), THETA, noise="diagonal"), [0.0, 1.0], [[0.0]])
    with pytest.raises(ValueError, match="mark_law"):
        solve(Kernel("sde", MERTON.functions, THETA, noise="diagonal", marks=0), [0.0, 1.0], [[0.0]])
    with pytest.raises(ValueError, match="jumps, too"):
        solve(MERTON, [0.0, 1.0], [[0.0]], path_step=1.0)
