"""Lanes: the same bits for every width, company and number of threads; the scalar route where they cannot go."""

from __future__ import annotations

import inspect
import logging

import numpy as np
import pytest

from dynsamp.kernels.drivers import refined, watched
from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.methods import METHODS
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.kernels.simd.widths import width_for
from dynsamp.solve import Kernel, solve
from dynsamp.words import Status


def rhs(t, y, theta, dy):
    # products, a quotient, transcendental functions and time: all that rounding could tell apart
    dy[0] = theta[0] * (y[1] - y[0]) + 0.1 * np.sin(t)
    dy[1] = y[0] * (theta[1] - y[2]) - y[1] / (1.0 + y[0] ** 2)
    dy[2] = y[0] * y[1] - theta[2] * y[2] + np.tanh(y[0])


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * np.sin(q[0])


def drift(t, y, theta, dy):
    dy[0] = theta[0] * y[0]
    dy[1] = -y[1]


def correlated(t, y, theta, g):
    g[0, 0] = 0.2 * y[0]
    g[1, 0] = 0.3
    g[1, 2] = 0.1 * y[0]


def noisy_logistic(t, y, theta, xi, out):
    out[0] = theta[0] * y[0] * (1 - y[0]) + 1e-3 * xi[0]


def branching(t, y, theta, dy):
    if y[0] > 0:
        dy[0] = -y[0]
    else:
        dy[0] = -2.0 * y[0]


def choosing(t, y, theta, dy):
    dy[0] = np.where(y[0] > 0, -y[0], -2.0 * y[0])


def blow_up(t, y, theta, dy):
    dy[0] = theta[0] * y[0] * y[0]


FIELD = ({"rhs": rhs}, [10.0, 28.0, 8.0 / 3.0], 3, 0)
SEPARABLE = ({"velocity": velocity, "force": force}, [1.0], 2, 0)
SDE = ({"rhs": drift, "diffusion": correlated}, [0.1], 2, 3)
MAP = ({"noisy_iterate": noisy_logistic}, [3.5], 1, 1)
EVERY, SOME = (1, 2, 4, 8, 16, 32), (1, 4, 32)
CASES = [
    ("rk4", FIELD, EVERY),
    ("dop853", FIELD, SOME),
    ("implicit_midpoint", SEPARABLE, SOME),
    ("yoshida4", SEPARABLE, SOME),
    ("verlet", SEPARABLE, SOME),
    ("euler_maruyama", SDE, SOME),
    ("map", MAP, SOME),
]


def states(method, case, width, *, count=37, threads=1, swept=False, chosen=slice(None)):
    functions, parameters, dim, noise = case
    rng = np.random.default_rng(6)
    y0 = rng.uniform(0.2, 0.8, size=(count, dim))
    theta = np.array([parameters]) * (rng.uniform(0.9, 1.0, size=(count, 1)) if swept else 1.0)
    y0, ids = np.ascontiguousarray(y0[chosen]), np.arange(count)[chosen].astype(np.int64)
    theta = np.ascontiguousarray(theta[chosen] if swept else theta)
    times = np.linspace(0.0, 1.0, 4)
    schedule = Schedule(times, np.array([7, 5, 9]), np.array([1e-9, 1e-9]), 1000)
    out = np.empty((len(y0), 4, dim))
    status, route = integrate(
        method, Problem(functions, theta, dim, noise), schedule, Starts(y0, ids, 3), out, threads, width
    )
    assert route == method
    assert not status.any()
    return out


@pytest.mark.parametrize(("method", "case", "widths"), CASES)
def test_bits_do_not_depend_on_the_width(method, case, widths):
    first = states(method, case, widths[0])
    for width in widths[1:]:
        np.testing.assert_array_equal(states(method, case, width), first)


@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_bits_of_swept_parameters_do_not_depend_on_the_width(method):
    first = states(method, FIELD, 1, swept=True)
    np.testing.assert_array_equal(states(method, FIELD, 4, swept=True), first)
    chosen = np.array([36, 2, 3, 30, 11])
    np.testing.assert_array_equal(states(method, FIELD, 4, swept=True, chosen=chosen), first[chosen])


