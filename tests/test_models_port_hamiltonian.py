"""Port-Hamiltonian networks: what they recover is compared with the parameters behind the data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import solve_ivp

import dynsamp
from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.models.port_hamiltonian import PortHamiltonianModel, PortHamiltonianNetwork
from dynsamp.models.storage import read_model, write_model
from dynsamp.solve import field_values, solve
from dynsamp.words import Facts, State

QP = (State("q", conjugate="p"), State("p"))
FRICTION, AMPLITUDE, FREQUENCY = 0.5, 1.5, 2 / 3  # Baker and Gollub's driven pendulum, Q = 2


def recorded(count=30, samples=60, dt=0.2, noise=0.0, forced=False, seed=0, reach=(2.5, 1.5), friction=FRICTION):
    """Snapshots of p' = -sin q - friction p + A cos(w t), noise in standard deviations, by SciPy."""
    rng, t = np.random.default_rng(seed), np.arange(samples) * dt
    amplitude = AMPLITUDE if forced else 0.0

    def rhs(t, y):
        q, p = y.reshape(2, -1)
        return np.concatenate([p, -np.sin(q) - friction * p + amplitude * np.cos(FREQUENCY * t)])

    y0 = (rng.uniform(-1, 1, (count, 2)) * reach).T.ravel()
    y = solve_ivp(rhs, (0, t[-1]), y0, t_eval=t, rtol=1e-11, atol=1e-11, method="DOP853").y
    y = y.reshape(2, count, samples).transpose(1, 2, 0)
    y = y + noise * y.reshape(-1, 2).std(axis=0) * rng.normal(size=y.shape)
    return Samples(np.tile(t, (count, 1)), y, QP, facts=Facts(time_unit="s"))


def true_gradient(y, mixed=0.0):
    q, p = y.T
    return np.stack([np.sin(q) * (1 - 0.5 * mixed * p**2), p * (1 + mixed * np.cos(q))], axis=1)


def with_derivatives(points=800, dissipation=((0.0, 0.0), (0.0, FRICTION)), mixed=0.0, seed=3):
    """Points and derivatives of y' = (J - R) grad H, H = p^2 (1 + mixed cos q) / 2 - cos q."""
    y = np.random.default_rng(seed).uniform([-3, -2], [3, 2], (points, 2))
    gradient = true_gradient(y, mixed)
    matrix = np.array([[0.0, 1.0], [-1.0, 0.0]]) - np.array(dissipation)
    return Samples(np.zeros((points, 1)), y[:, None], QP, dy=(gradient @ matrix.T)[:, None])


@pytest.fixture(scope="module")
def driven():
    data = recorded(samples=80, forced=True)
    return PortHamiltonianNetwork(force="periodic").fit(data)


def test_friction_from_derivatives_is_exact():
    model = PortHamiltonianNetwork().fit(with_derivatives())
    assert model.dissipation[1, 1] == pytest.approx(FRICTION, abs=1e-9)
    assert_allclose(model.dissipation[0], 0.0)


def test_full_dissipation_from_derivatives():
    dissipation = np.array([[0.2, 0.1], [0.1, 0.4]])
    # unique where H is no sum of V(q) and T(p): that one could be scaled against R
    model = PortHamiltonianNetwork(dissipation="full").fit(with_derivatives(dissipation=dissipation, mixed=0.5))
    assert_allclose(model.dissipation, dissipation, atol=1e-5)
    y = np.random.default_rng(1).uniform(-1, 1, (50, 2))
    assert_allclose(model.gradient(y), true_gradient(y, 0.5), atol=1e-5)


def test_friction_from_snapshots_is_exact():
    model = PortHamiltonianNetwork().fit(recorded())
    assert model.dissipation[1, 1] == pytest.approx(FRICTION, abs=1e-7)
    y = np.random.default_rng(1).uniform([-1.5, -0.7], [1.5, 0.7], (100, 2))
    assert_allclose(model.gradient(y), np.stack([np.sin(y[:, 0]), y[:, 1]], axis=1), atol=1e-5)


