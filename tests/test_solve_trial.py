"""Functions that slip are named before they are compiled; those that do not are left alone."""

import math
import sys
import types
from random import gauss as lottery

import numba
import numpy as np
import pytest

import dynsamp as ds
from dynsamp.kernels.jit import compiled, inner
from dynsamp.kernels.problem import Problem
from dynsamp.solve import Event, Kernel, field_values, scalar_values, solve
from dynsamp.solve.kernel import as_problem, jacobian_values
from dynsamp.solve.trial import SlipError, try_out
from dynsamp.testing import CheckFailure
from dynsamp.testing.contract import check_pure

TIMES = np.array([0.0, 0.5, 1.0])
STARTS = np.array([[1.0, 2.0, 3.0], [0.5, 0.2, 0.1], [0.0, 0.0, 0.0]])
THETA = np.array([1.0, 2.0])


def decay(t, y, theta, dy):
    for i in range(3):
        dy[i] = -y[i]


def no_drift(t, y, theta, dy):
    dy[0] = dy[1] = 0.0


def unit(t, y, theta, g):
    for i in range(3):
        g[i] = 1.0


def rate(t, y, theta):
    return 1.0


def field(rhs, **more):
    return Kernel("field", (rhs,), THETA, **more)


def sde(drift, diffusion, *jumps, noise="diagonal", marks=1):
    return Kernel("sde", (drift, diffusion, *jumps), THETA, noise=noise, marks=marks)


def run(kernel, starts=STARTS, **options):
    return solve(kernel, TIMES, starts, **options)


# --- wrong ones: each with the end of its sentence


def gives_back(t, y, theta, dy):
    return -y


def writes_nothing(t, y, theta, dy):
    dy = np.zeros(3)  # noqa: F841


def writes_some(t, y, theta, dy):
    dy[0], dy[2] = y[1], y[0]


def adds(t, y, theta, dy):
    for i in range(3):
        dy[i] += y[i]


def goes_beyond(t, y, theta, dy):
    for i in range(4):
        dy[i] = 0.0


def goes_far_beyond(t, y, theta, dy):
    dy[10**9] = 0.0


def goes_below(t, y, theta, dy):
    dy[-4] = 0.0


def reads_beyond(t, y, theta, dy):
    for i in range(3):
        dy[i] = y[i + 1]


def reads_theta_beyond(t, y, theta, dy):
    for i in range(3):
        dy[i] = theta[i]


@inner
def put(dy, count):
    for i in range(count):
        dy[i] = 0.0


def helper_goes_beyond(t, y, theta, dy):
    put(dy, 5)


def calls_itself(t, y, theta, dy):
    calls_itself(t, y, theta, dy)


@numba.njit
def deeper(x):
    return deeper(x + 1.0)


def helper_calls_itself(t, y, theta, dy):
    dy[0] = deeper(y[0])


def changes_y(t, y, theta, dy):
    y[1] = max(y[1], 0.0)  # the same value at these starts
    for i in range(3):
        dy[i] = -y[i]


def changes_y_as_a_whole(t, y, theta, dy):
    y *= 0.5
    for i in range(3):
        dy[i] = -y[i]


def changes_theta(t, y, theta, dy):
    theta[0] *= 0.999
    for i in range(3):
        dy[i] = -y[i]


def has_no_value(t, y, theta, dy):
    if y[0] > 1e9:
        a = 1.0
    for i in range(3):
        dy[i] = a


def misses_an_argument(t, y, theta):
    return -y


def writes_on_one_side(t, y, theta, dy):
    dy[0] = dy[1] = 0.0
    if y[0] > 0.7:  # true at the first start
        dy[2] = 0.0


TABLE = np.arange(5.0)


def overruns_a_table(t, y, theta, dy):
    for i in range(3):
        dy[i] = TABLE[int(10 * y[i])]


def too_long(t, y, theta, dy):
    dy[:] = np.zeros(4)


def of_another_order(t, y, dy, theta):
    for i in range(2):
        dy[i] = y[i] * theta[i]


def of_scipys_order(y, t, theta, dy):
    for i in range(3):
        dy[i] = -y[i]


def ends_the_program(t, y, theta, dy):
    sys.exit(0)


def draws(t, y, theta, dy):
    for i in range(3):
        dy[i] = np.random.rand()  # noqa: NPY002


def helper_draws(t, y, theta, dy):
    for i in range(3):
        dy[i] = y[i] + 0.0 * lottery(0.0, 1.0)


def prints(t, y, theta, dy):
    for i in range(3):
        dy[i] = y[i]
    print(t)