@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_bits_depend_on_neither_threads_nor_company(method):
    whole = states(method, FIELD, 4, count=150)
    np.testing.assert_array_equal(states(method, FIELD, 4, count=150, threads=3), whole)
    chosen = np.array([149, 5, 64, 65, 66, 3])
    np.testing.assert_array_equal(states(method, FIELD, 4, count=150, chosen=chosen), whole[chosen])


def test_scalar_route_agrees_with_lanes_but_for_rounding():
    kernel = Kernel("field", (rhs,), np.array(FIELD[1]))
    starts = np.random.default_rng(7).uniform(0.2, 0.8, size=(5, 3))
    problem = Problem(FIELD[0], np.array([FIELD[1]]), 3)
    schedule = Schedule(np.array([0.0, 1.0]), np.array([100]), np.zeros(2), 1)
    out = np.empty((5, 2, 3))
    _, route = integrate("rk4", problem, schedule, Starts(starts, np.arange(5)), out, 1, 0)
    assert route == "rk4-scalar"
    lanes = solve(kernel, [0.0, 1.0], starts, method="rk4", step=0.01)
    assert lanes.method == "rk4"
    np.testing.assert_allclose(out, lanes.states, rtol=1e-12)


def test_branch_on_the_state_takes_the_scalar_route_and_says_so(caplog):
    starts = np.array([[1.0], [-1.0]])
    with caplog.at_level(logging.INFO, logger="dynsamp"):
        scalar = solve(Kernel("field", (branching,), np.empty(0)), [0.0, 1.0], starts, method="rk4", step=0.01)
    assert scalar.method == "rk4-scalar"
    assert any("'branching'" in record.getMessage() and "np.where" in record.getMessage() for record in caplog.records)
    lanes = solve(Kernel("field", (choosing,), np.empty(0)), [0.0, 1.0], starts, method="rk4", step=0.01)
    assert lanes.method == "rk4"
    np.testing.assert_allclose(scalar.states[:, -1, 0], [np.exp(-1.0), -np.exp(-2.0)], rtol=1e-8)
    np.testing.assert_allclose(lanes.states, scalar.states, rtol=1e-13)


def test_failures_stay_in_their_lane():
    # y = y0 / (1 - y0 t): every third blows up before t = 2, one start is NaN
    starts = np.full((50, 1), 0.1)
    starts[::3] = 1.0
    starts[7] = np.nan
    times = np.array([0.0, 0.9, 1.5, 2.0])
    solution = solve(Kernel("field", (blow_up,), np.array([1.0])), times, starts)
    expected = np.full(50, Status.OK)
    expected[::3] = Status.DIVERGED
    expected[7] = Status.INVALID_INPUT
    np.testing.assert_array_equal(solution.status, expected)
    good = solution.states[expected == Status.OK, :, 0]
    np.testing.assert_allclose(good, np.broadcast_to(0.1 / (1 - 0.1 * times), good.shape), rtol=1e-8)
    assert np.isnan(solution.states[::3, 2:]).all()
    np.testing.assert_allclose(solution.states[::3, 1, 0], 10.0, rtol=1e-7)


def test_width_follows_the_work():
    largest = 2048
    assert width_for([branching], 3, largest) in (16, 32)  # by the length of registers
    assert width_for([rhs], 3, largest) == 8
    assert width_for([branching], 40, largest) == 8
    assert width_for([branching], 12, largest) == 16
    assert width_for([branching], 1000, largest) == 2


@pytest.mark.parametrize("driver", sorted({entry.driver for entry in METHODS.values()} | {refined, watched}, key=str))
def test_drivers_declare_what_they_take_beside_the_common_arguments(driver):
    common = ("times", "y0", "theta", "out", "status", "stop", "begin", "end")
    assert tuple(inspect.signature(driver.run).parameters) == (*common, *driver.NEEDS)
