"""Duffing oscillators and pendulums with friction and forces: closed forms and the balance of energy."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import simpson

import dynsamp
from dynsamp.plugins import system
from dynsamp.solve import field_values, jacobian_values, scalar_values
from dynsamp_pendulum import exact

FORCED = ("driven_pendulum", "duffing_forced")
PORT = ("damped_pendulum", *FORCED, "magnetic_pendulum")


def points(law, count=20):
    rng = np.random.default_rng(5)
    return rng.uniform(0, 20, count), rng.normal(size=(count, law.size))


def power(law, t, y, theta):
    """H' along the field: the chain rule, by differences along it."""
    field, h = field_values(law.kernel(theta), t, y), 1e-3
    at = [scalar_values(law.hamiltonian, t, y + k * h * field, theta) for k in (-2, -1, 1, 2)]
    return (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h)


# --- Duffing without friction


@pytest.mark.parametrize(
    ("orbit", "amplitude"),
    [
        pytest.param(exact.duffing_in_well, [1.1, 1.3, 1.41], id="in-well"),
        pytest.param(exact.duffing_outer, [1.42, 1.6, 2.5], id="outer"),
    ],
)
def test_duffing_follows_elliptic_functions(orbit, amplitude):
    data = dynsamp.generate("duffing", initial={"q": amplitude, "p": np.zeros(3)}, duration=20, dt=0.25)
    q, p = orbit(data["time"].values, np.array(amplitude)[:, None])
    assert_allclose(data["q"], q, atol=1e-8)
    assert_allclose(data["p"], p, atol=1e-8)


def test_duffing_on_the_homoclinic_orbit():
    q, p = exact.duffing_homoclinic(-2.0)
    data = dynsamp.generate("duffing", initial={"q": q, "p": p}, duration=8, dt=0.5)
    assert_allclose(data["energy"], 0, atol=1e-11)
    assert_allclose(data["q"].values[0], exact.duffing_homoclinic(data["time"].values - 2)[0], atol=1e-8)


def test_duffing_equilibria():
    law = system("duffing")
    rest = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert_allclose(field_values(law.kernel(), np.zeros(3), rest), 0, atol=1e-15)
    assert_allclose(scalar_values(law.hamiltonian, np.zeros(3), rest, law.theta()), [0, -0.25, -0.25], atol=1e-15)


# --- port-Hamiltonian systems


@pytest.mark.parametrize("name", PORT)
def test_velocity_is_the_gradient_of_the_energy(name):
    law = system(name)
    t, y = points(law)
    half, h = law.size // 2, 1e-3
    velocity = field_values(law.kernel(), t, y)[:, :half]
    for k in range(half):
        shift = h * (np.arange(law.size) == half + k)
        slope = (
            scalar_values(law.hamiltonian, t, y + shift, law.theta())
            - scalar_values(law.hamiltonian, t, y - shift, law.theta())
        ) / (2 * h)
        assert_allclose(slope, velocity[:, k], atol=1e-9)  # exact: H is quadratic in p


