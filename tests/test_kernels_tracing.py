"""Traced graphs against the functions that they record, mpmath and closed forms; refusals; derived functions."""

import inspect
import math
import pickle

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp import HamiltonianSystem, State
from dynsamp.kernels.jit import fingerprint
from dynsamp.kernels.simd import fma, select
from dynsamp.kernels.simd.functions import sech2, sincos
from dynsamp.kernels.tracing import (
    UntraceableError,
    derived_jacobian,
    derived_motion,
    derived_rhs,
    derived_separable,
    trace,
    traced_jacobian,
)
from dynsamp.kernels.tracing.source import assignments, built
from dynsamp.solve import Kernel, field_values, jacobian_values, solve

RNG = np.random.default_rng(7)
SCALE = 1.5


@numba.njit
def helper(x):
    return SCALE * np.sin(x) ** 2


def plain_helper(x, factor=2.0):
    return factor * helper(x)


def varied(t, y, theta, dy):
    a, b, c = y[0], y[1], y[2]
    rest = y[1:]
    r = math.sqrt(a * a + b**2 + 1.0)
    s, co = sincos(c)
    dy[0] = plain_helper(a) + math.exp(-t) * abs(b) / r**3 - theta[0] * math.atan2(b, a)
    dy[1] = np.where(rest[1] > theta[1], np.log(2.0 + np.tanh(a)), max(a, b)) + min(s, co, 0.25)
    dy[2] = fma(a, b, sech2(c)) + select(a < b, a, 2.0) + np.hypot(a, b) - np.arctan(c) * np.cosh(0.1 * a)
    for k in range(3):
        dy[2] += k * theta[k] * y[k] ** k + np.power(1.0 + a * a, 0.3) + float(np.expm1(0.1 * b)) - np.log1p(b * b)


def regraph(function, dim):
    """The function that the graph of a function says it is."""
    found = trace(function, dim)
    targets = {f"dy[{i}]": node for i, node in enumerate(found.outputs)}
    return built("again", ("t", "y", "theta", "dy"), "Again.", assignments(found.graph, targets))


def values(function, t, y, theta, shape=None):
    out = np.full(len(y) if shape is None else shape, np.nan)
    function(t, y, theta, out)
    return out


def test_a_graph_computes_what_the_function_computes():
    again = regraph(varied, 3)
    for _ in range(50):
        t, y, theta = RNG.normal(), RNG.normal(size=3), RNG.normal(size=3)
        assert_allclose(values(again, t, y, theta), values(varied, t, y, theta), rtol=1e-13)


def test_equal_expressions_are_one_node_and_constants_are_folded():
    def function(t, y, theta, dy):
        dy[0] = np.sin(y[0] * y[1]) + (2.0 * 3.0 - 1.0) * y[0]
        dy[1] = np.sin(y[1] * y[0]) * (1.0 * y[1] + 0.0)

    graph = trace(function, 2).graph
    operations = [node.operation for node in graph.nodes]
    assert operations.count("sin") == 1
    assert 5.0 in [node.value for node in graph.nodes]
    assert operations.count("add") == 1


