"""Laws that hold whatever the start, the saved times and the signals: symmetry, flow, events, inputs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from dynsamp.solve import Event, Kernel, solve

few = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.floats(-1.5, 1.5)
spans = st.lists(st.floats(0.02, 0.7), min_size=2, max_size=6)

SYMMETRIC = ("verlet", "yoshida4", "yoshida6", "kahan_li8", "blanes_moan4", "blanes_moan6")


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * np.sin(q[0])


def swinging(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * np.sin(y[0])


def turning(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * theta[0] * y[0]


def place(t, y, theta):
    return y[0]


def driven(t, y, theta, u, dy):
    dy[0] = -theta[0] * y[0] + theta[1] * y[1] + u[0]
    dy[1] = -theta[1] * y[0] - theta[0] * y[1] + u[1]


PENDULUM = Kernel("separable", (velocity, force), np.array([2.0]))
FIELD = Kernel("field", (swinging,), np.array([2.0]))


# what symmetric methods do, they undo with the momentum turned round --------------------------------------------------


@pytest.mark.parametrize("method", SYMMETRIC)
@few
@given(q=places, p=places, gaps=spans, step=st.floats(0.02, 0.2))
def test_splitting_methods_run_backwards_to_where_they_began(method, q, p, gaps, step):
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    start, flip = np.array([[q, p]]), np.array([1.0, -1.0])
    there = solve(PENDULUM, times, start, method=method, step=step).states[:, -1]
    back = solve(PENDULUM, times[-1] - times[::-1], there * flip, method=method, step=step).states[:, -1]
    np.testing.assert_allclose(back * flip, start, rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", ["implicit_midpoint", "gauss_legendre4"])
@few
@given(q=places, p=places, count=st.integers(1, 8))
def test_gauss_methods_run_backwards_to_where_they_began(method, q, p, count):
    times, flip = np.array([0.0, 0.1 * count]), np.array([1.0, -1.0])
    start = np.array([[q, p]])
    there = solve(FIELD, times, start, method=method, step=0.1).states[:, -1]
    back = solve(FIELD, times, there * flip, method=method, step=0.1).states[:, -1]
    np.testing.assert_allclose(back * flip, start, rtol=0, atol=1e-11)


# which times are saved changes no state -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dop853", "tsit5", "taylor"])
@few
@given(q=places, p=places, between=st.lists(st.floats(0.01, 2.99), max_size=7, unique=True))
def test_the_last_state_does_not_depend_on_the_saved_times(method, q, p, between):
    tolerances = {"rtol": 1e-10, "atol": 1e-10}
    alone = solve(FIELD, [0.0, 3.0], [[q, p]], method=method, **tolerances).states[:, -1]
    many = solve(FIELD, [0.0, *sorted(between), 3.0], [[q, p]], method=method, **tolerances).states[:, -1]
    np.testing.assert_allclose(many, alone, rtol=0, atol=1e-8)


@few
@given(q=places, p=places, picked=st.sets(st.integers(1, 29)))
def test_equal_steps_pass_the_same_states_whichever_are_saved(q, p, picked):
    every = np.arange(31) * 0.125  # exact in binary
    some = [0, *sorted(picked), 30]
    whole, part = (solve(FIELD, every[at], [[q, p]], method="rk4", step=0.125).states for at in (list(range(31)), some))
    np.testing.assert_array_equal(part, whole[:, some])


@pytest.mark.parametrize("method", ["dop853", "tsit5", "taylor", "radau5"])
@few
@given(q=places, p=places, middle=st.floats(0.05, 2.95))
def test_two_parts_of_an_interval_are_the_whole(method, q, p, middle):
    tolerances = {"method": method, "rtol": 1e-9, "atol": 1e-9}
    whole = solve(FIELD, [0.0, 3.0], [[q, p]], **tolerances).states[:, -1]
    first = solve(FIELD, [0.0, middle], [[q, p]], **tolerances).states[:, -1]
    second = solve(FIELD, [middle, 3.0], first, **tolerances).states[:, -1]
    np.testing.assert_allclose(second, whole, rtol=0, atol=3e-7)


# events of a harmonic oscillator --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dop853", "tsit5"])
@few
@given(
    phase=st.floats(0.01, 2 * np.pi - 0.01), omega=st.floats(0.5, 3.0), direction=st.sampled_from([-1, 0, 1]),
    size=st.floats(0.1, 10.0),
)  # fmt: skip
def test_crossings_of_a_harmonic_oscillator(method, phase, omega, direction, size):
    # x = size cos(omega t + phase) falls through zero at phase pi / 2, rises at 3 pi / 2
    kernel = Kernel("field", (turning,), np.array([omega]))
    start = [[size * np.cos(phase), -size * omega * np.sin(phase)]]
    end = 4 * np.pi / omega
    zeros = np.pi / 2 + np.pi * np.arange(6)
    falls = np.arange(6) % 2 == 0
    wanted = zeros[{1: ~falls, -1: falls, 0: falls | ~falls}[direction]]
    exact = (wanted[wanted > phase] - phase) / omega
    exact = exact[exact < end]
    assume(np.abs(zeros - phase).min() > 1e-6 and np.abs(zeros - phase - end * omega).min() > 1e-6)  # on the surface
    found = solve(
        kernel, [0.0, end], start, method=method, rtol=1e-11, atol=1e-12, events=[Event(place, direction)]
    ).events  # fmt: skip
    times = found.times[0, 0]
    times = times[np.isfinite(times)]
    assert found.counts[0, 0] == len(exact)
    np.testing.assert_allclose(times, exact, rtol=0, atol=1e-7 / omega)


# linear systems with signals ------------------------------------------------------------------------------------------


def moved(matrix, y, first, second, h):
    """Exact state after h of y' = matrix y + u, u linear from first to second."""
    n = len(y)
    block = np.zeros((3 * n, 3 * n))  # y, u, u'
    block[:n, :n], block[:n, n : 2 * n], block[n : 2 * n, 2 * n :] = matrix, np.eye(n), np.eye(n)
    return (expm(block * h) @ np.concatenate([y, first, (second - first) / h]))[:n]


