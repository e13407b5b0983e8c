"""Lyapunov spectra: exact sums and symmetries, closed forms, published values, and error bars that are honest."""

from __future__ import annotations

import numpy as np
import pytest

import dynsamp
from dynsamp.solve import Kernel, jacobian_values, lyapunov_spectrum, solve
from dynsamp.solve.lyapunov import between_starts, kaplan_yorke_dimension, time_average_error
from dynsamp.words import Status

METHOD = {"method": "rk4", "step": 0.01}


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def lorenz_jacobian(t, y, theta, jac):
    jac[0, 0], jac[0, 1], jac[0, 2] = -theta[0], theta[0], 0.0
    jac[1, 0], jac[1, 1], jac[1, 2] = theta[1] - y[2], -1.0, -y[0]
    jac[2, 0], jac[2, 1], jac[2, 2] = y[1], y[0], -theta[2]


def henon(t, y, theta, out):
    out[0] = 1.0 - theta[0] * y[0] ** 2 + y[1]
    out[1] = theta[1] * y[0]


def cat(t, y, theta, out):
    out[0] = 2.0 * y[0] + y[1] - np.floor(2.0 * y[0] + y[1])
    out[1] = y[0] + y[1] - np.floor(y[0] + y[1])


def cat_jacobian(t, y, theta, jac):
    jac[0, 0], jac[0, 1], jac[1, 0], jac[1, 1] = 2.0, 1.0, 1.0, 1.0


def linear(t, y, theta, dy):
    dy[0] = theta[0] * y[0] + y[1]
    dy[1] = theta[1] * y[1]


def velocity(t, p, theta, dq):
    dq[0], dq[1] = p[0], p[1]


def force(t, q, theta, dp):
    dp[0] = -q[0] - 2.0 * q[0] * q[1]
    dp[1] = -q[1] - q[0] ** 2 + q[1] ** 2


def blow_up(t, y, theta, dy):
    dy[0] = y[0] * y[0]


LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
HENON = Kernel("map", (henon,), np.array([1.4, 0.3]), dt=1.0)


@pytest.fixture(scope="module")
def attractor():
    y0 = np.random.default_rng(0).normal([1.0, 1.0, 25.0], size=(32, 3))
    return solve(LORENZ, [0.0, 40.0], y0, **METHOD).states[:, -1]


@pytest.fixture(scope="module")
def spectrum(attractor):
    return lyapunov_spectrum(LORENZ, np.arange(0.0, 300.0, 0.25), attractor, **METHOD)


def test_lorenz_agrees_with_published_values_within_its_errors(spectrum):
    # Viswanath (1998), PhD thesis, Cornell: 0.905630, 0, -14.572297
    mean = spectrum.exponents.mean(axis=0)
    error = spectrum.exponents.std(axis=0, ddof=1) / np.sqrt(len(spectrum.exponents))
    assert np.all(np.abs(mean - [0.905630, 0.0, -14.572297]) < 4 * error)
    assert np.all(error < 0.005)


def test_sum_is_the_trace(spectrum):
    # over a finite run the vectors' first volume, which is not 1, is all that differs; it is made 1 at the start
    np.testing.assert_allclose(spectrum.exponents.sum(axis=1), -(10.0 + 1.0 + 8.0 / 3.0), rtol=2e-5)


def test_errors_are_those_of_independent_runs(spectrum):
    said = np.sqrt((spectrum.errors**2).mean(axis=0))
    spread = spectrum.exponents.std(axis=0, ddof=1)
    # the average of the second one telescopes: quarters of the run tell of an error that the whole has no more
    assert np.all((said > spread / 2) & (said < 2.5 * spread))