@pytest.mark.parametrize("name", ["damped_pendulum", "magnetic_pendulum"])
def test_friction_takes_its_power_from_the_energy(name):
    law = system(name)
    t, y = points(law)
    velocity = field_values(law.kernel(), t, y)[:, : law.size // 2]
    lost = law.parameters["damping"].value * np.sum(velocity**2, axis=1)
    assert_allclose(power(law, t, y, law.theta()), -lost, atol=1e-8)


@pytest.mark.parametrize("name", FORCED)
def test_energy_changes_by_friction_and_work(name):
    law = system(name)
    t, y = points(law)
    damping, amplitude, frequency = law.theta()
    expected = -damping * y[:, 1] ** 2 + amplitude * np.cos(frequency * t) * y[:, 1]
    assert_allclose(power(law, t, y, law.theta()), expected, atol=1e-9)


@pytest.mark.parametrize("name", FORCED)
def test_the_balance_of_energy_over_a_trajectory(name):
    data = dynsamp.generate(name, trajectories=4, duration=20, dt=0.01)
    law, t, p = system(name), data["time"].values, data["p"].values
    damping, amplitude, frequency = law.theta()
    work = simpson(-damping * p**2 + amplitude * np.cos(frequency * t) * p, x=t)
    energy = data["energy"].values
    assert_allclose(energy[:, -1] - energy[:, 0], work, atol=1e-7)


@pytest.mark.parametrize("name", PORT)
def test_without_a_force_the_energy_never_grows(name):
    unforced = {"amplitude": 0.0} if name in FORCED else {}
    data = dynsamp.generate(name, trajectories=16, duration=60, parameters=unforced)
    energy = data["energy"].values
    assert np.all(np.diff(energy) <= 1e-11)
    lowest = energy.min()  # of all: no default start rests
    assert np.all(energy[:, -1] - lowest < 0.05 * (energy[:, 0] - lowest))


@pytest.mark.parametrize(("name", "contraction"), [("driven_pendulum", -0.5), ("duffing_forced", -0.25)])
def test_exponents_add_up_to_minus_the_damping(name, contraction):
    law = system(name)
    t, y = points(law)
    assert_allclose(np.trace(jacobian_values(law.kernel(), t, y), axis1=1, axis2=2), contraction, atol=1e-9)
    spectrum = dynsamp.lyapunov(law, duration=400, dt=0.5, trajectories=8)
    exponents = spectrum["lyapunov_exponent"].values
    assert_allclose(exponents.sum(axis=1), contraction, atol=1e-4)
    assert np.all(exponents[:, 0] > 0)  # chaotic, as declared
    error = exponents[:, 0].std(ddof=1) / np.sqrt(8)
    assert abs(exponents[:, 0].mean() - law.lyapunov_exponent) < 4 * error


def test_without_damping_and_force_they_are_the_hamiltonian_systems():
    for name, free in (("driven_pendulum", "pendulum"), ("duffing_forced", "duffing")):
        law, other = system(name), system(free)
        t, y = points(law)
        theta = other.theta({"gravity": 1.0} if free == "pendulum" else None)
        bare = law.theta({"damping": 0.0, "amplitude": 0.0})
        assert_allclose(field_values(law.kernel(bare), t, y), field_values(other.kernel(theta), t, y), atol=1e-15)
        assert_allclose(
            scalar_values(law.hamiltonian, t, y, bare), scalar_values(other.hamiltonian, t, y, theta), atol=1e-14
        )


def test_small_swings_with_friction_are_those_of_the_linear_oscillator():
    """m = l = 1: q = a exp(-γ t / 2) (cos ω t + γ / (2 ω) sin ω t), ω² = g - γ² / 4; the next term is of order a³."""
    amplitude, damping = 1e-3, 0.2
    data = dynsamp.generate("damped_pendulum", initial={"q": amplitude, "p": 0.0}, duration=10, dt=0.1)
    t, frequency = data["time"].values, np.sqrt(9.81 - damping**2 / 4)
    swing = np.cos(frequency * t) + damping / (2 * frequency) * np.sin(frequency * t)
    assert_allclose(data["q"].values[0], amplitude * np.exp(-damping * t / 2) * swing, atol=1e-5 * amplitude)


def test_driven_below_the_threshold_the_pendulum_follows_its_drive():
    """A weak drive gives the linear response A / √((1 - ω²)² + γ² ω²); the next term is of order A³."""
    amplitude, frequency, damping = 1e-3, 2 / 3, 0.5
    data = dynsamp.generate(
        "driven_pendulum", initial={"q": 0.0, "p": 0.0}, duration=120, dt=0.01, parameters={"amplitude": amplitude}
    )
    late = data["q"].values[0, -1000:]  # more than a period
    response = amplitude / np.hypot(1 - frequency**2, damping * frequency)
    assert np.abs(late).max() == pytest.approx(response, rel=1e-5)


def test_magnets_stand_in_threefold_symmetry():
    law = system("magnetic_pendulum")
    t, y = points(law)
    cosine, sine = np.cos(2 * np.pi / 3), np.sin(2 * np.pi / 3)
    turn = np.kron(np.eye(2), [[cosine, -sine], [sine, cosine]])
    assert_allclose(
        scalar_values(law.hamiltonian, t, y @ turn.T, law.theta()),
        scalar_values(law.hamiltonian, t, y, law.theta()),
        rtol=1e-12,
    )
    field = field_values(law.kernel(), t, y)
    assert_allclose(field_values(law.kernel(), t, y @ turn.T), field @ turn.T, atol=1e-12)


def test_the_magnetic_pendulum_ends_at_one_of_three_magnets():
    data = dynsamp.generate("magnetic_pendulum", trajectories=64, times=[0, 200])
    x, y = data["x"].values[:, -1], data["y"].values[:, -1]
    assert_allclose(np.hypot(data["px"].values[:, -1], data["py"].values[:, -1]), 0, atol=1e-7)
    radius = np.hypot(x, y)
    assert_allclose(radius, radius[0], atol=1e-7)
    pull = -0.5 * radius[0] + sum(  # at rest above a magnet, nearly: gravity against three of them
        (mx - radius[0]) / ((mx - radius[0]) ** 2 + my**2 + 0.25**2) ** 1.5
        for mx, my in ((1.0, 0.0), (-0.5, np.sqrt(3) / 2), (-0.5, -np.sqrt(3) / 2))
    )
    assert pull == pytest.approx(0, abs=1e-7)
    magnet = np.round((np.arctan2(y, x) - np.pi / 2) / (2 * np.pi / 3)) % 3
    assert_allclose(np.cos(3 * (np.arctan2(y, x) - np.pi / 2)), 1, atol=1e-7)
    assert np.all(np.bincount(magnet.astype(int)) > 10)  # of 64


def test_data_carry_the_energy_and_the_pairs():
    data = dynsamp.generate("damped_pendulum", trajectories=2, duration=1)
    assert data["energy"].attrs["units"] == "J"
    assert data["q"].attrs["conjugate"] == "p"
    assert data["energy"].values[:, 0] == pytest.approx(
        data["p"].values[:, 0] ** 2 / 2 + 9.81 * (1 - np.cos(data["q"].values[:, 0]))
    )


def test_an_energy_needs_canonical_pairs():
    law = system("damped_pendulum")
    fields = {field.name: getattr(law, field.name) for field in dataclasses.fields(law)}
    clock = dynsamp.State("phase", "1", "phase of the drive")
    with pytest.raises(ValueError, match=r"come in pairs \(q, p\), but there are 3 components"):
        dynsamp.ODESystem(**fields | {"states": [*law.states, clock], "initial": None})
    wide = dynsamp.State("p", "1", "momenta", dims={"body": 3})
    with pytest.raises(ValueError, match="give every q a p of its own size"):
        dynsamp.ODESystem(**fields | {"states": [law.states[0], wide], "initial": None})
    with pytest.raises(ValueError, match="reorder them"):
        dynsamp.ODESystem(**fields | {"states": law.states[::-1], "initial": None})