def test_loops_slices_and_inner_functions_are_recorded():
    def lorenz96(t, y, theta, dy):
        n = len(y)
        for i in range(n):
            dy[i] = (y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + theta[0]

    def vectors(t, y, theta, dy):
        work = np.zeros(2)
        work[:] = y[:2] * 2.0
        dy[:2] = y[2:] + np.sin(work)
        dy[2:] = -np.sum(y[:2])

    y, theta = RNG.normal(size=7), np.array([8.0])
    assert_allclose(values(regraph(lorenz96, 7), 0.0, y, theta), values(lorenz96, 0.0, y, theta), rtol=1e-14)
    assert_allclose(values(regraph(vectors, 4), 0.0, y[:4], theta), values(vectors, 0.0, y[:4], theta), rtol=1e-14)


def branches(t, y, theta, dy):
    dy[0] = y[0] if y[0] > 0.0 else 1.0


def hidden(t, y, theta, dy):
    try:
        dy[0] = math.floor(y[0]) if y[0] else 0.0
    except TypeError:
        dy[0] = 0.0


def rounds(t, y, theta, dy):
    dy[0] = 0.0
    for k in range(int(theta[0])):
        dy[0] += k * y[0]


def indexes(t, y, theta, dy):
    dy[0] = y[theta[0]]


def counts(t, y, theta, dy):
    dy[0] = y[0] * len(theta)


def unknown(t, y, theta, dy):
    dy[0] = math.gamma(y[0])


def draws(t, y, theta, dy):
    dy[0] = y[0] + np.random.normal()  # noqa: NPY002


def forgets(t, y, theta, dy):
    dy[0] = y[0]


def writes(t, y, theta, dy):
    y[0] = 0.0
    dy[0] = y[0]


def loops(t, y, theta, dy):
    while dy[0] != y[0]:
        dy[0] = y[0]


def contains(t, y, theta, dy):
    dy[0] = 1.0 if y[0] in (0.0, 1.0) else 2.0


def many(t, y, theta, dy):
    dy[0] = theta[600] * y[0]


@pytest.mark.parametrize(
    ("function", "dim", "reason"),
    [
        (branches, 1, "np.where"),
        (hidden, 1, "np.where"),
        (rounds, 1, "number of rounds"),
        (indexes, 1, "IndexError"),
        (counts, 1, "length of theta"),
        (unknown, 1, "math.gamma"),
        (draws, 1, "numpy.random"),
        (forgets, 2, "component 1 of its result unset"),
        (writes, 1, "read-only"),
        (loops, 1, "NoneType|np.where"),
        (contains, 1, "np.where"),
        (many, 1, "very many parameters"),
        (sum, 1, "no Python function"),
    ],
)
def test_what_a_graph_cannot_say_is_refused_with_the_reason(function, dim, reason):
    with pytest.raises(UntraceableError, match=reason):
        trace(function, dim)


def test_the_weights_of_a_model_are_refused():
    with pytest.raises(UntraceableError, match="4000 parameters"):
        trace(forgets, 1, 4000)


def test_tracing_leaves_the_function_as_it_was():
    before = dict(varied.__globals__)
    trace(varied, 3)
    assert varied.__globals__ == before
    assert helper(0.5) == pytest.approx(SCALE * math.sin(0.5) ** 2)


@pytest.mark.parametrize(
    "name",
    [
        *("sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan"),
        *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "absolute"),
    ],
)
def test_derivatives_of_elementary_functions_against_mpmath(name):
    mpmath = pytest.importorskip("mpmath")
    exact = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "absolute": "fabs"}.get(name, name)
    call = getattr(np, name)

    def function(t, y, theta, dy):
        dy[0] = call(y[0] * y[0] + 0.1) * y[0]

    jacobian = derived_jacobian(function, 1)
    for x in (0.15, 0.4, 0.7):
        with mpmath.workdps(40):
            slope = mpmath.diff(lambda z: getattr(mpmath, exact)(z * z + mpmath.mpf(0.1)) * z, mpmath.mpf(x))
        assert values(jacobian, 0.0, np.array([x]), np.empty(0), (1, 1))[0, 0] == pytest.approx(float(slope), rel=1e-13)


