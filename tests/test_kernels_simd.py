"""Lanes: every operator against NumPy and Numba's floats, and the same bits at every width."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.errors import NumbaError
from numpy.testing import assert_array_equal

from dynsamp.kernels.jit import compiled, inner
from dynsamp.kernels.simd import any_lane, fma, select, splat
from dynsamp.kernels.simd.arrays import (
    extract,
    get_lane,
    insert,
    lane_count,
    lane_view,
    load_row,
    load_trajectories,
    set_lane,
)
from dynsamp.kernels.simd.bits import bits, from_bits, unsigned, whole
from dynsamp.kernels.simd.stack import lane_matrix, lane_vector
from dynsamp.kernels.simd.types import WIDTHS, Lanes

SPECIAL = (0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, 0.1, 1e300, 1e-310, math.inf, -math.inf, math.nan)
X, Y = (a.ravel().copy() for a in np.meshgrid(SPECIAL, SPECIAL))


@inner
def store_row(x: Any, values: Any, first: Any, count: Any) -> None:
    """The first ``count`` lanes of ``x`` (lanes or a mask) into values[first : first + count]."""
    for lane in range(lane_count(x)):
        if lane < count:
            values[first + lane] = extract(x, lane)


def on_lanes(function: Any, width: int = 8) -> Callable[..., Any]:
    """Run ``function`` of lanes over arrays (n,), also where n is no multiple of the width."""
    helper = inner(function)

    @compiled
    def run(x: Any, y: Any, out: Any) -> None:
        for first in range(0, len(x), width):
            count = min(width, len(x) - first)
            a = load_row(splat(width, 0.0), x, first, count)
            b = load_row(splat(width, 0.0), y, first, count)
            store_row(helper(a, b), out, first, count)

    return run


def values(function: Any, dtype: Any = float, width: int = 8) -> np.ndarray:
    out = np.empty(X.shape, dtype)
    on_lanes(function, width)(X, Y, out)
    return out


def as_floats(function: Any, dtype: Any = float) -> np.ndarray:
    helper = compiled(function)
    return np.array([helper(x, y) for x, y in zip(X, Y, strict=True)], dtype)


def same(a: np.ndarray, b: np.ndarray) -> None:
    """Equal, zeros with the same sign, NaN where NaN."""
    assert_array_equal(a, b)
    assert_array_equal(np.signbit(a[~np.isnan(a)]), np.signbit(b[~np.isnan(b)]))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x * y,
        lambda x, y: x / y,
        lambda x, y: x // y,
        lambda x, y: x % y,
        lambda x, y: np.fmod(x, y),
        lambda x, y: -x + (+y),
        lambda x, y: abs(x) * math.fabs(y) + np.abs(x),
        lambda x, y: np.sqrt(x) - math.sqrt(y),
        lambda x, y: np.floor(x) + np.ceil(y) * np.trunc(x),
        lambda x, y: math.copysign(x, y),
        lambda x, y: min(x, y),
        lambda x, y: max(x, y),
        lambda x, y: max(min(x, y, 1.0), 0.0, -1),
        lambda x, y: np.minimum(x, y),
        lambda x, y: np.maximum(x, y),
        lambda x, y: np.sign(x) * np.sign(y),
        lambda x, y: x**2 - y**3 + x**0,
        lambda x, y: x**5 * y**1,
        lambda x, y: 2 * x + y * 3 - 1 / (4 + x),
        lambda x, y: 1.5 - x + True * y,
        lambda x, y: np.add(x, y) * np.square(x),
        lambda x, y: (x > 0.0) * 2.0 + (y <= x) * 1.0,
    ],
)
def test_arithmetic_of_lanes_is_that_of_floats(function: Any) -> None:
    same(values(function), as_floats(function))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, y: x < y, np.less(X, Y)),
        (lambda x, y: x <= y, np.less_equal(X, Y)),
        (lambda x, y: x > y, np.greater(X, Y)),
        (lambda x, y: x >= 1, X >= 1),
        (lambda x, y: x == y, X == Y),
        (lambda x, y: x != y, X != Y),
        (lambda x, y: y > 0.0, Y > 0),
        (lambda x, y: (x < y) & (y > 0), (X < Y) & (Y > 0)),
        (lambda x, y: (x < y) | ~(y > 0), (X < Y) | ~(Y > 0)),
        (lambda x, y: (x < y) ^ (y > 0), (X < Y) ^ (Y > 0)),
        (lambda x, y: np.logical_and(x < y, np.logical_not(y > 0)), (X < Y) & ~(Y > 0)),
        (lambda x, y: np.isnan(x) | np.isinf(y), np.isnan(X) | np.isinf(Y)),
        (lambda x, y: np.isfinite(x), np.isfinite(X)),
    ],
)
def test_comparisons_and_masks_are_numpys(function: Any, expected: np.ndarray) -> None:
    assert_array_equal(values(function, bool), expected)


@pytest.mark.parametrize("choose", [np.where, select])
def test_a_choice_between_lanes(choose: Any) -> None:
    same(values(lambda x, y: choose(x > y, x, y)), np.where(X > Y, X, Y))
    same(values(lambda x, y: choose(x > y, 1, y)), np.where(X > Y, 1, Y))


def test_clip_propagates_nan() -> None:
    assert_array_equal(values(lambda x, y: np.clip(x, -1.0, y)), np.minimum(np.maximum(X, -1.0), Y))


def test_integer_powers_known_at_run_time_have_the_bits_of_floats() -> None:
    x = np.linspace(-2, 2, 32)
    exponents = np.arange(-6, 12)

    @compiled
    def lanes(x: Any, n: Any, out: Any) -> None:
        store_row(load_row(splat(32, 0.0), x, 0, 32) ** n, out, 0, 32)

    @compiled
    def floats(x: Any, n: Any, out: Any) -> None:
        for i in range(len(x)):
            out[i] = x[i] ** n

    for n in exponents:
        a, b = np.empty(32), np.empty(32)
        lanes(x, n, a)
        floats(x, n, b)
        assert_array_equal(a, b)


@compiled
def field(t: Any, y: Any, theta: Any, dy: Any) -> None:
    """What plugin authors write: sums that start as floats, slices, augmented assignment, np.where."""
    total = 0.0
    for i in range(len(y)):
        total += y[i] * y[i]
    largest = 0
    for i in range(y.size):
        largest = max(largest, abs(y[i]))
    q, p = y[:2], y[2:]
    dy[:2] = p[-1]
    dy[2:] = 0
    for i in range(y.shape[0] // 2):
        dy[i] += theta[0] * p[i] / (1 + total)
        dy[i + 2] -= q[i] ** 3 - np.where(q[i] > theta[1], t, p[i] * 0.5)
    dy[-1] *= min(largest, theta[1])


@pytest.mark.parametrize("width", WIDTHS)
def test_a_field_has_the_same_bits_at_every_width_as_for_floats(width: int) -> None:
    y = np.random.default_rng(0).normal(size=(2 * width + 5, 4))
    y[3, 1], y[4, 2], y[1] = math.nan, math.inf, -0.0
    theta, lanes, floats = np.array([0.3, 0.7]), np.zeros_like(y), np.zeros_like(y)
    vector = lane_vector(width)

    @compiled
    def run(states: Any, theta: Any, out: Any) -> None:
        y, dy = vector(4), vector(4)
        for first in range(0, len(states), width):
            count = min(width, len(states) - first)
            load_trajectories(states, first, count, y)
            field(0.25, y, theta, dy)
            for i in range(4):
                store_row(dy[i], out[:, i], first, count)

    run(y, theta, lanes)
    for i in range(len(y)):
        field(0.25, y[i], theta, floats[i])
    same(lanes.ravel(), floats.ravel())


def test_a_matrix_of_lanes_is_indexed_like_a_diffusion() -> None:
    vector, matrix = lane_vector(4), lane_matrix(4)

    @compiled
    def diffusion(y: Any, g: Any) -> None:
        for i in range(g.shape[0]):
            for j in range(g.shape[1]):
                g[i, j] = y[i] + 10 * j
        g[-1, 0] += 1000
        g[0][1] *= 2

    @compiled
    def run(states: Any, out: Any) -> None:
        y, g = vector(3), matrix(3, 2)
        load_trajectories(states, 0, 4, y)
        diffusion(y, g)
        for i in range(3):
            for j in range(2):
                store_row(g[i, j], out[:, i, j], 0, 4)

    states, out = np.arange(12.0).reshape(4, 3), np.empty((4, 3, 2))
    run(states, out)
    expected = np.stack([states, states + 10], axis=2)
    expected[:, -1, 0] += 1000
    expected[:, 0, 1] *= 2
    assert_array_equal(out, expected)


def branch(x: Any, y: Any) -> Any:
    if x > y:
        return x
    return y


@pytest.mark.parametrize(
    "function",
    [
        branch,
        lambda x, y: x if x > y else y,
        lambda x, y: x if 0 < x < y else y,
        lambda x, y: x if not x else y,
        lambda x, y: (x > 0 and y > 0) * 1.0,
        lambda x, y: math.gamma(x),
    ],
)
def test_a_branch_on_lanes_does_not_type(function: Any) -> None:
    with pytest.raises(NumbaError):
        values(function)


def test_fma_rounds_once_for_floats_and_lanes() -> None:
    x = 1.0 + 2.0**-30
    exact = 2.0**-29 + 2.0**-60  # x * x - 1; the product alone loses its last bit
    assert compiled(lambda a, b, c: fma(a, b, c))(x, x, -1.0) == exact
    out = np.empty(4)
    on_lanes(lambda a, b: fma(a, b, -1.0), 4)(np.full(4, x), np.full(4, x), out)
    assert_array_equal(out, exact)


def test_user_arithmetic_is_not_contracted() -> None:
    x = 1.0 + 2.0**-30
    out = np.empty(4)
    on_lanes(lambda a, b: a * b - 1.0, 4)(np.full(4, x), np.full(4, x), out)
    assert_array_equal(out, x * x - 1.0)


def test_masks_reduce() -> None:
    @compiled
    def run(x: Any, limit: Any) -> Any:
        y = load_row(splat(16, 0.0), x, 0, len(x))
        seen = False
        seen |= y > limit
        return any_lane(y > limit), any_lane(seen), any_lane(limit > 0)

    assert run(np.arange(10.0), 8.5) == (True, True, True)
    assert run(np.arange(10.0), -1.0) == (True, True, False)
    assert run(np.arange(10.0), 9.5) == (False, False, True)


def test_single_lanes_views_and_padding() -> None:
    @compiled
    def run(buffer: Any, ids: Any, out: Any) -> Any:
        y = lane_view(4, buffer)  # 3 rows
        set_lane(y, 1, 2, 50.0)
        x = insert(y[2], 0, -1.0)
        store_row(x, out, 0, lane_count(x))
        padded = load_row(splat(4, 0), ids, 1, 2)
        return len(y), get_lane(y, 2, 3), extract(padded, 1), extract(padded, 3)

    buffer, out = np.arange(12.0), np.empty(4)
    assert run(buffer, np.array([7, 8, 9]), out) == (3, 11.0, 9, 9)
    assert buffer[6] == 50.0
    assert_array_equal(out, [-1.0, 9.0, 10.0, 11.0])


def test_slices_are_clipped_like_pythons() -> None:
    @compiled
    def run(y: Any, a: Any, b: Any) -> Any:
        return len(lane_view(2, y)[a:b])

    y = np.zeros(10)
    for a in range(-7, 8):
        for b in range(-7, 8):
            assert run(y, a, b) == len(range(5)[a:b])


def test_integer_lanes_are_the_integers_of_random_generators() -> None:
    multiplier, shift = np.uint64(0xD2511F53), np.uint64(32)

    def mix(x: Any) -> Any:
        word = unsigned(x) * multiplier
        return whole(((word >> shift) ^ word) & np.uint64(0xFFFFFFFFFFFF)) + from_bits(bits(1.5))

    helper = compiled(mix)

    @compiled
    def run(ids: Any, out: Any) -> None:
        store_row(helper(load_row(splat(8, 0), ids, 0, 8)), out, 0, 8)

    ids, out = np.random.default_rng(1).integers(0, 2**62, 8), np.empty(8)
    run(ids, out)
    assert_array_equal(out, [helper(i) for i in ids])
    expected = [((int(i) * 0xD2511F53) % 2**64) for i in ids]
    assert_array_equal(out, [float(((w >> 32) ^ w) % 2**48) + 1.5 for w in expected])


def test_a_width_that_no_register_has_is_refused() -> None:
    with pytest.raises(ValueError, match="widths"):
        Lanes(3)


@pytest.mark.nojit
def test_helpers_mean_the_same_without_lanes() -> None:
    assert fma(2.0, 3.0, 4.0) == 10.0
    assert select(False, 1.0, 2.0) == 2.0
    assert any_lane(True)
    assert from_bits(bits(-2.5)) == -2.5
    assert whole(unsigned(7)) == 7.0


def test_numba_keeps_its_own_rules_for_floats() -> None:
    @numba.njit
    def run(x: float) -> Any:
        return np.where(x > 0, 1.0, 2.0), max(x, 1.0), x**2, np.minimum(x, 3.0)

    assert run(2.0) == (1.0, 2.0, 4.0, 2.0)
