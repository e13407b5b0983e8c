"""Pendulums, Hénon-Heiles and Lotka-Volterra against closed forms; catalogued values are for g = l = m = 1."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime, brentq

import dynsamp
from dynsamp.plugins import system
from dynsamp.solve import field_values, scalar_values
from dynsamp_pendulum import exact


def hamiltonian(law, y, **parameters):
    return scalar_values(law.hamiltonian, np.zeros(len(y)), np.asarray(y, dtype=float), law.theta(parameters))


def field(law, y, **parameters):
    return field_values(law.kernel(law.theta(parameters)), np.zeros(len(y)), np.asarray(y, dtype=float))


def test_pendulum_released_from_rest_follows_elliptic_functions():
    start = np.radians([10, 90, 150, 179])
    data = dynsamp.generate(
        "pendulum", initial={"q": start, "p": np.zeros(4)}, duration=20, dt=0.25, parameters={"gravity": 1.0}
    )
    q, p = exact.pendulum_swing(data["time"].values, start[:, None])
    assert_allclose(data["q"], q, atol=1e-8)
    assert_allclose(data["p"], p, atol=1e-8)


def test_pendulum_rotates_as_the_amplitude_function():
    speed = np.array([2.01, 2.5, 6.0])
    data = dynsamp.generate(
        "pendulum", initial={"q": np.zeros(3), "p": speed}, duration=20, dt=0.25, parameters={"gravity": 1.0}
    )
    q, p = exact.pendulum_rotation(data["time"].values, speed[:, None])
    assert_allclose(data["q"], q, atol=1e-8)
    assert_allclose(data["p"], p, atol=1e-8)
    period = exact.pendulum_rotation_period(speed)
    assert_allclose(exact.pendulum_rotation(period, speed), [np.full(3, 2 * np.pi), speed], rtol=1e-12)


def test_pendulum_period_at_a_right_angle():
    period = 7.416298709205  # 4 K(sin²(π/4)), to the printed digits
    assert exact.pendulum_period(np.pi / 2) == pytest.approx(period, abs=1e-12)
    data = dynsamp.generate(
        "pendulum", initial={"q": np.pi / 2, "p": 0.0}, times=[0, period], parameters={"gravity": 1.0}
    )
    assert_allclose(data["q"].values[0, 1], np.pi / 2, atol=1e-9)
    assert_allclose(data["p"].values[0, 1], 0, atol=1e-9)


def test_small_swings_are_those_of_the_length_alone():
    """Greydanus' pendulum, H = p² + 3 (1 - cos q), has the frequency √6; the next term is amplitude²/16."""
    period = exact.pendulum_period([1e-4, 0.1], np.sqrt(6.0)) * np.sqrt(6.0) / (2 * np.pi)
    assert_allclose(period, [1 + 1e-8 / 16, 1 + 0.01 / 16], rtol=1e-6)


def test_pendulum_on_the_separatrix():
    data = dynsamp.generate("pendulum", initial={"q": 0.0, "p": 2.0}, duration=5, dt=0.5, parameters={"gravity": 1.0})
    q, p = exact.pendulum_separatrix(data["time"].values)
    assert_allclose(data["q"].values[0], q, atol=1e-8)
    assert_allclose(data["p"].values[0], p, atol=1e-8)


def test_default_pendulums_swing():
    data = dynsamp.generate("pendulum", trajectories=64, duration=0.1, dt=0.1)
    assert data["energy"].max() < 2 * 9.81  # the separatrix


def test_henon_heiles_saddles_have_the_escape_energy():
    law = system("henon_heiles")
    saddles = np.array([[0, 1, 0, 0], [np.sqrt(3) / 2, -0.5, 0, 0], [-np.sqrt(3) / 2, -0.5, 0, 0]])
    assert_allclose(hamiltonian(law, saddles), 1 / 6, rtol=1e-14)
    assert_allclose(field(law, saddles), 0, atol=1e-15)


