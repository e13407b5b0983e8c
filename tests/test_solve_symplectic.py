"""Splitting methods: coefficients against all order conditions, and the laws that hold for them."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.methods import METHODS
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.solve import Kernel, scalar_values, solve

COMPOSED = ["verlet", "yoshida4", "yoshida6", "yoshida8", "kahan_li6", "kahan_li8"]
METHODS_SPLIT = [*COMPOSED, "blanes_moan4", "blanes_moan6"]


def velocity(t, p, theta, dq):
    dq[0] = p[0]
    dq[1] = p[1]


def force(t, q, theta, dp):  # Henon and Heiles (1964)
    dp[0] = -q[0] - 2.0 * theta[0] * q[0] * q[1]
    dp[1] = -q[1] - theta[0] * (q[0] * q[0] - q[1] * q[1])


def energy(t, y, theta):
    squares = 0.5 * (y[0] ** 2 + y[1] ** 2 + y[2] ** 2 + y[3] ** 2)
    return squares + theta[0] * (y[0] ** 2 * y[1] - y[1] ** 3 / 3.0)


def clock_velocity(t, p, theta, dq):
    dq[0] = p[0] * (1.0 + 0.5 * np.sin(t))


def clock_force(t, q, theta, dp):
    dp[0] = -q[0] * (1.0 + 0.5 * np.cos(2.0 * t))


HENON = Kernel("separable", (velocity, force), np.array([1.0]))
CLOCK = Kernel("separable", (clock_velocity, clock_force), np.empty(0))


def starts(count):
    return np.random.default_rng(11).uniform(-0.2, 0.2, size=(count, 4))


def last(kernel, y0, span, steps, method, **options):
    return solve(kernel, [0.0, span], y0, method=method, step=abs(span) / steps, **options).states[:, -1]


def words(kicks, drifts, longest):
    """Coefficients of all words in the letters kick, drift up to this length in the product of exponentials."""

    def exponential(letter, c):
        series = [np.zeros((2,) * n) for n in range(longest + 1)]
        for n, array in enumerate(series):
            array[(letter,) * n] = c**n / factorial(n)
        return series

    def times(x, y):
        return [sum(np.multiply.outer(x[k], y[n - k]) for k in range(n + 1)) for n in range(longest + 1)]

    product = exponential(0, kicks[0])
    for a, b in zip(drifts, kicks[1:], strict=True):
        product = times(times(product, exponential(1, a)), exponential(0, b))
    return product


@pytest.mark.parametrize("method", METHODS_SPLIT)
def test_coefficients_meet_every_order_condition(method):
    solver = METHODS[method].solver
    product = words(solver.KICKS, solver.DRIFTS, solver.ORDER + 1)
    for length, found in enumerate(product[:-1]):  # exp(kick + drift): every word of n letters has 1 / n!
        np.testing.assert_allclose(found, 1.0 / factorial(length), rtol=0, atol=1e-14)
    assert np.abs(product[-1] - 1.0 / factorial(solver.ORDER + 1)).max() > 1e-7  # and not one order more
    assert tuple(reversed(solver.KICKS)) == solver.KICKS
    assert tuple(reversed(solver.DRIFTS)) == solver.DRIFTS


@pytest.mark.parametrize(
    ("method", "counts"),
    [
        ("yoshida6", (12, 16, 24, 32)),
        ("kahan_li6", (8, 12, 16, 24)),
        ("blanes_moan4", (8, 12, 16, 24)),
        ("blanes_moan6", (8, 12, 16, 20)),
        ("yoshida8", (6, 8, 12, 16)),
        ("kahan_li8", (5, 6, 8, 10)),
    ],
)
def test_order_holds_where_force_and_velocity_depend_on_time(method, counts):
    exact = last(CLOCK, [[1.0, 0.3]], 3.0, 3000, "kahan_li8", compensated=True)
    errors = [np.abs(last(CLOCK, [[1.0, 0.3]], 3.0, n, method) - exact).max() for n in counts]
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order == pytest.approx(METHODS[method].solver.ORDER, abs=0.6)


@pytest.mark.parametrize("method", METHODS_SPLIT)
def test_one_step_is_symplectic(method):
    # M from differences of the highest order that rounding leaves useful: 8 points around each component
    y0, shift = np.array([0.1, -0.2, 0.15, 0.3]), 2.0**-5
    nodes = np.arange(1, 5)
    weights = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])
    moved = [y0 + sign * n * shift * e for e in np.eye(4) for n in nodes for sign in (1, -1)]
    image = last(HENON, np.array(moved), 0.25, 1, method).reshape(4, 4, 2, 4)
    matrix = np.einsum("n,kni->ik", weights, image[:, :, 0] - image[:, :, 1]) / shift
    j = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    np.testing.assert_allclose(matrix.T @ j @ matrix, j, atol=1e-12)


@pytest.mark.parametrize("method", METHODS_SPLIT)
def test_a_step_back_undoes_a_step(method):
    y0 = starts(20)
    there = last(HENON, y0, 2.0, 10, method)
    flip = np.array([1.0, 1.0, -1.0, -1.0])
    np.testing.assert_allclose(last(HENON, there * flip, 2.0, 10, method) * flip, y0, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("method", "step", "bound"), [("blanes_moan4", 0.2, 1e-5), ("kahan_li8", 0.4, 1e-6)])
def test_energy_error_does_not_drift_over_many_steps(method, step, bound):
    times = np.linspace(0.0, 100_000 * step, 101)
    states = solve(HENON, times, starts(8), method=method, step=step).states
    values = np.array([scalar_values(energy, 0.0, y, HENON.theta) for y in states])
    error = np.abs(values / values[:, :1] - 1.0)
    assert error[:, 51:].max() < 2.0 * error[:, 1:51].max() < bound


def test_rounding_errors_of_compensated_sums_grow_like_a_random_walk():
    # truncation is below rounding here; the energy is evaluated in extended precision where there is one
    count, steps = 64, 100_000
    times = np.linspace(0.0, steps * 0.01, 5)

    def error(compensated):
        y = solve(HENON, times, starts(count), method="blanes_moan6", step=0.01, compensated=compensated).states
        a, b, p, q = np.moveaxis(y.astype(np.longdouble), -1, 0)
        values = (a * a + b * b + p * p + q * q) / 2 + a * a * b - b**3 / 3
        return (values / values[:, :1] - 1).astype(float)

    plain, kept = error(False), error(True)
    scatter = np.sqrt((kept**2).mean(axis=0))
    assert scatter[-1] < 2e-15
    assert scatter[-1] < 0.1 * np.sqrt((plain[:, -1] ** 2).mean())
    assert abs(kept[:, -1].mean()) < 5.0 * scatter[-1] / np.sqrt(count)  # no drift


def test_compensated_sums_serve_equal_explicit_steps_too():
    def exact(t):
        return np.array([np.cos(t), -np.sin(t)])

    oscillator = Kernel("field", (rotation,), np.empty(0))
    times, start = [0.0, 200.0], [[1.0, 0.0]]
    errors = [
        np.abs(
            solve(oscillator, times, start, method="rk4", step=1e-3, compensated=c).states[0, -1] - exact(200.0)
        ).max()
        for c in (False, True)
    ]
    assert errors[1] < 3e-12  # truncation: t h^4 / 120 = 1.7e-12
    assert errors[1] < errors[0]


def rotation(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -y[0]


def test_compensated_sums_are_refused_where_no_equal_steps_are_added():
    with pytest.raises(ValueError, match="compensated"):
        solve(HENON, [0.0, 1.0], starts(1), method="dop853", compensated=True)


@pytest.mark.parametrize(("method", "compensated"), [("blanes_moan6", True), ("kahan_li8", False)])
def test_bits_depend_on_neither_width_nor_company_nor_threads(method, compensated):
    y0 = starts(150)
    times, substeps = np.linspace(0.0, 2.0, 4), np.array([3, 1, 5])

    def states(width, threads, chosen=slice(None)):
        y = np.ascontiguousarray(y0[chosen])
        out = np.empty((len(y), 4, 4))
        problem = Problem({"velocity": velocity, "force": force}, np.array([[1.0]]), 4)
        schedule = Schedule(times, substeps, np.array([1e-9, 1e-9]), 1000, compensated=compensated)
        status, route = integrate(method, problem, schedule, Starts(y, np.arange(len(y))), out, threads, width)
        assert route == method
        assert not status.any()
        return out

    whole = states(1, 1)
    np.testing.assert_array_equal(states(4, 3), whole)
    np.testing.assert_array_equal(states(32, 2), whole)
    chosen = np.array([149, 3, 70, 71, 12])
    np.testing.assert_array_equal(states(4, 1, chosen), whole[chosen])


@pytest.mark.nojit
@pytest.mark.parametrize("method", ["blanes_moan4", "kahan_li8"])
def test_harmonic_motion(method):
    # V without the cubic terms
    kernel = Kernel("separable", (velocity, force), np.array([0.0]))
    states = solve(kernel, [0.0, 1.0, 2.0], [[1.0, 0.0, 0.0, 1.0]], method=method, step=0.1, compensated=True).states[0]
    t = np.array([0.0, 1.0, 2.0])
    exact = np.column_stack([np.cos(t), np.sin(t), -np.sin(t), np.cos(t)])
    np.testing.assert_allclose(states, exact, atol=1e-6)