def test_errors_cover_the_spread_of_sticky_orbits():
    # chaotic orbits of Hénon and Heiles at energy 1/8 stick to islands for longer than any short batch
    kernel = dynsamp.system("henon_heiles").kernel()
    rng = np.random.default_rng(1)
    q = rng.uniform([-0.3, -0.4], [0.3, 0.4], (24, 2))
    potential = 0.5 * (q**2).sum(axis=1) + q[:, 0] ** 2 * q[:, 1] - q[:, 1] ** 3 / 3
    angle, speed = rng.uniform(0, 2 * np.pi, 24), np.sqrt(2 * (1 / 8 - potential))
    starts = np.column_stack([q, speed * np.cos(angle), speed * np.sin(angle)])
    found = lyapunov_spectrum(kernel, np.arange(0.0, 1500.0, 0.5), starts, count=1, method="rk4", step=0.05)
    chaotic = found.exponents[:, 0] > 0.02
    spread = found.exponents[chaotic, 0].std(ddof=1)
    said = between_starts(found.exponents, found.errors)[chaotic, 0]
    assert np.count_nonzero(chaotic) > 8
    assert 0.7 < np.sqrt((said**2).mean()) / spread < 2


def test_starts_of_another_kind_do_not_widen_errors():
    exponents, errors = np.array([[1.0], [1.1], [0.9], [1.05], [0.01]]), np.full((5, 1), 1e-3)
    said = between_starts(exponents, errors)[:, 0]
    assert said[:4] == pytest.approx(exponents[:4, 0].std(ddof=1))
    assert said[4] == 1e-3


def test_given_jacobian_and_differences_agree(attractor):
    times = np.arange(0.0, 5.0, 0.25)
    given = Kernel("field", (lorenz,), LORENZ.theta, jacobian=lorenz_jacobian)
    a = lyapunov_spectrum(LORENZ, times, attractor[:4], **METHOD)
    b = lyapunov_spectrum(given, times, attractor[:4], **METHOD)
    np.testing.assert_allclose(a.exponents, b.exponents, atol=1e-7)
    np.testing.assert_array_equal(a.solution.states, b.solution.states)


def test_jacobian_by_differences(attractor):
    exact = np.empty((len(attractor), 3, 3))
    for row, y in zip(exact, attractor, strict=True):
        lorenz_jacobian(0.0, y, LORENZ.theta, row)
    np.testing.assert_allclose(jacobian_values(LORENZ, 0.0, attractor), exact, atol=1e-8 * np.abs(exact).max())


def test_henon_map():
    # Sprott (2003), Chaos and Time-Series Analysis, p. 421: 0.41922, -1.62319
    y0 = np.random.default_rng(1).uniform(0.0, 0.1, (16, 2))
    found = lyapunov_spectrum(HENON, np.arange(0.0, 10_000.0), y0)
    np.testing.assert_allclose(found.exponents.sum(axis=1), np.log(0.3), atol=1e-10)
    error = found.exponents[:, 0].std(ddof=1) / 4
    assert abs(found.exponents[:, 0].mean() - 0.41922) < 4 * error
    assert found.solution.method == "map"


def test_cat_map_is_exact():
    kernel = Kernel("map", (cat,), np.zeros(1), dt=1.0, jacobian=cat_jacobian)
    found = lyapunov_spectrum(kernel, np.arange(0.0, 200.0), [[0.1, 0.3]])
    np.testing.assert_allclose(found.exponents[0], np.log((3 + np.sqrt(5)) / 2) * np.array([1, -1]), atol=1e-6)


def test_constant_matrix_has_its_eigenvalues_and_no_error():
    kernel = Kernel("field", (linear,), np.array([0.2, -0.7]))
    found = lyapunov_spectrum(kernel, np.linspace(0.0, 60.0, 241), [[1.0, 0.5]], method="rk4", step=0.05, transient=0.5)
    np.testing.assert_allclose(found.exponents[0], [0.2, -0.7], atol=1e-6)
    assert np.all(found.errors < 1e-5)


