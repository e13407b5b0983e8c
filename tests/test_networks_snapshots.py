"""Solutions and sensitivities behind a fit through the flow, against SciPy and against differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from dynsamp.networks.gradients import canonical_matrix
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.segments.collocation import gauss, spans
from dynsamp.networks.segments.learned_field import Disturbance
from dynsamp.networks.segments.learning import learn_from_snapshots
from dynsamp.networks.segments.shooting import enough_stages, equations, fly, settle, shoot
from dynsamp.networks.segments.snapshots import Segments, Trajectories, find_frequency, noise_level, weak_windows

J = canonical_matrix(np.array([[0], [1]]))
HALF = np.array([3.0, 2.0])


def pendulum(scale=1.0):
    """H = p^2 / 2 - scale * cos q as one sine neuron and a quadratic part."""
    layer = HiddenLayer(np.array([[1.0, 0.0]]), np.array([np.pi / 2]), "sin", np.zeros(2), np.ones(2))
    return Energy(layer, np.array([-scale]), np.zeros(2), np.diag([0.0, 1.0]))


def motion(scale=1.0, friction=0.0, amplitude=0.0, frequency=0.7):
    disturbance = Disturbance(
        J, np.zeros((2, 2)), frictions=[np.diag([0.0, 1.0])], driven=[1], frequency=frequency,
        values=np.array([friction, amplitude, 0.0]),
    )  # fmt: skip
    return disturbance.around(pendulum(scale))


def exact(t, y, scale=1.0, friction=0.0, amplitude=0.0, frequency=0.7):
    return [y[1], -scale * np.sin(y[0]) - friction * y[1] + amplitude * np.cos(frequency * t)]


def flow(y0, t0, h, **law):
    ends = [
        solve_ivp(lambda t, y: exact(t, y, **law), (a, a + dt), y, rtol=1e-12, atol=1e-12, method="DOP853").y[:, -1]
        for y, a, dt in zip(y0, t0, h, strict=True)
    ]
    return np.array(ends)


def starts(count=12, seed=0):
    return np.random.default_rng(seed).uniform(-HALF, HALF, (count, 2))


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_gauss_nodes_integrate_polynomials_of_twice_their_number(stages):
    c, b, matrix = gauss(stages)
    for power in range(2 * stages):
        assert b @ c**power == pytest.approx(1 / (power + 1), abs=1e-14)
    for power in range(stages):
        assert_allclose(matrix @ c**power, c ** (power + 1) / (power + 1), atol=1e-14)


def test_spans_follow_the_flow_forwards_and_backwards():
    law = {"friction": 0.3, "amplitude": 0.8}
    y0, t0 = starts(), np.linspace(0, 5, 12)
    h = np.where(np.arange(12) % 2, 0.4, -0.3)
    moving = motion(**law)
    found = spans(moving, t0, y0, h, 8)
    assert found.good.all()
    assert_allclose(found.end, flow(y0, t0, h, **law), atol=1e-10)


def test_sensitivities_are_those_of_differences():
    moving, y0, t0, h = motion(friction=0.2), starts(5), np.zeros(5), np.full(5, 0.6)
    found = spans(moving, t0, y0, h, 6)
    for k, shift in enumerate(1e-6 * np.eye(2)):
        ahead, behind = (spans(moving, t0, y0 + way * shift, h, 6).end for way in (1, -1))
        assert_allclose(found.along[:, :, k], (ahead - behind) / 2e-6, atol=1e-8)
    # a change of the field: gravity
    ahead, behind = (
        spans(other, t0, y0, h, 6).end for other in (motion(1 + 1e-5, friction=0.2), motion(1 - 1e-5, friction=0.2))
    )
    slope = np.zeros_like(found.nodes)
    slope[..., 1] = -np.sin(found.nodes[..., 0])
    assert_allclose(np.einsum("jsab,jsb->sa", found.maps, slope), (ahead - behind) / 2e-5, atol=1e-8)


def test_without_dissipation_spans_are_symplectic():
    moving = motion()
    along = spans(moving, np.zeros(6), starts(6), np.full(6, 1.0), 5).along
    assert_allclose(np.swapaxes(along, 1, 2) @ J @ along, np.tile(J, (6, 1, 1)), atol=1e-12)


def test_a_lost_span_does_not_cost_the_others():
    moving, y0 = motion(), starts(4)
    y0[1] = np.nan
    found = spans(moving, np.zeros(4), y0, np.full(4, 0.5), 4)
    assert found.good.tolist() == [True, False, True, True]


def pairs(law, count=200, h=0.5):
    y0, t0 = starts(count), np.linspace(0, 30, count)
    step = np.full(count, h)
    states = np.stack([y0, flow(y0, t0, step, **law)], axis=1)
    return Segments(np.stack([t0, t0 + step], axis=1), states, np.zeros((count, 2, 0)))


def test_gaps_vanish_for_the_true_field():
    law = {"friction": 0.1, "amplitude": 0.5}
    intervals, moving = pairs(law), motion(**law)
    stages = enough_stages(moving, intervals, 1e-12)
    shot = shoot(moving, intervals, stages, HALF)
    assert shot.good.all()
    assert np.abs(shot.gap).max() < 1e-10


def test_equations_hold_for_the_true_field_up_to_the_square_of_the_error():
    """One step of Gauss-Newton: the true coefficients solve the equations made from a wrong field."""
    law = {"scale": 1.0, "friction": 0.3, "amplitude": 0.5}
    intervals, residuals = pairs(law), []
    for wrong in (0.02, 0.01):
        shot = shoot(motion(1.0 + wrong, 0.3 - wrong, 0.5 + wrong), intervals, 5, HALF)
        truth = pendulum(1.0)
        left = shot.data.target - shot.data.push(map(truth.gradient, shot.data.nodes))
        left = left - 0.3 * shot.data.others[0] - 0.5 * shot.data.others[1]
        residuals.append(np.abs(left).max())
        assert np.abs(shot.data.target - shot.data.push(map(pendulum(1.1).gradient, shot.data.nodes))).max() > 0.01
    assert residuals[0] / residuals[1] == pytest.approx(4.0, rel=0.2)
    assert residuals[1] < 1e-3


@pytest.mark.parametrize("law", [{}, {"friction": 0.1, "amplitude": 0.5}])
def test_pairs_that_cannot_be_followed_leave_no_equations(law):
    moving, some = motion(**law), pairs({})
    lost = Segments(some.t, np.full_like(some.y, np.nan), some.u)
    shot = shoot(moving, lost, 4, HALF)
    assert not shot.good.any()
    assert shot.data.target.shape == (0, 2)
    starts, _ = settle(moving, lost, np.ones(2), 4)
    assert equations(moving, np.ones((some.count, 2)), fly(moving, lost, starts, 4)).target.shape[0] == 0


def trajectories(count=6, samples=30, h=0.2, noise=0.0, seed=1, **law):
    t = np.arange(samples) * h
    rng = np.random.default_rng(seed)
    y0 = rng.uniform([-2, -1], [2, 1], (count, 2))
    y = np.array([
        solve_ivp(lambda t, y: exact(t, y, **law), (0, t[-1]), y, t_eval=t, rtol=1e-11, atol=1e-11).y.T for y in y0
    ])  # fmt: skip
    y = y + noise * rng.normal(size=y.shape)
    return Trajectories(np.tile(t, (count, 1)), y, np.zeros((count, samples, 0)), np.full(count, samples))


def test_segments_settle_on_their_starts_and_see_the_noise():
    data = trajectories(count=20, noise=0.03, friction=0.2)
    segments = data.segments(9)
    settled, cost = settle(motion(friction=0.2), segments, np.full(2, 1 / 0.03), 3)
    truth, sampled = (each.y[:, each.middle] for each in (trajectories(count=20, friction=0.2).segments(9), segments))
    assert np.sqrt(np.mean((settled - truth) ** 2)) < 0.6 * np.sqrt(np.mean((sampled - truth) ** 2))
    # 18 values less 2 free starts, chi squared
    assert np.mean(cost) == pytest.approx(16, rel=0.1)


def test_equations_of_segments_do_not_depend_on_the_starts():
    data = trajectories(friction=0.2)
    segments, moving, precision = data.segments(7), motion(1.001, 0.2), np.ones(2)
    starts = settle(moving, segments, precision, 4)[0]
    each = np.ones((segments.count, 2))
    rows = equations(moving, each, fly(moving, segments, starts, 4))
    assert rows.target.shape == (segments.count, 7 * 2 - 2)
    left = rows.target - rows.push(map(pendulum(1.0).gradient, rows.nodes)) - 0.2 * rows.others[0]
    present = rows.target - rows.push(map(pendulum(1.001).gradient, rows.nodes)) - 0.2 * rows.others[0]
    assert np.abs(left).max() < 1e-2 * np.abs(present).max()
    other = equations(moving, each, fly(moving, segments, starts + 1e-4, 4))
    left = other.target - other.push(map(pendulum(1.0).gradient, other.nodes)) - 0.2 * other.others[0]
    assert np.abs(left).max() < 1e-5


def test_noise_is_told_from_samples():
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.uniform(0.03, 0.07, (10, 200)), axis=1)  # uneven
    clean = np.stack([np.sin(2 * t), np.cos(3 * t)], axis=-1)
    level = noise_level(t, clean + rng.normal(size=clean.shape) * [0.01, 0.1], np.full(10, 200))
    assert_allclose(level, [0.01, 0.1], rtol=0.1)
    assert noise_level(t, clean, np.full(10, 200)).max() < 1e-8
    assert noise_level(t[:, :3], clean[:, :3], np.full(10, 3)) is None


def test_weak_windows_are_exact_for_lines_and_accurate_for_waves():
    rng = np.random.default_rng(1)
    for even in (True, False):
        t = np.tile(np.arange(60) * 0.1, (4, 1)) if even else np.cumsum(rng.uniform(0.08, 0.12, (4, 60)), axis=1)
        windows = weak_windows(t, np.full(4, 60), 8, 1000)
        times = t[windows.trajectory[:, None], windows.index]
        assert_allclose(windows.weights.sum(axis=1), 1.0)
        assert_allclose((windows.slopes * (3 * times + 2)).sum(axis=1), 3.0, atol=1e-11)
        mean_slope = (windows.weights * np.cos(times)).sum(axis=1)
        assert_allclose((windows.slopes * np.sin(times)).sum(axis=1), mean_slope, atol=2e-6 if even else 1e-2)


def simple_fit(data, tolerance):
    from dynsamp.networks.search.energy import fit_energy

    return fit_energy(data, Neurons(40, "sin", 1.4))


def test_the_frequency_of_a_force_is_found():
    data = trajectories(count=15, samples=150, h=0.2, friction=0.3, amplitude=0.9, frequency=1.234)
    quiet = Disturbance(J, np.zeros((2, 2)), [np.diag([0.0, 1.0])], driven=[1], free_frequency=True)
    assert find_frequency(data.slopes[0], quiet, simple_fit) == pytest.approx(1.234, rel=0.01)
    undriven = trajectories(count=15, samples=150, h=0.2, friction=0.3)
    assert find_frequency(undriven.slopes[0], quiet, simple_fit) is None


def test_learning_returns_the_disturbance():
    law = {"friction": 0.25, "amplitude": 0.6, "frequency": 0.9}
    data = trajectories(count=30, samples=60, h=0.25, **law)
    unknown = Disturbance(J, np.zeros((2, 2)), [np.diag([0.0, 1.0])], driven=[1], free_frequency=True)
    # forty neurons are what limits
    _, found = learn_from_snapshots(data, unknown, simple_fit, FitOptions(tolerance=1e-9))
    assert found.resistance[1, 1] == pytest.approx(0.25, abs=1e-5)
    assert found.frequency == pytest.approx(0.9, abs=1e-5)
    assert np.hypot(*found.force()[0, 1]) == pytest.approx(0.6, abs=1e-5)


def test_dissipation_that_brings_energy_is_clipped():
    wrong = Disturbance(J, np.zeros((2, 2)), [np.diag([0.0, 1.0])], values=np.array([-0.3]))
    clipped, changed = wrong.clipped()
    assert changed
    assert_allclose(clipped.resistance, 0.0, atol=1e-15)
    fine = Disturbance(J, np.zeros((2, 2)), [np.diag([0.0, 1.0])], values=np.array([0.3]))
    assert fine.clipped() == (fine, False)
