"""Scores of mechanics against closed forms: periods, sections, invariants, symplectic maps, power balance."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ellipj, ellipk

import dynsamp as ds
from dynsamp.metrics import METRICS, Record
from dynsamp.metrics.mechanics import energy_gradient
from dynsamp.metrics.returns import passages, sliced_distance
from dynsamp.system import HamiltonianSystem, ODESystem
from dynsamp.words import Facts, Parameter, State

SCORE = {metric.name: metric for metric in METRICS}
ONE = (State("q", conjugate="p"), State("p"))
TWO = (State("x", conjugate="px"), State("y", conjugate="py"), State("px"), State("py"))


def record(t, y, states=ONE, valid_until=None, **options):
    y = np.asarray(y, dtype=float)
    y = y[:, None] if y.ndim == 3 else y
    return Record(
        t=t,
        y=y,
        status=np.zeros(y.shape[:2], np.int8),
        states=states,
        theta=np.empty((len(y), 0)),
        valid_until=np.full(len(y), np.inf) if valid_until is None else np.asarray(valid_until, float),
        **options,
    )


def rotations(t, amplitudes, frequency=1.0):
    """Oscillations of unit mass and the given frequency: (trajectory, time, component)."""
    size = np.asarray(amplitudes, dtype=float)[:, None]
    return np.stack([size * np.cos(frequency * t), -frequency * size * np.sin(frequency * t)], axis=-1)


def spring_energy(t, y, theta):
    return 0.5 * (y[1] ** 2 + theta[0] * y[0] ** 2)


def spring(**options):
    return HamiltonianSystem(
        name="spring", states=ONE, parameters={"k": Parameter(1.0)}, hamiltonian=spring_energy, **options
    )


# --- passages -------------------------------------------------------------------------------------------


def test_passages_have_the_eighth_order():
    def error(count):
        t = np.linspace(0.0, 20.0, count)
        y = np.stack([np.sin(t + 0.3), np.cos(t + 0.3)], axis=-1)
        times, states = passages(t, y, 0, 0.2)
        exact = np.arcsin(0.2) - 0.3 + 2 * np.pi * np.arange(1, 4)
        assert times.shape == exact.shape
        assert_allclose(states[:, 0], 0.2, atol=1e-12)
        return max(np.abs(times - exact).max(), np.abs(states[:, 1] - np.cos(np.arcsin(0.2))).max())

    coarse, fine = error(41), error(81)
    assert coarse < 1e-4
    assert math.log2(coarse / fine) > 7


def test_passages_downwards_and_of_turning_angles():
    t = np.linspace(0.0, 10.0, 101)
    y = np.stack([3.0 * t - 1.0, np.cos(t)], axis=-1)
    times, _ = passages(t, y, 0, 0.0, 1, 2 * np.pi)
    assert_allclose(times, (1.0 + 2 * np.pi * np.arange(5)) / 3.0, rtol=1e-12)
    times, _ = passages(t, -y, 0, 0.0, -1, 2 * np.pi)
    assert_allclose(times, (1.0 + 2 * np.pi * np.arange(5)) / 3.0, rtol=1e-12)
    times, _ = passages(t, y, 1, 0.0, -1)
    assert_allclose(times, [np.pi / 2, 5 * np.pi / 2], rtol=1e-9)
    times, _ = passages(t, y, 1, 0.0, 0)
    assert_allclose(times, np.pi * (np.arange(3) + 0.5), rtol=1e-9)
    assert passages(t[:1], y[:1], 0, 0.0)[0].size == 0


# --- periods --------------------------------------------------------------------------------------------


def test_an_exact_rotation_has_the_exact_period():
    t = np.linspace(0.0, 40.0, 801)
    truth = record(t, rotations(t, [0.5, 1.0, 2.0]))
    score = SCORE["period_error"](truth, truth)
    assert score.values.shape == (3, 1)
    assert_allclose(score.values, 0.0, atol=1e-15)
    assert_allclose(SCORE["amplitude"](truth).values, [0.5, 1.0, 2.0], rtol=1e-3)


def test_a_scaled_frequency_is_the_period_error():
    t = np.linspace(0.0, 40.0, 801)
    truth = record(t, rotations(t, [0.5, 1.0]))
    forecast = record(t, rotations(t, [0.5, 1.0], frequency=1.02))
    assert_allclose(SCORE["period_error"](forecast, truth).values, 1 / 1.02 - 1, rtol=1e-8)


def test_the_period_of_the_pendulum_against_elliptic_integrals():
    amplitudes = np.array([0.2, 1.5, 3.0])
    t = np.arange(0.0, 60.0, 0.05)
    m = np.sin(amplitudes / 2) ** 2
    sn, cn, _, _ = ellipj(ellipk(m)[:, None] - t, m[:, None])
    exact = np.stack([2 * np.arcsin(np.sqrt(m)[:, None] * sn), -2 * np.sqrt(m)[:, None] * cn], axis=-1)
    linear = record(t, rotations(t, amplitudes))  # the pendulum that everybody linearises
    score = SCORE["period_error"](linear, record(t, exact))
    assert_allclose(score.values[:, 0], 2 * np.pi / (4 * ellipk(m)) - 1, atol=1e-8)


def test_a_full_turn_is_the_period_of_a_rotation():
    t = np.linspace(0.0, 20.0, 401)
    states = (State("angle", "rad", conjugate="p"), State("p"))
    turning = [np.stack([w * t + 0.1 * np.sin(w * t), w + 0.1 * w * np.cos(w * t)], axis=-1) for w in (2.0, 2.1)]
    truth, forecast = record(t, [turning[0]], states), record(t, [turning[1]], states)
    assert_allclose(SCORE["period_error"](forecast, truth).values, 2.0 / 2.1 - 1, rtol=1e-7)
    backwards = record(t, [-turning[0]], states)
    assert_allclose(SCORE["period_error"](record(t, [-turning[1]], states), backwards).values, 2.0 / 2.1 - 1, rtol=1e-7)


def test_periods_that_are_not_there():
    t = np.linspace(0.0, 40.0, 401)
    y = rotations(t, [1.0, 1.0, 1.0])
    y[0] = 0.0  # at rest
    forecast = y.copy()
    forecast[1, 200:] = np.nan  # failed
    forecast[2] = 1.0  # has stopped
    values = SCORE["period_error"](record(t, forecast), record(t, y)).values[:, 0]
    assert np.isnan(values[0])
    assert values[1] == np.inf
    assert values[2] == np.inf
    with pytest.raises(ValueError, match="one degree of freedom, but there are 2"):
        SCORE["period_error"](record(t, np.zeros((1, 401, 4)), TWO), record(t, np.zeros((1, 401, 4)), TWO))


# --- sections -------------------------------------------------------------------------------------------


def test_sliced_distance_of_shifted_and_scaled_clouds():
    cloud = np.random.default_rng(1).standard_normal((500, 2))
    shift = np.array([0.3, -0.4])
    assert_allclose(sliced_distance(cloud, cloud + shift), 0.5 * 2 / np.pi, rtol=1e-3)  # mean |cos| is 2 / pi
    line = np.linspace(0, 1, 1001)[:, None]
    assert_allclose(sliced_distance(line, 2 * line), 0.5, rtol=1e-12)
    assert sliced_distance(cloud, np.repeat(cloud, 3, axis=0)) < 1e-12  # numbers of points do not matter


def tori(t, radius):
    """Two oscillators with frequencies 1 and the golden mean: the section is a circle of the second's radius."""
    golden = (1 + math.sqrt(5)) / 2
    first, second = rotations(t, [1.0])[0], radius * np.stack([np.cos(golden * t), -np.sin(golden * t)], axis=-1)
    return np.stack([first[:, 0], second[:, 0], first[:, 1], second[:, 1]], axis=-1)