def test_friction_and_force_from_noisy_snapshots_within_a_percent():
    model = PortHamiltonianNetwork(force="periodic").fit(recorded(count=40, samples=100, noise=0.01, forced=True))
    assert model.dissipation[1, 1] == pytest.approx(FRICTION, rel=0.01)
    assert model.frequency == pytest.approx(FREQUENCY, rel=0.01)
    assert np.hypot(*model.amplitudes[0, 1]) == pytest.approx(AMPLITUDE, rel=0.01)
    # the errors of the samples are seen, too: one hundredth of the spread
    assert "noise" in model.report


def test_an_unknown_force_is_found(driven):
    assert driven.dissipation[1, 1] == pytest.approx(FRICTION, abs=1e-6)
    assert driven.frequency == pytest.approx(FREQUENCY, abs=1e-6)
    assert_allclose(driven.amplitudes, [[[0, 0], [AMPLITUDE, 0]]], atol=1e-5)
    assert "frequency 0.667" in driven.summary()


def test_a_known_frequency_is_used():
    model = PortHamiltonianNetwork(force=FREQUENCY, tolerance=1e-6).fit(recorded(samples=50, forced=True))
    assert model.frequency == FREQUENCY
    assert_allclose(model.amplitudes, [[[0, 0], [AMPLITUDE, 0]]], atol=1e-3)


def test_no_force_is_made_up():
    model = PortHamiltonianNetwork(force="periodic", tolerance=1e-6).fit(recorded())
    assert not model.clocked
    assert "none was found" in model.summary()


def test_known_dissipation_is_used_as_it_is():
    for known in (FRICTION, [[0.0, 0.0], [0.0, FRICTION]]):
        model = PortHamiltonianNetwork(dissipation=known, tolerance=1e-6).fit(recorded())
        assert_array_equal(model.dissipation, [[0.0, 0.0], [0.0, FRICTION]])
        assert float(np.abs(model.gradient([[0.5, 0.3]]) - [[np.sin(0.5), 0.3]]).max()) < 1e-4


def test_dissipation_never_brings_energy():
    # data with negative friction: the nearest that only takes is none
    model = PortHamiltonianNetwork(tolerance=1e-4).fit(recorded(friction=-0.1, samples=20))
    assert np.linalg.eigvalsh(model.dissipation).min() >= 0.0
    assert "nearest positive semi-definite" in model.summary()


def steered(count=20, samples=60, dt=0.1, gain=0.7):
    """A signal that is linear between samples drives the momentum."""
    rng, t = np.random.default_rng(5), np.arange(samples) * dt
    u = np.cumsum(rng.normal(size=(count, samples)), axis=1) * 0.3
    y = np.empty((count, samples, 2))
    for k in range(count):
        y[k, 0] = rng.uniform([-2, -1], [2, 1])
        for n in range(samples - 1):
            slope = (u[k, n + 1] - u[k, n]) / dt
            y[k, n + 1] = solve_ivp(
                lambda s, x, k=k, n=n, slope=slope: [x[1], -np.sin(x[0]) - 0.3 * x[1] + gain * (u[k, n] + slope * s)],
                (0, dt), y[k, n], rtol=1e-10, atol=1e-10,
            ).y[:, -1]  # fmt: skip
    return t, y, u


def test_inputs_are_learned_and_used_in_forecasts():
    t, y, u = steered()
    data = dynsamp.from_arrays(y, t, names=["q", "p"], canonical=True, time_unit="s")
    data["torque"] = (("trajectory", "time"), u, {"role": "input", "units": "N m"})
    model = dynsamp.fit(data, PortHamiltonianNetwork(separable=True))
    assert model.inputs == ["torque"]
    assert_allclose(model.input_matrix, [[0.0], [0.7]], atol=1e-4)
    assert model.dissipation[1, 1] == pytest.approx(0.3, abs=1e-4)
    known = dynsamp.fit(data, PortHamiltonianNetwork(separable=True, input_matrix=[[0.0], [0.7]], tolerance=1e-5))
    assert_array_equal(known.input_matrix, [[0.0], [0.7]])
    forecast = dynsamp.forecast(model, data)  # the signals of the Dataset
    assert_allclose(forecast["q"], y[..., 0], atol=1e-3)
    alone = dynsamp.forecast(model, data.isel(trajectory=[3]).drop_vars("torque"), inputs={"torque": (t, u[3])})
    assert_allclose(alone["q"][0], forecast["q"][3], atol=1e-9)
    with pytest.raises(ValueError, match="needs the input 'torque'"):
        dynsamp.forecast(model, data.drop_vars("torque"))
    with pytest.raises(ValueError, match=r"no input 'torqe'.*'torque'"):
        dynsamp.forecast(model, data, inputs={"torqe": (t, u[0])})


