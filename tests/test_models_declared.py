"""What a user declares of a Hamiltonian, and the published method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import field_values
from dynsamp.words import Facts, State

ANGLES = (
    State("q1", "rad", conjugate="p1", period=2 * np.pi),
    State("q2", "rad", conjugate="p2", period=2 * np.pi),
    State("p1"),
    State("p2"),
)


def double_pendulum(y):  # unit masses and rods
    q1, q2, p1, p2 = np.moveaxis(y, -1, 0)
    difference = q1 - q2
    kinetic = (p1**2 + 2 * p2**2 - 2 * p1 * p2 * np.cos(difference)) / (2 * (1 + np.sin(difference) ** 2))
    return kinetic - 2 * np.cos(q1) - np.cos(q2)


def gradient(energy, y, step=1e-30):
    """Complex-step derivatives: exact to rounding errors."""
    columns = [np.imag(energy(y + 1j * step * unit)) / step for unit in np.eye(y.shape[-1])]
    return np.stack(columns, axis=-1)


def samples(energy, low, high, count, states, seed=0, **facts):
    y = np.random.default_rng(seed).uniform(low, high, (count, len(low)))
    g, dof = gradient(energy, y), len(low) // 2
    dy = np.concatenate([g[:, dof:], -g[:, :dof]], axis=1)
    return Samples(np.zeros((count, 1)), y[:, None], states, dy=dy[:, None], facts=Facts(**facts))


BOX = [-np.pi, -np.pi, -1, -1], [np.pi, np.pi, 1, 1]


@pytest.fixture(scope="module")
def model():
    data = samples(double_pendulum, *BOX, 3000, ANGLES)
    return HamiltonianNetwork(quadratic_in_p=True, tolerance=1e-8).fit(data)


def test_the_double_pendulum_as_a_mechanical_system_of_angles(model):
    y = np.random.default_rng(7).uniform(*BOX, (2000, 4))
    error = model.energy(y) - double_pendulum(y)
    assert np.std(error) < 5e-8 * np.sqrt(np.mean(double_pendulum(y) ** 2))
    # periods and powers hold beyond the data
    far = y * [1, 1, 3, 3] + [6 * np.pi, -2 * np.pi, 0, 0]
    g = gradient(double_pendulum, far)
    assert_allclose(model.vector_field(far), np.concatenate([g[:, 2:], -g[:, :2]], axis=1), atol=1e-5)
    assert "period" in model.report["declared"]


def test_its_kernel_is_its_vector_field(model):
    y = np.random.default_rng(3).uniform(*BOX, (10, 4))
    assert_allclose(field_values(model.kernel(), np.zeros(10), y), model.vector_field(y), rtol=1e-10, atol=1e-12)


def test_it_comes_back_from_a_file(model, tmp_path):
    write_model(model, tmp_path / "m.model")
    again = read_model(tmp_path / "m.model", lambda name: type(model))
    y = np.random.default_rng(3).uniform(*BOX, (10, 4))
    assert np.array_equal(again.vector_field(y), model.vector_field(y))


def test_declared_symmetries_hold_in_the_vector_field():
    data = samples(double_pendulum, *BOX, 600, ANGLES)
    knobs = {"width": 40, "activation": "tanh", "scale": 2.0, "periodic": False}
    model = HamiltonianNetwork(symmetries=["parity", "time-reversal"], **knobs).fit(data)
    y = np.random.default_rng(2).uniform(*BOX, (50, 4))
    field = model.vector_field(y)
    assert_allclose(model.vector_field(-y), -field, atol=1e-9)
    backwards = y * [1, 1, -1, -1]
    assert_allclose(model.vector_field(backwards), field * [-1, -1, 1, 1], atol=1e-9)


def chain(y):  # three masses in a ring, quartic springs
    q, p = y[..., :3], y[..., 3:]
    stretch = q - np.roll(q, 1, axis=-1)
    return np.sum(0.5 * p**2 + 0.5 * stretch**2 + 0.25 * stretch**4, axis=-1)


def test_a_ring_learned_with_its_translation_and_exchange():
    states = tuple(State(f"{kind}{k}") for kind in "qp" for k in range(3))
    data = samples(chain, [-1] * 6, [1] * 6, 400, states, separable=True)
    model = HamiltonianNetwork(symmetries=["translation", "exchange", "parity"], width=60, scale=0.3).fit(data)
    y = np.random.default_rng(5).uniform(-1, 1, (100, 6))
    shifted = y[:, [2, 0, 1, 5, 3, 4]]
    assert_allclose(model.energy(shifted), model.energy(y), atol=1e-10)
    error = model.energy(y) - chain(y)
    assert np.std(error) < 1e-5


def test_a_period_that_the_data_do_not_cover_is_not_used_unless_asked_for():
    states = (State("q", conjugate="p", period=2 * np.pi), State("p"))

    def pendulum(y):
        return 0.5 * y[..., 1] ** 2 - np.cos(y[..., 0])

    data = samples(pendulum, [-1, -1], [1, 1], 400, states)
    assert "declared" not in HamiltonianNetwork(width=40).fit(data).report
    asked = HamiltonianNetwork(periodic={"q": 2 * np.pi}, separable=True).fit(data)
    y = np.random.default_rng(1).uniform(-9, 9, (50, 2))
    assert_allclose(asked.vector_field(y), np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1), atol=1e-5)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"symmetries": "parity"}, "sequence"),
        ({"symmetries": ["partiy"]}, "did you mean 'parity'"),
        ({"symmetries": [[1, 2], [3, 4]]}, "matrix"),
        ({"symmetries": [np.diag([1.0, 1.0, 1.0, 1.7])]}, "finite order"),
        ({"periodic": {"q9": 1.0}}, "q9"),
        ({"periodic": {"q1": -1.0}}, "positive"),
        ({"periodic": {"p1": 1.0}}, "momentum"),
        ({"periodic": {"q1": 3.0, "q2": 4.0}, "symmetries": ["exchange"]}, "different periods"),
        ({"polynomial": 7}, "polynomial"),
        ({"tolerance": 0.0}, "tolerance"),
        ({"published": True, "scale": 2.0}, "scale"),
        ({"published": True, "sampler": "swim"}, "adaptive"),
        ({"terms": "q1"}, "sequence"),
    ],
)
def test_wrong_facts_are_answered_in_one_sentence(knobs, message):
    data = samples(double_pendulum, *BOX, 50, ANGLES)
    with pytest.raises(ValueError, match=message) as error:
        HamiltonianNetwork(**knobs).fit(data)
    assert "\n" not in str(error.value)


def test_periodic_needs_a_period():
    states = tuple(State(f"{kind}{k}") for kind in "qp" for k in range(2))
    with pytest.raises(ValueError, match="period="):
        HamiltonianNetwork(periodic=True).fit(samples(double_pendulum, *BOX, 50, states))


def test_the_published_method_is_one_argument_away():
    states = (State("q"), State("p"))

    def pendulum(y):
        return 0.5 * y[..., 1] ** 2 + 1 - np.cos(y[..., 0])

    data = samples(pendulum, [-3, -1], [3, 1], 500, states)
    for sampler in (None, "elm", "uniform"):
        model = HamiltonianNetwork(published=True, width=200, sampler=sampler).fit(data)
        assert model.report["activation"] == "tanh"
        assert np.array_equal(model.centre, [0, 0])
        assert np.array_equal(model.half_width, [1, 1])
        y = np.random.default_rng(1).uniform([-3, -1], [3, 1], (500, 2))
        assert np.std(model.energy(y) - pendulum(y)) < 1e-4


def test_tolerance_ends_the_search_early():
    def pendulum(y):
        return 0.5 * y[..., 1] ** 2 + 1 - np.cos(y[..., 0])

    data = samples(pendulum, [-3, -1], [3, 1], 4000, (State("q"), State("p")))
    coarse, fine = (HamiltonianNetwork(tolerance=level).fit(data).report for level in (1e-3, None))
    assert coarse["gcv_error"] < 1e-3
    assert coarse["width"] < fine["width"]  # the last fit may take all rows in any case