def test_section_distance_of_circles():
    t = np.arange(0.0, 2000.0, 0.1)
    truth = record(t, [tori(t, 0.5)], TWO)
    same = SCORE["section_distance"](truth, truth)
    assert_allclose(same.values, 0.0, atol=1e-12)
    assert same.attrs["points"] == 318
    assert same.attrs["section"] == "x = 0 upwards"
    wider = SCORE["section_distance"](record(t, [tori(t, 0.6)], TWO), truth)
    # circles of standard deviation r / sqrt 2; the projection of one is (0.1 / 0.5) wider than that of the other
    assert_allclose(wider.values, 0.2 * math.sqrt(2) * 2 / np.pi, rtol=0.01)
    assert 0 < same.attrs["floor"] < 0.02
    shifted = SCORE["section_distance"](record(t, [tori(t + 3.0, 0.5)], TWO), truth)
    assert shifted.values[0, 0] < 0.02  # the same torus from another start


def test_sections_that_are_not_there():
    t = np.arange(0.0, 200.0, 0.1)
    truth = record(t, [tori(t, 0.5)], TWO)
    failed = truth.y.copy()
    failed[0, 0, 500:] = np.nan
    assert SCORE["section_distance"](record(t, failed, TWO), truth).values[0, 0] == np.inf
    with pytest.raises(ValueError, match="is a point; period_error"):
        SCORE["section_distance"](record(t, rotations(t, [1.0])), record(t, rotations(t, [1.0])))
    with pytest.raises(ValueError, match="x = 0 upwards 0 times in all"):
        SCORE["section_distance"](truth, record(t, np.ones((1, len(t), 4)), TWO))


