"""Delays: exact solutions by the method of steps, characteristic roots, an independent integration, bad histories."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import lambertw

import dynsamp
from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Starts
from dynsamp.kernels.solvers.explicit import rk4_delay
from dynsamp.solve import Kernel, solve
from dynsamp.solve.delays import delayed_schedule
from dynsamp.solve.kernel import as_problem
from dynsamp.words import Status


def against(t, y, theta, z, dy):
    dy[0] = -z[0, 0]


def along(t, y, theta, z, dy):
    dy[0] = z[0, 0]


def mackey_glass(t, y, theta, z, dy):
    dy[0] = theta[0] * z[0, 0] / (1.0 + z[0, 0] ** 10) - theta[1] * y[0]


def two_delays(t, y, theta, z, dy):
    dy[0] = -z[0, 1] - 0.5 * z[1, 0] * y[0]
    dy[1] = z[1, 0] - y[1]


def oscillator(t, y, theta, z, dy):
    dy[0] = y[0] - y[0] ** 3 - theta[0] * z[0, 0]


def forced(t, y, theta, u, z, dy):
    dy[0] = u[0] - z[0, 0]


AGAINST = Kernel("field", (against,), np.zeros(1), delays=(1.0,), history="start")


def exact(t):
    """y' = -y(t - 1) with y = 1 up to t = 0: sum_k (-1)^k (t - k + 1)^k / k! over k <= t + 1."""
    return sum((-1) ** k * (t - k + 1) ** k / factorial(k) for k in range(int(np.floor(t)) + 2))


def test_piecewise_polynomial_and_order():
    times = np.linspace(0.0, 7.5, 16)
    truth = np.array([exact(t) for t in times])
    steps, errors = np.array([0.5, 0.25, 0.125, 0.0625]), []
    for h in steps:
        solution = solve(AGAINST, times, np.ones((3, 1)), step=h)
        errors.append(np.abs(solution.states[:, :, 0] - truth).max())
    assert solution.method == "rk4_delay"
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(rk4_delay.ORDER, abs=0.1)
    assert errors[-1] < 1e-7


def test_steps_land_on_kinks_that_are_not_saved():
    times = np.array([0.0, 0.7, 3.3, 6.1])
    states = solve(AGAINST, times, np.ones((1, 1)), step=0.05).states
    np.testing.assert_allclose(states[0, :, 0], [exact(t) for t in times], atol=2e-8)


def test_characteristic_root():
    # y' = y(t - 1) grows like e^(s t), s = W(1); with that history it is the solution
    root = lambertw(1.0).real
    kernel = Kernel("field", (along,), np.zeros(1), delays=(1.0,), history=lambda t: [np.exp(root * t)])
    times = np.linspace(0.0, 10.0, 11)
    states = solve(kernel, times, np.ones((1, 1)), step=0.05).states
    np.testing.assert_allclose(states[0, :, 0], np.exp(root * times), rtol=1e-7)


