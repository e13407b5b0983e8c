"""Adaptive explicit pairs: coefficients, orders, step control, and what ends a trajectory that cannot go on."""

from __future__ import annotations

import logging

import numba
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipj, ellipk

from dynsamp.kernels.parts.step_control import rough_exp2, rough_log2
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


def van_der_pol(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = theta[0] * (1 - y[0] ** 2) * y[1] - y[0]


def robertson(t, y, theta, dy):
    slow, fast, very_fast = theta[0] * y[0], theta[2] * y[1] * y[2], theta[1] * y[1] ** 2
    dy[0] = -slow + fast
    dy[1] = slow - fast - very_fast
    dy[2] = very_fast


def blow_up(t, y, theta, dy):
    dy[0] = y[0] ** 2


def square_root(t, y, theta, dy):
    dy[0] = -np.sqrt(1.0 - t)  # not real beyond 1


SWING = Kernel("field", (swing,), np.array([1.0]))
LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
PAIRS = {"dop853": dop853, "tsit5": tsit5}


def pendulum(t, amplitude):
    """q = 2 asin(k cd(t | k^2)), k = sin(amplitude / 2): from rest at the amplitude."""
    k = np.sin(amplitude / 2)
    sn, cn, _, _ = ellipj(t + ellipk(k**2), k**2)
    return np.column_stack([2 * np.arcsin(k * sn), 2 * k * cn])


def tableau(module, stages):
    a, b = np.zeros((stages, stages)), np.zeros(stages)
    for name, value in vars(module).items():
        head, _, column = name.partition("_")
        if head[:1] == "A" and head[1:].isdigit() and int(head[1:]) <= stages:  # later ones are of the interpolant
            a[int(head[1:]) - 1, int(column) - 1] = value
        elif head == "B" and column:
            b[int(column) - 1] = value
    c = np.array([0.0, *(getattr(module, f"C{s}", 1.0) for s in range(2, stages + 1))])
    return a, b, c


@pytest.mark.parametrize(("module", "stages"), [(dop853, 12), (tsit5, 6)])
def test_coefficients_fulfil_order_conditions(module, stages):
    a, b, c = tableau(module, stages)
    np.testing.assert_allclose(a.sum(axis=1), c, atol=3e-13)
    for power in range(module.ORDER):  # quadrature of t^power
        assert b @ c**power == pytest.approx(1 / (power + 1), abs=1e-13)
    tall = c.copy()  # the tall trees: b A ... A c
    for order in range(2, module.ORDER + 1):
        assert b @ tall == pytest.approx(1 / np.prod(np.arange(1.0, order + 1)), abs=1e-13)
        tall = a @ tall


def test_error_estimates_of_the_pairs_vanish_up_to_their_order():
    _, _, c = tableau(dop853, 12)
    for name, order in (("E5", 5), ("E3", 3)):
        e = np.array([getattr(dop853, f"{name}_{s}", 0.0) for s in range(1, 13)])
        np.testing.assert_allclose([e @ c**power for power in range(order)], 0.0, atol=1e-13)
        assert abs(e @ c**order) > 1e-6
    c = np.append(tableau(tsit5, 6)[2], 1.0)
    e = np.array([getattr(tsit5, f"E_{s}") for s in range(1, 8)])
    np.testing.assert_allclose([e @ c**power for power in range(4)], 0.0, atol=1e-13)
    assert abs(e @ c**4) > 1e-6


@pytest.mark.parametrize(("method", "counts"), [("dop853", [3, 4, 6, 8]), ("tsit5", [24, 48, 96, 192])])
def test_order_with_the_steps_held(method, counts):
    # landing on saved times forces the steps; loose tolerances never shorten them
    exact = pendulum(np.array([2.0]), 1.0)[0]
    errors = []
    for n in counts:
        times = np.linspace(0.0, 2.0, n + 1)
        options = {"method": method, "rtol": 0.5, "atol": 10.0, "dense": False}
        errors.append(np.abs(solve(SWING, times, [[1.0, 0.0]], **options).states[0, -1] - exact).max())
    order = np.polyfit(np.log(2.0 / np.array(counts)), np.log(errors), 1)[0]
    assert order == pytest.approx(PAIRS[method].ORDER, abs=0.8 if method == "dop853" else 0.3)


@pytest.mark.parametrize("method", PAIRS)
def test_error_follows_the_tolerance(method):
    tolerances = 10.0 ** -np.arange(4, 12)
    exact = pendulum(np.array([10.0]), 2.5)[0]
    errors = np.array(
        [
            np.abs(solve(SWING, [0, 10.0], [[2.5, 0.0]], method=method, rtol=tol, atol=tol).states[0, -1] - exact).max()
            for tol in tolerances
        ]
    )
    assert np.all(errors < 100 * tolerances)
    assert np.polyfit(np.log(tolerances), np.log(errors), 1)[0] == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("method", PAIRS)
def test_agrees_with_an_independent_integrator(method):
    start, times = np.array([1.0, 2.0, 20.0]), np.linspace(0.0, 3.0, 7)
    ours = solve(LORENZ, times, start[None], method=method, rtol=1e-11, atol=1e-11)

    def rhs(t, y):
        dy = np.empty(3)
        lorenz(t, y, LORENZ.theta, dy)
        return dy

    theirs = solve_ivp(rhs, (0.0, 3.0), start, method="DOP853", t_eval=times, rtol=1e-13, atol=1e-13).y.T
    np.testing.assert_allclose(ours.states[0], theirs, atol=1e-7)


def test_logarithms_of_the_control_have_four_digits():
    @numba.njit
    def both(x):
        return rough_log2(x), rough_exp2(x)

    x = np.logspace(-300, 300, 2001)
    np.testing.assert_allclose([both(v)[0] for v in x], np.log2(x), atol=3e-5)
    p = np.linspace(-20, 20, 999)
    np.testing.assert_allclose([both(v)[1] for v in p], 2.0**p, rtol=1e-5)
    assert both(0.0)[0] < -1000
    assert min(both(np.inf)[0], both(np.nan)[0]) > 1000


def test_blow_up_in_finite_time_ends_with_a_status():
    times = np.array([0.0, 0.5, 0.99, 1.5])
    for method in PAIRS:
        solution = solve(Kernel("field", (blow_up,), np.empty(0)), times, [[1.0], [-1.0]], method=method)
        assert list(solution.status) == [Status.DIVERGED, Status.OK]
        np.testing.assert_allclose(solution.states[0, :3, 0], 1 / (1 - times[:3]), rtol=1e-5)
        assert np.isnan(solution.states[0, 3]).all()


def test_where_the_right_hand_side_ends_the_steps_underflow():
    solution = solve(Kernel("field", (square_root,), np.empty(0)), [0.0, 0.5, 2.0], [[1.0]], method="dop853")
    assert solution.status[0] == Status.DIVERGED
    assert solution.states[0, 1, 0] == pytest.approx(1 + (0.5**1.5 - 1) * 2 / 3, rel=1e-8)


def test_tolerance_below_rounding_ends():
    solution = solve(SWING, [0.0, 20.0], [[2.0, 0.0]], method="dop853", rtol=1e-15, atol=1e-30)
    assert solution.status[0] in (Status.OK, Status.DIVERGED, Status.STEP_LIMIT)
    if solution.status[0] == Status.OK:
        np.testing.assert_allclose(solution.states[0, -1], pendulum(np.array([20.0]), 2.0)[0], atol=1e-12)


@pytest.mark.parametrize(
    ("rhs", "theta", "start", "end"),
    [(van_der_pol, [1e3], [2.0, 0.0], 2000.0), (robertson, [0.04, 3e7, 1e4], [1.0, 0.0, 0.0], 1e6)],
)
@pytest.mark.parametrize("method", PAIRS)
def test_stiff_system_ends_with_status_and_advice(rhs, theta, start, end, method, caplog):
    kernel = Kernel("field", (rhs,), np.array(theta))
    with caplog.at_level(logging.WARNING, logger="dynsamp"):
        solution = solve(kernel, [0.0, end], [start], method=method, rtol=1e-6, atol=1e-10, max_steps=50_000)
    assert solution.status[0] == Status.STEP_LIMIT
    assert "stiff" in solution.advice
    assert "radau5" in solution.advice
    assert solution.advice in caplog.text


def test_step_limit_of_a_system_that_is_not_stiff_says_so():
    solution = solve(SWING, [0.0, 1e4], [[1.0, 0.0]], method="dop853", max_steps=100)
    assert solution.status[0] == Status.STEP_LIMIT
    assert "stiff" not in solution.advice
    assert "max_steps" in solution.advice
    assert not solve(SWING, [0.0, 1.0], [[1.0, 0.0]], method="dop853").advice