# --- invariants -----------------------------------------------------------------------------------------


def kepler_orbit(t, e=0.6):
    """Exact orbit of H = p^2 / 2 - 1 / |q| with semi-major axis 1, by Kepler's equation."""
    anomaly = t.copy()
    for _ in range(60):
        anomaly -= (anomaly - e * np.sin(anomaly) - t) / (1 - e * np.cos(anomaly))
    b = math.sqrt(1 - e * e)
    rate = 1 / (1 - e * np.cos(anomaly))
    return np.stack(
        [np.cos(anomaly) - e, b * np.sin(anomaly), -np.sin(anomaly) * rate, b * np.cos(anomaly) * rate], axis=-1
    )


def test_an_exact_kepler_orbit_keeps_its_laplace_vector():
    t = np.linspace(0.0, 30.0, 301)
    orbit = record(t, [kepler_orbit(t)], TWO)
    score = SCORE["invariant_drift"](orbit, orbit, ds.system("kepler"))
    assert score.coords["invariant"] == list(ds.system("kepler").invariants)
    assert score.values.shape == (1, 1, len(score.coords["invariant"]))
    assert score.values.max() < 1e-13
    turn = 0.01 * t[:, None]  # a slow precession turns the vector (e, 0) and keeps the angular momentum
    x, y, px, py = np.moveaxis(kepler_orbit(t), -1, 0)[:, :, None]
    c, s = np.cos(turn), np.sin(turn)
    precessing = np.concatenate([c * x - s * y, s * x + c * y, c * px - s * py, s * px + c * py], axis=-1)
    found = SCORE["invariant_drift"](record(t, [precessing], TWO), orbit, ds.system("kepler"))
    drift = dict(zip(found.coords["invariant"], found.values[0, 0], strict=True))
    assert drift["angular_momentum"] < 1e-13
    size = found.attrs["typical_size"]
    assert_allclose(drift["laplace_x"] * size["laplace_x"], 0.6 * (1 - math.cos(0.3)), rtol=1e-10)
    assert_allclose(drift["laplace_y"] * size["laplace_y"], 0.6 * math.sin(0.3), rtol=1e-10)
    assert size["laplace_y"] > 0.1  # though it is zero all the time


def test_a_failed_forecast_keeps_nothing():
    t = np.linspace(0.0, 30.0, 301)
    y = kepler_orbit(t)[None].repeat(2, axis=0)
    broken = y.copy()
    broken[1, 100:] = np.nan
    score = SCORE["invariant_drift"](record(t, broken, TWO), record(t, y, TWO), ds.system("kepler"))
    assert np.isfinite(score.values[0]).all()
    assert np.isinf(score.values[1]).all()
    with pytest.raises(ValueError, match="declares no invariants"):
        SCORE["invariant_drift"](record(t, y, TWO), record(t, y, TWO), spring())


# --- gradients ------------------------------------------------------------------------------------------


def test_gradient_error_of_a_scaled_hamiltonian():
    t = np.linspace(0.0, 10.0, 101)
    truth = record(t, rotations(t, [0.5, 1.0]))
    model = SimpleNamespace(gradient=lambda y: 1.1 * y)
    score = SCORE["gradient_error"](truth, model, spring())
    assert_allclose(score.values, 0.1, rtol=1e-12)
    assert SCORE["gradient_error"](truth, SimpleNamespace(gradient=lambda y: y), spring()).values < 1e-15
    with pytest.raises(TypeError, match=r"has no gradient\(\)"):
        SCORE["gradient_error"](truth, SimpleNamespace(), spring())


def damped_rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0] - 0.2 * y[1]


