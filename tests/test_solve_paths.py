"""Stochastic methods of higher order, and Brownian paths that keep their shape when the step is halved."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.methods import METHODS
from dynsamp.kernels.problem import Schedule, Starts
from dynsamp.kernels.solvers.stochastic import sra1
from dynsamp.solve import Kernel, solve
from dynsamp.solve.kernel import as_problem

MU, SIGMA = 0.5, 0.8
COUNT = 1000


def drift(t, y, theta, dy):
    dy[0] = theta[0] * y[0]


def diffusion(t, y, theta, g):
    g[0] = theta[1] * y[0]


def one_noise(t, y, theta, g):
    g[0, 0] = theta[1] * y[0]


def standing(t, y, theta, dy):
    dy[0] = 0.0
    dy[1] = y[0]


def wiener(t, y, theta, g):
    g[0, 0] = 1.0
    g[1, 0] = 0.0


def pulled(t, y, theta, dy):
    dy[0] = -y[0]


def wavy(t, y, theta, dy):
    dy[0] = 2.0 * np.sin(3.0 * y[0])


def growing(t, y, theta, g):
    g[0] = 1.0 + t


def two_drift(t, y, theta, dy):
    dy[0] = -y[0] + 0.3 * y[1]
    dy[1] = np.sin(y[0])


def two_noises(t, y, theta, g):
    g[0, 0] = 0.3 * y[0]
    g[0, 1] = 0.2 * y[1]
    g[1, 0] = 0.1
    g[1, 1] = 0.4 * y[0]


GBM = Kernel("sde", (drift, diffusion), np.array([MU, SIGMA]), noise="diagonal")
GBM_ONE = Kernel("sde", (drift, one_noise), np.array([MU, SIGMA]), noise=1)
PATH = Kernel("sde", (standing, wiener), np.zeros(1), noise=1)  # W and its integral
OU = Kernel("sde", (pulled, growing), np.zeros(1), noise="diagonal")


def shared(t, y, theta, g):
    for i in range(2):
        g[i, 0] = 0.3 * y[i]
        g[i, 1] = -0.2 * y[i]


def path(step, times, count=COUNT, method="sra1"):
    """W (trajectory, time) and its integral on the path with cells of length 1."""
    states = solve(PATH, times, np.zeros((count, 2)), method=method, step=step, path_step=1.0, seed=3).states
    return states[..., 0], states[..., 1]


def test_half_the_step_keeps_the_path():
    times = np.arange(4.0)
    w, area = path(1.0, times)
    for step in (0.5, 1 / 16, 1 / 128):
        finer, finer_area = path(step, times)
        np.testing.assert_allclose(finer, w, atol=1e-13)
        # SRA1 is exact here, so the integrals of pieces add up to that of the whole
        np.testing.assert_allclose(finer_area, area, atol=1e-13)
    # and the increments of any step are sums of those of half of it
    np.testing.assert_allclose(path(1 / 16, times)[0], path(1 / 16, times, method="euler_maruyama")[0], atol=1e-13)


def test_increments_have_their_law_and_are_independent():
    h = 1 / 8
    w, area = path(h, np.arange(0.0, 2.0 + h / 2, h))
    dw = np.diff(w, axis=1)
    inside = np.diff(area, axis=1) - h * w[:, :-1]  # I_(1,0)
    bridge = (inside - h / 2 * dw) * np.sqrt(12 / h**3)  # of the area above the chord
    pieces = np.stack([dw / np.sqrt(h), bridge], axis=-1).reshape(COUNT, -1)
    for column in pieces.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    covariance = np.cov(pieces.T) - np.eye(pieces.shape[1])
    assert np.abs(covariance).max() < 5.5 / np.sqrt(COUNT)
    assert stats.kstest(pieces.ravel(), "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("kernel", "method", "order"),
    [(GBM, "milstein", 1.0), (GBM_ONE, "milstein", 1.0), (GBM, "sri1", 1.5), (GBM_ONE, "sri1", 1.5)],
)
def test_strong_order_on_one_path(kernel, method, order):
    steps, errors = 2.0 ** -np.arange(3, 8), []
    w = path(1.0, [0.0, 1.0])[0][:, 1]
    exact = np.exp(MU - SIGMA**2 / 2 + SIGMA * w)
    for h in steps:
        ends = solve(kernel, [0.0, 1.0], np.ones((COUNT, 1)), method=method, step=h, path_step=1.0, seed=3).states
        errors.append(np.sqrt(np.mean((ends[:, -1, 0] - exact) ** 2)))
    assert order == METHODS[method].solver.ORDER
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.12)


def test_strong_order_of_additive_noise():
    kernel = Kernel("sde", (wavy, growing), np.zeros(1), noise="diagonal")
    steps, ends = 2.0 ** -np.arange(4, 11), []
    for h in steps:
        states = solve(kernel, [0.0, 1.0], np.ones((COUNT, 1)), method="sra1", step=h, path_step=1.0, seed=5).states
        ends.append(states[:, -1, 0])
    errors = [np.sqrt(np.mean((end - ends[-1]) ** 2)) for end in ends[:4]]
    assert np.polyfit(np.log(steps[:4]), np.log(errors), 1)[0] == pytest.approx(sra1.ORDER, abs=0.15)


def test_law_of_a_process_that_is_pulled_back():
    ends = solve(OU, [0.0, 1.0], np.ones((20_000, 1)), method="sra1", step=1 / 16, seed=5).states[:, -1, 0]
    s = np.linspace(0.0, 1.0, 2001)  # variance int (1 + s)^2 e^(-2 (1 - s)) ds
    variance = np.trapezoid((1 + s) ** 2 * np.exp(-2 * (1 - s)), s)
    assert abs(ends.mean() - np.exp(-1)) < 4 * np.sqrt(variance / len(ends)) + 1e-3
    assert stats.kstest((ends - np.exp(-1)) / np.sqrt(variance), "norm").pvalue > 1e-3


def test_weak_order_without_noise_of_sampling():
    # a step multiplies y by a polynomial of the normal x, whose second moment Gauss and Hermite know
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    unit = Kernel("sde", (drift, diffusion), np.array([0.0, 1.0]), noise="diagonal")
    for method, order in (("euler_maruyama", 1.0), ("platen_weak", 2.0)):
        steps, errors = 2.0 ** -np.arange(4, 8), []
        for h in steps:
            times, start = [0.0, h], np.ones((200, 1))
            x = (solve(unit, times, start, seed=6).states[:, 1, 0] - 1.0) / np.sqrt(h)
            factor = np.polyfit(x, solve(GBM, times, start, method=method, seed=6).states[:, 1, 0], 3)
            mean = weights @ np.polyval(factor, nodes) ** 2 / weights.sum()
            errors.append(abs(mean ** round(1 / h) - np.exp(2 * MU + SIGMA**2)))
        assert order == METHODS[method].solver.WEAK_ORDER
        assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.1)


def test_weak_method_with_noises_that_do_not_commute():
    kernel = Kernel("sde", (two_drift, two_noises), np.zeros(1), noise=2)
    start = np.tile([[1.0, 0.5]], (100_000, 1))
    fine = solve(kernel, [0.0, 1.0], start, method="euler_maruyama", step=1 / 128, seed=7).states[:, -1]
    weak = solve(kernel, [0.0, 1.0], start, method="platen_weak", step=0.25, seed=8).states[:, -1]
    for moment in (lambda y: y[:, 0], lambda y: y[:, 0] ** 2, lambda y: y[:, 1] ** 2, lambda y: y[:, 0] * y[:, 1]):
        a, b = moment(fine), moment(weak)
        assert abs(a.mean() - b.mean()) < 4 * np.sqrt((a.var() + b.var()) / len(a)) + 0.01


@pytest.mark.parametrize(("method", "depth"), [("milstein", None), ("platen_weak", None), ("sra1", 2)])
def test_bits_do_not_depend_on_the_width(method, depth):
    kernel = Kernel("sde", (two_drift, two_noises), np.zeros(1), noise=2)
    y0 = np.random.default_rng(1).normal(size=(19, 2))
    schedule = Schedule(
        np.array([0.0, 0.5, 1.0]), np.array([2, 2]), np.empty(2), 1, more={} if depth is None else {"depth": depth}
    )
    problem, found = as_problem(kernel, 2, 19, None, None), []
    for width in (0, 4, 16):
        out = np.empty((19, 3, 2))
        integrate(method, problem, schedule, Starts(y0, np.arange(19), 7), out, 1, width)
        found.append(out)
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_paths_that_cannot_be_refined():
    start = np.ones((1, 1))
    with pytest.raises(ValueError, match="halved any number of times"):
        solve(GBM, [0.0, 1.0], start, step=0.3, path_step=1.0)
    with pytest.raises(ValueError, match="not a multiple of step"):
        solve(GBM, [0.0, 0.3], start, step=0.25, path_step=1.0)
    with pytest.raises(ValueError, match="must be positive"):
        solve(GBM, [0.0, 1.0], start, path_step=-1.0)
    with pytest.raises(ValueError, match="shorten path_step"):
        solve(GBM, [0.0, 1.0], start, step=2.0**-30, path_step=1.0)


def test_noise_that_a_method_cannot_take():
    mixed = Kernel("sde", (two_drift, two_noises), np.zeros(1), noise=2)
    for method, message in (("milstein", "commute"), ("sri1", "one Wiener process"), ("sra1", "additive")):
        with pytest.raises(ValueError, match=message):
            solve(mixed, [0.0, 1.0], [[1.0, 0.5]], method=method)
    commuting = Kernel("sde", (two_drift, shared), np.zeros(1), noise=2)
    assert np.isfinite(solve(commuting, [0.0, 1.0], [[1.0, 0.5]], method="milstein", step=0.25).states).all()
