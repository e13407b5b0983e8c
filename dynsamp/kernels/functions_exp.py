"""exp and log, and what follows from them: expm1, sinh, cosh, tanh, sech2, log1p. Floats or lanes, no branches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import compiled, inner
from .simd import fma, polynomial, select
from .simd_bits import bits, from_bits, whole

__all__ = ["copysign", "cosh", "exp", "expm1", "log", "log1p", "log2", "log10", "sech2", "sinh", "tanh"]

# adding it rounds to a whole number and leaves that in the low bits of the sum
SHIFT = 1.5 * 2.0**52
SIGN, MAGNITUDE = np.uint64(1 << 63), np.uint64((1 << 63) - 1)
BIAS, FRACTION = np.uint64(1023), np.uint64(52)
SQRT_HALF, EXPONENT_OFFSET = np.uint64(0x3FE6A09E667F3BCD), np.uint64(1024 << 52)

PER_LN2, PER_LN10 = 1.4426950408889634, 0.4342944819032518
LN2_HIGH, LN2_LOW = 0.6931471805582987, 1.6465949582866463e-12  # 38 bits, so times an exponent is exact
TWO_THIRDS = 2.0 / 3.0
LARGEST, SMALLEST, TINY = 710.0, -746.0, 2.0**-1022  # e^710 overflows, e^-746 is 0

# expm1(r) = r + r^2 P(r)
EXP = (
    0.5,
    0.16666666666666677,
    0.04166666666666668,
    0.008333333333321454,
    0.0013888888888877455,
    0.00019841269886514685,
    2.480158734057197e-05,
    2.7557243862350308e-06,
    2.755725926471717e-07,
    2.5109145832168022e-08,
    2.091947673019757e-09,
)

# atanh(s) = s + s^3 / 3 + s^5 P(s^2)
ATANH = (
    0.20000000000001186,
    0.14285714285026296,
    0.11111111263607952,
    0.0909089189989368,
    0.07693390468540187,
    0.06628157638682385,
    0.06600315828056656,
)


@compiled
def copysign(x: Any, sign: Any) -> Any:
    """|x| with the sign of ``sign``, also that of a zero."""
    return from_bits((bits(x) & MAGNITUDE) | (bits(sign) & SIGN))


@inner
def power_of_two(shifted: Any) -> Any:
    """2^k of ``shifted`` = k + SHIFT, for -1022 <= k <= 1023."""
    return from_bits((bits(shifted) + BIAS) << FRACTION)


@inner
def exp_parts(x: Any) -> Any:
    """Return k + SHIFT and p with e^x = 2^k (1 + p), |x| < 2^20."""
    shifted = fma(x, PER_LN2, SHIFT)
    k = shifted - SHIFT
    r = fma(k, -LN2_LOW, fma(k, -LN2_HIGH, x))
    return shifted, fma(polynomial(r, EXP), r * r, r)


@inner
def halves(shifted: Any) -> Any:
    """Two powers of two with the product 2^k: it may be subnormal or overflow."""
    k = shifted - SHIFT
    first = fma(k, 0.5, SHIFT)
    return power_of_two(first), power_of_two((k - (first - SHIFT)) + SHIFT)


@inner
def clamped(x: Any) -> Any:
    """``x`` between SMALLEST and LARGEST, or NaN."""
    x = select(x > LARGEST, LARGEST, x)
    return select(x < SMALLEST, SMALLEST, x)


@compiled
def exp(x: Any) -> Any:
    """e^x; error below 1.0 ulp."""
    shifted, p = exp_parts(clamped(x))
    a, b = halves(shifted)
    return fma(a, p, a) * b


@compiled
def expm1(x: Any) -> Any:
    """e^x - 1; error below 1.9 ulp."""
    bounded = select(x > LARGEST, LARGEST, x)
    bounded = select(bounded < -40.0, -40.0, bounded)
    shifted, p = exp_parts(bounded)
    a, b = halves(shifted)
    return copysign(fma(a, p, a - 1.0 / b) * b, x)


@compiled
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; error below 2.6 ulp."""
    u = -2.0 * abs(x)
    shifted, p = exp_parts(select(u < -40.0, -40.0, u))
    a = power_of_two(shifted)
    e = fma(a, p, a - 1.0)
    return copysign(e / (e + 2.0), x)


@compiled
def sech2(x: Any) -> Any:
    """1 / cosh(x)^2, the derivative of tanh, without cancellation; error below 4.0 ulp."""
    e = exp(-2.0 * abs(x))
    d = 1.0 + e
    return 4.0 * e / (d * d)


@inner
def half_exp(x: Any) -> Any:
    """e^x / 2, which is finite for a little longer than e^x."""
    shifted, p = exp_parts(select(x > 712.0, 712.0, x))
    a, b = halves(shifted - 1.0)
    return fma(a, p, a) * b


@compiled
def sinh(x: Any) -> Any:
    """Hyperbolic sine; error below 2.4 ulp."""
    size = abs(x)
    e = expm1(select(size > 30.0, 30.0, size))
    return copysign(select(size > 30.0, half_exp(size), 0.5 * (e + e / (e + 1.0))), x)


@compiled
def cosh(x: Any) -> Any:
    """Hyperbolic cosine; error below 1.4 ulp."""
    h = half_exp(abs(x))
    return h + 0.25 / h


@inner
def log_parts(x: Any) -> Any:
    """Exponent e and m with x = 2^e m, sqrt(1/2) <= m < sqrt(2); x positive and normal."""
    pattern = bits(x)
    exponent = (pattern - SQRT_HALF + EXPONENT_OFFSET) >> FRACTION
    return whole(exponent) - 1024.0, from_bits(pattern - (exponent << FRACTION) + EXPONENT_OFFSET)


@inner
def log_normal(x: Any, shift: Any) -> Any:
    """log(2^shift x) of a positive, finite, normal ``x``."""
    e, m = log_parts(x)
    e += shift
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    half_square = 0.5 * f * f
    rest = z * fma(z + z, polynomial(z, ATANH), TWO_THIRDS)
    return fma(e, LN2_HIGH, f - (half_square - fma(s, half_square + rest, e * LN2_LOW)))


@compiled
def log(x: Any) -> Any:
    """Natural logarithm; error below 0.8 ulp."""
    subnormal = x < TINY
    y = log_normal(select(subnormal, x * 2.0**54, x), select(subnormal, -54.0, 0.0))
    y = select((x > 0.0) & (x < math.inf), y, x)  # inf and NaN stay
    return select(x == 0.0, -math.inf, select(x < 0.0, math.nan, y))


@compiled
def log1p(x: Any) -> Any:
    """log(1 + x); error below 1.3 ulp."""
    u = 1.0 + x
    lost = (x - (u - 1.0)) / u  # what the sum rounded away
    y = log(u) + select((u > 0.0) & (u < math.inf), lost, 0.0)
    return select(x == 0.0, x, y)


@compiled
def log2(x: Any) -> Any:
    """Logarithm to base 2; error below 1.8 ulp."""
    return log(x) * PER_LN2


@compiled
def log10(x: Any) -> Any:
    """Logarithm to base 10; error below 1.8 ulp."""
    return log(x) * PER_LN10
