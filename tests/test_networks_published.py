"""The published sampled networks with their own knobs: constants, invariance and published errors.

Figures: Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation,
arXiv:2411.17511, and the results stored with it, means of ten runs. A factor of 3 covers the spread of single runs.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp
from scipy.stats import special_ortho_group

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.networks import tuning
from dynsamp.networks.energy_published import fit_published
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import Neurons
from dynsamp.networks.sampling import sample_layer
from dynsamp.streams import generator
from dynsamp.words import State

TURN = 2 * np.pi
SMALL, LARGE = ((-TURN, TURN), (-1.0, 1.0)), ((-TURN, TURN), (-6.0, 6.0))


def pendulum(y, steepness=1.0):
    return 0.5 * y[:, 1] ** 2 + 1 - np.cos(steepness * y[:, 0])


def pendulum_gradient(y, steepness=1.0):
    return np.stack([steepness * np.sin(steepness * y[:, 0]), y[:, 1]], axis=1)


def spring(y):
    return 0.5 * y[:, 1] ** 2 + 0.5 * (y[:, 0] - 1) ** 2


def spring_gradient(y):
    return y - [1.0, 0.0]


def uniform(box, count, *seed):
    return np.random.default_rng(seed).uniform(*np.transpose(box), (count, len(box)))


def relative(values, truth):
    return np.linalg.norm(values - truth) / np.linalg.norm(truth)


def published_error(energy, gradient, box, width, sampler, seed, points=10_000):
    """Relative L2 error of H with its constant, as published: H is told at the origin."""
    y, test = uniform(box, points, seed, 0), uniform(box, 10_000, seed, 1)
    slope = gradient(y)
    dy = np.stack([slope[:, 1], -slope[:, 0]], axis=1)
    samples = Samples(np.zeros((points, 1)), y[:, None], (State("q"), State("p")), dy=dy[:, None])
    origin = np.zeros(2)
    network = HamiltonianNetwork(
        published=True, width=width, sampler=sampler, reference=(origin, float(energy(origin[None])[0]))
    )
    return relative(network.fit(samples, seed=seed).energy(test), energy(test))


@pytest.mark.parametrize(
    ("activation", "values"), [("tanh", (-0.5, 0.0, 0.5)), ("relu", (0.0, 0.5, 1.0))], ids=["tanh", "relu"]
)
def test_values_of_a_neuron_at_its_pair_of_points(activation, values):
    # two points only: every neuron is theirs
    x = np.array([[0.3, -1.2, 0.5], [2.0, 0.7, 0.1]])
    neurons = Neurons(1, activation, sampler="uniform")
    layer = sample_layer(x, neurons, rng=generator(0, "weights"), centre=np.zeros(3), half_width=np.ones(3))
    along = np.stack([x[0], x.mean(axis=0), x[1]])
    found = layer.values(along)[:, 0]
    if layer.weights[0] @ (x[1] - x[0]) < 0:  # the pair was drawn the other way round
        found = found[::-1]
    assert_allclose(found, values, atol=1e-12)


@pytest.mark.parametrize("sampler", ["uniform", "swim"])
def test_features_do_not_change_when_the_inputs_are_turned_moved_and_scaled(sampler):
    x = uniform(((-1.0, 3.0),) * 4, 500, 4)
    moved = 0.21 * x @ special_ortho_group.rvs(4, random_state=2).T + np.array([5.0, -3.0, 0.0, 1.0])
    target = np.cos(x[:, 0]) * x[:, 1]
    one, other = (
        sample_layer(
            points,
            Neurons(100, sampler=sampler),
            rng=generator(1, "weights"),
            target=target,
            centre=np.zeros(4),
            half_width=np.ones(4),
        ).values(points)
        for points in (x, moved)
    )
    assert_allclose(one, other, atol=1e-9)


def test_the_solver_is_a_truncated_least_squares_with_the_known_value_as_one_more_row():
    # the system as it is printed: rows of grad Phi, one row for H(x0), one column for the constant
    y, test = uniform(SMALL, 1000, 0), uniform(SMALL, 1000, 1)
    gradient = pendulum_gradient(y)
    energy = fit_published(Gradients(y[None], np.ones(1), gradient), width=60, sampler="uniform", seed=1).energy
    layer = energy.layer
    slope = 1.0 - np.tanh(y @ layer.weights.T + layer.biases) ** 2
    rows = np.concatenate([slope * layer.weights[:, 0], slope * layer.weights[:, 1], np.tanh(layer.biases)[None]])
    matrix = np.column_stack([rows, np.r_[np.zeros(2 * len(y)), 1.0]])
    right = np.concatenate([gradient.T.ravel(), [0.0]])
    solution = np.linalg.lstsq(matrix, right, rcond=tuning.PUBLISHED_ENERGY_CUTOFF)[0]
    printed = np.tanh(test @ layer.weights.T + layer.biases) @ solution[:-1] + solution[-1]
    ours = energy.value(test) - energy.value(np.zeros((1, 2)))
    assert relative(ours, printed) < 1e-6 * relative(printed, pendulum(test)) + 1e-9


@pytest.mark.parametrize(("sampler", "error"), [("elm", 3.59e-5), ("uniform", 7.80e-8), ("adaptive", 5.59e-7)])
def test_pendulum_on_the_small_domain_200_neurons(sampler, error):
    found = [published_error(pendulum, pendulum_gradient, SMALL, 200, sampler, seed) for seed in range(3)]
    assert error / 3 < np.mean(found) < 3 * error


@pytest.mark.parametrize(
    ("box", "sampler", "error"),
    [(SMALL, "elm", 1.49e-11), (SMALL, "adaptive", 3.62e-10), (LARGE, "elm", 9.82e-8), (LARGE, "uniform", 6.88e-10)],
    ids=["small-elm", "small-adaptive", "large-elm", "large-uniform"],
)
def test_pendulum_1000_neurons(box, sampler, error):
    found = published_error(pendulum, pendulum_gradient, box, 1000, sampler, 0)
    assert error / 3 < found < 3 * error


def test_spring_of_the_introductory_example():
    found = published_error(spring, spring_gradient, ((-5.0, 5.0),) * 2, 1000, "adaptive", 0, points=8000)
    assert 1.89e-11 / 5 < found < 5 * 1.89e-11


def test_pairs_drawn_from_data_win_on_a_steep_pendulum():
    # published, from 5000 points: 1.16e-2 with normal weights, 2.01e-3 and 1.50e-3 with adaptive and true densities
    steepness = 20.0
    box = ((-np.pi, np.pi), (-0.5, 0.5))
    y, test = uniform(box, 5000, 0), uniform(box, 10_000, 1)
    data = Gradients(y[None], np.ones(1), pendulum_gradient(y, steepness))
    truth, errors = pendulum(test, steepness), {}
    for sampler in ("elm", "swim"):
        energy = fit_published(data, width=1500, sampler=sampler, values=pendulum(y, steepness)).energy
        errors[sampler] = relative(energy.value(test) - energy.value(np.zeros((1, 2))), truth)
    assert errors["elm"] > 5 * errors["swim"]


@pytest.mark.parametrize(("step", "plain", "better"), [(0.1, 1.49e-2, 4.17e-4), (0.4, 6.07e-2, 6.90e-3)])
def test_symplectic_euler_collocation_of_pairs_and_its_correction(step, plain, better):
    # rows at (q', p) learn H - (h/2) H_q H_p to first order; errors are of the scheme, not of the sampled neurons
    box = ((-np.pi, np.pi), (-1.0, 1.0))
    errors = []
    for seed in range(3):
        x, test = uniform(box, 2500, seed, 0), uniform(box, 2500, seed, 1)

        def field(_, y):
            slope = pendulum_gradient(y.reshape(-1, 2))
            return np.stack([slope[:, 1], -slope[:, 0]], axis=1).ravel()

        after = solve_ivp(field, (0.0, step), x.ravel(), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
        after = after.reshape(-1, 2)
        change = (after - x) / step
        nodes = np.stack([after[:, 0], x[:, 1]], axis=1)
        target = np.stack([-change[:, 1], change[:, 0]], axis=1)
        energy = fit_published(Gradients(nodes[None], np.ones(1), target), width=200, seed=seed).energy
        learned = energy.value(test) - energy.value(np.zeros((1, 2)))
        corrected = learned + 0.5 * step * np.prod(energy.gradient(test), axis=1)
        errors.append([relative(learned, pendulum(test)), relative(corrected, pendulum(test))])
    assert_allclose(np.mean(errors, axis=0), [plain, better], rtol=0.02)