def writes_a_text(t, y, theta, dy):
    for i in range(3):
        dy[i] = "a"


def writes_a_complex_number(t, y, theta, dy):
    for i in range(3):
        dy[i] = 1j * y[i]


def writes_none(t, y, theta, dy):
    for i in range(3):
        dy[i] = None


WRONG_FIELDS = [
    (ends_the_program, "ends the program (sys.exit)"),
    (draws, "draws random numbers, which no seed repeats"),
    (helper_draws, "draws random numbers, which no seed repeats"),
    (prints, "prints, at every step"),
    (writes_a_text, "writes 'a' into dy[0]; give a real number"),
    (writes_a_complex_number, "writes 1j into dy[0]; give a real number"),
    (writes_none, "writes None into dy[0]; give a real number"),
    (gives_back, "returns its result and writes nothing into dy"),
    (writes_nothing, "writes nothing into dy"),
    (writes_some, "leaves dy[1] unwritten"),
    (adds, "reads dy[0], dy[1], dy[2] before writing it"),
    (goes_beyond, "writes dy[3], but dy has 3 components, dy[0] to dy[2]"),
    (goes_far_beyond, "writes dy[1000000000], but dy has 3 components"),
    (goes_below, "writes dy[-4], but dy has 3 components"),
    (reads_beyond, "reads y[3], but y has 3 components, y[0] to y[2]"),
    (reads_theta_beyond, "reads theta[2], but theta has 2 components, theta[0] and theta[1]"),
    (helper_goes_beyond, "writes dy[3], but dy has 3 components"),
    (calls_itself, "calls itself without end"),
    (helper_calls_itself, "calls itself without end"),
    (changes_y, "writes into y[1], which is not its own"),
    (changes_y_as_a_whole, "writes into an argument which is not its own"),
    (changes_theta, "writes into theta[0], which is not its own"),
    (has_no_value, "raises UnboundLocalError"),
    (misses_an_argument, "cannot be called with (t, y, theta, dy)"),
    (writes_on_one_side, "leaves dy[2] unwritten"),
    (overruns_a_table, "raises IndexError"),
    (of_another_order, "writes into theta[0], which is not its own"),
    (of_scipys_order, "takes a number for an array; its arguments are (t, y, theta, dy), in this order"),
    (too_long, "writes a value of shape (4,) into dy[:]"),
]


def refused(function, sentence, action):
    with pytest.raises(SlipError) as error:
        action()
    assert str(error.value).startswith(f"the function {function.__name__!r} {sentence}")


