"""Powers: x^y from a logarithm of twice the working precision, whole powers by squaring, hypot. Floats or lanes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .functions_exp import (
    ATANH,
    LN2_HIGH,
    LN2_LOW,
    TINY,
    clamped,
    copysign,
    exp_parts,
    halves,
    log_parts,
)
from .jit import compiled, inner
from .simd import fma, polynomial, select

__all__ = ["hypot", "pow", "power", "whole_power"]

THIRD, THIRD_LOW = 0.3333333333333333, 1.850371707708594e-17


@inner
def log_pair(x: Any, shift: Any) -> Any:
    """log(2^shift x) of a positive, normal ``x`` as a sum of two numbers.

    log(m) = 2 (s + s^3 (1/3 + s^2 A(s^2))), s = (m - 1) / (m + 1); each product and sum keeps its error.
    """
    e, m = log_parts(x)
    e += shift
    f = m - 1.0
    d = 2.0 + f
    s = f / d
    s_low = (fma(-s, d, f) - s * (f - (d - 2.0))) / d
    z = s * s
    z_low = fma(s, s, -z) + 2.0 * s * s_low
    series = z * polynomial(z, ATANH)
    c = THIRD + series
    c_low = (THIRD - c) + series + THIRD_LOW
    p = z * c
    p_low = fma(z, c, -p) + fma(z, c_low, z_low * c)
    g = s * p
    g_low = fma(s, p, -g) + fma(s, p_low, s_low * p)
    exponent = e * LN2_HIGH
    partial = exponent + 2.0 * s
    total = partial + 2.0 * g
    low = ((exponent - partial) + 2.0 * s) + ((partial - total) + 2.0 * g)
    return total, low + fma(e, LN2_LOW, 2.0 * (s_low + g_low))


@compiled
def pow(x: Any, y: Any) -> Any:
    """x^y; error below 1.1 ulp."""
    size = abs(x)
    subnormal = size < TINY
    log_high, log_low = log_pair(select(subnormal, size * 2.0**54, size), select(subnormal, -54.0, 0.0))
    log_high = select(size == 0.0, -math.inf, select(size < math.inf, log_high, size))
    product = y * log_high
    rest = fma(y, log_high, -product) + y * log_low
    rest = select(abs(product) < 800.0, rest, 0.0)
    shifted, p = exp_parts(clamped(product))
    a, b = halves(shifted)
    p = fma(1.0 + p, rest, p)
    result = fma(a, p, a) * b
    fractional = np.floor(y) != y
    odd = (np.floor(y * 0.5) * 2.0 != y) & (np.floor(y) == y)
    result = select((size == 1.0) & (abs(y) == math.inf), 1.0, result)
    result = select((x < 0.0) & (size < math.inf) & fractional, math.nan, result)
    result = select(odd, copysign(result, x), result)
    return select((y == 0.0) | (x == 1.0), 1.0, result)


@inner
def whole_power(x: Any, n: Any) -> Any:
    """x^n of an integer n, by squaring, lowest bit first: the order of Numba's own power of floats."""
    result = 1.0
    left = abs(n)
    while left:
        if left & 1:
            result *= x
        left >>= 1
        x *= x
    return 1.0 / result if n < 0 else result


@inner
def power(x: Any, n: Any) -> Any:
    """x^n of one exponent for all lanes; square roots and small whole powers are done as such."""
    if n == 0.5:
        return np.sqrt(x) + 0.0  # +0 of -0
    if abs(n) <= 4.0 and n == np.floor(n):
        return whole_power(x, int(n))
    return pow(x, n)


@compiled
def hypot(x: Any, y: Any) -> Any:
    """Length of (x, y) without overflow in between; error below 1.9 ulp."""
    a, b = abs(x), abs(y)
    long, short = select(a > b, a, b), select(a > b, b, a)
    ratio = select(short == 0.0, 0.0, short / long)
    length = long * np.sqrt(fma(ratio, ratio, 1.0))
    return select((a == math.inf) | (b == math.inf), math.inf, length)