def test_hamiltonian_spectrum_comes_in_pairs():
    kernel = Kernel("separable", (velocity, force), np.zeros(1), hamiltonian=True)
    y0 = [[0.0, 0.1, 0.49, 0.0], [0.0, -0.2, 0.4, 0.1]]
    found = lyapunov_spectrum(kernel, np.arange(0.0, 200.0, 0.5), y0, method="rk4", step=0.02)
    np.testing.assert_allclose(found.exponents.sum(axis=1), 0.0, atol=1e-5)
    np.testing.assert_allclose(found.exponents, -found.exponents[:, ::-1], atol=1 / 200)  # a finite run: order 1 / T


@pytest.mark.parametrize("count", [1, 2])
def test_first_exponents_do_not_depend_on_how_many_follow(attractor, count):
    times = np.arange(0.0, 20.0, 0.25)
    found = [lyapunov_spectrum(LORENZ, times, attractor[:2], count=n, seed=3, **METHOD).exponents for n in (count, 3)]
    assert found[0].shape == (2, count)
    np.testing.assert_allclose(found[0], found[1][:, :count], rtol=1e-9)


def test_same_bits_for_threads_and_batches(attractor):
    times = np.arange(0.0, 10.0, 0.5)
    whole = lyapunov_spectrum(LORENZ, times, attractor, threads=2, **METHOD)
    one = lyapunov_spectrum(LORENZ, times, attractor[5:6], ids=[5], threads=1, **METHOD)
    np.testing.assert_array_equal(whole.growth[5:6], one.growth)


def test_failure_is_a_status():
    kernel = Kernel("field", (blow_up,), np.zeros(1))
    found = lyapunov_spectrum(kernel, np.linspace(0.0, 2.0, 9), [[1.0], [-1.0]], method="rk4", step=0.01)
    assert found.solution.status.tolist() == [Status.DIVERGED, Status.OK]
    assert np.isnan(found.exponents[0, 0])
    assert np.isfinite(found.exponents[1, 0])


def test_error_of_an_average_that_telescopes():
    # rates x[n + 1] - x[n] of bounded x: the average over T has an error of order 1 / T, not 1 / sqrt(T)
    x = np.random.default_rng(2).normal(size=(400, 2001))
    rates = np.diff(x, axis=1)[..., np.newaxis]
    said = np.sqrt((time_average_error(rates, np.ones(2000)) ** 2).mean())
    assert 0.5 < said / rates.mean(axis=1).std() < 2


def test_error_of_white_noise():
    rates = np.random.default_rng(3).normal(size=(400, 2000, 1))
    said = np.sqrt((time_average_error(rates, np.ones(2000)) ** 2).mean())
    assert 0.7 < said / rates.mean(axis=1).std() < 1.5


def test_kaplan_yorke_dimension():
    table = np.array([[0.906, 0.0, -14.572], [0.4, -0.1, -0.2], [-1.0, -2.0, -3.0]])
    found = kaplan_yorke_dimension(table)
    assert found[0] == pytest.approx(2 + 0.906 / 14.572)
    assert np.isnan(found[1])  # the sum never turns negative
    assert found[2] == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 4}, "count must be between 1 and"),
        ({"transient": 1.0}, "fraction"),
        ({"times": [0.0, 1.0]}, "at least two intervals"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"times": [0.0, 1.0, 2.0], "y0": [[1.0, 1.0, 1.0]], **change}
    with pytest.raises(ValueError, match=message):
        lyapunov_spectrum(LORENZ, **arguments)


def test_noise_is_refused():
    kernel = Kernel("sde", (lorenz, lorenz), LORENZ.theta, noise="diagonal")
    with pytest.raises(ValueError, match="noise"):
        lyapunov_spectrum(kernel, [0.0, 1.0, 2.0], [[1.0, 1.0, 1.0]])


def test_splitting_methods_are_refused():
    kernel = Kernel("separable", (velocity, force), np.zeros(1))
    with pytest.raises(ValueError, match="cannot carry tangent vectors"):
        lyapunov_spectrum(kernel, [0.0, 1.0, 2.0], [[0.1, 0.1, 0.1, 0.1]], method="verlet")
