"""Events: times against closed forms, what is and is not a crossing, terminal ones, the same bits everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ellipk

import dynsamp
from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts, Watch
from dynsamp.solve import Event, Kernel, solve
from dynsamp.words import Status


def oscillator(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * np.sin(q[0])


def fall(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0]


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def position(t, y, theta):
    return y[0]


def far_away(t, y, theta):
    return y[0] - 100.0


def touched(t, y, theta):
    return y[0] - 1.0  # the amplitude: reached, not crossed


def plane(t, y, theta):
    return y[2] - (theta[1] - 1.0)


def branching(t, y, theta):
    if y[0] > 0.0:
        return y[0]
    return 2.0 * y[0]


OSCILLATOR = Kernel("field", (oscillator,), np.array([1.0]))
PENDULUM = Kernel("separable", (velocity, force), np.array([1.0]))
FALL = Kernel("field", (fall,), np.array([9.81]))
LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
TIGHT = {"method": "dop853", "rtol": 1e-13, "atol": 1e-13}


def test_crossings_of_an_oscillator_are_known():
    events = [Event(position), Event(position, 1), Event(far_away), Event(touched)]
    found = solve(OSCILLATOR, [0.0, 20.0], [[1.0, 0.0], [0.0, 1.0]], events=events, **TIGHT).events
    assert found.names == ("position", "position", "far_away", "touched")
    np.testing.assert_array_equal(found.counts[0], [6, 3, 0, 0])
    zeros = (np.arange(6) + 0.5) * np.pi
    np.testing.assert_allclose(found.times[0, 0], zeros, rtol=2e-13)
    np.testing.assert_allclose(found.times[0, 1, :3], zeros[1::2], rtol=2e-13)
    np.testing.assert_allclose(found.states[0, 0], np.column_stack([0 * zeros, -np.sin(zeros)]), atol=2e-12)
    assert np.isnan(found.times[0, 1, 3:]).all()
    # the second starts on the surface, which is no crossing
    np.testing.assert_allclose(found.times[1, 0], np.arange(1, 7) * np.pi, rtol=2e-13)
    np.testing.assert_allclose(found.times[1, 1, :3], np.arange(2, 7, 2) * np.pi, rtol=2e-13)


@pytest.mark.parametrize(
    ("method", "options", "accuracy"),
    [
        ("tsit5", {"rtol": 1e-10, "atol": 1e-10}, 1e-8),
        ("rk4", {"step": 0.01}, 1e-9),
        ("yoshida4", {"step": 0.01}, 1e-7),
        ("gauss_legendre4", {"step": 0.02}, 1e-7),
    ],
)
def test_period_of_a_pendulum_by_every_family(method, options, accuracy):
    period = 4 * ellipk(np.sin(1.0) ** 2)  # amplitude 2
    solution = solve(PENDULUM, [0.0, 40.0], [[2.0, 0.0]], method=method, events=[Event(position, -1)], **options)
    assert solution.method == method
    count = int(solution.events.counts[0, 0])
    assert count == int((40.0 - period / 4) / period) + 1
    expected = (np.arange(count) + 0.25) * period
    np.testing.assert_allclose(solution.events.times[0, 0], expected, rtol=accuracy)


@pytest.mark.parametrize("method", ["dop853", "rk4"])
def test_terminal_event_ends_a_falling_ball(method):
    heights = np.array([1.0, 5.0, 1000.0])
    starts = np.column_stack([heights, np.zeros(3)])
    times = np.linspace(0.0, 2.0, 41)
    options = {} if method == "dop853" else {"step": 0.05}
    ground = Event(position, -1, terminal=True, name="ground")
    solution = solve(FALL, times, starts, method=method, events=[ground], **options)
    assert list(solution.status) == [Status.ENDED, Status.ENDED, Status.OK]
    landing = np.sqrt(2 * heights / 9.81)
    np.testing.assert_allclose(solution.events.times[:2, 0, 0], landing[:2], rtol=1e-12)
    np.testing.assert_allclose(solution.events.states[:2, 0, 0, 1], -9.81 * landing[:2], rtol=1e-11)
    for row, height, end in zip(solution.states, heights, landing, strict=True):
        flies = times <= end
        np.testing.assert_allclose(row[flies, 0], height - 9.81 / 2 * times[flies] ** 2, atol=1e-9)
        assert np.isnan(row[~flies]).all()
    np.testing.assert_array_equal(solution.events.counts[:, 0], [1, 1, 0])


def test_section_of_lorenz_agrees_with_an_independent_integrator():
    start = np.array([1.0, 2.0, 20.0])
    found = solve(LORENZ, [0.0, 5.0], start[None], events=[Event(plane)], **TIGHT).events

    def rhs(t, y):
        dy = np.empty(3)
        lorenz(t, y, LORENZ.theta, dy)
        return dy

    theirs = solve_ivp(
        rhs, (0.0, 5.0), start, method="DOP853", dense_output=True, rtol=1e-13, atol=1e-13,
        events=lambda t, y: plane(t, y, LORENZ.theta),
    )  # fmt: skip
    assert found.counts[0, 0] == len(theirs.t_events[0]) > 5
    np.testing.assert_allclose(found.times[0, 0], theirs.t_events[0], atol=1e-8)
    np.testing.assert_allclose(found.states[0, 0], theirs.y_events[0], atol=1e-6)


@pytest.mark.parametrize("method", ["dop853", "rk4"])
def test_bits_depend_on_neither_width_threads_nor_company(method):
    starts = np.random.default_rng(6).normal(size=(70, 3)) * 5 + [0, 0, 20]
    times = np.linspace(0.0, 2.0, 14)

    def run(width, threads=1, chosen=slice(None)):
        y0 = np.ascontiguousarray(starts[chosen])
        n = len(y0)
        found = (np.full((n, 1, 30), np.nan), np.full((n, 1, 30, 3), np.nan), np.zeros((n, 1), dtype=np.int64))

        def g(t, y, theta, g):
            g[0] = y[2] - (theta[1] - 1.0)

        out, steps = np.empty((n, 14, 3)), np.full(13, 20)
        dense = method == "dop853"
        schedule = Schedule(times, steps, np.array([1e-7, 1e-7]), 10_000, dense=dense, watch=Watch((0,), (0,), found))
        problem = Problem({"rhs": lorenz, "events": g}, LORENZ.theta[None], 3)
        integrate(method, problem, schedule, Starts(y0, np.arange(n)), out, threads, width)
        assert found[2].min() > 0
        return (out, *found)

    first = run(1)
    chosen = np.array([69, 3, 64, 5, 17])
    for other, rows in ((run(16), slice(None)), (run(16, threads=3), slice(None)), (run(16, chosen=chosen), chosen)):
        for a, b in zip(other, first, strict=True):
            np.testing.assert_array_equal(a, b[rows])


def test_more_crossings_than_are_recorded_are_counted():
    found = solve(OSCILLATOR, [0.0, 20.0], [[1.0, 0.0]], events=[Event(position)], max_events=2, **TIGHT).events
    assert found.counts[0, 0] == 6
    assert found.times.shape == (1, 1, 2)


def test_events_that_branch_take_the_scalar_route():
    solution = solve(OSCILLATOR, [0.0, 20.0], [[1.0, 0.0]], events=[Event(branching)], **TIGHT)
    assert solution.method == "dop853-scalar"
    np.testing.assert_allclose(solution.events.times[0, 0], (np.arange(6) + 0.5) * np.pi, rtol=2e-13)


def test_what_is_no_event_is_refused():
    with pytest.raises(TypeError, match="callable as function"):
        Event(3.0)
    with pytest.raises(ValueError, match="direction of an event"):
        Event(position, direction=2)
    with pytest.raises(TypeError, match="must be Event"):
        solve(OSCILLATOR, [0.0, 1.0], [[1.0, 0.0]], method="dop853", events=[position])
    with pytest.raises(ValueError, match="max_events must be at least 1"):
        solve(OSCILLATOR, [0.0, 1.0], [[1.0, 0.0]], method="dop853", events=[Event(position)], max_events=0)
    noisy = Kernel("sde", (oscillator, oscillator), np.array([1.0]), noise="diagonal")
    with pytest.raises(ValueError, match="does not find events"):
        solve(noisy, [0.0, 1.0], [[1.0, 0.0]], step=0.1, events=[Event(position)])

    def wrong(t, y, theta):
        return y[0] + "one"

    with pytest.raises(TypeError, match="does not compile"):
        solve(OSCILLATOR, [0.0, 1.0], [[1.0, 0.0]], method="dop853", events=[Event(wrong)])


def test_crossings_of_a_system_as_a_dataset():
    starts = np.array([[0.5, 0.0], [2.0, 0.0]])
    found = dynsamp.crossings("pendulum", starts, "q = 0 falling", duration=20.0)
    assert found["crossing_time"].dims == ("trajectory", "crossing")
    periods = 4 * np.sqrt(1 / 9.81) * ellipk(np.sin(starts[:, 0] / 2) ** 2)
    np.testing.assert_allclose(found["crossing_time"][:, 0], periods / 4, rtol=1e-10)
    np.testing.assert_allclose(found["crossing_time"][:, 5], 5.25 * periods, rtol=1e-10)
    np.testing.assert_allclose(found["q"][:, :5], 0.0, atol=1e-12)
    assert found["crossing_time"].attrs["units"] == "s"
    several = dynsamp.crossings("pendulum", starts, ["q = 0 falling", "p = 1"], duration=20.0)
    assert several["p"].dims == ("trajectory", "event", "crossing")
    assert list(several["event"].values) == ["q = 0 falling", "p = 1"]
    np.testing.assert_allclose(several["p"][:, 1, :5], 1.0, atol=1e-11)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("q > 0", "cannot read the event"),
        ("q = 0 upwards", "cannot read the event"),
        ("angle = 0", "no state 'angle'"),
        ("q[3] = 0", "components"),
    ],
)
def test_short_forms_that_cannot_be_read_are_refused(event, message):
    with pytest.raises(ValueError, match=message):
        dynsamp.crossings("pendulum", np.array([[0.5, 0.0]]), event, duration=1.0)
