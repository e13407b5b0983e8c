"""The Taylor method against closed forms and mpmath: coefficients, errors, long times, saved times, bits, failures."""

import math
import types

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.kernels.tracing import taylor
from dynsamp.kernels.tracing.series_source import STRIDE
from dynsamp.solve import Kernel, solve
from dynsamp.words import Status

NOTHING = np.empty(0)


def kernel(rhs, *theta):
    return Kernel("field", (rhs,), np.array(theta))


def growth(t, y, theta, dy):
    dy[0] = theta[0] * y[0]


def tangent(t, y, theta, dy):
    dy[0] = 1.0 + y[0] * y[0]


def kepler(t, y, theta, dy):
    r = math.sqrt(y[0] ** 2 + y[1] ** 2)
    dy[0], dy[1] = y[2], y[3]
    dy[2] = -y[0] / r**3
    dy[3] = -y[1] / r**3


def pendulum(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -math.sin(y[0])


def henon_heiles(t, y, theta, dy):
    dy[0], dy[1] = y[2], y[3]
    dy[2] = -y[0] - 2.0 * y[0] * y[1]
    dy[3] = -y[1] - y[0] ** 2 + y[1] ** 2


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def lorenz96(t, y, theta, dy):
    n = len(y)
    for i in range(n):
        dy[i] = (y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + theta[0]


def varied(t, y, theta, dy):
    """Every recurrence there is."""
    a, b = y[0], y[1]
    dy[0] = math.sin(b) * math.exp(-a * a) + math.cos(t) / (2.0 + b) + 0.1 * math.atan2(a + 2.0, b + 3.0)
    dy[1] = math.sqrt(1.0 + a * a) - math.log(3.0 + b * b) * math.tanh(a) + 0.1 * math.asin(0.3 * math.sin(a))
    dy[2] = math.atan(y[2]) - (2.0 + math.sin(t)) ** theta[0] * y[2] + math.sinh(0.1 * a) * math.cosh(0.1 * b)
    dy[3] = math.tan(0.2 * b) - y[3] + math.log1p(0.1 * a * a) - math.expm1(-0.1 * b) + t * math.acos(0.2 * math.cos(a))


def coefficients(rhs, t, y, theta, order):
    """Taylor coefficients (state, order + 1) in plain Python."""
    made = taylor.taylor_coefficients((rhs,), len(y))
    c, inverse = np.zeros(made.size), 1.0 / np.maximum(np.arange(32.0), 1.0)
    function = getattr(made.function, "py_func", made.function)
    function(t, np.array(y), np.array(theta), order, inverse, c)
    return c[: len(y) * STRIDE].reshape(len(y), STRIDE)[:, : order + 1]


def exact_coefficients(mpmath, rhs, t, y, theta, order):
    """Taylor coefficients by Picard iteration of power series in mpmath: one more order is right every time."""
    size = order + 1

    class Power:
        """Truncated power series."""

        def __init__(self, terms):
            self.terms = [mpmath.mpf(term) for term in terms] + [mpmath.mpf(0)] * (size - len(terms))

        def __add__(self, other):
            return Power([a + b for a, b in zip(self.terms, as_power(other).terms, strict=True)])

        def __neg__(self):
            return Power([-a for a in self.terms])

        def __sub__(self, other):
            return self + (-as_power(other))

        def __rsub__(self, other):
            return as_power(other) - self

        def __mul__(self, other):
            a, b = self.terms, as_power(other).terms
            return Power([mpmath.fsum(a[j] * b[n - j] for j in range(n + 1)) for n in range(size)])

        def __truediv__(self, other):
            return self * as_power(other).of(lambda x: 1 / x)

        def __rtruediv__(self, other):
            return as_power(other) / self

        def __pow__(self, p):
            return self.of(lambda x: x**p)

        __radd__, __rmul__ = __add__, __mul__

        def of(self, function):
            """Composition, by the derivatives of the outer function."""
            inner, power = Power([0, *self.terms[1:]]), Power([1])
            total = Power([0])
            for k, term in enumerate(mpmath.taylor(function, self.terms[0], order)):
                total = total + power * term
                power = power * inner if k < order else power
            return total

    def as_power(value):
        return value if isinstance(value, Power) else Power([value])

    class Module:
        def __getattr__(self, name):
            outer = getattr(mpmath, name)
            if name == "atan2":
                # the quadrant of the test: x > 0
                return lambda a, b: (as_power(a) / b).of(mpmath.atan)
            return lambda x: as_power(x).of(outer)

    copy = types.FunctionType(rhs.__code__, {"math": Module()})
    u = [Power([value]) for value in y]
    for _ in range(order):
        du = [None] * len(y)
        copy(Power([t, 1]), u, [mpmath.mpf(x) for x in theta], du)
        u = [
            Power([value] + [term / (n + 1) for n, term in enumerate(as_power(d).terms[:order])])
            for value, d in zip(y, du, strict=True)
        ]
    return np.array([[float(term) for term in power.terms] for power in u])


def test_every_recurrence_against_power_series_in_mpmath(monkeypatch):
    mpmath = pytest.importorskip("mpmath")
    t, y, theta, order = 0.3, [0.4, -0.2, 0.5, 0.1], [1.7], 6
    with mpmath.workdps(40):
        exact = exact_coefficients(mpmath, varied, t, y, theta, order)
    for longest in (1000, 0):  # written out, and in tables
        monkeypatch.setattr(taylor, "SHORT", longest)
        assert_allclose(coefficients(varied, t, y, theta, order), exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("rtol", [1e-4, 1e-8, 1e-12, 1e-15])
def test_the_tolerance_bounds_the_error_of_an_exponential(rtol):
    found = solve(kernel(growth, -1.3), [0.0, 1.0, 2.5], [[2.0]], method="taylor", rtol=rtol).states[0, :, 0]
    assert_allclose(found, 2.0 * np.exp([0.0, -1.3, -3.25]), rtol=0, atol=3.0 * rtol)


def test_a_pole_is_a_status_and_nan_from_there_on():
    times = [0.0, 1.0, 1.5, 1.6]
    solution = solve(kernel(tangent), times, [[0.0], [math.tan(0.5)]], method="taylor", rtol=1e-12)
    assert_allclose(solution.states[0, :3, 0], np.tan(times[:3]), rtol=1e-9)
    assert np.isnan(solution.states[0, 3, 0])
    assert_allclose(solution.states[1, 1, 0], math.tan(1.5), rtol=1e-9)
    assert np.isnan(solution.states[1, 2:, 0]).all()
    assert solution.status.tolist() == [Status.DIVERGED, Status.DIVERGED]


def test_kepler_orbits_close():
    e = np.array([0.0, 0.3, 0.7])
    starts = np.stack([1.0 - e, 0.0 * e, 0.0 * e, np.sqrt((1.0 + e) / (1.0 - e))], axis=1)
    solution = solve(kernel(kepler), [0.0, 2.0 * math.pi], starts, method="taylor", rtol=1e-15)
    assert_allclose(solution.states[:, 1], starts, rtol=0, atol=3e-13)


def test_the_period_of_a_pendulum_is_an_elliptic_integral():
    special = pytest.importorskip("scipy.special")
    amplitude = np.array([0.1, 1.5, 3.0])
    for angle in amplitude:
        period = 4.0 * special.ellipk(math.sin(angle / 2.0) ** 2)
        solution = solve(kernel(pendulum), [0.0, period], [[angle, 0.0]], method="taylor", rtol=1e-15)
        assert_allclose(solution.states[0, 1], [angle, 0.0], atol=2e-14 * period)


def test_lorenz_against_mpmath():
    mpmath = pytest.importorskip("mpmath")
    theta, start = (10.0, 28.0, 8.0 / 3.0), [1.0, 2.0, 20.0]
    with mpmath.workdps(30):
        exact = mpmath.odefun(
            lambda t, y: [theta[0] * (y[1] - y[0]), y[0] * (theta[1] - y[2]) - y[1], y[0] * y[1] - theta[2] * y[2]],
            0,
            [mpmath.mpf(x) for x in start],
        )(0.5)
    found = solve(kernel(lorenz, *theta), [0.0, 0.5], [start], method="taylor", rtol=1e-15).states[0, 1]
    assert_allclose(found, np.array(exact, dtype=float), rtol=0, atol=1e-13)


def test_energy_drifts_no_faster_than_round_off_walks_at_random():
    """Errors of 10 000 steps stay far below steps times rounding unit (Brouwer 1937: they grow like the root)."""

    def energy(y):
        x, z, u, w = np.moveaxis(y, -1, 0)
        return 0.5 * (u * u + w * w + x * x + z * z) + x * x * z - z**3 / 3.0

    starts = np.random.default_rng(5).uniform(-0.25, 0.25, size=(16, 4))
    solution = solve(kernel(henon_heiles), [0.0, 40.0, 4000.0], starts, method="taylor", rtol=1e-15)
    drift = np.abs(energy(solution.states) - energy(starts)[:, None])
    assert np.sqrt(np.mean(drift[:, 2] ** 2)) < 2e-15


def test_saved_times_do_not_change_a_trajectory():
    starts = np.random.default_rng(1).normal(20.0, 1.0, size=(20, 3))
    system = kernel(lorenz, 10.0, 28.0, 8.0 / 3.0)
    dense = solve(system, np.linspace(0.0, 2.0, 401), starts, method="taylor", rtol=1e-10)
    few = solve(system, [0.0, 0.5, 2.0], starts, method="taylor", rtol=1e-10)
    assert_array_equal(dense.states[:, [0, 100, 400]], few.states)
    fine = solve(system, np.linspace(0.0, 2.0, 401), starts, method="dop853", rtol=1e-13, atol=1e-13)
    assert_allclose(dense.states, fine.states, atol=1e-7)


def run(rhs, theta, starts, duration, width, rtol=1e-12, threads=1):
    out = np.empty((len(starts), 3, starts.shape[1]))
    schedule = Schedule(np.linspace(0.0, duration, 3), np.ones(2, np.int64), np.full(2, rtol), 10**6)
    problem = Problem({"rhs": rhs}, np.array([theta]), starts.shape[1])
    status, _ = integrate("taylor", problem, schedule, Starts(starts, np.arange(len(starts))), out, threads, width)
    assert not status.any()
    return out


@pytest.mark.parametrize("width", [1, 2, 8, 16])
def test_bits_do_not_depend_on_the_width(width):
    starts = np.random.default_rng(2).normal(size=(70, 2))
    expected = run(pendulum, [0.0], starts, 3.0, 4)
    assert_array_equal(run(pendulum, [0.0], starts, 3.0, width), expected)


def test_bits_depend_on_neither_threads_nor_company():
    starts = np.random.default_rng(3).normal(size=(300, 2))
    system = kernel(pendulum)
    whole = solve(system, [0.0, 1.0, 4.0], starts, method="taylor", threads=1).states
    assert_array_equal(solve(system, [0.0, 1.0, 4.0], starts, method="taylor", threads=3).states, whole)
    some = np.array([140, 3, 77, 299])
    assert_array_equal(solve(system, [0.0, 1.0, 4.0], starts[some], method="taylor").states, whole[some])


def test_tables_and_lines_give_the_same_bits(monkeypatch):
    starts = 8.0 + np.random.default_rng(4).normal(size=(5, 6))
    written = run(lorenz96, [8.0], starts, 1.0, 4)
    monkeypatch.setattr(taylor, "SHORT", 0)
    assert_array_equal(run(lorenz96, [8.0], starts, 1.0, 4), written)


def test_swept_parameters_and_lanes_that_are_refilled():
    rates = np.linspace(-2.0, 2.0, 101)
    swept = Kernel("field", (growth,), rates[:, None])
    found = solve(swept, [0.0, 1.0, 3.0], np.ones((101, 1)), method="taylor", rtol=1e-14)
    assert found.method == "taylor"
    assert_allclose(found.states[:, 1:, 0], np.exp(rates[:, None] * [1.0, 3.0]), rtol=1e-12)


def test_a_separable_kernel_and_one_that_depends_on_time():
    def velocity(t, p, theta, dq):
        dq[0] = p[0]

    def force(t, q, theta, dp):
        dp[0] = -q[0] + math.sin(2.0 * t)

    system = Kernel("separable", (velocity, force), NOTHING)
    t = np.linspace(0.0, 10.0, 11)
    found = solve(system, t, [[0.0, 0.0]], method="taylor", rtol=1e-14).states[0, :, 0]
    assert_allclose(found, (2.0 * np.sin(t) - np.sin(2.0 * t)) / 3.0, atol=1e-13)


def test_series_with_gaps_and_solutions_that_stand_still():
    def gaps(t, y, theta, dy):
        dy[0] = t**3 * y[0]  # at t = 0 only every fourth coefficient is not zero
        dy[1] = 0.0
        dy[2] = 1.0

    found = solve(kernel(gaps), [0.0, 2.0], [[1.0, 5.0, 0.0]], method="taylor", rtol=1e-10).states[0, 1]
    assert_allclose(found, [math.exp(4.0), 5.0, 2.0], rtol=1e-8)


def test_steps_are_limited_and_bad_starts_are_named():
    starts = [[1.0, 2.0, 20.0], [np.nan, 0.0, 0.0]]
    solution = solve(kernel(lorenz, 10.0, 28.0, 8.0 / 3.0), [0.0, 50.0], starts, method="taylor", max_steps=20)
    assert solution.status.tolist() == [Status.STEP_LIMIT, Status.INVALID_INPUT]
    assert np.isnan(solution.states[0, 1]).all()


def test_the_edge_of_the_domain_is_a_status():
    def root(t, y, theta, dy):
        dy[0] = -1.0 / y[0]  # y = sqrt(1 - 2 t)

    solution = solve(kernel(root), [0.0, 0.4, 0.6], [[1.0]], method="taylor", rtol=1e-12)
    assert_allclose(solution.states[0, 1, 0], math.sqrt(0.2), rtol=1e-10)
    assert solution.status[0] == Status.DIVERGED


def test_functions_that_have_no_series_are_refused_with_advice():
    def bends(t, y, theta, dy):
        dy[0] = abs(y[0])

    def branches(t, y, theta, dy):
        dy[0] = 1.0 if y[0] > 0.0 else -1.0

    for rhs, reason in ((bends, "no Taylor series"), (branches, "branches on a value")):
        with pytest.raises(ValueError, match=f"{rhs.__name__}.*{reason}.*dop853"):
            solve(kernel(rhs), [0.0, 1.0], [[1.0]], method="taylor")
