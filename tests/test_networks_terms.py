import numpy as np
import pytest
from numpy.testing import assert_allclose

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.networks.terms import mentions, parse
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
