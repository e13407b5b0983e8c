"""One local law at every site: learned on few sites, true on many."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import dynsamp
from dynsamp.models.base import Samples
from dynsamp.models.lattice_hamiltonian import LatticeHamiltonian, LatticeHamiltonianModel
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import field_values
from dynsamp.words import State
from dynsamp_pendulum.exact import chain_orbit
from dynsamp_pendulum.spring_chain import chain
from dynsamp_pendulum.toda import ring


def cubic(q, periodic=False):
    """Force (..., site) of V = sum of r^2 / 2 + r^3 / 12 over springs between walls, or in a ring."""
    if periodic:
        r = np.roll(q, -1, axis=-1) - q
        pull = r + r**2 / 4
        return pull - np.roll(pull, 1, axis=-1)
    r = np.diff(np.pad(q, [(0, 0)] * (q.ndim - 1) + [(1, 1)]), axis=-1)
    pull = r + r**2 / 4
    return np.diff(pull, axis=-1)


def points(count=200, sites=8, periodic=False, seed=0):
    y = np.random.default_rng(seed).uniform(-1, 1, (count, 2 * sites))
    dy = np.concatenate([y[:, sites:], cubic(y[:, :sites], periodic)], axis=1)
    states = (State("q", conjugate="p", dims={"mass": sites}), State("p", dims={"mass": sites}))
    return Samples(np.zeros((count, 1)), y[:, None], states, dy=dy[:, None])


@pytest.fixture(scope="module")
def model():
    return LatticeHamiltonian().fit(points())


@pytest.mark.parametrize("ends", ["fixed", "periodic"])
def test_the_force_is_that_of_any_number_of_sites(ends):
    learned = LatticeHamiltonian(ends=ends).fit(points(periodic=ends == "periodic"))
    for sites in (8, 31):
        y = np.random.default_rng(4).uniform(-0.9, 0.9, (20, 2 * sites))
        truth = np.concatenate([y[:, sites:], cubic(y[:, :sites], ends == "periodic")], axis=1)
        assert_allclose(learned.on(sites).vector_field(y), truth, atol=1e-8)


def test_a_law_of_differences_is_enough_for_springs():
    learned = LatticeHamiltonian(ends="periodic", differences=True).fit(points(periodic=True))
    y = np.random.default_rng(4).uniform(-0.5, 0.5, (5, 16))
    shifted = y + np.repeat([0.3, 0.0], 8)
    assert_allclose(learned.energy(shifted), learned.energy(y), atol=1e-12)


def test_energy_is_that_of_the_springs_and_of_the_sites(model):
    y = np.random.default_rng(4).uniform(-0.9, 0.9, (20, 16))
    r = np.diff(np.pad(y[:, :8], [(0, 0), (1, 1)]), axis=1)
    truth = np.sum(y[:, 8:] ** 2, axis=1) / 2 + np.sum(r**2 / 2 + r**3 / 12, axis=1)
    error = model.energy(y) - truth
    assert_allclose(error, error[0], atol=1e-8)
    assert_allclose(model.energy_density(y).sum(axis=1), model.energy(y), atol=1e-10)


def test_kernel_jacobian_and_gradient_agree(model):
    y = np.random.default_rng(4).uniform(-0.9, 0.9, (5, 16))
    assert_allclose(field_values(model.kernel(), np.zeros(5), y), model.vector_field(y), atol=1e-9)
    shift = 1e-5
    columns = [(model.vector_field(y + h) - model.vector_field(y - h)) / (2 * shift) for h in shift * np.eye(16)]
    assert_allclose(model.jacobian(y), np.stack(columns, axis=-1), atol=1e-6)


def test_without_separability():
    learned = LatticeHamiltonian(separable=False, width=60).fit(points())
    y = np.random.default_rng(4).uniform(-0.8, 0.8, (5, 16))
    assert_allclose(learned.vector_field(y)[:, :8], y[:, 8:], atol=1e-3)
    assert_allclose(learned.vector_field(y)[:, 8:], cubic(y[:, :8]), atol=1e-3)


def chain_error(model, masses):
    """Root mean square error per mass against normal modes, over two periods of the stiffest mode times ten."""
    rng, times = np.random.default_rng(2), np.linspace(0, 10, 21)
    q0, p0 = rng.uniform(-0.5, 0.5, (2, 3, masses))
    found = dynsamp.forecast(model, {"q": q0, "p": p0}, times=times)
    exact = np.stack([chain_orbit(times, q, p)[0] for q, p in zip(q0, p0, strict=True)])
    assert found.sizes["mass"] == masses
    return np.sqrt(np.mean((found["q"].transpose("trajectory", "time", "mass").values - exact) ** 2))


def test_a_chain_of_eight_masses_forecasts_longer_ones():
    train = dynsamp.generate(chain(8), trajectories=16, seed=1, derivatives=False)
    learned = dynsamp.fit(train, LatticeHamiltonian())
    assert "snapshots" in learned.summary()
    short = chain_error(learned, 8)
    assert short < 1e-6
    assert chain_error(learned, 64) < 2 * short + 1e-12


def test_toda_ring_from_derivatives():
    train = dynsamp.generate(ring(6), trajectories=24, duration=10, seed=1, derivatives=True)
    learned = dynsamp.fit(train, LatticeHamiltonian(ends="periodic", differences=True))
    truth = dynsamp.generate(ring(6), trajectories=4, duration=5, dt=0.5, seed=1)
    forecast = dynsamp.forecast(learned, truth)
    assert_allclose(forecast["p"].values, truth["p"].values, atol=1e-4)


def test_a_saved_model_is_the_same_model(model, tmp_path):
    write_model(model, tmp_path / "chain.model")
    again = read_model(tmp_path / "chain.model", {"lattice-hamiltonian": LatticeHamiltonianModel}.__getitem__)
    y = np.random.default_rng(1).uniform(-1, 1, (3, 16))
    assert_array_equal(again.vector_field(y), model.vector_field(y))


def two_dimensions():
    states = (State("q", dims={"row": 2, "column": 2}), State("p", dims={"row": 2, "column": 2}))
    return Samples(np.zeros((5, 1)), np.ones((5, 1, 8)), states, dy=np.ones((5, 1, 8)))


def unequal_sites():
    states = (State("q", dims={"mass": 3}), State("p", dims={"mass": 5}))
    return Samples(np.zeros((5, 1)), np.ones((5, 1, 8)), states, dy=np.ones((5, 1, 8)))


def no_sites():
    return Samples(np.zeros((5, 1)), np.ones((5, 1, 2)), (State("q"), State("p")), dy=np.ones((5, 1, 2)))


def odd():
    states = tuple(State(name, dims={"mass": 2}) for name in "abc")
    return Samples(np.zeros((5, 1)), np.ones((5, 1, 6)), states, dy=np.ones((5, 1, 6)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (two_dimensions, "one dimension of their own"),
        (unequal_sites, "need the same sites"),
        (no_sites, "one dimension of their own"),
        (odd, "canonical pairs"),
        (lambda: points(sites=1), "does not fit"),
    ],
)
def test_wrong_data_are_refused_in_one_sentence(data, message):
    with pytest.raises(ValueError, match=message) as error:
        LatticeHamiltonian().fit(data())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"stencil": (1, 2)}, "offset 0"),
        ({"ends": "open"}, "ends must be"),
        ({"stencil": (0,), "differences": True}, "two"),
    ],
)
def test_wrong_knobs_are_refused_when_made(knobs, message):
    with pytest.raises(ValueError, match=message):
        LatticeHamiltonian(**knobs)
