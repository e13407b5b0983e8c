"""sin, cos, tan and their inverses. Floats or lanes, same bits.

Arguments up to FAR are reduced by pi/2 in three parts (Cody and Waite 1980, Software Manual for the Elementary
Functions) with a tail for what the reduced argument rounds away; the few beyond go to the C library one by one.
"""

import math

import numpy as np

from dynsamp.kernels.jit import compiled, inner
from dynsamp.kernels.simd.arithmetic import any_lane, fma, polynomial, select
from dynsamp.kernels.simd.arrays import extract, insert, lane_count
from dynsamp.kernels.simd.bits import bits, from_bits
from dynsamp.kernels.simd.exponentials import SHIFT, copysign

FAR = 2.0**30
ONE, TWO, TO_SIGN = np.uint64(1), np.uint64(2), np.uint64(62)

PER_HALF_PI = 0.6366197723675814
HALF_PI_0, HALF_PI_1, HALF_PI_2 = 1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33
PI, PI_LOW = 3.141592653589793, 1.2246467991473532e-16
QUARTER_PI, QUARTER_PI_LOW = 0.7853981633974483, 3.061616997868383e-17
TAN_PI_8, TAN_3_PI_8 = 0.41421356237309503, 2.414213562373095

# sin(r) = r + r^3 P(r^2), cos(r) = 1 - r^2 / 2 + r^4 Q(r^2)
SIN = (
    -0.1666666666666663,
    0.008333333333321976,
    -0.00019841269829525107,
    2.755731360899387e-06,
    -2.505074680230245e-08,
    1.5896212232510631e-10,
)
COS = (
    0.041666666666666595,
    -0.0013888888888873461,
    2.480158728911982e-05,
    -2.75573142586856e-07,
    2.0875711707973604e-09,
    -1.1359097367080523e-11,
)

# atan(t) = t + t^3 P(t^2)
ATAN = (
    -0.33333333333333187,
    0.19999999999951215,
    -0.14285714279995193,
    0.11111110774690779,
    -0.09090897533501092,
    0.0769205661728733,
    -0.0666306677020241,
    0.058476399881540575,
    -0.05038265409309135,
    0.03804000391080192,
    -0.01788209264572132,
)


@inner
def octant(r, tail):
    """Sine and cosine of r + tail, |r| <= pi / 4."""
    z = r * r
    sine = select(z == 0.0, r, r + fma(z * r, polynomial(z, SIN), tail))  # keeps -0
    leading = fma(z, -0.5, 1.0)
    lost = fma(z, -0.5, 1.0 - leading)
    return sine, leading + fma(z * z, polynomial(z, COS), fma(-r, tail, lost))


@inner
def turned(sine, cosine, quarters):
    """Sine and cosine a number of quarter turns further; only its two lowest bits count."""
    odd = (quarters & ONE) != ONE
    s, c = select(odd, sine, cosine), select(odd, cosine, sine)
    return (
        from_bits(bits(s) ^ ((quarters & TWO) << TO_SIGN)),
        from_bits(bits(c) ^ (((quarters + ONE) & TWO) << TO_SIGN)),
    )


@compiled
def near_sincos(x):
    """Sine and cosine of |x| <= FAR without a branch."""
    shifted = fma(x, PER_HALF_PI, SHIFT)
    k = shifted - SHIFT
    first = fma(k, -HALF_PI_0, x)  # exact
    second = k * HALF_PI_1
    r = first - second
    back = r - first
    lost = (first - (r - back)) - (second + back)  # exact, also where first and second nearly cancel
    tail = fma(k, -HALF_PI_2, lost - fma(k, HALF_PI_1, -second))
    sine, cosine = octant(r, tail)
    return turned(sine, cosine, bits(shifted))


@compiled
def sincos(x):
    """Sine and cosine; error below 0.8 ulp."""
    sine, cosine = near_sincos(x)
    if any_lane(abs(x) > FAR):
        for lane in range(lane_count(x)):
            angle = extract(x, lane)
            if abs(angle) > FAR:
                sine, cosine = insert(sine, lane, math.sin(angle)), insert(cosine, lane, math.cos(angle))
    return sine, cosine


@compiled
def sin(x):
    """Sine; error below 0.8 ulp."""
    return sincos(x)[0]


@compiled
def cos(x):
    """Cosine; error below 0.8 ulp."""
    return sincos(x)[1]


@compiled
def tan(x):
    """Tangent; error below 2.2 ulp."""
    sine, cosine = sincos(x)
    return sine / cosine


@compiled
def atan(x):
    """Inverse tangent; error below 1.3 ulp."""
    size = abs(x)
    steep, slanted = size > TAN_3_PI_8, size > TAN_PI_8
    above = select(steep, -1.0, select(slanted, size - 1.0, size))
    below = select(steep, size, select(slanted, size + 1.0, 1.0))
    base = select(steep, HALF_PI_0, select(slanted, QUARTER_PI, 0.0))
    base_low = select(steep, HALF_PI_1, select(slanted, QUARTER_PI_LOW, 0.0))
    t = above / below
    z = t * t
    return copysign(base + (t + fma(t * z, polynomial(z, ATAN), base_low)), x)


@compiled
def atan2(y, x):
    """Angle of the point (x, y) from the x axis, in [-pi, pi]; error below 2.0 ulp."""
    height, width = abs(y), abs(x)
    steep = height > width
    short, long = select(steep, width, height), select(steep, height, width)
    ratio = select(
        (short == 0.0) & (long == 0.0), 0.0, select((short == math.inf) & (long == math.inf), 1.0, short / long)
    )
    angle = atan(ratio)
    angle = select(steep, HALF_PI_0 - (angle - HALF_PI_1), angle)
    angle = select(copysign(1.0, x) < 0.0, PI - (angle - PI_LOW), angle)
    return copysign(angle, y)


@compiled
def asin(x):
    """Inverse sine; error below 2.8 ulp."""
    return atan2(x, np.sqrt((1.0 - x) * (1.0 + x)))


@compiled
def acos(x):
    """Inverse cosine; error below 2.1 ulp."""
    return atan2(np.sqrt((1.0 - x) * (1.0 + x)), x)