@pytest.mark.parametrize(("rhs", "sentence"), WRONG_FIELDS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_field_that_slips_is_named(rhs, sentence):
    refused(rhs, sentence, lambda: run(field(rhs)))
    refused(rhs, sentence, lambda: field_values(field(rhs), 0.0, STARTS))
    law = ds.ODESystem(
        name="slips",
        states=[ds.State(name) for name in "abc"],
        parameters={"a": 1.0, "b": 2.0},
        rhs=rhs,
        initial=STARTS,
    )
    with pytest.raises(CheckFailure) as failure:
        check_pure(law)
    assert sentence in str(failure.value)


def names_its_slips():
    def velocity(t, p, theta, dq):
        for i in range(4):
            dq[i] = p[i]

    def force(t, q, theta, dp):
        dp[0] = dp[1] = -q[2]

    def halves(t, p, theta, dq):
        dq[0], dq[1] = p[0], p[1]

    def more_noise(t, y, theta, g):
        g[0, 0] += 1.0

    def jump(t, y, theta, z, dy):
        for i in range(3):
            dy[i] = z[i]

    def no_rate(t, y, theta):
        theta[0] + y[0]

    def step(t, y, theta, out):
        for i in range(3):
            y[i] = out[i] = 0.5 * y[i]

    def noisy(t, y, theta, xi, out):
        for i in range(3):
            out[i] = xi[i]

    def late(t, y, theta, z, dy):
        past = z[0]
        for i in range(3):
            dy[i] = past[i + 1]

    def later(t, y, theta, z, dy):
        dy[0] = dy[1] = dy[2] = z[1, 0]

    def steered(t, y, theta, u, dy):
        for i in range(3):
            dy[i] = u[i]

    def slopes(t, y, theta, jac):
        for i in range(4):
            jac[i, i] = -1.0

    def nowhere(t, y, theta):
        y[0] - 1.0

    def elsewhere(t, y, theta):
        return y[7]

    def energy(t, y, theta):
        y[2] = 0.0
        return y[0]

    def energies(t, y, theta):
        return y * y

    pairs = np.ones((2, 4))
    signal = (TIMES[[0, -1]], np.zeros((1, 2, 1)))
    separable = lambda v, f: Kernel("separable", (v, f), THETA, hamiltonian=True)  # noqa: E731
    past = {"delays": (0.3,), "history": "start"}
    watch = lambda *events: run(field(decay), events=[Event(event) for event in events])  # noqa: E731
    return [
        (velocity, "reads p[2], but p has 2 components", lambda: run(separable(velocity, force), pairs)),
        (force, "reads q[2], but q has 2 components", lambda: run(separable(halves, force), pairs)),
        (more_noise, "reads g[0, 0] before writing it", lambda: run(sde(decay, more_noise, noise=2))),
        (unit, "writes g[2], but g has the shape (2, 3)", lambda: run(sde(halves, unit, noise=3), STARTS[:, :2])),
        (no_rate, "returns nothing; return a number", lambda: run(sde(decay, unit, no_rate, jump))),
        (jump, "reads z[2], but z has 2 components", lambda: run(sde(decay, unit, rate, jump, marks=2))),
        (step, "writes into y[0]", lambda: run(Kernel("map", (step,), THETA, dt=0.5))),
        (noisy, "reads xi[2], but xi has 2", lambda: run(Kernel("map", (noisy,), THETA, dt=0.5, noise=2))),
        (late, "reads z[0][3], but z[0] has 3 components, z[0][0] to z[0][2]", lambda: run(field(late, **past))),
        (later, "reads z[1, 0], but z has the shape (1, 3)", lambda: run(field(later, **past))),
        (steered, "reads u[1], but u has one component", lambda: run(field(steered, inputs=(True,)), inputs=signal)),
        (slopes, "writes jac[3, 3], but jac", lambda: run(field(decay, jacobian=slopes), method="radau5")),
        (slopes, "writes jac[3, 3]", lambda: jacobian_values(field(decay, jacobian=slopes), 0.0, STARTS)),
        (nowhere, "returns nothing", lambda: watch(nowhere)),
        (elsewhere, "reads y[7]", lambda: watch(rate, elsewhere)),
        (energy, "writes into y[2]", lambda: scalar_values(energy, 0.0, STARTS, THETA)),
        (energies, "returns a ndarray; return one number", lambda: scalar_values(energies, 0.0, STARTS, THETA)),
        (writes_some, "leaves dy[1] unwritten", lambda: run(field(writes_some), method="taylor")),
        (elsewhere, "reads y[7]", lambda: ds.HamiltonianSystem(name="h", states=[ds.State("q"), ds.State("p")],
                                                               hamiltonian=elsewhere)),
        (decay, "reads y[2], but y has 2 components", lambda: run(field(decay), STARTS[:, :2])),
    ]  # fmt: skip


SLIPS = names_its_slips()


@pytest.mark.parametrize("number", range(len(SLIPS)), ids=[function.__name__ for function, _, _ in SLIPS])
def test_functions_of_every_kind_are_tried(number):
    refused(*SLIPS[number])


def test_entries_of_a_matrix_may_be_left_zero_but_not_in_a_system_that_is_checked():
    def correlated(t, y, theta, g):
        g[0, 0], g[1, 0], g[1, 1] = 1.0, 0.6, 0.8

    states = [ds.State("a"), ds.State("b")]
    law = ds.SDESystem(name="pair", states=states, drift=no_drift, diffusion=correlated, noise=2)
    try_out(as_problem(law.kernel(), 2, 3, None, None), TIMES, STARTS[:, :2], starts=True)
    with pytest.raises(CheckFailure, match=r"'correlated' leaves g\[0, 1\] unwritten"):
        check_pure(law)


def test_other_sizes_and_other_surroundings_are_tried_again():
    space = {"TABLE": np.ones(3)}
    exec("def rhs(t, y, theta, dy):\n    for i in range(3):\n        dy[i] = TABLE[i] * theta[1]", space)
    run(field(space["rhs"]))
    refused(space["rhs"], "reads theta[1]", lambda: solve(Kernel("field", (space["rhs"],), THETA[:1]), TIMES, STARTS))
    space["TABLE"] = np.ones(2)
    refused(space["rhs"], "raises IndexError", lambda: run(field(space["rhs"])))


def test_a_longer_run_is_tried_again():
    def by_the_second(t, y, theta, dy):
        dy[0] = dy[1] = dy[2] = TABLE[int(t)]

    problem = as_problem(field(by_the_second), 3, 3, None, None)
    for _ in range(2):
        try_out(problem, 5 * TIMES, STARTS, starts=True)
        refused(by_the_second, "raises IndexError", lambda: try_out(problem, 6 * TIMES, STARTS, starts=True))


def test_what_raises_is_named_when_it_runs():
    def refuses(t, y, theta, dy):
        raise ValueError("not here")

    with pytest.raises(RuntimeError, match="the function 'refuses' raised ValueError: not here"):
        run(field(refuses))


def test_a_slip_that_no_start_reaches_is_not_invented():
    def rhs(t, y, theta, dy):
        dy[0] = y[9]

    try_out(as_problem(field(rhs), 3, 2, None, None), TIMES, np.full((2, 3), np.nan), starts=True)


# --- right ones, of every make


helpers = types.ModuleType("helpers")
helpers.square = inner(lambda x: x * x)
helpers.deep = types.SimpleNamespace(factor=2.0)
SQUARES = (helpers.square, helpers.square)


@compiled
def factorial(n):
    return 1.0 if n < 1.5 else n * factorial(n - 1.0)


def from_the_end(t, y, theta, dy):
    dy[-1], dy[-2], dy[-3] = y[-2], y[-3], theta[-1]


def at_once(t, y, theta, dy):
    dy[0:10] = -y[0:10] * theta[0]


def zero_first(t, y, theta, dy):
    dy.fill(0.0)
    for i in range(3):
        dy[i] += y[i]


def own_copy(t, y, theta, dy):
    x, w = y.copy(), 2 * y
    x[0] = w[1] = 5.0
    for i in range(3):
        dy[i] = x[i] + w[i]


def outside_its_domain(t, y, theta, dy):
    for i in range(3):
        dy[i] = math.log(y[i] - 10.0) + 1.0 / t + math.sqrt(-1.0 - y[i])


def not_a_number(t, y, theta, dy):
    for i in range(3):
        dy[i] = np.nan


def undefined_division(t, y, theta, dy):
    for i in range(3):
        dy[i] = 1 / (int(y[i]) - int(y[i]))


def integer_of_nan(t, y, theta, dy):
    for i in range(3):
        dy[i] = int(math.log(y[i] - 10.0))


def with_helpers(t, y, theta, dy):
    for i in range(3):
        dy[i] = helpers.square(y[i]) * helpers.deep.factor + SQUARES[1](y[i]) + factorial(9.0)


def in_a_loop_of_values(t, y, theta, dy):
    for i, x in enumerate(y):
        dy[i] = -x


def with_a_result(t, y, theta, dy):
    dy[:] = -y
    return dy


def through_a_matrix(t, y, theta, dy):
    np.dot(np.eye(3), y, dy)


def with_a_branch(t, y, theta, dy):
    for i in range(3):
        dy[i] = 0.0
    if y[0] < 0.7:
        return
    dy[0] = 1.0


def until_the_end(t, y, theta, dy):
    for i in range(3):
        dy[i] = TABLE[int(4.99 * t)]


def of_other_arguments(*arguments):
    for i in range(3):
        arguments[3][i] = arguments[1][i]


RIGHT = [
    from_the_end, at_once, zero_first, own_copy, outside_its_domain, not_a_number, undefined_division, integer_of_nan,
    with_helpers, in_a_loop_of_values, with_a_result, through_a_matrix, with_a_branch, until_the_end,
    of_other_arguments, numba.njit(at_once),
]  # fmt: skip


@pytest.mark.parametrize("rhs", RIGHT, ids=lambda rhs: rhs.__name__)
def test_a_right_field_is_left_alone(rhs):
    try_out(as_problem(field(rhs), 3, 3, None, None), TIMES, STARTS, starts=True)


@pytest.mark.parametrize(
    "scalar",
    [
        lambda t, y, theta: y[0] > 0,
        lambda t, y, theta: np.sum(y**2),
        lambda t, y, theta: 1,
        lambda t, y, theta: np.where(y[0] > 0, 1.0, y[1]),
        lambda t, y, theta: max(y[0], y[1], 0.0),
    ],
)
def test_a_number_is_a_number(scalar):
    try_out(Problem({"scalar": scalar}, THETA[None], 3), np.zeros(3), STARTS)


def test_a_large_system_is_tried_in_part():
    def pairwise(t, y, theta, dy):
        for i in range(len(y)):
            dy[i] = 0.0
            for j in range(len(y)):
                dy[i] += y[j] - y[i]

    problem = Problem({"rhs": pairwise}, THETA[None], 5000)  # 25 million pairs
    try_out(problem, TIMES, np.ones((1, 5000)), starts=True)