def exact(matrix, y, grid, values, hold, times):
    """States at the times, from knot to knot."""
    knots = np.union1d(grid, times)
    found, states = {float(knots[0]): y}, y
    for begin, end in pairwise(knots):
        first, second = [], []
        for k, held in enumerate(hold):
            if held:
                value = values[np.searchsorted(grid, begin, side="right") - 1, k]
                first.append(value)
                second.append(value)
            else:
                first.append(np.interp(begin, grid, values[:, k]))
                second.append(np.interp(end, grid, values[:, k]))
        states = moved(matrix, states, np.array(first), np.array(second), end - begin)
        found[float(end)] = states
    return np.array([found[float(t)] for t in times])


def drawn_signal(data, gaps):
    grid = np.concatenate([[0.0], np.cumsum(gaps)])
    values = np.array(data.draw(st.lists(st.tuples(places, places), min_size=len(grid), max_size=len(grid))))
    return grid, values, np.array(data.draw(st.tuples(places, places)))


@pytest.mark.parametrize("hold", [(False, False), (True, True), (True, False)])
@few
@given(gaps=spans, data=st.data(), damping=st.floats(0.1, 2.0), turn=st.floats(0.0, 3.0))
def test_linear_systems_follow_held_and_linear_signals(hold, gaps, data, damping, turn):
    grid, values, start = drawn_signal(data, gaps)
    inner = data.draw(st.lists(st.floats(0.001, 0.999), max_size=5, unique=True))
    times = np.unique([0.0, *(grid[-1] * np.array(sorted(inner))), grid[-1]])
    kernel = Kernel("field", (driven,), np.array([damping, turn]), inputs=hold)
    found = solve(
        kernel, times, start[None], inputs=(grid, values[None]), method="dop853", rtol=1e-11, atol=1e-12
    ).states[0]  # fmt: skip
    matrix = np.array([[-damping, turn], [-turn, -damping]])
    np.testing.assert_allclose(found, exact(matrix, start, grid, values, hold, times), rtol=0, atol=1e-7)


@few
@given(counts=st.lists(st.integers(1, 6), min_size=1, max_size=5), data=st.data(), damping=st.floats(0.1, 2.0))
def test_equal_steps_follow_linear_signals_whose_corners_they_meet(counts, data, damping):
    step = 1 / 128
    grid, values, start = drawn_signal(data, 16 * step * np.array(counts))
    kernel = Kernel("field", (driven,), np.array([damping, 1.0]), inputs=(False, False))
    times = grid[[0, -1]]
    found = solve(kernel, times, start[None], inputs=(grid, values[None]), method="rk4", step=step).states[0]
    matrix = np.array([[-damping, 1.0], [-1.0, -damping]])
    np.testing.assert_allclose(found, exact(matrix, start, grid, values, (False, False), times), rtol=0, atol=1e-8)
