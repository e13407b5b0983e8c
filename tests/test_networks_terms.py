import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.networks.terms import mentions, parse, parse_all
from dynsamp.solve import field_values
from dynsamp.words import State

FORMULAS = {
    "cos(3*q)": lambda q, p: np.cos(3 * q),
    "q**2 * p - 2*p": lambda q, p: q**2 * p - 2 * p,
    "1 / (4 + q**2)": lambda q, p: 1 / (4 + q**2),
    "exp(-(q - p)) + log(5 + q)": lambda q, p: np.exp(p - q) + np.log(5 + q),
    "sqrt(q**2 + p**2 + 1)": lambda q, p: np.sqrt(q**2 + p**2 + 1),
    "-tanh(q / 2)**3 + sin(pi*p)": lambda q, p: -(np.tanh(q / 2) ** 3) + np.sin(np.pi * p),
    "(2 + q*q)**-1.5": lambda q, p: (2 + q * q) ** -1.5,
    "+q - 2**3": lambda q, p: q - 8.0,
}


@pytest.mark.parametrize("text", FORMULAS)
def test_values_and_derivatives(text):
    x = np.random.default_rng(0).uniform(-2, 2, (30, 2))
    term, step = parse(text, ["q", "p"]), 1e-5
    assert_allclose(term.value(x), FORMULAS[text](*x.T), rtol=1e-14)
    gradient, hessian = term.gradient(x), term.hessian(x)
    for k in range(2):
        shift = step * np.eye(2)[k]
        assert_allclose(gradient[:, k], (term.value(x + shift) - term.value(x - shift)) / (2 * step), atol=1e-8)
        assert_allclose(hessian[:, k], (term.gradient(x + shift) - term.gradient(x - shift)) / (2 * step), atol=1e-7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cos(x)", "unknown name 'x'"),
        ("q**p", "exponent"),
        ("gamma(q)", "unknown function 'gamma'"),
        ("q +", "not a formula"),
        ("q.real", "contains"),
        ("__import__('os')", "unknown function"),
        ("[q for q in p]", "contains"),
        ("q if p else 1", "contains"),
        ("cos(q, p)", "contains"),
        ("True", "contains"),
        ("(" * 600 + "q" + ")" * 600, "formula"),
        ("9**9**9**9 * q**2 * (", "not a formula"),
        ("1" + 400 * "0", "no float holds"),
    ],
)
def test_what_is_not_a_formula_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(text, ["q", "p"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9**9**9", "not finite"),
        ("10**400*q", "not finite"),
        ("1/0*q", "not finite"),
        ("(-8)**0.5*q", "not finite"),
        ("1e400*q", "not finite"),
        ("q/(p-p)**0*0/0", "not finite"),
        ("*".join(490 * ["q"]), "more than 900 operations"),
        ("sin(" * 190 + "q" + ")" * 190, "more than 900 operations"),
        ("*".join(f"cos({k}*q)" for k in range(1, 60)), "more than 900 operations"),
        ("q**p**q", "exponent"),
        ("q\x00", "not a formula"),
        ("q\u202e+p)", "not a formula"),
        ("1j*q", "contains '1j'"),
        ("q" * 2000, "at most 1000 characters"),
        (3, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_computed_or_compiled_is_refused_at_once(text, message):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=message) as error:
        parse(text, ["q", "p"])
    assert time.perf_counter() - start < 1.0
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_whole_powers_are_products():
    assert "power" not in {node.operation for node in parse("q**40 + q**-3", ["q", "p"]).formula.graph.nodes}


def test_many_terms_are_counted_together():
    parse_all([f"cos({k}*q)" for k in range(60)], ["q", "p"])
    with pytest.raises(ValueError, match="1000 terms are more than can be compiled"):
        parse_all([f"cos({k}*q)" for k in range(1000)], ["q", "p"])


@pytest.mark.parametrize(
    "text", ["log(y0)", "1 / (y0 - y0)", "exp(y0 * 1e5)", "sqrt(y0)", "y0**0.5", "(y0 + 1e-320)**-1e6"]
)
def test_a_term_without_a_value_on_the_data_is_refused_before_the_fit(text):
    with pytest.raises(ValueError, match=r"is not finite at y0 = .*divides by zero, or takes a root"):
        HamiltonianNetwork(terms=[text]).fit(points(50))


def test_a_law_with_a_singularity_that_no_orbit_reaches_is_a_term():
    term, box = parse("1 / sqrt(q**2 + p**2)", ["q", "p"]), np.array([1.0, 1.0])
    term.check_within(-box, box)
    with pytest.raises(ValueError, match="not finite at q = 0"):
        parse("1 / q", ["q", "p"]).check_within(0 * box, box)
    with pytest.raises(ValueError, match="not finite"):
        parse("log(q - p - 3)", ["q", "p"]).check_within(-box, box)


@pytest.mark.parametrize("text", ["1 / q", "q**-3", "cos(q) / sin(q)", "1e-20 / q", "p / (q - 0.3)", "1 / (q - p)"])
def test_no_data_lie_on_both_sides_of_a_pole(text):
    points = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    term = parse(text, ["q", "p"])
    with pytest.raises(ValueError, match="a pole between points of the data, which nothing crosses; fit the data of"):
        term.check_at(points)
    term.check_at(np.abs(points) * [1, -1] + [0.4, 0.1 - 0.4])


@pytest.mark.parametrize("text", ["sin(q) / q", "tanh(q) / q * p", "1 / q**2", "1 / sqrt(q**2 + p**2)", "1 / (2 + q)"])
def test_a_divisor_may_pass_zero_where_no_trajectory_is_stopped(text):
    parse(text, ["q", "p"]).check_at(np.linspace(-1, 1, 50)[:, None] * [1, 0.5])


def test_mentions():
    term = parse("cos(q) + 0*p", ["q", "p"])
    assert mentions(term, [0])
    assert not mentions(term, [1])


def gradient(y):  # of H = p^2 / 2 + 0.7 cos 3q + 2 / (4 + q^2)
    q, p = y.T
    return np.stack([-2.1 * np.sin(3 * q) - 4 * q / (4 + q**2) ** 2, p], axis=1)


def points(count):
    y = np.random.default_rng(0).uniform(-2, 2, (count, 2))
    g = gradient(y)
    dy = np.stack([g[:, 1], -g[:, 0]], axis=1)
    return Samples(np.zeros((count, 1)), y[:, None], (State("y0", conjugate="y1"), State("y1")), dy=dy[:, None])


@pytest.mark.parametrize("separable", [False, True])
def test_known_terms_get_their_coefficients_and_forecast(separable):
    data = points(300)
    terms = ["cos(3*y0)", "1 / (4 + y0**2)"]
    model = HamiltonianNetwork(terms=terms, separable=separable).fit(data)
    assert_allclose(model.term_coefficients, [0.7, 2.0], rtol=1e-10)
    y = np.random.default_rng(1).uniform(-5, 5, (20, 2))  # beyond the data
    g = gradient(y)
    field = np.stack([g[:, 1], -g[:, 0]], axis=1)
    assert_allclose(model.vector_field(y), field, rtol=1e-9, atol=1e-9)
    assert_allclose(field_values(model.kernel(), np.zeros(20), y), field, rtol=1e-9, atol=1e-9)
    step = 1e-5
    for k in range(2):
        shift = step * np.eye(2)[k]
        slope = (model.vector_field(y + shift) - model.vector_field(y - shift)) / (2 * step)
        assert_allclose(model.jacobian(y)[:, :, k], slope, atol=1e-6)


def test_a_sum_of_many_terms_is_flat():
    data = points(300)
    summands = [f"cos({k} * y0 + {k})" for k in range(1, 41)]
    model = HamiltonianNetwork(terms=["cos(3*y0)", "1 / (4 + y0**2)", " + ".join(summands)], width=0).fit(data)
    y = np.random.default_rng(1).uniform(-2, 2, (20, 2))
    g = gradient(y)
    assert_allclose(field_values(model.kernel(), np.zeros(20), y), np.stack([g[:, 1], -g[:, 0]], axis=1), atol=1e-8)
    assert_allclose(field_values(model.kernel(), np.zeros(20), y), model.vector_field(y), rtol=1e-10, atol=1e-10)


def test_a_term_that_mixes_q_and_p_is_not_separable():
    with pytest.raises(ValueError, match="separable=False"):
        HamiltonianNetwork(terms=["y0 * y1"], separable=True).fit(points(50))


def test_a_term_that_is_not_finite_at_the_data():
    data = points(50)
    with pytest.raises(ValueError, match="not finite at"):
        HamiltonianNetwork(terms=["log(y0)"]).fit(data)