def test_forecasts_run_on_the_clock_of_the_data(driven):
    truth = recorded(count=3, samples=60, forced=True)  # among the training data
    data = dynsamp.from_arrays(truth.y, truth.t[0], names=["q", "p"], canonical=True, time_unit="s")
    forecast = dynsamp.forecast(driven, data, start=4.0, duration=4.0, dt=0.2)
    assert_allclose(forecast["q"], truth.y[:, 20:41, 0], atol=1e-4)
    assert not forecast.attrs["method"].endswith("scalar")  # on vector registers
    # starts at different times, each on its own clock
    both = np.stack([truth.y[0, :30], truth.y[1, 10:40]])
    times = np.stack([truth.t[0, :30], truth.t[0, 10:40]])
    mixed = dynsamp.from_arrays(both, times, names=["q", "p"], canonical=True, time_unit="s")
    found = dynsamp.forecast(driven, mixed, duration=3.0, dt=0.2)
    assert_allclose(found["q"], both[:, :16, 0], atol=1e-4)


def test_without_its_disturbance_it_is_the_pendulum(driven):
    bare = driven.undisturbed()
    kernel = bare.kernel()
    assert kernel.hamiltonian
    y0 = np.array([[1.0, 0.0], [0.5, 0.5]])
    found = solve(kernel, np.linspace(0, 20, 21), y0, step=0.05)
    energy = bare.energy(found.states)
    assert np.abs(energy - energy[:, :1]).max() < 1e-9
    times = np.linspace(0, 20, 21)
    exact = [
        solve_ivp(lambda t, y: [y[1], -np.sin(y[0])], (0, 20), y, t_eval=times, rtol=1e-11, atol=1e-11).y.T for y in y0
    ]
    assert_allclose(found.states, exact, atol=1e-4)


def test_the_disturbance_can_be_changed(driven):
    assert_array_equal(driven.disturbed(dissipation=0.0).dissipation, np.zeros((2, 2)))
    assert_allclose(driven.disturbed(dissipation=2.0).dissipation, 2 * driven.dissipation)
    assert not driven.disturbed(amplitudes=0.0).clocked
    assert driven.disturbed(frequency=1.0).frequency == 1.0
    with pytest.raises(ValueError, match="positive semi-definite"):
        driven.disturbed(dissipation=-1.0)


def test_kernel_is_the_vector_field(driven):
    y = np.random.default_rng(2).uniform(-1, 1, (7, 2))
    t = np.linspace(0, 3, 7)
    values = field_values(driven.kernel(), t, y)
    assert_allclose(values, driven.vector_field(y, t), atol=1e-9)
    shifted = field_values(driven.kernel_from(np.full(1, 2.0)), t, y)
    assert_allclose(shifted, driven.vector_field(y, t + 2.0), atol=1e-9)


def test_full_dissipation_in_the_kernel():
    model = PortHamiltonianNetwork(dissipation="full", width=30, scale=0.5).fit(
        with_derivatives(dissipation=[[0.2, 0.1], [0.1, 0.4]])
    )
    y = np.random.default_rng(2).uniform(-1, 1, (5, 2))
    assert_allclose(field_values(model.kernel(), np.zeros(5), y), model.vector_field(y), atol=1e-9)


def test_powers_add_up_to_the_change_of_energy(driven):
    y, t = np.random.default_rng(2).uniform(-1, 1, (7, 2)), np.linspace(0, 3, 7)
    change = np.sum(driven.gradient(y) * driven.vector_field(y, t), axis=1)
    assert_allclose(change, driven.supplied_power(y, t) - driven.dissipated_power(y), atol=1e-9)
    assert np.all(driven.dissipated_power(y) >= 0.0)