def test_jacobian_against_central_differences():
    jacobian = derived_jacobian(varied, 3)
    assert {"y", "theta", "jac"} <= set(inspect.signature(jacobian).parameters)
    for _ in range(20):
        y, theta = RNG.normal(size=3), RNG.normal(size=3)
        h = 1e-6
        columns = [
            (values(varied, 0.3, y + h * e, theta) - values(varied, 0.3, y - h * e, theta)) / (2.0 * h)
            for e in np.eye(3)
        ]
        assert_allclose(values(jacobian, 0.3, y, theta, (3, 3)), np.transpose(columns), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("x", [-1.0, 0.0])
def test_a_branch_that_is_not_taken_does_not_spoil_the_derivative(x):
    def function(t, y, theta, dy):
        dy[0] = np.where(y[0] > 0.0, np.sqrt(np.maximum(y[0], 0.0)), 2.0 * y[0])

    with np.errstate(divide="ignore", invalid="ignore"):
        found = values(derived_jacobian(function, 1), 0.0, np.array([x]), np.empty(0), (1, 1))
    assert found[0, 0] == 2.0


def test_a_power_with_a_varying_exponent():
    def function(t, y, theta, dy):
        dy[0] = y[0] ** y[1]
        dy[1] = y[0] ** theta[0]

    x, p = 1.7, 0.6
    exact = [[p * x ** (p - 1.0), math.log(x) * x**p], [2.5 * x**1.5, 0.0]]
    found = values(derived_jacobian(function, 2), 0.0, np.array([x, p]), np.array([2.5]), (2, 2))
    assert_allclose(found, exact, rtol=1e-14)


def kepler(t, y, theta):
    return 0.5 * (y[2] ** 2 + y[3] ** 2) - theta[0] / math.sqrt(y[0] ** 2 + y[1] ** 2)


def henon_heiles(t, y, theta):
    kinetic = (y[2] ** 2 + y[3] ** 2) / 2
    return kinetic + (y[0] ** 2 + y[1] ** 2) / 2 + theta[0] * (y[0] ** 2 * y[1] - y[1] ** 3 / 3)


def double_pendulum(t, y, theta):
    """Two rods of length 1 with masses 1 at their ends, gravity theta[0]."""
    c = math.cos(y[0] - y[1])
    kinetic = (y[2] ** 2 + 2.0 * y[3] ** 2 - 2.0 * y[2] * y[3] * c) / (2.0 * (2.0 - c * c))
    return kinetic - theta[0] * (2.0 * math.cos(y[0]) + math.cos(y[1]))


def test_motion_of_kepler():
    halves = derived_separable(kepler, 4)
    q, p, theta = np.array([0.6, -0.8]), np.array([0.3, 1.1]), np.array([1.7])
    assert_allclose(values(halves.velocity, 0.0, p, theta), p, rtol=0)
    assert_allclose(values(halves.force, 0.0, q, theta), -1.7 * q, rtol=1e-14)  # |q| = 1


def test_motion_of_henon_heiles():
    halves = derived_separable(henon_heiles, 4)
    theta = np.array([0.9])
    for x, y in RNG.normal(size=(20, 2)):
        force = [-x - 2.0 * 0.9 * x * y, -y - 0.9 * (x * x - y * y)]
        assert_allclose(values(halves.force, 0.0, np.array([x, y]), theta), force, rtol=1e-12)


def test_motion_of_the_double_pendulum():
    assert derived_separable(double_pendulum, 4) is None
    rhs, theta = derived_rhs(double_pendulum, 4), np.array([9.81])
    for a, b, p, q in RNG.normal(size=(20, 4)):
        # Lagrangian mechanics: angular velocities from the mass matrix, momenta from the forces
        c, s = math.cos(a - b), math.sin(a - b)
        u, w = np.linalg.solve([[2.0, c], [c, 1.0]], [p, q])
        exact = [u, w, -u * w * s - 2.0 * 9.81 * math.sin(a), u * w * s - 9.81 * math.sin(b)]
        assert_allclose(values(rhs, 0.0, np.array([a, b, p, q]), theta), exact, rtol=1e-11, atol=1e-12)


def test_separability_is_found_in_the_derivatives():
    def driven(t, y, theta):
        return 0.5 * y[1] ** 2 / theta[0] - math.cos(y[0]) * (1.0 + 0.1 * math.sin(t))

    def charged(t, y, theta):
        return 0.5 * ((y[2] + y[1]) ** 2 + (y[3] - y[0]) ** 2)

    def constrained(t, y, theta):
        return (y[1] ** 2 + y[0] ** 2) / (2.0 * theta[0])

    assert derived_separable(driven, 2) is not None
    assert derived_separable(constrained, 2) is not None
    assert derived_separable(charged, 4) is None
    assert callable(derived_motion(charged, 4))
    with pytest.raises(ValueError, match="pairs"):
        derived_rhs(driven, 3)


def test_a_derived_function_is_known_by_its_content():
    first, second = derived_rhs(double_pendulum, 4), derived_rhs(double_pendulum, 4)
    assert fingerprint(first) == fingerprint(second) != fingerprint(derived_rhs(kepler, 4))
    assert "dy[3]" in inspect.getsource(first)


def test_derived_functions_run_on_lanes_and_one_at_a_time():
    kernel = Kernel("field", (derived_rhs(double_pendulum, 4),), np.array([9.81]))
    times, starts = np.linspace(0.0, 1.0, 3), RNG.normal(size=(3, 4))
    solution = solve(kernel, times, starts, method="rk4", step=1e-3)
    assert solution.method == "rk4"
    energy = [[double_pendulum(0.0, y, [9.81]) for y in states] for states in solution.states]
    assert_allclose(energy, np.array(energy)[:, :1] * np.ones(3), rtol=1e-9)
    expected = [values(kernel.functions[0], 0.0, y, kernel.theta) for y in starts]
    assert_allclose(field_values(kernel, 0.0, starts), expected, rtol=1e-12)


def test_traced_jacobian_of_a_kernel():
    halves = derived_separable(kepler, 4)
    jacobian = traced_jacobian(halves, 4)
    y, theta = np.array([0.6, -0.8, 0.1, 0.2]), np.array([1.0])
    found = values(jacobian, 0.0, y, theta, (4, 4))
    assert_array_equal(found[:2], np.eye(4)[2:])
    tensor = 3.0 * np.outer(y[:2], y[:2]) - np.eye(2)  # of the force at |q| = 1
    assert_allclose(found[2:], np.hstack([tensor, np.zeros((2, 2))]), rtol=1e-13, atol=1e-14)
    kernel = Kernel("separable", tuple(halves), theta, jacobian=jacobian)
    assert_allclose(jacobian_values(kernel, 0.0, y[None])[0], found, rtol=1e-13, atol=1e-14)
    assert traced_jacobian((branches,), 1) is None


def test_signals_reach_the_jacobian():
    def driven(t, y, theta, u, dy):
        dy[0] = u[0] * y[0] ** 2

    jac = np.empty((1, 1))
    traced_jacobian((driven,), 1, inputs=1)(0.0, np.array([3.0]), np.empty(0), np.array([2.0]), jac)
    assert jac[0, 0] == 12.0


def oscillator(**changes):
    facts = {
        "name": "oscillator",
        "states": [State("q"), State("p")],
        "parameters": {"stiffness": 4.0},
        "hamiltonian": spring,
    }
    return HamiltonianSystem(**{**facts, **changes})


def spring(t, y, theta):
    return 0.5 * y[1] ** 2 + 0.5 * theta[0] * y[0] ** 2


def test_a_hamiltonian_is_enough():
    system = oscillator()
    assert system.separable
    solution = solve(system.kernel(), [0.0, math.pi], [[1.0, 0.0]], method="dop853")  # one period
    assert_allclose(solution.states[0, 1], [1.0, 0.0], atol=1e-7)


def test_a_system_that_only_has_a_hamiltonian_travels():
    again = pickle.loads(pickle.dumps(oscillator()))
    assert fingerprint(again.force) == fingerprint(oscillator().force)


def test_a_hamiltonian_that_cannot_be_traced_is_refused_with_the_reason():
    def wall(t, y, theta):
        return 0.5 * y[1] ** 2 + (1e3 if y[0] > 1.0 else 0.0)

    with pytest.raises(TypeError, match=r"'oscillator' needs rhs=.*hamiltonian=wall, because it branches"):
        oscillator(hamiltonian=wall)
