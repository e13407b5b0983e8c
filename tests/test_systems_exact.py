"""The closed forms of the mechanical systems against solutions of their equations by another solver."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm

from dynsamp_pendulum import exact

T = np.linspace(0.0, 15.0, 61)


def solved(field, start):
    return solve_ivp(lambda _, y: field(y), (T[0], T[-1]), start, "DOP853", T, rtol=1e-12, atol=1e-12).y


def pendulum(y):
    return [y[1], -2.25 * np.sin(y[0])]  # frequency 1.5


def duffing(y):
    return [y[1], y[0] - y[0] ** 3]


@pytest.mark.parametrize(
    ("field", "orbit"),
    [
        pytest.param(pendulum, lambda t: exact.pendulum_swing(t, 3.0, 1.5), id="swing"),
        pytest.param(pendulum, lambda t: exact.pendulum_rotation(t, 3.1, 1.5), id="rotation"),
        pytest.param(duffing, lambda t: exact.duffing_in_well(t, 1.41), id="in-well"),
        pytest.param(duffing, lambda t: exact.duffing_outer(t, 1.42), id="outer"),
    ],
)
def test_closed_form_solves_the_equations(field, orbit):
    q, p = orbit(T)
    assert_allclose(solved(field, [q[0], p[0]]), [q, p], atol=1e-8)


@pytest.mark.parametrize(
    ("orbit", "force"),
    [
        pytest.param(exact.pendulum_separatrix, np.sin, id="pendulum"),
        pytest.param(exact.duffing_homoclinic, lambda q: q**3 - q, id="duffing"),
    ],
)
def test_separatrix_solves_the_equations(orbit, force):
    """By differences: another solver leaves an unstable orbit."""
    h = 1e-3
    at = [np.array(orbit(T - 5 + k * h)) for k in (-2, -1, 0, 1, 2)]
    rate = (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * h)
    assert_allclose(rate, [at[2][1], -force(at[2][0])], atol=1e-11)


@pytest.mark.parametrize(
    ("orbit", "period", "amplitudes"),
    [
        pytest.param(exact.pendulum_swing, exact.pendulum_period, [0.1, 1.0, 3.1], id="swing"),
        pytest.param(exact.duffing_in_well, exact.duffing_in_well_period, [1.01, 1.2, 1.4], id="in-well"),
        pytest.param(exact.duffing_outer, exact.duffing_outer_period, [1.5, 2.0, 10.0], id="outer"),
    ],
)
def test_orbits_close_after_a_period_and_not_after_half_of_it(orbit, period, amplitudes):
    amplitudes = np.array(amplitudes)
    whole = period(amplitudes)
    q, p = orbit(whole, amplitudes)
    assert_allclose(q, amplitudes, rtol=1e-10)
    assert_allclose(p, 0, atol=1e-9 * amplitudes.max() ** 2)
    half, turned = orbit(whole / 2, amplitudes)
    assert np.all(half < amplitudes - 0.01)
    assert_allclose(turned, 0, atol=1e-9 * amplitudes.max() ** 2)  # the other turning point


def test_small_duffing_oscillations_have_the_frequency_of_the_well():
    assert exact.duffing_in_well_period(1 + 1e-6) == pytest.approx(2 * np.pi / np.sqrt(2), rel=1e-9)


@pytest.mark.parametrize("eccentricity", [0.0, 0.6, 0.95])
def test_kepler_orbit_solves_the_equations(eccentricity):
    axis, mu = 1.3, 1.7
    orbit = exact.kepler_orbit(T, eccentricity, axis, mu)

    def field(y):
        return [y[2], y[3], *(-mu * y[:2] / np.hypot(y[0], y[1]) ** 3)]

    assert_allclose(solved(field, orbit[0]).T, orbit, atol=1e-7)
    assert_allclose(orbit[0, :2], [axis * (1 - eccentricity), 0], atol=1e-15)


def test_kepler_orbit_of_any_number_of_turns_is_periodic():
    t = np.array([0.3, 3.0, 6.0])
    assert_allclose(exact.kepler_orbit(t + 200 * np.pi, 0.9), exact.kepler_orbit(t, 0.9), atol=1e-10)


def test_chain_orbit_is_the_exponential_of_its_matrix():
    n, k, m = 5, 2.0, 0.7
    springs = k * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    matrix = np.block([[np.zeros((n, n)), np.eye(n) / m], [-springs, np.zeros((n, n))]])
    y = np.random.default_rng(0).normal(size=2 * n)
    q, p = exact.chain_orbit(T, y[:n], y[n:], k, m)
    assert_allclose(np.hstack([q, p]), [expm(matrix * t) @ y for t in T], atol=1e-11)
    assert_allclose(np.sort(np.linalg.eigvalsh(springs / m)), exact.chain_frequencies(n, k, m) ** 2, rtol=1e-12)


def test_melnikov_amplitude_is_where_the_integral_vanishes():
    """Along the homoclinic orbit the force does the work that the damping takes, at the best phase (the sine)."""
    damping, frequency = 0.1, 1.3

    def momentum(t):
        return exact.duffing_homoclinic(t)[1]

    lost = 2 * damping * quad(lambda t: momentum(t) ** 2, 0, 40)[0]
    gained = 2 * quad(lambda t: momentum(t) * np.sin(frequency * t), 0, 40, limit=200)[0]
    assert exact.melnikov_amplitude(damping, frequency) == pytest.approx(lost / abs(gained), rel=1e-9)
