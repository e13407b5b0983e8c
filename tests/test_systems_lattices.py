"""Chains and rings of masses: normal modes, the Lax matrix, recurrence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dynsamp
from dynsamp.plugins import system
from dynsamp.solve import field_values, jacobian_values, scalar_values
from dynsamp_pendulum import exact
from dynsamp_pendulum.fput import first_mode
from dynsamp_pendulum.spring_chain import chain, spring_chain
from dynsamp_pendulum.toda import ring

PERIOD = 2 * np.pi / exact.chain_frequencies(31)[0]  # of the lowest mode of 31 masses


# --- springs


def test_chain_moves_in_its_normal_modes():
    rng = np.random.default_rng(2)
    q, p = rng.normal(size=(2, 8))
    parameters = {"stiffness": 3.0, "inertia": 0.4}
    data = dynsamp.generate(
        "spring_chain", initial=np.concatenate([q, p])[None], duration=20, dt=0.5, parameters=parameters
    )
    displacement, momentum = exact.chain_orbit(data["time"].values, q, p, 3.0, 0.4)
    assert_allclose(data["q"].values[0], displacement, atol=1e-8)
    assert_allclose(data["p"].values[0], momentum, atol=1e-8)


@pytest.mark.parametrize("masses", [2, 5])
def test_chains_of_any_length(masses):
    law = chain(masses)
    jacobian = jacobian_values(law.kernel(), [0.0], np.zeros((1, 2 * masses)))[0]
    frequencies = exact.chain_frequencies(masses)
    expected = np.sort(np.concatenate([frequencies, -frequencies]))
    assert_allclose(np.sort(np.linalg.eigvals(jacobian).imag), expected, rtol=1e-9)
    assert law.name == f"spring_chain_{masses}"
    with pytest.raises(ValueError, match="at least two masses, got 1"):
        chain(1)


def test_mode_energies_add_up():
    """Of all modes, those of `modes.mode_energy`, and by the matrix of shapes."""
    law = chain(3)  # has as many modes in its data as masses
    y = np.random.default_rng(3).normal(size=(10, 6))
    theta = law.theta({"stiffness": 2.0, "inertia": 0.5})
    shapes, frequency = exact.chain_modes(3), exact.chain_frequencies(3, 2.0, 0.5)
    expected = (y[:, 3:] @ shapes.T) ** 2 / (2 * 0.5) + 0.5 * 0.5 * (frequency * (y[:, :3] @ shapes.T)) ** 2
    found = [scalar_values(law.invariants[f"mode_energy_{k}"], np.zeros(10), y, theta) for k in (1, 2, 3)]
    assert_allclose(np.transpose(found), expected, rtol=1e-12)
    assert_allclose(np.sum(found, axis=0), scalar_values(law.hamiltonian, np.zeros(10), y, theta), rtol=1e-12)


def test_a_quadratic_model_of_the_chain_is_exact():
    train = dynsamp.generate(spring_chain, trajectories=4, duration=10, seed=1)
    model = dynsamp.fit(train, system=spring_chain)
    y = np.random.default_rng(7).normal(scale=10, size=(20, 16))  # far outside the data
    assert_allclose(model.vector_field(y), field_values(spring_chain.kernel(), np.zeros(20), y), atol=1e-8)


# --- Toda


def test_lax_eigenvalues_are_constant():
    data = dynsamp.generate("toda", trajectories=4, duration=50, dt=0.5)
    eigenvalues = np.linalg.eigvalsh(exact.toda_lax_matrix(data["q"].values, data["p"].values))
    assert_allclose(eigenvalues, np.broadcast_to(eigenvalues[:, :1], eigenvalues.shape), atol=1e-9)
    for k in range(1, 7):
        assert_allclose(data[f"lax_trace_{k}"], np.sum(eigenvalues**k, axis=-1), rtol=1e-10, atol=1e-9)
    assert_allclose(data["lax_trace_2"], (data["energy"] + 6) / 2, rtol=1e-12)
    assert np.ptp(data["energy"].values[:, 0]) > 0.1  # other trajectories have others


def test_three_masses_reduce_to_exponentials_in_the_plane():
    """V = (e^(2x+2√3y) + e^(2x-2√3y) + e^(-4x)) / 24 - 1/8, in time √3 times as fast."""
    law, root = ring(3), np.sqrt(3)
    embedding = np.array([[0, 4 / root], [-2, -2 / root], [2, -2 / root]])  # q from (x, y): the differences are theirs
    u = np.random.default_rng(4).normal(scale=0.5, size=(20, 2))
    x, y = u.T
    a, b, c = np.exp(2 * x + 2 * root * y), np.exp(2 * x - 2 * root * y), np.exp(-4 * x)
    reduced = (a + b + c) / 24 - 1 / 8
    states = np.concatenate([u @ embedding.T, np.zeros((20, 3))], axis=1)
    energy = scalar_values(law.hamiltonian, np.zeros(20), states, law.theta())
    assert_allclose(energy, 24 * reduced, rtol=1e-12)
    force = field_values(law.kernel(), np.zeros(20), states)[:, 3:]
    slope = np.stack([2 * (a + b) - 4 * c, 2 * root * (a - b)], axis=1) / 24
    assert_allclose(force @ embedding / 8, -3 * slope, rtol=1e-11)


def test_three_masses_to_third_order_are_henon_heiles():
    """x and y change places: ½(x² + y²) + x y² - x³/3 + O(4), so the difference falls sixteenfold."""
    law, plane, root = ring(3), system("henon_heiles"), np.sqrt(3)
    embedding = np.array([[0, 4 / root], [-2, -2 / root], [2, -2 / root]])
    u = np.random.default_rng(5).uniform(0.5, 1, size=(20, 2)) * [1, -1]
    differences = []
    for size in (2e-2, 1e-2):
        ring_states = np.concatenate([size * u @ embedding.T, np.zeros((20, 3))], axis=1)
        plane_states = np.concatenate([size * u[:, ::-1], np.zeros((20, 2))], axis=1)
        exponential = scalar_values(law.hamiltonian, np.zeros(20), ring_states, law.theta()) / 24
        cubic = scalar_values(plane.hamiltonian, np.zeros(20), plane_states, plane.theta())
        differences.append(exponential - cubic)
    assert_allclose(differences[0] / differences[1], 16, rtol=0.05)


# --- Fermi, Pasta, Ulam and Tsingou


def recurrence(**options):
    """Time, in periods of the lowest mode, and share of the energy that has come back to it."""
    start = first_mode(np.array([1.0]), np.array([0.0]))
    data = dynsamp.generate("fput", initial=start, duration=11000, dt=10.0, derivatives=False, **options)
    share = (data["mode_energy_1"] / data["energy"]).values[0]
    gone = int(np.argmax(share < 0.2))
    assert gone > 0
    best = gone + int(np.argmax(share[gone:]))
    return float(data["time"][best]) / PERIOD, float(share[best])


@pytest.mark.parametrize("options", [{}, {"method": "verlet", "step": 0.02}], ids=["dop853", "verlet-0.02"])
def test_energy_returns_to_the_lowest_mode(options):
    """Of the equations, α = 1/4 and amplitude 1: 146 periods, found by dop853 and by Verlet at 0.02."""
    time, share = recurrence(**options)
    assert time == pytest.approx(146.4, abs=0.5)
    assert share == pytest.approx(0.981, abs=0.002)


def test_a_coarse_step_shifts_the_recurrence():
    """Verlet at 0.4 returns later than the equations do: the number belongs to the step."""
    time, share = recurrence(method="verlet", step=0.4)
    assert time > 150
    assert share > 0.95


def test_energy_starts_in_the_lowest_mode():
    """H = E1 + the cubic part; amplitude a, any phase: E1 = a² ω² N / 4, N = 32."""
    y = first_mode(np.array([1.0, 0.5]), np.array([0.0, 2.0]))
    law = system("fput")
    first = scalar_values(law.diagnostics["mode_energy_1"], np.zeros(2), y, law.theta())
    assert_allclose(first, np.array([1, 0.25]) * (8 * exact.chain_frequencies(31)[0] ** 2), rtol=1e-12)
    for k in (2, 3, 4):
        assert_allclose(scalar_values(law.diagnostics[f"mode_energy_{k}"], np.zeros(2), y, law.theta()), 0, atol=1e-15)


def test_without_its_nonlinear_term_it_is_the_chain_of_springs():
    y = np.random.default_rng(6).normal(size=(5, 62))
    law, linear = system("fput"), chain(31)
    bare = law.theta({"alpha": 0.0})
    found = field_values(law.kernel(bare), np.zeros(5), y)
    assert_allclose(found, field_values(linear.kernel(), np.zeros(5), y), atol=1e-13)
    energy = scalar_values(law.hamiltonian, np.zeros(5), y, bare)
    assert_allclose(energy, scalar_values(linear.hamiltonian, np.zeros(5), y, linear.theta()), rtol=1e-13)
