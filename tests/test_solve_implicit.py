"""Gauss methods and the implicit midpoint rule: orders, laws of symplectic methods, stiffness, lanes on their own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.methods import METHODS
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.solve import Kernel, solve
from dynsamp.words import Status

METHODS_GAUSS = ["implicit_midpoint", "gauss_legendre4", "gauss_legendre6", "gauss_legendre8"]


def double_pendulum(t, y, theta, dy):  # equal masses and lengths, angles and momenta: no separable Hamiltonian
    c, s = np.cos(y[0] - y[1]), np.sin(y[0] - y[1])
    inverse = 1.0 / (1.0 + s * s)
    dy[0] = (y[2] - c * y[3]) * inverse
    dy[1] = (2.0 * y[3] - c * y[2]) * inverse
    a = y[2] * y[3] * s * inverse
    b = (y[2] * y[2] + 2.0 * y[3] * y[3] - 2.0 * c * y[2] * y[3]) * (c * s) * (inverse * inverse)
    dy[2] = b - a - 2.0 * theta[0] * np.sin(y[0])
    dy[3] = a - b - theta[0] * np.sin(y[1])


def energy(y, gravity):
    a, b, p, q = np.moveaxis(y.astype(np.longdouble), -1, 0)
    c, s = np.cos(a - b), np.sin(a - b)
    return (p * p + 2 * q * q - 2 * p * q * c) / (2 * (1 + s * s)) - gravity * (2 * np.cos(a) + np.cos(b))


def rigid_body(t, y, theta, dy):  # Euler's equations: two quadratic invariants
    dy[0] = theta[0] * y[1] * y[2]
    dy[1] = theta[1] * y[2] * y[0]
    dy[2] = theta[2] * y[0] * y[1]


def prothero_robinson(t, y, theta, dy):  # y = cos t for every rate
    dy[0] = -theta[0] * (y[0] - np.cos(t)) - np.sin(t)


def springs(t, y, theta, dy):  # a stiff one and a soft one, coupled
    dy[0] = y[2]
    dy[1] = y[3]
    stretched = y[1] - y[0]
    dy[2] = theta[0] * stretched - y[0]
    dy[3] = -theta[0] * stretched - 0.1 * y[1] ** 3


def blow_up(t, y, theta, dy):
    dy[0] = y[0] * y[0]


PENDULUM = Kernel("field", (double_pendulum,), np.array([1.0]))
BODY = Kernel("field", (rigid_body,), np.array([0.5, -1.2, 0.7]))


def starts(count):
    return np.random.default_rng(4).uniform(-0.8, 0.8, size=(count, 4))


def last(kernel, y0, span, steps, method, **options):
    return solve(kernel, [0.0, span], y0, method=method, step=abs(span) / steps, **options).states[:, -1]


@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_coefficients_are_those_of_collocation_and_symplectic_to_the_last_bit(method):
    solver = METHODS[method].solver
    a, b, c = solver.MU * solver.WEIGHTS, solver.WEIGHTS, solver.NODES
    for k in range(1, solver.STAGES + 1):
        np.testing.assert_allclose(a @ c ** (k - 1), c**k / k, atol=2e-16)
    for k in range(1, solver.ORDER + 1):
        assert b @ c ** (k - 1) == pytest.approx(1.0 / k, abs=2e-16)
    np.testing.assert_array_equal(solver.MU + solver.MU.T, np.ones_like(solver.MU))


@pytest.mark.parametrize(
    ("method", "counts"),
    [
        ("implicit_midpoint", (40, 60, 80, 120)),
        ("gauss_legendre4", (20, 30, 40, 60)),
        ("gauss_legendre6", (12, 16, 24, 32)),
        ("gauss_legendre8", (6, 8, 12, 16)),
    ],
)
def test_order_measured_is_order_declared(method, counts):
    y0 = starts(3)
    exact = last(PENDULUM, y0, 2.0, 200, "gauss_legendre8")
    errors = [np.abs(last(PENDULUM, y0, 2.0, n, method) - exact).max() for n in counts]
    order = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order == pytest.approx(METHODS[method].solver.ORDER, abs=0.4)


def test_an_independent_integrator_agrees():
    times, y0 = np.linspace(0.0, 5.0, 6), starts(1)

    def rhs(t, y):
        dy = np.empty(4)
        double_pendulum(t, y, [1.0], dy)
        return dy

    theirs = solve_ivp(rhs, (0.0, 5.0), y0[0], t_eval=times, method="DOP853", rtol=1e-13, atol=1e-13).y.T
    ours = solve(PENDULUM, times, y0, method="gauss_legendre8", step=0.05).states[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_one_step_is_symplectic(method):
    # M from differences over 12 points around each component, so that their error is as small as rounding
    y0, shift, nodes = np.array([0.3, -0.4, 0.2, 0.5]), 2.0**-5, np.arange(1, 7)
    weights = np.array([6 / 7, -15 / 56, 5 / 63, -1 / 56, 1 / 385, -1 / 5544])
    moved = [y0 + sign * n * shift * e for e in np.eye(4) for n in nodes for sign in (1, -1)]
    image = last(PENDULUM, np.array(moved), 0.1, 1, method).reshape(4, 6, 2, 4)
    matrix = np.einsum("n,kni->ik", weights, image[:, :, 0] - image[:, :, 1]) / shift
    j = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    np.testing.assert_allclose(matrix.T @ j @ matrix, j, atol=1e-12)


@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_steps_back_undo_steps(method):
    y0, flip = starts(20), np.array([1.0, 1.0, -1.0, -1.0])
    there = last(PENDULUM, y0, 1.0, 10, method)
    np.testing.assert_allclose(last(PENDULUM, there * flip, 1.0, 10, method) * flip, y0, rtol=0, atol=2e-14)


@pytest.mark.parametrize("method", ["implicit_midpoint", "gauss_legendre6"])
def test_quadratic_invariants_are_kept(method):
    y = solve(BODY, np.linspace(0.0, 1000.0, 11), [[0.8, 0.6, 0.4]], method=method, step=0.1).states[0]
    for weights in ([1.2, 0.5, 0.0], [0.7, 0.0, -0.5]):
        value = y**2 @ np.array(weights)
        np.testing.assert_allclose(value, value[0], rtol=0, atol=1e-14)


def test_energy_errors_of_many_steps_are_a_random_walk_of_rounding():
    # truncation is below rounding here; compensated sums are the default
    count, steps = 16, 100_000
    times = np.linspace(0.0, steps * 0.02, 3)
    y0 = np.random.default_rng(4).uniform(-0.3, 0.3, size=(count, 4))
    values = energy(solve(PENDULUM, times, y0, method="gauss_legendre8", step=0.02).states, 1)
    error = (values[:, -1] / values[:, 0] - 1).astype(float)
    scatter = np.sqrt((error**2).mean())
    assert scatter < 3e-15
    assert abs(error.mean()) < 5.0 * scatter / np.sqrt(count)  # no drift


@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_newton_takes_over_where_sweeps_do_not_contract(method):
    times = np.linspace(0.0, 3.0, 4)
    for rate in (1e2, 1e4, 1e7):
        kernel = Kernel("field", (prothero_robinson,), np.array([rate]))
        solution = solve(kernel, times, [[1.0]], method=method, step=0.02)
        assert not solution.status.any()
        np.testing.assert_allclose(solution.states[0, :, 0], np.cos(times), atol=2e-4)


@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_a_stiff_system_may_start_at_the_origin(method):
    kernel = Kernel("field", (prothero_robinson,), np.array([1e5]))
    times = np.array([0.0, 1e-5, 1e-4])
    states = solve(kernel, times, [[0.0]], method=method, step=1e-6).states[0, :, 0]
    np.testing.assert_allclose(states, np.cos(times) - np.exp(-1e5 * times), atol=1e-3)


def test_given_jacobian_and_differences_find_the_same_stages():
    def jacobian(t, y, theta, jac):
        jac[0, 2] = jac[1, 3] = 1.0
        jac[2, 0], jac[2, 1] = -theta[0] - 1.0, theta[0]
        jac[3, 0], jac[3, 1] = theta[0], -theta[0] - 0.3 * y[1] ** 2

    y0, theta = np.array([[1.0, 1.0, 0.0, 0.2]]), np.array([1e6])
    given = solve(Kernel("field", (springs,), theta, jacobian=jacobian), [0.0, 2.0], y0, method="gauss_legendre6",
                  step=0.02)  # fmt: skip
    found = solve(Kernel("field", (springs,), theta), [0.0, 2.0], y0, method="gauss_legendre6", step=0.02)
    assert not given.status.any()
    np.testing.assert_allclose(given.states, found.states, atol=1e-9)


@pytest.mark.parametrize("method", ["implicit_midpoint", "gauss_legendre4"])
def test_a_step_without_a_solution_is_not_converged(method):
    kernel = Kernel("field", (blow_up,), np.empty(0))  # y = y0 / (1 - y0 t)
    times = np.array([0.0, 0.5, 1.5, 2.0])
    solution = solve(kernel, times, [[1.0], [0.1], [-1.0], [np.nan]], method=method, step=0.01)
    assert list(solution.status) == [Status.NOT_CONVERGED, Status.OK, Status.OK, Status.INVALID_INPUT]
    assert np.isfinite(solution.states[0, :2]).all()
    assert np.isnan(solution.states[0, 2:]).all()
    y0 = np.array([[0.1], [-1.0]])
    np.testing.assert_allclose(solution.states[1:3, :, 0], y0 / (1 - y0 * times), rtol=1e-4)


def test_bits_depend_on_neither_width_nor_company_nor_threads():
    # soft and stiff trajectories side by side: some need Newton's method, and one fails
    rng = np.random.default_rng(8)
    y0 = rng.uniform(-0.5, 0.5, size=(130, 4))
    theta = np.where(np.arange(130) % 7 == 3, 1e5, 10.0)[:, None]
    times, substeps = np.array([0.0, 0.3, 0.5, 1.5]), np.array([6, 1, 25])

    def states(width, threads, chosen=slice(None)):
        y = np.ascontiguousarray(y0[chosen])
        out = np.empty((len(y), 4, 4))
        schedule = Schedule(times, substeps, np.array([1e-9, 1e-9]), 1000, compensated=True)
        problem = Problem({"rhs": springs}, np.ascontiguousarray(theta[chosen]), 4)
        status, route = integrate(
            "gauss_legendre4", problem, schedule, Starts(y, np.arange(len(y))), out, threads, width
        )
        assert route == "gauss_legendre4"
        assert not status.any()
        return out

    whole = states(1, 1)
    np.testing.assert_array_equal(states(4, 2), whole)
    chosen = np.array([129, 3, 66, 12, 10])
    np.testing.assert_array_equal(states(4, 1, chosen), whole[chosen])


@pytest.mark.nojit
@pytest.mark.parametrize("method", METHODS_GAUSS)
def test_few_steps(method):
    kernel = Kernel("field", (prothero_robinson,), np.array([1.0]))
    states = solve(kernel, [0.0, 0.1, 0.3], [[1.0]], method=method, step=0.05).states[0]
    np.testing.assert_allclose(states[:, 0], np.cos([0.0, 0.1, 0.3]), atol=1e-4)