def branching_energy(t, y, theta):
    if y[0] > 0:
        return 0.5 * (y[1] ** 2 + theta[0] * y[0] ** 2)
    return 0.5 * (y[1] ** 2 + theta[0] * y[0] ** 2)


@pytest.mark.parametrize("energy", [spring_energy, branching_energy])
def test_friction_is_no_part_of_the_gradient(energy):
    system = ODESystem(name="damped", states=ONE, parameters={"k": Parameter(2.0)}, rhs=damped_rhs, hamiltonian=energy)
    y = np.random.default_rng(0).standard_normal((50, 2))
    found = energy_gradient(system, np.zeros(50), y, system.theta())
    assert_allclose(found, y * [2.0, 1.0], atol=1e-11)


def test_gradients_of_the_systems_that_are_there():
    for name in ("pendulum", "double_pendulum", "henon_heiles"):
        system = ds.system(name)
        y = np.random.default_rng(0).uniform(-0.5, 0.5, size=(20, system.size))
        exact = energy_gradient(system, np.zeros(20), y, system.theta())
        from dynsamp.metrics.mechanics import _differences

        assert_allclose(exact, _differences(system, np.zeros(20), y, system.theta()), atol=1e-8)


# --- symplectic maps ------------------------------------------------------------------------------------


def stepping(step, **rest):
    return SimpleNamespace(step=step, facts=Facts(dt=0.1), **rest)


def test_symplectic_and_explicit_euler():
    h = 0.1
    t = np.linspace(0.0, 10.0, 101)
    truth = record(t, rotations(t, [0.5, 1.0]))

    def symplectic(y):  # of the pendulum
        p = y[..., 1] - h * np.sin(y[..., 0])
        return np.stack([y[..., 0] + h * p, p], axis=-1)

    score = SCORE["symplecticity_defect"](truth, stepping(symplectic))
    assert score.values.shape == (2,)
    assert score.values.max() < 1e-10
    assert "differences" in score.attrs["jacobian"]

    def explicit(y):  # of the oscillator: M^T J M = (1 + h^2) J
        return np.stack([y[..., 0] + h * y[..., 1], y[..., 1] - h * y[..., 0]], axis=-1)

    assert_allclose(SCORE["symplecticity_defect"](truth, stepping(explicit)).values, h * h * math.sqrt(2), rtol=1e-9)


def test_the_models_own_jacobian_is_preferred_and_its_pairs_count():
    t = np.linspace(0.0, 1.0, 11)
    swapped = (State("p"), State("q", conjugate="p"))
    truth = record(t, rotations(t, [1.0]), swapped)
    model = stepping(lambda y: y, step_jacobian=lambda y: np.broadcast_to(2 * np.eye(2), (len(y), 2, 2)))
    score = SCORE["symplecticity_defect"](truth, model)
    assert_allclose(score.values, 3 * math.sqrt(2))  # det 4: M^T J M - J = 3 J
    assert score.attrs["jacobian"] == "the model's own"
    asked = []
    without = SimpleNamespace(facts=Facts(), step=lambda y, dt: asked.append(dt) or y)
    assert SCORE["symplecticity_defect"](truth, without).values < 1e-11
    assert_allclose(asked, 0.1)
    with pytest.raises(TypeError, match=r"has no step\(\)"):
        SCORE["symplecticity_defect"](truth, SimpleNamespace())


# --- power balance --------------------------------------------------------------------------------------


def damped(t, friction):
    """Exact solution of q'' = -q - friction q' from (1, 0)."""
    slow = friction / 2
    w = math.sqrt(1 - slow * slow)
    q = np.exp(-slow * t) * (np.cos(w * t) + slow / w * np.sin(w * t))
    p = -np.exp(-slow * t) * np.sin(w * t) / w
    return np.stack([q, p], axis=-1)


def with_friction(friction, **rest):
    return SimpleNamespace(
        energy=lambda y: 0.5 * (y**2).sum(axis=-1) + 7.0,
        dissipated_power=lambda y: friction * y[..., 1] ** 2,
        dissipation=np.diag([0.0, friction]),
        **rest,
    )


