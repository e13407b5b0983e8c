"""Declared facts hold exactly, whatever the coefficients, and lower the error."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.networks.energy_problem import EnergyBasis, EnergyProblem
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.search.energy import fit_energy
from dynsamp.networks.structure import Structure, closed_group, is_signed_permutation
from dynsamp.streams import generator

PARITY = -np.eye(4)
REVERSAL = np.diag([1.0, 1.0, -1.0, -1.0])
EXCHANGE = np.kron(np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]))


def rotation(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def cloud(points=300, components=4, seed=0):
    return np.random.default_rng(seed).uniform(-1.5, 2.0, (points, components))


def energy_of(structure, activation="tanh", sampler=None, seed=0):
    """An energy with random coefficients."""
    x = cloud(components=structure.size)
    data = Gradients(x[None], np.ones(1), np.sin(x))
    centre, half = structure.standardisation(x.min(axis=0), x.max(axis=0))
    problem = EnergyProblem(data, structure, centre, half, FitOptions(seed=seed))
    basis = problem.basis(Neurons(12, activation, 1.0, sampler))
    return basis, basis.energy(np.random.default_rng(1).normal(size=basis.columns)), data


@pytest.mark.parametrize(
    ("generators", "size"), [([PARITY], 2), ([PARITY, REVERSAL], 4), ([PARITY, REVERSAL, EXCHANGE], 8), ([], 1)]
)
def test_a_group_is_closed(generators, size):
    group = closed_group(generators, 4)
    assert len(group) == size
    for one in group:
        for other in group:
            assert any(np.array_equal(one @ other, known) for known in group)


def test_rotations_by_a_third_of_a_turn_make_a_group_of_six_with_a_mirror():
    assert len(closed_group([rotation(2 * np.pi / 3), np.diag([1.0, -1.0])], 2)) == 6


def test_an_endless_group_is_refused():
    with pytest.raises(ValueError, match="finite order"):
        closed_group([rotation(1.0)], 2)


def test_signed_permutations_are_recognised():
    assert is_signed_permutation(EXCHANGE @ REVERSAL)
    assert not is_signed_permutation(np.kron(np.eye(2), rotation(0.3)))
    assert not is_signed_permutation(2 * np.eye(2))


@pytest.mark.parametrize(
    "structure",
    [
        Structure(4, group=closed_group([PARITY, REVERSAL], 4)),
        Structure(4, group=closed_group([EXCHANGE], 4), momenta=(2, 3)),
        Structure(4, group=closed_group([np.kron(np.eye(2), rotation(2 * np.pi / 3))], 4)),
        Structure(4, group=closed_group([PARITY, EXCHANGE], 4), periods=np.array([3.0, 3.0, np.inf, np.inf])),
    ],
    ids=["signs", "exchange, quadratic", "rotation", "exchange, periodic"],
)
def test_symmetries_hold_exactly(structure):
    _, energy, _ = energy_of(structure, "sin" if structure.periodic.any() else "tanh")
    x = cloud(50, seed=3)
    value = energy.value(x)
    for element in structure.group:
        image = energy.value(x @ element.T)
        assert_allclose(image - image[0], value - value[0], atol=1e-10 * np.ptp(value))


def test_periods_hold_exactly_far_away():
    structure = Structure(2, periods=np.array([2 * np.pi, np.inf]))
    _, energy, _ = energy_of(structure, "sin")
    x = cloud(50, 2)
    assert_allclose(energy.value(x + np.array([20 * np.pi, 0.0])), energy.value(x), rtol=1e-10, atol=1e-10)


def test_quadratic_in_the_momenta():
    structure = Structure(4, momenta=(2, 3))
    _, energy, _ = energy_of(structure)
    q, p = np.array([[0.3, -0.8]]), np.array([[0.7, -1.1]])

    def kinetic(factor):
        return energy.value(np.hstack([q, factor * p])) - energy.value(np.hstack([q, 0 * p]))

    assert_allclose(kinetic(3.0), 9.0 * kinetic(1.0), rtol=1e-12)
    assert_allclose(kinetic(-1.0), kinetic(1.0), rtol=1e-12)


@pytest.mark.parametrize("momenta", [(), (2, 3)])
@pytest.mark.parametrize("activation", ["tanh", "sin", "gauss", "softplus"])
def test_derivatives_against_differences(momenta, activation):
    structure = Structure(4, group=closed_group([EXCHANGE], 4), momenta=momenta)
    _, energy, _ = energy_of(structure, activation)
    x, step = cloud(20, seed=5), 1e-5
    gradient, hessian = energy.gradient(x), energy.hessian(x)
    for k in range(4):
        shift = step * np.eye(4)[k]
        slope = (energy.value(x + shift) - energy.value(x - shift)) / (2 * step)
        assert_allclose(gradient[:, k], slope, rtol=1e-6, atol=1e-6)
        curvature = (energy.gradient(x + shift) - energy.gradient(x - shift)) / (2 * step)
        assert_allclose(hessian[:, k], curvature, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("momenta", [(), (2, 3)])
def test_the_columns_of_a_fit_are_the_gradients_of_its_energy(momenta):
    structure = Structure(4, group=closed_group([EXCHANGE, PARITY], 4), momenta=momenta)
    basis, energy, data = energy_of(structure)
    out = np.empty((basis.columns + 1, 4 * len(data.target)))
    basis.fill(data, out)
    rows = np.random.default_rng(1).normal(size=basis.columns) @ out[:-1]
    expected = (energy.gradient(data.nodes[0]) * basis.layer.half_width).T.ravel()
    assert_allclose(rows, expected, rtol=1e-9, atol=1e-9)
    assert_allclose(out[-1], (data.target * basis.layer.half_width).T.ravel())


def test_weighted_nodes_add_up():
    structure = Structure(4, group=closed_group([PARITY], 4))
    basis, _, _ = energy_of(structure)
    nodes, weights = np.stack([cloud(10, seed=s) for s in (1, 2, 3)]), np.array([1 / 6, 4 / 6, 1 / 6])
    together = np.empty((basis.columns + 1, 40))
    basis.fill(Gradients(nodes, weights, np.zeros((10, 4))), together)
    single = np.empty((basis.columns + 1, 40))
    total = np.zeros_like(single)
    for node, weight in zip(nodes, weights, strict=True):
        basis.fill(Gradients(node[None], np.ones(1), np.zeros((10, 4))), single)
        total += weight * single
    assert_allclose(together[:-1], total[:-1], rtol=1e-12, atol=1e-12)


def test_no_two_columns_of_a_symmetric_polynomial_are_dependent():
    structure = Structure(4, group=closed_group([EXCHANGE, REVERSAL], 4))
    linear, quadratic = structure.quadratics(np.ones(4))
    flat = np.concatenate([linear, quadratic.reshape(len(quadratic), -1)], axis=1)
    assert np.linalg.matrix_rank(flat) == len(flat)
    # q1 + q2; q1^2 + q2^2, q1 q2, p1^2 + p2^2, p1 p2
    assert len(flat) == 5


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"group": closed_group([np.kron(np.eye(2), rotation(np.pi / 4))], 4), "momenta": (2, 3)}, "quadratic in p"),
        ({"group": closed_group([np.kron(rotation(np.pi / 2), np.eye(2))], 4), "momenta": (2, 3)}, "among themselves"),
        (
            {"group": closed_group([np.kron(np.eye(2), rotation(np.pi / 4))], 4), "periods": np.full(4, 2.0)},
            "periodic coordinates",
        ),
    ],
)
def test_facts_that_exclude_each_other(facts, message):
    with pytest.raises(ValueError, match=message):
        Structure(4, **facts)


def gradients(gradient, points, low, high, seed=0):
    x = np.random.default_rng(seed).uniform(low, high, (points, len(low)))
    return Gradients(x[None], np.ones(1), gradient(x))


def test_pursuit_finds_the_waves_of_a_potential():
    # V = cos q1 + 0.3 sin(2 q1 - 3 q2) + 1e-3 cos(11 q2)
    def gradient(x):
        phase = 2 * x[:, 0] - 3 * x[:, 1]
        return np.stack(
            [-np.sin(x[:, 0]) + 0.6 * np.cos(phase), -0.9 * np.cos(phase) - 0.011 * np.sin(11 * x[:, 1])], axis=1
        )

    data = gradients(gradient, 800, [-4.0, -4.0], [4.0, 4.0])
    fit = fit_energy(data, structure=Structure(2, periods=np.full(2, 2 * np.pi)))
    x = np.random.default_rng(9).uniform(20, 30, (100, 2))  # far from the data, and yet right
    assert_allclose(fit.energy.gradient(x), gradient(x), atol=1e-11)
    waves = np.round(fit.energy.layer.weights / fit.energy.layer.half_width).astype(int)
    large = np.abs(fit.energy.coefficients) > 1e-4
    assert {tuple(np.abs(wave)) for wave in waves[large]} == {(1, 0), (2, 3), (0, 11)}


def test_pursuit_with_noise_stops_before_it_fits_the_noise():
    rng = np.random.default_rng(4)
    data = gradients(lambda x: np.sin(x), 2000, [-4.0], [4.0])
    noisy = Gradients(data.nodes, data.weights, data.target + 0.1 * rng.normal(size=data.target.shape))
    fit = fit_energy(noisy, structure=Structure(1, periods=np.array([2 * np.pi])))
    error = np.linalg.norm(fit.energy.gradient(data.nodes[0]) - data.target) / np.linalg.norm(data.target)
    assert error < 0.02


def test_a_mass_that_depends_on_the_angle():
    # H = p^2 (2 + cos q) / 2 - cos q
    def gradient(x):
        q, p = x.T
        return np.stack([-0.5 * p**2 * np.sin(q) + np.sin(q), p * (2 + np.cos(q))], axis=1)

    data = gradients(gradient, 500, [-np.pi, -2.0], [np.pi, 2.0])
    structure = Structure(2, periods=np.array([2 * np.pi, np.inf]), momenta=(1,))
    fit = fit_energy(data, structure=structure)
    x = np.random.default_rng(2).uniform([10, -20], [20, 20], (100, 2))
    assert_allclose(fit.energy.gradient(x), gradient(x), rtol=1e-10, atol=1e-10)


def test_declared_symmetries_lower_the_error_at_equal_width():
    def gradient(x):  # of exp(-|x|^2 / 2) cos(3 x1 x2)
        size, wave = np.exp(-0.5 * np.sum(x**2, axis=1)), 3 * x[:, 0] * x[:, 1]
        common = -size * np.cos(wave)
        other = -3 * size * np.sin(wave)
        return np.stack([common * x[:, 0] + other * x[:, 1], common * x[:, 1] + other * x[:, 0]], axis=1)

    data = gradients(gradient, 1500, [-2.0, -2.0], [2.0, 2.0])
    knobs = Neurons(60, "tanh", 1.5)
    group = closed_group([-np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])], 2)
    plain = fit_energy(data, knobs).solution.residual[0]
    declared = fit_energy(data, knobs, structure=Structure(2, group=group)).solution.residual[0]
    assert declared < 0.5 * plain


def test_equal_seeds_give_equal_bits():
    structure = Structure(4, group=closed_group([PARITY], 4))
    first, again = (energy_of(structure)[0].layer for _ in range(2))
    assert np.array_equal(first.weights, again.weights)
    assert generator(1, "weights", 2).integers(1 << 40) == generator(1, "weights", 2).integers(1 << 40)


def test_a_basis_without_neurons_is_its_polynomial():
    structure = Structure(2)
    basis, _, _ = energy_of(structure)
    assert basis.free == 5
    assert isinstance(basis, EnergyBasis)
