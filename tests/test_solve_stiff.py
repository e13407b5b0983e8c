"""Radau IIA: order, stiff problems of the literature against independent integrators, failures that are a status."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.kernels.solvers.implicit import radau5
from dynsamp.solve import Kernel, solve
from dynsamp.words import Status


def van_der_pol(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = theta[0] * ((1.0 - y[0] * y[0]) * y[1]) - y[0]


def robertson(t, y, theta, dy):
    slow, back, fast = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] * y[1]
    dy[0] = back - slow
    dy[1] = slow - back - fast
    dy[2] = fast


def robertson_jacobian(t, y, theta, jac):
    jac[0, 0], jac[0, 1], jac[0, 2] = -0.04, 1e4 * y[2], 1e4 * y[1]
    jac[1, 0], jac[1, 1], jac[1, 2] = 0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]
    jac[2, 0], jac[2, 1], jac[2, 2] = 0.0, 6e7 * y[1], 0.0


def hires(t, y, theta, dy):  # Schaefer (1975)
    fast = 280.0 * y[5] * y[7]
    dy[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    dy[1] = 1.71 * y[0] - 8.75 * y[1]
    dy[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    dy[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    dy[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    dy[5] = -fast + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    dy[6] = fast - 1.81 * y[6]
    dy[7] = -fast + 1.81 * y[6]


def prothero_robinson(t, y, theta, dy):  # y = cos t for every rate
    dy[0] = -theta[0] * (y[0] - np.cos(t)) - np.sin(t)


def blow_up(t, y, theta, dy):
    dy[0] = y[0] * y[0]


def rotation(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -y[0]


def independent(function, theta, times, y0, **options):
    def rhs(t, y):
        dy = np.empty(len(y))
        function(t, y, theta, dy)
        return dy

    return solve_ivp(rhs, (times[0], times[-1]), y0, t_eval=times, **options).y.T


HIRES_START = np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057])
HIRES = Kernel("field", (hires,), np.empty(0))


def test_coefficients_meet_the_order_conditions_of_radau():
    a, c = radau5.A, radau5.NODES
    for k in range(1, 4):  # stage order 3, and quadrature of order 5 in the last row
        np.testing.assert_allclose(a @ c ** (k - 1), c**k / k, atol=1e-15)
    for k in range(1, 6):
        assert a[2] @ c ** (k - 1) == pytest.approx(1.0 / k, abs=1e-15)
    blocks = np.zeros((3, 3))
    blocks[0, 0] = radau5.REALS[0]
    ((u, v),) = radau5.PAIRS
    blocks[1:, 1:] = [[u, -v], [v, u]]
    np.testing.assert_allclose(radau5.BASIS @ blocks @ radau5.COBASIS @ a, np.eye(3), atol=1e-13)


def test_order_with_steps_held():
    # landing on saved times forces the steps, loose tolerances never shorten them; a linear system: no work for Newton
    counts = np.array([6, 8, 12, 16])
    kernel = Kernel("field", (rotation,), np.empty(0))
    errors = []
    for n in counts:
        times = np.linspace(0.0, 2.0, n + 1)
        states = solve(kernel, times, [[1.0, 0.0]], method="radau5", rtol=1e-3, atol=1.0, dense=False).states
        errors.append(np.abs(states[0, -1] - [np.cos(2.0), -np.sin(2.0)]).max())
    assert -np.polyfit(np.log(counts), np.log(errors), 1)[0] == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize("mu", [1e3, 1e6])
def test_van_der_pol(mu):
    theta, times, start = np.array([mu]), np.array([0.0, 0.5, 0.7, 1.2]) * mu, np.array([2.0, 0.0])
    solution = solve(Kernel("field", (van_der_pol,), theta), times, start[None], method="radau5", rtol=1e-8, atol=1e-10)
    expected = independent(van_der_pol, theta, times, start, method="LSODA", rtol=1e-11, atol=1e-12)
    assert solution.status[0] == Status.OK
    np.testing.assert_allclose(solution.states[0, :, 0], expected[:, 0], rtol=2e-5)


@pytest.mark.parametrize("jacobian", [None, robertson_jacobian])
def test_robertson_to_its_end(jacobian):
    times, start = np.array([0.0, 0.4, 4e1, 4e3, 4e5, 1e8, 1e11]), np.array([1.0, 0.0, 0.0])
    kernel = Kernel("field", (robertson,), np.empty(0), jacobian=jacobian)
    solution = solve(kernel, times, start[None], method="radau5", rtol=1e-8, atol=1e-10 * 1e-6)
    expected = independent(robertson, (), times, start, method="Radau", rtol=1e-10, atol=1e-18)
    assert solution.status[0] == Status.OK
    np.testing.assert_allclose(solution.states[0], expected, rtol=1e-6, atol=1e-16)
    np.testing.assert_allclose(solution.states[0].sum(axis=1), 1.0, atol=1e-10)  # mass
    rough = solve(kernel, times, start[None], method="radau5", rtol=1e-6, atol=1e-10)
    assert rough.status[0] == Status.OK
    np.testing.assert_allclose(rough.states[0, :, 0], expected[:, 0], rtol=1e-2, atol=1e-7)


def test_hires_reaches_its_published_end():
    # Hairer and Wanner (1996), section IV.10; Mazzia and Magherini (2008), test set for IVP solvers
    end = [7.371312573325668e-4, 1.442485726316185e-4, 5.888729740967575e-5, 1.175651343283149e-3,
           2.386356198831331e-3, 6.238968252742796e-3, 2.849998395185769e-3, 2.850001604814231e-3]  # fmt: skip
    solution = solve(HIRES, [0.0, 321.8122], HIRES_START[None], method="radau5", rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(solution.states[0, -1], end, rtol=1e-7)


@pytest.mark.parametrize("rate", [1e3, 1e6, 1e9])
def test_prothero_robinson(rate):
    times = np.linspace(0.0, 10.0, 6)
    kernel = Kernel("field", (prothero_robinson,), np.array([rate]))
    solution = solve(kernel, times, [[1.0], [2.0]], method="radau5", rtol=1e-8, atol=1e-8)
    assert not solution.status.any()
    np.testing.assert_allclose(solution.states[:, 1:, 0], np.broadcast_to(np.cos(times[1:]), (2, 5)), atol=1e-7)


def test_saved_times_inside_steps_are_read_off_the_collocation_polynomial():
    times, start = np.linspace(0.0, 4000.0, 1001), np.array([2.0, 0.0])
    kernel = Kernel("field", (van_der_pol,), np.array([1e3]))
    options = {"method": "radau5", "rtol": 1e-7, "atol": 1e-9}
    states = solve(kernel, times, start[None], **options).states[0, :, 0]
    landed = solve(kernel, times[[0, 300, 600]], start[None], **options).states[0, :, 0]
    np.testing.assert_allclose(states[[0, 300, 600]], landed, rtol=1e-4)
    assert np.abs(np.diff(states)).max() < 4.1


def test_what_fails_is_a_status():
    times = np.array([0.0, 0.5, 2.0])
    solution = solve(Kernel("field", (blow_up,), np.empty(0)), times, [[1.0], [0.1], [np.nan]], method="radau5")
    assert list(solution.status) == [Status.DIVERGED, Status.OK, Status.INVALID_INPUT]
    np.testing.assert_allclose(solution.states[1, :, 0], 0.1 / (1 - 0.1 * times), rtol=1e-8)
    near = solve(Kernel("field", (blow_up,), np.empty(0)), [0.0, 0.9], [[1.0]], method="radau5", max_steps=10)
    assert near.status[0] == Status.STEP_LIMIT


def test_bits_depend_on_neither_width_nor_company_nor_threads():
    rng = np.random.default_rng(5)
    y0 = np.array([1.0, 0.0, 0.1]) * rng.uniform(0.5, 2.0, size=(70, 3))

    def states(width, threads, chosen=slice(None)):
        y = np.ascontiguousarray(y0[chosen])
        out = np.empty((len(y), 3, 3))
        times = np.array([0.0, 1.0, 50.0])
        schedule = Schedule(times, np.ones(2, np.int64), np.array([1e-5, 1e-9]), 1000)
        problem = Problem({"rhs": robertson}, np.empty((1, 0)), 3)
        status, route = integrate("radau5", problem, schedule, Starts(y, np.arange(len(y))), out, threads, width)
        assert route == "radau5"
        assert not status.any()
        return out

    whole = states(1, 1)
    np.testing.assert_array_equal(states(16, 2), whole)
    chosen = np.array([69, 3, 66, 12, 5])
    np.testing.assert_array_equal(states(16, 1, chosen), whole[chosen])


@pytest.mark.nojit
def test_a_stiff_start():
    kernel = Kernel("field", (prothero_robinson,), np.array([1e4]))
    states = solve(kernel, [0.0, 0.1, 0.2], [[1.5]], method="radau5", rtol=1e-4, atol=1e-6).states[0]
    np.testing.assert_allclose(states[1:, 0], np.cos([0.1, 0.2]), atol=1e-5)