def test_henon_heiles_is_symmetric_under_a_third_of_a_turn():
    law = system("henon_heiles")
    y = np.random.default_rng(1).normal(size=(20, 4))
    cosine, sine = np.cos(2 * np.pi / 3), np.sin(2 * np.pi / 3)
    turn = np.kron(np.eye(2), [[cosine, -sine], [sine, cosine]])
    assert_allclose(hamiltonian(law, y @ turn.T), hamiltonian(law, y), rtol=1e-12)
    assert_allclose(field(law, y @ turn.T), field(law, y) @ turn.T, atol=1e-13)


def test_default_henon_heiles_orbits_are_bounded():
    data = dynsamp.generate("henon_heiles", trajectories=64)
    assert float(data["energy"].max()) < 1 / 6
    assert float(np.abs(data["x"]).max()) < np.sqrt(3) / 2
    assert -0.5 < float(data["y"].min()) < float(data["y"].max()) < 1


def test_lotka_volterra_rests_at_its_fixed_point():
    law = system("lotka_volterra")
    assert_allclose(field(law, [[np.log(4.0), np.log(2.75)]]), 0, atol=1e-15)


def test_lotka_volterra_averages_over_a_period_equal_the_fixed_point():
    """Volterra's law, from prey 10 and predators 5."""
    law = system("lotka_volterra")
    start = {"q": np.log(10.0), "p": np.log(5.0)}
    rough = dynsamp.generate(law, initial=start, duration=20, dt=0.01)
    p = rough["p"].values[0] - start["p"]
    crossings = np.flatnonzero((p[:-1] < 0) & (p[1:] >= 0) & (rough["q"].values[0, 1:] > 0.5))

    def missed(period):
        return float(dynsamp.generate(law, initial=start, times=[0, period])["p"].values[0, 1]) - start["p"]

    left = rough["time"].values[crossings[0]]
    period = brentq(missed, left - 0.02, left + 0.03, xtol=1e-11)
    orbit = dynsamp.generate(law, initial=start, duration=period, dt=period / 2000)
    # the trapezoidal rule over a period is spectrally accurate
    assert_allclose(orbit["prey"].values[0, 1:].mean(), 4.0, rtol=1e-8)
    assert_allclose(orbit["predator"].values[0, 1:].mean(), 2.75, rtol=1e-8)


def test_lotka_volterra_small_oscillations():
    period = exact.lotka_volterra_small_period(1.1, 0.4)
    start = {"q": np.log(4.0) + 1e-5, "p": np.log(2.75)}
    data = dynsamp.generate("lotka_volterra", initial=start, times=[0, period])
    assert_allclose(data["q"].values[0, 1], start["q"], atol=1e-9)  # the period shifts with the square of the amplitude


def test_double_pendulum_small_modes():
    """Squared frequencies 2 ± √2 for equal masses and lengths, g = l = 1: the linearised field's eigenvalues."""
    law = system("double_pendulum")

    def component(i):
        return lambda y: field(law, y[None], gravity=1.0)[0, i]

    jacobian = np.array([approx_fprime(np.zeros(4), component(i), 1e-6) for i in range(4)])
    squared = np.sort(np.linalg.eigvals(jacobian).imag ** 2)
    assert_allclose(squared, [2 - np.sqrt(2)] * 2 + [2 + np.sqrt(2)] * 2, atol=1e-5)


def test_double_pendulum_equilibria():
    law = system("double_pendulum")
    rest = np.array([[0, 0, 0, 0], [0, np.pi, 0, 0], [np.pi, 0, 0, 0], [np.pi, np.pi, 0, 0]])
    assert_allclose(hamiltonian(law, rest, gravity=1.0), [-3, -1, 1, 3], rtol=1e-14)
    assert_allclose(field(law, rest), 0, atol=1e-14)


def test_double_pendulum_from_rest_scales_with_gravity():
    """From rest, times scale as 1/√g and momenta as √g."""
    start = np.array([[np.pi / 2, np.pi / 4, 0, 0]])
    slow = dynsamp.generate("double_pendulum", initial=start, duration=4, dt=0.5, parameters={"gravity": 1.0})
    fast = dynsamp.generate("double_pendulum", initial=start, duration=2, dt=0.25, parameters={"gravity": 4.0})
    assert_allclose(fast["q2"], slow["q2"], atol=1e-7)
    assert_allclose(fast["p2"], 2 * slow["p2"], atol=1e-7)
