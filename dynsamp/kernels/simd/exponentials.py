"""exp and log, and what follows from them: sinh, cosh, tanh, sech2, powers, hypot. Floats or lanes, no branches.

x^y comes from a logarithm of twice the working precision, whole powers from squares.
"""

import math

import numpy as np

from dynsamp.kernels.jit import compiled, inner
from dynsamp.kernels.simd.arithmetic import fma, polynomial, select
from dynsamp.kernels.simd.bits import bits, from_bits, whole

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
def copysign(x, sign):
    """|x| with the sign of ``sign``, also that of a zero."""
    return from_bits((bits(x) & MAGNITUDE) | (bits(sign) & SIGN))


@inner
def power_of_two(shifted):
    """2^k of ``shifted`` = k + SHIFT, for -1022 <= k <= 1023."""
    return from_bits((bits(shifted) + BIAS) << FRACTION)


@inner
def exp_parts(x):
    """Return k + SHIFT and p with e^x = 2^k (1 + p), |x| < 2^20."""
    shifted = fma(x, PER_LN2, SHIFT)
    k = shifted - SHIFT
    r = fma(k, -LN2_LOW, fma(k, -LN2_HIGH, x))
    return shifted, fma(polynomial(r, EXP), r * r, r)


@inner
def halves(shifted):
    """Two powers of two with the product 2^k: it may be subnormal or overflow."""
    k = shifted - SHIFT
    first = fma(k, 0.5, SHIFT)
    return power_of_two(first), power_of_two((k - (first - SHIFT)) + SHIFT)


@inner
def clamped(x):
    """``x`` between SMALLEST and LARGEST, or NaN."""
    x = select(x > LARGEST, LARGEST, x)
    return select(x < SMALLEST, SMALLEST, x)


@compiled
def exp(x):
    """e^x; error below 1.0 ulp."""
    shifted, p = exp_parts(clamped(x))
    a, b = halves(shifted)
    return fma(a, p, a) * b


@compiled
def expm1(x):
    """e^x - 1; error below 1.9 ulp."""
    bounded = select(x > LARGEST, LARGEST, x)
    bounded = select(bounded < -40.0, -40.0, bounded)
    shifted, p = exp_parts(bounded)
    a, b = halves(shifted)
    return copysign(fma(a, p, a - 1.0 / b) * b, x)


@compiled
def tanh(x):
    """Hyperbolic tangent; error below 2.6 ulp."""
    u = -2.0 * abs(x)
    shifted, p = exp_parts(select(u < -40.0, -40.0, u))
    a = power_of_two(shifted)
    e = fma(a, p, a - 1.0)
    return copysign(e / (e + 2.0), x)


@compiled
def sech2(x):
    """1 / cosh(x)^2, the derivative of tanh, without cancellation; error below 4.0 ulp."""
    e = exp(-2.0 * abs(x))
    d = 1.0 + e
    return 4.0 * e / (d * d)


@inner
def half_exp(x):
    """e^x / 2, which is finite for a little longer than e^x."""
    shifted, p = exp_parts(select(x > 712.0, 712.0, x))
    a, b = halves(shifted - 1.0)
    return fma(a, p, a) * b


@compiled
def sinh(x):
    """Hyperbolic sine; error below 2.4 ulp."""
    size = abs(x)
    e = expm1(select(size > 30.0, 30.0, size))
    return copysign(select(size > 30.0, half_exp(size), 0.5 * (e + e / (e + 1.0))), x)


@compiled
def cosh(x):
    """Hyperbolic cosine; error below 1.4 ulp."""
    h = half_exp(abs(x))
    return h + 0.25 / h


@inner
def log_parts(x):
    """Exponent e and m with x = 2^e m, sqrt(1/2) <= m < sqrt(2); x positive and normal."""
    pattern = bits(x)
    exponent = (pattern - SQRT_HALF + EXPONENT_OFFSET) >> FRACTION
    return whole(exponent) - 1024.0, from_bits(pattern - (exponent << FRACTION) + EXPONENT_OFFSET)


@inner
def log_normal(x, shift):
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
def log(x):
    """Natural logarithm; error below 0.8 ulp."""
    subnormal = x < TINY
    y = log_normal(select(subnormal, x * 2.0**54, x), select(subnormal, -54.0, 0.0))
    y = select((x > 0.0) & (x < math.inf), y, x)  # inf and NaN stay
    return select(x == 0.0, -math.inf, select(x < 0.0, math.nan, y))


@compiled
def log1p(x):
    """log(1 + x); error below 1.3 ulp."""
    u = 1.0 + x
    lost = (x - (u - 1.0)) / u  # what the sum rounded away
    y = log(u) + select((u > 0.0) & (u < math.inf), lost, 0.0)
    return select(x == 0.0, x, y)


@compiled
def log2(x):
    """Logarithm to base 2; error below 1.8 ulp."""
    return log(x) * PER_LN2


@compiled
def log10(x):
    """Logarithm to base 10; error below 1.8 ulp."""
    return log(x) * PER_LN10


# --- powers


THIRD, THIRD_LOW = 0.3333333333333333, 1.850371707708594e-17


@inner
def log_pair(x, shift):
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
def pow(x, y):
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
def whole_power(x, n):
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
def power(x, n):
    """x^n of one exponent for all lanes; square roots and small whole powers are done as such."""
    if n == 0.5:
        return np.sqrt(x) + 0.0  # +0 of -0
    if abs(n) <= 4.0 and n == np.floor(n):
        return whole_power(x, int(n))
    return pow(x, n)


@compiled
def hypot(x, y):
    """Length of (x, y) without overflow in between; error below 1.9 ulp."""
    a, b = abs(x), abs(y)
    long, short = select(a > b, a, b), select(a > b, b, a)
    ratio = select(short == 0.0, 0.0, short / long)
    length = long * np.sqrt(fma(ratio, ratio, 1.0))
    return select((a == math.inf) | (b == math.inf), math.inf, length)