def test_a_saved_model_is_the_same_model(driven, tmp_path):
    write_model(driven, tmp_path / "driven.model")
    again = read_model(tmp_path / "driven.model", {"port-hamiltonian": PortHamiltonianModel}.__getitem__)
    y = np.random.default_rng(1).uniform(-1, 1, (10, 2))
    assert_array_equal(again.vector_field(y, 0.7), driven.vector_field(y, 0.7))


def test_same_seed_same_bits():
    first, again = (PortHamiltonianNetwork(tolerance=1e-5).fit(recorded(count=10), seed=4) for _ in range(2))
    assert_array_equal(first.coefficients, again.coefficients)
    assert_array_equal(first.dissipation, again.dissipation)


def test_velocities_as_momenta_make_the_energy_separable():
    states = (State("angle"), State("angular_velocity"))
    data = recorded(noise=0.02)
    model = PortHamiltonianNetwork().fit(Samples(data.t, data.y, states))
    assert model.separable
    assert "the momenta are velocities" in model.summary()
    assert model.report["decay_rate"]["angular_velocity"] == pytest.approx(FRICTION, rel=0.03)


def test_hamiltonian_networks_say_that_energy_is_lost(caplog):
    model = HamiltonianNetwork(tolerance=1e-3).fit(recorded(friction=0.1))
    assert "lose energy: a friction of 0.1" in model.report["dissipation"]
    assert "PortHamiltonianNetwork()" in caplog.text
    assert "dissipation" not in HamiltonianNetwork(tolerance=1e-3).fit(recorded(friction=0.0)).report


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"dissipation": "strong"}, "dissipation must be one of 'momenta'"),
        ({"force": "random"}, "force must be 'periodic'"),
        ({"force": -1.0}, "force must be 'periodic'"),
        ({"harmonics": 0}, "harmonics must be"),
        ({"width": -1}, "width"),
    ],
)
def test_wrong_knobs_are_refused_when_made(knobs, message):
    with pytest.raises(ValueError, match=message):
        PortHamiltonianNetwork(**knobs)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"dissipation": np.eye(3)}, r"must be a \(2, 2\) matrix or a number"),
        ({"dissipation": -np.eye(2)}, "positive semi-definite"),
        ({"input_matrix": np.eye(2)}, r"input_matrix must be \(2, 0\)"),
    ],
)
def test_wrong_knobs_for_the_data(knobs, message):
    with pytest.raises(ValueError, match=message):
        PortHamiltonianNetwork(**knobs).fit(recorded(count=3, samples=5))


def test_an_odd_number_of_states_is_refused():
    data = recorded(count=3, samples=5)
    y = np.concatenate([data.y, data.y[..., :1]], axis=2)
    with pytest.raises(ValueError, match="3 components"):
        PortHamiltonianNetwork().fit(Samples(data.t, y, (State("a"), State("b"), State("c"))))


def test_a_record_that_starts_farther_out_is_not_left_out():
    """q'' = -0.04 q - 0.05 q' + 0.02 cos(2 pi t / 30): linear, so that a step is a matrix exponential and a wave."""
    force = 2 * np.pi / 30
    starts = np.random.default_rng(0).uniform(-0.3, 0.3, (4, 2))
    starts[3] = [2.5, 0.5]
    field = lambda t, y: [y[1], -0.04 * y[0] - 0.05 * y[1] + 0.02 * np.cos(force * t)]  # noqa: E731
    t = 0.25 * np.arange(400) + np.array([[0.0], [7.0], [13.0], [21.0]])
    y = [
        solve_ivp(field, (a[0], a[-1]), s, "DOP853", a, rtol=1e-12, atol=1e-12).y.T
        for s, a in zip(starts, t, strict=True)
    ]
    model = PortHamiltonianNetwork(force="periodic").fit(Samples(t, np.array(y), (State("q"), State("p"))))
    true = np.array([np.stack(field(a, s.T), axis=-1) for a, s in zip(t, y, strict=True)])
    error = np.linalg.norm(model.vector_field(np.array(y), t) - true) / np.linalg.norm(true)
    assert error < 1e-7
    assert error < 3 * model.report["error"] < 1e-6
