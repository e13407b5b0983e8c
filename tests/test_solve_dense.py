"""Saved times inside a step: order of the interpolants, accuracy within the tolerance, the same bits everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipj, ellipk

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.kernels.solvers.explicit import dop853, tsit5
from dynsamp.solve import Kernel, solve
from dynsamp.words import Status


def swing(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * np.sin(y[0])


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def henon_heiles(t, y, theta, dy):
    dy[0] = y[2]
    dy[1] = y[3]
    dy[2] = -y[0] - 2.0 * y[0] * y[1]
    dy[3] = -y[1] - y[0] ** 2 + y[1] ** 2


def blow_up(t, y, theta, dy):
    dy[0] = y[0] ** 2


SWING = Kernel("field", (swing,), np.array([1.0]))
LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
HENON_HEILES = Kernel("field", (henon_heiles,), np.empty(0))
PAIRS = {"dop853": dop853, "tsit5": tsit5}


def pendulum(t, amplitude):
    """q = 2 asin(k cd(t | k^2)), k = sin(amplitude / 2): from rest at the amplitude."""
    k = np.sin(amplitude / 2)
    sn, cn, _, _ = ellipj(t + ellipk(k**2), k**2)
    return np.column_stack([2 * np.arcsin(k * sn), 2 * k * cn])


def one_step(pair, h, x):
    """Error of the path at the fraction x of one step of length h, from the module in plain Python."""
    rhs = lambda t, y, theta, dy: swing(t, y, theta, dy)  # noqa: E731
    y, dy, y_new, dy_new = np.array([1.0, 0.5]), np.empty(2), np.empty(2), np.empty(2)
    theta, stages, curve, u = np.array([1.0]), np.zeros((pair.KEPT, 2)), np.zeros((pair.CURVE, 2)), np.empty(2)
    swing(0.0, y, theta, dy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair, "DIM", 2)
        patch.setattr(pair, "rhs", rhs)
        pair.trial_step(0.0, y, dy, theta, h, np.array([1e-9, 1e-9]), y_new, dy_new, stages)
        pair.interpolant(0.0, y, dy, theta, h, y_new, dy_new, stages, curve)
        pair.point(x, y, curve, u)
    exact = solve_ivp(lambda t, v: [v[1], -np.sin(v[0])], (0, x * h), y, method="DOP853", rtol=3e-14, atol=1e-16)
    return np.abs(u - exact.y[:, -1]).max()


@pytest.mark.parametrize(("method", "steps"), [("dop853", [1.6, 1.2, 0.9, 0.7]), ("tsit5", [0.4, 0.2, 0.1, 0.05])])
@pytest.mark.parametrize("x", [0.3, 0.55, 0.8])
def test_order_of_the_interpolant(method, steps, x):
    pair = PAIRS[method]
    errors = [one_step(pair, h, x) for h in steps]
    order = np.polyfit(np.log(steps), np.log(errors), 1)[0]  # of one step: one more than that of the method
    assert order > pair.INTERPOLANT_ORDER + 1 - 0.5


def test_interpolant_of_tsit5_fulfils_the_order_conditions_everywhere():
    weights = np.array([[0.0, *(getattr(tsit5, f"B{s}_{p}") for p in (2, 3, 4))] for s in range(1, 8)])
    weights[0, 0] = 1.0
    a = np.zeros((7, 7))
    for s in range(2, 7):
        for r in range(1, s):
            a[s - 1, r - 1] = getattr(tsit5, f"A{s}_{r}")
    a[6, :6] = [getattr(tsit5, f"B_{r}") for r in range(1, 7)]
    c = a.sum(axis=1)
    for x in np.linspace(0.1, 1.0, 10):
        b = weights @ x ** np.arange(1, 5)
        trees = [np.ones(7), c, c**2, a @ c, c**3, c * (a @ c), a @ c**2, a @ a @ c]
        values = [x, x**2 / 2, x**3 / 3, x**3 / 6, x**4 / 4, x**4 / 8, x**4 / 12, x**4 / 24]
        np.testing.assert_allclose([b @ tree for tree in trees], values, atol=1e-13)


@pytest.mark.parametrize("method", PAIRS)
@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 1e-12])
def test_saved_states_are_as_accurate_as_the_tolerance(method, tolerance):
    times = np.linspace(0.0, 2.0, 101)
    for amplitude in (0.5, 2.0, 3.0):
        options = {"method": method, "rtol": tolerance, "atol": tolerance}
        found = solve(SWING, times, [[amplitude, 0.0]], dense=True, **options).states[0]
        scale = tolerance * (1 + np.abs(found))
        assert (np.abs(found - pendulum(times, amplitude)) / scale).max() < 10


@pytest.mark.parametrize("tolerance", [1e-6, 1e-9, 3e-14])
def test_interpolation_loses_nothing_against_landing(tolerance):
    rng = np.random.default_rng(4)
    for kernel, starts, end in (
        (LORENZ, rng.normal(size=(60, 3)) * 6 + [0, 0, 25], 0.4),
        (HENON_HEILES, rng.uniform(-0.3, 0.3, size=(60, 4)), 5.0),
    ):
        times = np.linspace(0.0, end, 61)
        truth = solve(kernel, times, starts, method="dop853", rtol=1e-15, atol=1e-15, dense=False).states
        sizes = []
        for dense in (True, False):
            saved = times if dense else times[[0, -1]]
            found = solve(kernel, saved, starts, method="dop853", rtol=tolerance, atol=tolerance, dense=dense)
            error = np.abs(found.states - (truth if dense else truth[:, [0, -1]])) / (1 + np.abs(found.states))
            sizes.append(np.median(error.max(axis=(1, 2))))
        assert sizes[0] < max(5 * sizes[1], 2 * tolerance)


def test_rule_of_when_to_interpolate():
    times, start = np.linspace(0.0, 5.0, 11), [[2.0, 0.0]]

    def states(**options):
        return solve(SWING, times, start, method="dop853", **options).states

    dense, landing = states(dense=True), states(dense=False)
    assert not np.array_equal(dense, landing)
    np.testing.assert_array_equal(states(), dense)
    tight = {"rtol": 1e-13, "atol": 1e-13}
    np.testing.assert_array_equal(states(**tight), states(dense=False, **tight))
    with pytest.raises(ValueError, match="dense= belongs to adaptive methods"):
        solve(SWING, times, start, method="rk4", step=0.1, dense=True)


@pytest.mark.parametrize("method", PAIRS)
def test_bits_depend_on_neither_width_threads_nor_company(method):
    rng = np.random.default_rng(6)
    starts, times = rng.normal(size=(70, 3)) * 5 + [0, 0, 20], np.linspace(0.0, 1.0, 14) ** 1.5

    def run(width, threads=1, chosen=slice(None)):
        y0 = np.ascontiguousarray(starts[chosen])
        out = np.empty((len(y0), len(times), 3))
        schedule = Schedule(times, np.ones(13, dtype=np.int64), np.array([1e-7, 1e-7]), 10_000, dense=True)
        problem = Problem({"rhs": lorenz}, LORENZ.theta[None], 3)
        status, route = integrate(method, problem, schedule, Starts(y0, np.arange(len(y0))), out, threads, width)
        assert route == method
        assert not status.any()
        return out

    first = run(1)
    np.testing.assert_array_equal(run(32), first)
    np.testing.assert_array_equal(run(4, threads=3), first)
    chosen = np.array([69, 3, 64, 5, 17])
    np.testing.assert_array_equal(run(4, chosen=chosen), first[chosen])


def test_times_before_a_failure_are_saved_and_none_after_it():
    times = np.linspace(0.0, 2.0, 201)
    solution = solve(Kernel("field", (blow_up,), np.empty(0)), times, [[1.0], [0.4]], dense=True)
    assert list(solution.status) == [Status.DIVERGED, Status.OK]
    before = times < 0.99
    np.testing.assert_allclose(solution.states[0, before, 0], 1 / (1 - times[before]), rtol=1e-5)
    assert np.isnan(solution.states[0, times > 1.0]).all()


@pytest.mark.nojit
def test_two_swings_in_plain_python_too():
    for method in PAIRS:
        times = np.linspace(0.0, 1.0, 9)
        states = solve(SWING, times, [[0.4, 0.0], [1.0, 0.0]], method=method, rtol=1e-6, atol=1e-6).states
        for row, amplitude in zip(states, (0.4, 1.0), strict=True):
            np.testing.assert_allclose(row, pendulum(times, amplitude), atol=1e-5)