def test_mackey_glass_against_an_independent_integration():
    beta, gamma, delay, start = 0.2, 0.1, 17.0, 1.2
    pieces = [lambda t: np.full_like(np.asarray(t, dtype=float), start)]
    y = start
    for n in range(6):  # one delay after the other, each an ordinary equation
        past = pieces[-1]

        def field(t, y, past=past):
            z = past(t - delay)
            return beta * z / (1 + z**10) - gamma * y

        piece = solve_ivp(field, (n * delay, (n + 1) * delay), [y], rtol=1e-11, atol=1e-12, dense_output=True)
        pieces.append(lambda t, piece=piece: piece.sol(t)[0])
        y = piece.y[0, -1]
    times = np.linspace(0.0, 6 * delay, 13)
    truth = [pieces[min(int(t // delay), 5) + 1](t) for t in times]
    kernel = Kernel("field", (mackey_glass,), np.array([beta, gamma]), delays=(delay,), history=np.array([start]))
    states = solve(kernel, times, [[start]], step=0.05).states
    np.testing.assert_allclose(states[0, :, 0], truth, rtol=1e-7)


def test_hopf_of_the_delayed_oscillator():
    alpha = 0.75
    omega = np.sqrt(alpha**2 - (3 * alpha - 2) ** 2)
    critical = np.arccos((3 * alpha - 2) / alpha) / omega
    fixed = np.sqrt(1 - alpha)
    times = np.linspace(0.0, 200.0, 2001)
    sizes = []
    for factor in (0.97, 1.0, 1.03):
        kernel = Kernel("field", (oscillator,), np.array([alpha]), delays=(factor * critical,), history="start")
        away = solve(kernel, times, [[fixed + 1e-6]], step=0.05).states[0, :, 0] - fixed
        sizes.append(np.abs(away[-400:]).max() / np.abs(away[600:1000]).max())
        if factor == 1.0:
            late = away[500:]
            up = np.nonzero((late[:-1] < 0) & (late[1:] >= 0))[0]
            crossing = up - late[up] / (late[up + 1] - late[up])
            period = np.diff(crossing).mean() * 0.1
            assert 2 * np.pi / period == pytest.approx(omega, rel=1e-3)
    assert sizes[0] < 0.9 < 1.1 < sizes[2]
    assert sizes[1] == pytest.approx(1.0, abs=0.02)


def test_jump_at_the_start_travels():
    # history 0, start 1: y' = -y(t - 1) is 0 until t = 1, then -1, ...
    kernel = Kernel("field", (against,), np.zeros(1), delays=(1.0,), history=np.zeros(1))
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    states = solve(kernel, times, [[1.0]], step=0.25).states[0, :, 0]
    np.testing.assert_allclose(states, [1, 1, 1, 0.5, 0, -0.5 + 0.125], atol=1e-12)


def test_samples_of_the_past():
    past = np.linspace(-1.0, 0.0, 41)
    values = np.stack([np.cos(past), np.sin(past)])[:, :, None]  # one history a trajectory
    states = solve(AGAINST, [0.0, 0.5, 1.0], values[:, -1], step=0.05, history=(past, values)).states[:, :, 0]
    t = np.array([0.0, 0.5, 1.0])
    np.testing.assert_allclose(states[0], 1.0 - (np.sin(t - 1) + np.sin(1.0)), atol=1e-7)
    np.testing.assert_allclose(states[1], np.cos(t - 1) - np.cos(1.0), atol=1e-7)


def test_delays_of_their_own_and_bits():
    y0 = np.random.default_rng(2).uniform(0.5, 1.5, size=(9, 2))
    lags = np.linspace(0.5, 1.3, 9)
    times = np.linspace(0.0, 4.0, 5)
    swept = solve(Kernel("field", (two_delays,), np.zeros(1), delays=(lags, 2.0), history="start"), times, y0, step=0.1)
    assert (swept.status == Status.OK).all()
    for n in (0, 4):
        kernel = Kernel("field", (two_delays,), np.zeros(1), delays=(lags[n], 2.0), history="start")
        np.testing.assert_array_equal(solve(kernel, times, y0[[n]], step=0.1).states[0], swept.states[n])
    schedule, _ = delayed_schedule(kernel, times, y0, 0.1, None)
    problem, found = as_problem(kernel, 2, 9, None, None), []
    for width in (0, 4, 16):
        out = np.empty((9, 5, 2))
        integrate("rk4_delay", problem, schedule, Starts(y0, np.arange(9)), out, 2, width)
        found.append(out)
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_inputs_with_delays():
    kernel = Kernel("field", (forced,), np.zeros(1), delays=(1.0,), history="start", inputs=(False,))
    signal = (np.array([0.0, 1.0]), np.ones((1, 2, 1)))
    states = solve(kernel, [0.0, 1.0], [[0.5]], step=0.1, inputs=signal).states
    assert states[0, 1, 0] == pytest.approx(1.0, abs=1e-12)


def test_blow_up_is_a_status():
    def runaway(t, y, theta, z, dy):
        dy[0] = y[0] * y[0] + z[0, 0]

    kernel = Kernel("field", (runaway,), np.zeros(1), delays=(0.5,), history="start")
    solution = solve(kernel, [0.0, 1.0, 20.0], [[2.0], [-1.0]], step=0.05)
    assert solution.status[0] == Status.DIVERGED
    assert np.isnan(solution.states[0, -1]).all()


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (None, "needs its past from -1 to 0"),
        ("before", "must be 'start'"),
        (np.zeros(2), "must have the shape"),
        ((np.array([-0.5, 0.0]), np.ones((2, 1))), "runs from -0.5 to 0"),
        ((np.array([0.0, -1.0]), np.ones((2, 1))), "must increase"),
        ((np.array([-1.0, 0.0]), np.ones((3, 1))), "values"),
        (lambda t: [np.nan], "must return a finite state"),
    ],
)
def test_histories_that_are_missing_or_wrong(history, message):
    kernel = Kernel("field", (against,), np.zeros(1), delays=(1.0,), history=history)
    with pytest.raises(ValueError, match=message):
        solve(kernel, [0.0, 1.0], [[1.0]])


def test_delays_that_are_wrong():
    for delays in ((0.0,), (-1.0,), (np.inf,), (np.ones(3),)):
        with pytest.raises(ValueError, match="delay"):
            solve(Kernel("field", (against,), np.zeros(1), delays=delays, history="start"), [0.0, 1.0], np.ones((2, 1)))
    with pytest.raises(ValueError, match="rk4_delay"):
        solve(AGAINST, [0.0, 1.0], [[1.0]], method="dop853")


def test_generate_a_system_with_a_swept_delay():
    data = dynsamp.generate("enso_delayed", parameters={"delay": np.array([1.0, 6.0])}, duration=100.0)
    late = data["T"].values[:, 150:]
    assert "rk4_delay" in data.attrs["method"]
    assert np.ptp(late[0]) < 1e-3  # below the Hopf delay it settles
    assert np.ptp(late[1]) > 1.0  # above, it oscillates
