"""Every method: measured order, closed forms, an independent integrator, and the laws of geometric integrators."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipj, ellipk

from dynsamp.kernels.solvers.explicit import rk4
from dynsamp.kernels.solvers.implicit import implicit_midpoint
from dynsamp.kernels.solvers.symplectic import verlet, yoshida4
from dynsamp.solve import Kernel, field_values, scalar_values, solve
from dynsamp.words import Status

SOLVERS = {"rk4": rk4, "implicit_midpoint": implicit_midpoint, "verlet": verlet, "yoshida4": yoshida4}


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * np.sin(q[0])


def energy(t, y, theta):
    return 0.5 * y[1] ** 2 - theta[0] * np.cos(y[0])


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def blow_up(t, y, theta, dy):
    dy[0] = y[0] * y[0]


def forced(t, y, theta, dy):
    dy[0] = -theta[0] * (y[0] - np.cos(t)) - np.sin(t)


PENDULUM = Kernel("separable", (velocity, force), np.array([1.0]))
LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
FORCED = Kernel("field", (forced,), np.array([1.0]))


def pendulum(t, amplitude):
    """Exact motion from rest at the amplitude: q = 2 asin(k cd(t | k^2)), k = sin(amplitude / 2)."""
    k = np.sin(amplitude / 2)
    sn, cn, _, _ = ellipj(t + ellipk(k**2), k**2)
    return np.column_stack([2 * np.arcsin(k * sn), 2 * k * cn])


@pytest.mark.parametrize("method", SOLVERS)
def test_order_measured_is_order_declared(method):
    steps = np.array([0.1, 0.05, 0.025, 0.0125])
    exact = pendulum(np.array([2.0]), 1.0)[0]
    errors = [
        np.abs(solve(PENDULUM, [0.0, 2.0], [[1.0, 0.0]], method=method, step=h).states[0, -1] - exact).max()
        for h in steps
    ]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(SOLVERS[method].ORDER, abs=0.1)


@pytest.mark.parametrize(("method", "atol"), [("dop853", 1e-8), ("rk4", 1e-8), ("yoshida4", 1e-7)])
def test_pendulum_follows_elliptic_functions(method, atol):
    times = np.linspace(0.0, 20.0, 41)
    options = {} if method == "dop853" else {"step": 0.01}
    solution = solve(PENDULUM, times, [[2.0, 0.0]], method=method, **options)
    np.testing.assert_allclose(solution.states[0], pendulum(times, 2.0), atol=atol)


def test_dop853_agrees_with_scipy():
    times, start = np.linspace(0.0, 5.0, 11), np.array([1.0, 2.0, 20.0])
    ours = solve(LORENZ, times, start[None], rtol=1e-12, atol=1e-12)

    def rhs(t, y):
        dy = np.empty(3)
        lorenz(t, y, LORENZ.theta, dy)
        return dy

    theirs = solve_ivp(rhs, (0.0, 5.0), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-12).y.T
    assert ours.method.startswith("dop853")
    np.testing.assert_allclose(ours.states[0], theirs, atol=1e-7)


def test_many_saved_times_cost_no_accuracy():
    times = np.linspace(0.0, 20.0, 2001)
    solution = solve(PENDULUM, times, [[2.0, 0.0]], method="dop853")
    np.testing.assert_allclose(solution.states[0], pendulum(times, 2.0), atol=1e-8)


def test_explicit_time_reaches_every_stage():
    times = np.linspace(0.5, 3.0, 6)
    for method, atol in (("dop853", 1e-8), ("rk4", 1e-8), ("implicit_midpoint", 1e-4)):
        options = {} if method == "dop853" else {"step": 0.01}
        states = solve(FORCED, times, [[np.cos(0.5)]], method=method, **options).states
        np.testing.assert_allclose(states[0, :, 0], np.cos(times), atol=atol)


@pytest.mark.parametrize("method", ["verlet", "yoshida4", "implicit_midpoint"])
def test_energy_of_symplectic_methods_does_not_drift(method):
    times = np.linspace(0.0, 2000.0, 201)
    states = solve(PENDULUM, times, [[2.0, 0.0]], method=method, step=0.1).states[0]
    values = scalar_values(energy, times, states, PENDULUM.theta)
    first, last = np.abs(values[1:101] - values[0]).max(), np.abs(values[101:] - values[0]).max()
    assert last < 1.5 * first < 0.02


@pytest.mark.parametrize("method", ["verlet", "yoshida4", "implicit_midpoint"])
def test_symmetric_methods_run_backwards_to_their_start(method):
    starts = np.random.default_rng(1).uniform(-2, 2, size=(20, 2))
    there = solve(PENDULUM, [0.0, 10.0], starts, method=method, step=0.05).states[:, -1]
    back = solve(PENDULUM, [0.0, 10.0], there * [1, -1], method=method, step=0.05).states[:, -1]
    np.testing.assert_allclose(back * [1, -1], starts, atol=1e-11)


@pytest.mark.nojit
@pytest.mark.parametrize("method", ["rk4", "dop853", "implicit_midpoint", "verlet", "yoshida4"])
def test_two_small_swings(method):
    options = {} if method == "dop853" else {"step": 0.05}
    states = solve(PENDULUM, [0.0, 0.5, 1.0], [[0.4, 0.0], [1.0, 0.0]], method=method, **options).states
    for row, amplitude in zip(states, (0.4, 1.0), strict=True):
        np.testing.assert_allclose(row, pendulum(np.array([0.0, 0.5, 1.0]), amplitude), atol=1e-3)


def test_read_only_arrays_need_no_other_kernel(caplog):
    starts, theta = np.array([[1.0, 0.0]]), np.array([1.0])
    solve(Kernel("separable", (velocity, force), theta), [0.0, 1.0], starts, step=0.1)
    starts.flags.writeable = theta.flags.writeable = False
    caplog.clear()
    solve(Kernel("separable", (velocity, force), theta), [0.0, 1.0], starts, step=0.1)
    assert not caplog.records


def test_field_of_a_separable_system_is_velocity_and_force():
    y = np.random.default_rng(2).normal(size=(7, 2))
    expected = np.column_stack([y[:, 1], -3.0 * np.sin(y[:, 0])])
    np.testing.assert_allclose(field_values(PENDULUM, 0.0, y, [3.0]), expected, rtol=1e-14)


def test_swept_parameters_act_on_their_own_trajectories():
    sweep = np.linspace(0.5, 2.0, 40)[:, None]
    starts = np.tile([0.3, 0.0], (40, 1))
    together = solve(Kernel("separable", PENDULUM.functions, sweep), [0.0, 3.0], starts, step=0.1).states
    for n in (0, 17, 39):
        alone = solve(Kernel("separable", PENDULUM.functions, sweep[n]), [0.0, 3.0], starts[:1], step=0.1).states
        np.testing.assert_array_equal(alone[0], together[n])


def test_blow_up_in_finite_time_is_a_status():
    kernel = Kernel("field", (blow_up,), np.empty(0))  # y = y0 / (1 - y0 t)
    times = np.array([0.0, 0.5, 0.9, 1.1, 2.0])
    solution = solve(kernel, times, [[0.1], [1.0], [np.nan], [np.inf], [-1.0]])
    assert list(solution.status) == [
        Status.OK, Status.DIVERGED, Status.INVALID_INPUT, Status.INVALID_INPUT, Status.OK
    ]  # fmt: skip
    np.testing.assert_allclose(solution.states[0, :, 0], 0.1 / (1 - 0.1 * times), rtol=1e-8)
    np.testing.assert_array_equal(np.isnan(solution.states[1, :, 0]), times > 1.0)
    assert np.isnan(solution.states[2:4]).all()


def test_step_limit_is_a_status():
    solution = solve(LORENZ, [0.0, 0.01, 50.0], [[1.0, 1.0, 1.0]], max_steps=100)
    assert solution.status[0] == Status.STEP_LIMIT
    assert np.isfinite(solution.states[0, 1]).all()
    assert np.isnan(solution.states[0, 2]).all()


def test_implicit_step_without_a_solution_is_a_failure():
    # m = y + h/2 m^2 has no real solution beyond h y = 1/2
    solution = solve(Kernel("field", (blow_up,), np.empty(0)), [0.0, 1.0], [[2.0], [0.1]], method="implicit_midpoint")
    assert list(solution.status) == [Status.NOT_CONVERGED, Status.OK]