def test_power_balance_of_a_damped_oscillator():
    t = np.arange(0.0, 20.0, 0.05)
    truth = record(t, [damped(t, 0.2)])
    score = SCORE["power_balance"](truth, with_friction(0.2))
    assert score.values.shape == (1, len(t))
    assert score.values.max() < 1e-7
    assert_allclose(score.attrs["smallest_eigenvalue_of_R"], 0.0, atol=1e-15)
    # half of the friction explains half of the loss
    energy = 0.5 * (damped(t, 0.2) ** 2).sum(axis=-1)
    half = SCORE["power_balance"](truth, with_friction(0.1))
    assert_allclose(half.values[0], 0.5 * (energy[0] - energy) / np.ptp(energy), atol=1e-7)
    none = SCORE["power_balance"](truth, SimpleNamespace(energy=lambda y: 0.5 * (y**2).sum(axis=-1)))
    assert_allclose(none.values[0], (energy[0] - energy) / np.ptp(energy), atol=1e-12)


def test_power_balance_counts_forces_at_their_own_time_and_inputs():
    t = np.arange(0.0, 20.0, 0.05)
    start = 3.0
    drive = np.cos(0.5 * (t + start))
    q, p = drive / 0.75, -0.5 * np.sin(0.5 * (t + start)) / 0.75  # steady answer of q'' = -q + cos(t / 2)
    y = np.stack([q, p], axis=-1)[None]

    def supplied(y, t, u=None):
        return y[..., 1] * (np.cos(0.5 * t) if u is None else u[..., 0])

    model = SimpleNamespace(energy=lambda y: 0.5 * (y**2).sum(axis=-1), supplied_power=supplied)
    forced = record(t, y, start=np.array([start]))
    assert SCORE["power_balance"](forced, model).values.max() < 1e-7
    assert SCORE["power_balance"](record(t, y), model).values.max() > 0.1  # at another time it is another force
    signals = record(t, y, u=drive[None, :, None])
    assert SCORE["power_balance"](signals, model).values.max() < 1e-7


def test_power_balance_of_a_single_orbit_that_conserves_energy():
    t = np.arange(0.0, 20.0, 0.05)
    score = SCORE["power_balance"](record(t, rotations(t, [1.0])), with_friction(0.0))
    assert score.values.max() < 1e-12
    until = SCORE["power_balance"](record(t, rotations(t, [1.0]), valid_until=[10.0]), with_friction(0.0))
    assert np.isnan(until.values[0, t > 10.01]).all()
    assert np.isfinite(until.values[0, t < 9.99]).all()


# --- evaluate -------------------------------------------------------------------------------------------


def test_evaluate_has_the_scores_of_mechanics():
    kepler = ds.system("kepler")
    truth = ds.generate(kepler, trajectories=3, duration=5, seed=1)
    scores = ds.evaluate(truth, truth, system=kepler, metrics=["invariant_drift"])
    assert scores["invariant_drift"].dims == ("trajectory", "member", "invariant")
    assert list(scores["invariant"].values) == list(kepler.invariants)
    assert float(scores["invariant_drift"].max()) < 1e-9


def test_a_model_of_friction_is_asked_for_its_power_balance():
    from dynsamp import dataset

    t = np.arange(0.0, 20.0, 0.05)
    truth = dataset.build(t=t, y=damped(t, 0.2)[None], states=ONE)
    scores = ds.evaluate(truth, truth, model=with_friction(0.2))
    assert {"nrmse", "power_balance"} <= set(scores.data_vars)
    assert float(scores["power_balance"].max()) < 1e-7
    assert "hamiltonian_error" not in scores  # of data without a system


def test_scores_say_which_forecasts_left_the_domain():
    t = np.linspace(0.0, 10.0, 101)
    from dynsamp import dataset

    truth = dataset.build(t=t, y=rotations(t, [0.5, 1.0]), states=ONE)
    status = np.array([0, int(ds.Status.LEFT_DOMAIN)], np.int8)
    forecast = dataset.build(
        t=t, y=rotations(t, [0.5, 1.0]), states=ONE, status=status, left_domain_time=np.array([np.nan, 4.0]), lead=True
    )
    scores = ds.evaluate(forecast, truth)
    assert scores["left_domain"].dims == ("trajectory", "member")
    assert scores["left_domain"].values.ravel().tolist() == [0, 1]
    assert scores["left_domain"].attrs["flag_meanings"] == "inside left_domain"
    np.testing.assert_array_equal(scores["left_domain_time"].values.ravel(), [np.nan, 4.0])
    assert float(scores["nrmse"].max()) == 0  # a warning: the scores stay
    assert "left_domain" not in ds.evaluate(truth, truth)
