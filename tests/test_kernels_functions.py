"""Elementary functions: errors against mpmath, special values of C99, the same bits for floats and lanes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dynsamp.kernels.jit import compiled, inner
from dynsamp.kernels.simd import functions
from dynsamp.kernels.simd.arrays import lane_view
from dynsamp.kernels.simd.trigonometry import near_sincos

RNG = np.random.default_rng(2026)
COUNT = 4096
# exact function, range, largest error in ulp that the docstring states
UNARY: dict[str, tuple[Callable[[Any], Any], float, float, float]] = {
    "exp": (mpmath.exp, -745.0, 709.7, 1.0),
    "expm1": (mpmath.expm1, -50.0, 709.7, 1.9),
    "tanh": (mpmath.tanh, -20.0, 20.0, 2.6),
    "sech2": (lambda x: mpmath.sech(x) ** 2, -350.0, 350.0, 4.0),
    "sinh": (mpmath.sinh, -710.0, 710.0, 2.4),
    "cosh": (mpmath.cosh, -710.0, 710.0, 1.4),
    "log": (mpmath.log, 0.0, 1e308, 0.8),
    "log1p": (mpmath.log1p, -1.0, 1e308, 1.3),
    "log2": (lambda x: mpmath.log(x, 2), 0.0, 1e308, 1.8),
    "log10": (mpmath.log10, 0.0, 1e308, 1.8),
    "sin": (mpmath.sin, -1e12, 1e12, 0.8),
    "cos": (mpmath.cos, -1e12, 1e12, 0.8),
    "tan": (mpmath.tan, -1e12, 1e12, 2.2),
    "atan": (mpmath.atan, -1e12, 1e12, 1.3),
    "asin": (mpmath.asin, -1.0, 1.0, 2.8),
    "acos": (mpmath.acos, -1.0, 1.0, 2.1),
}
NUMPY: dict[str, Any] = {
    "sech2": lambda x: 1 / np.cosh(x) ** 2,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "pow": np.power,
}
BINARY: dict[str, tuple[Callable[[Any, Any], Any], float]] = {
    "pow": (lambda x, y: x**y, 1.1),
    "atan2": (mpmath.atan2, 2.0),
    "hypot": (lambda x, y: mpmath.sqrt(x * x + y * y), 1.9),
}
SPECIAL = np.array(
    [0.0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, 1e-310, -1e-310, 1e300, -1e300, math.inf, -math.inf, math.nan]
)


def both(name: str, *arguments: np.ndarray) -> np.ndarray:
    """Values of a scalar loop, after a check that lanes have the same bits."""
    function = getattr(functions, name)
    floats, lanes = np.empty(len(arguments[0])), np.empty(len(arguments[0]))
    if len(arguments) == 1:

        @compiled
        def run(x: Any, out: Any, a: Any, b: Any) -> None:
            for i in range(len(x)):
                out[i] = function(x[i])
            a, b = lane_view(8, x), lane_view(8, b)
            for i in range(len(a)):
                b[i] = function(a[i])

        run(arguments[0], floats, floats, lanes)
    else:

        @compiled
        def run2(x: Any, y: Any, out: Any, result: Any) -> None:
            for i in range(len(x)):
                out[i] = function(x[i], y[i])
            a, b, c = lane_view(8, x), lane_view(8, y), lane_view(8, result)
            for i in range(len(a)):
                c[i] = function(a[i], b[i])

        run2(*arguments, floats, lanes)
    assert_array_equal(floats.view(np.uint64)[~np.isnan(floats)], lanes.view(np.uint64)[~np.isnan(floats)])
    assert_array_equal(np.isnan(floats), np.isnan(lanes))
    return floats


def error(values: np.ndarray, exact: Callable[..., Any], *arguments: np.ndarray) -> float:
    """Largest error in units in the last place."""
    worst = 0.0
    with mpmath.workprec(180):
        for value, *point in zip(values, *arguments, strict=True):
            truth = exact(*(mpmath.mpf(float(x)) for x in point))
            if math.isfinite(value) and truth:
                worst = max(worst, abs(float((mpmath.mpf(float(value)) - truth) / np.spacing(abs(float(truth))))))
    return worst


def samples(low: float, high: float) -> np.ndarray:
    """Half of them uniform near 1, half over all magnitudes."""
    wide = np.exp(RNG.uniform(-46, math.log(high), COUNT // 2))
    if low < 0:
        wide *= RNG.choice([-1, 1], COUNT // 2)
    return np.concatenate([np.clip(wide, low, high), RNG.uniform(max(low, -10), min(high, 10), COUNT // 2)])


@pytest.mark.parametrize("name", UNARY)
def test_the_error_is_below_what_the_docstring_states(name: str) -> None:
    exact, low, high, bound = UNARY[name]
    x = samples(low, high)
    assert error(both(name, x), exact, x) < bound
    documented = "sin" if name == "cos" else name
    assert f"below {UNARY[documented][3]} ulp" in str(getattr(functions, name).__doc__)


@pytest.mark.parametrize("name", UNARY)
def test_special_values_are_those_of_the_c_library(name: str) -> None:
    with np.errstate(all="ignore"):
        expected = NUMPY.get(name, getattr(np, name, None))(SPECIAL)
    values = both(name, SPECIAL)
    assert_allclose(values, expected, rtol=2e-15)
    assert_array_equal(np.signbit(values[~np.isnan(values)]), np.signbit(expected[~np.isnan(values)]))


def test_exp_overflows_and_underflows_where_it_should() -> None:
    x = np.array([709.782712893384, 709.7827128933841, 1e4, -745.1332191019411, -745.2, -1e4, -740.0, -708.5])
    y = both("exp", x)
    assert np.isfinite(y[0])
    assert_array_equal(y[1:3], math.inf)
    assert y[3] == 5e-324
    assert_array_equal(y[4:6], 0.0)
    assert_allclose(y[6:], np.exp(x[6:]), rtol=1e-13)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name: str) -> None:
    exact, bound = BINARY[name]
    x = np.exp(RNG.uniform(-20, 20, COUNT))
    x[::4] = np.exp(RNG.uniform(-0.01, 0.01, COUNT // 4))
    y = RNG.uniform(-700, 700, COUNT) / np.log(x)
    y[1::2] = RNG.uniform(-3, 3, COUNT // 2)
    assert error(both(name, x, y), exact, x, y) < bound
    a, b = (grid.ravel().copy() for grid in np.meshgrid(SPECIAL, SPECIAL))
    with np.errstate(all="ignore"):
        expected = NUMPY.get(name, np.hypot)(a, b)
    values = both(name, a, b)
    assert_allclose(values, expected, rtol=2e-15)
    assert_array_equal(np.signbit(values[~np.isnan(values)]), np.signbit(expected[~np.isnan(values)]))


def test_sine_next_to_multiples_of_pi() -> None:
    x = np.array([float(k * mpmath.pi / 2) for k in (1, 2, 3, 4, 1001, 12345, 10**6, 10**8)])
    assert error(both("sin", x), mpmath.sin, x) < 0.8
    assert error(both("cos", x), mpmath.cos, x) < 0.8


def test_near_functions_agree_with_the_full_ones() -> None:
    x = RNG.uniform(-(2.0**30), 2.0**30, 64)
    sine, cosine = np.transpose([near_sincos(v) for v in x])
    assert_array_equal(sine, both("sin", x))
    assert_array_equal(cosine, both("cos", x))


def test_math_and_numpy_of_lanes_are_these_functions() -> None:
    @inner
    def user(x: Any, y: Any) -> Any:
        a = math.exp(-x) * np.sin(y) + math.tanh(x) - np.cosh(y * 0.1) * math.atan2(y, x)
        return a + x**0.5 + x**1.5 + 2.0**y + np.power(x, y) + np.log(x) * math.cos(y) + x**-1.0

    @compiled
    def run(x: Any, y: Any, out: Any) -> None:
        a, b, c = lane_view(4, x), lane_view(4, y), lane_view(4, out)
        for i in range(len(a)):
            c[i] = user(a[i], b[i])

    x, y = RNG.uniform(0.1, 5, 16), RNG.uniform(-5, 5, 16)
    out = np.empty(16)
    run(x, y, out)
    expected = np.exp(-x) * np.sin(y) + np.tanh(x) - np.cosh(y * 0.1) * np.arctan2(y, x)
    assert_allclose(out, expected + x**0.5 + x**1.5 + 2.0**y + x**y + np.log(x) * np.cos(y) + 1 / x, rtol=1e-13)


def test_box_and_muller_make_standard_normals() -> None:
    @compiled
    def run(a: Any, b: Any, out: Any) -> None:
        for i in range(len(a)):
            out[0, i], out[1, i] = functions.box_muller(a[i], b[i])

    a, b = RNG.random(1000) + 2.0**-54, RNG.random(1000)
    out = np.empty((2, 1000))
    run(a, b, out)
    radius = np.sqrt(-2 * np.log(a))
    assert_allclose(out, [radius * np.cos(2 * np.pi * b), radius * np.sin(2 * np.pi * b)], atol=4e-15)
