"""Activations of hidden neurons: value, slope and curvature, one text of each for floats, lanes and arrays.

Fused features and the loops of forecasts compile the texts; where nothing is compiled, copies of them call NumPy's
elementary functions. The compiled ones bound errors in units in the last place as ``simd.functions`` does,
but drop what neurons have no use for: the tail of a reduced angle, subnormal exponentials.
"""

import math
import types
from typing import Any

import numpy as np

from dynsamp.kernels.jit import compiled, disabled, inner
from dynsamp.kernels.simd import any_lane, fma, polynomial, select
from dynsamp.kernels.simd.arrays import extract, insert, lane_count
from dynsamp.kernels.simd.bits import bits, from_bits
from dynsamp.kernels.simd.exponentials import SHIFT, exp_parts, log1p, power_of_two, tanh

FAR = 2.0**30  # larger angles go to the C library
PER_PI = 0.3183098861837907
PI_0, PI_1 = 3.141592653589793, 1.2246467991473532e-16
TO_SIGN = np.uint64(63)
FLAT = -708.0  # e^FLAT is nearly subnormal
GONE = 1000.0  # e^-GONE is 0

# sin(r) = r + r^3 P(r^2), |r| <= pi / 2
HALF_TURN = (
    -0.16666666666666666,
    0.008333333333333212,
    -0.00019841269841215254,
    2.7557319212127685e-06,
    -2.5052106959886534e-08,
    1.605894391970652e-10,
    -7.643097271161346e-13,
    2.7222513990157356e-15,
)


@inner
def half_turn(x, k, shifted):
    """Sine of x - k pi with the sign of (-1)^shifted, |x - k pi| <= pi / 2."""
    r = fma(k, -PI_1, fma(k, -PI_0, x))  # the inner product is exact
    z = r * r
    return from_bits(bits(fma(r * z, polynomial(z, HALF_TURN), r)) ^ (bits(shifted) << TO_SIGN))


@compiled
def sin(z):
    """Sine; error below 1.5 ulp."""
    shifted = fma(z, PER_PI, SHIFT)
    sine = half_turn(z, shifted - SHIFT, shifted)
    if any_lane(abs(z) > FAR):
        for lane in range(lane_count(z)):
            angle = extract(z, lane)
            if abs(angle) > FAR:
                sine = insert(sine, lane, math.sin(angle))
    return sine


@compiled
def cos(z):
    """Cosine; error below 1.5 ulp."""
    shifted = fma(z, PER_PI, 0.5) + SHIFT  # cos z = (-1)^k sin(z - (k - 1/2) pi)
    cosine = half_turn(z, (shifted - SHIFT) - 0.5, shifted)
    if any_lane(abs(z) > FAR):
        for lane in range(lane_count(z)):
            angle = extract(z, lane)
            if abs(angle) > FAR:
                cosine = insert(cosine, lane, math.cos(angle))
    return cosine


@compiled
def minus_sin(z):
    """Second derivative of the sine."""
    return -sin(z)


@inner
def small_exp(u):
    """e^u of u <= 0, and 0 below FLAT."""
    shifted, p = exp_parts(select(u < FLAT, FLAT, u))
    a = power_of_two(shifted)
    return select(u < FLAT, 0.0, fma(a, p, a))


@compiled
def tanh_slope(z):
    """1 / cosh(z)^2; 1 - tanh(z)^2 loses all digits where the tangent saturates."""
    e = small_exp(-2.0 * abs(z))
    d = 1.0 + e
    return 4.0 * e / (d * d)


@compiled
def tanh_curvature(z):
    """-2 tanh(z) / cosh(z)^2."""
    return -2.0 * tanh(z) * tanh_slope(z)


@compiled
def gauss(z):
    """exp(-z^2)."""
    return small_exp(-z * z)


@compiled
def gauss_slope(z):
    """-2 z exp(-z^2)."""
    return -2.0 * z * small_exp(-z * z)


@compiled
def gauss_curvature(z):
    """(4 z^2 - 2) exp(-z^2)."""
    square = z * z
    square = select(square > GONE, GONE, square)  # its factor stays finite
    return fma(4.0, square, -2.0) * small_exp(-square)


@compiled
def relu(z):
    """max(z, 0); NaN stays."""
    return select(z <= 0.0, 0.0, z)


@compiled
def relu_slope(z):
    """1 above 0."""
    return select(z > 0.0, 1.0, 0.0)


@compiled
def relu_curvature(z):
    """0, the kink apart."""
    return 0.0 * z


@compiled
def softplus(z):
    """log(1 + e^z)."""
    return select(z > 0.0, z, 0.0) + log1p(small_exp(-abs(z)))


@compiled
def softplus_slope(z):
    """1 / (1 + e^-z); 1/2 + tanh(z / 2) / 2 cancels where it is small."""
    e = small_exp(-abs(z))
    return select(z < 0.0, e, 1.0) / (1.0 + e)


@compiled
def softplus_curvature(z):
    """e^z / (1 + e^z)^2."""
    e = small_exp(-abs(z))
    d = 1.0 + e
    return e / (d * d)


@inner
def identity(z):
    """The pre-activation itself."""
    return z


# --- tables: value, slope, curvature


_ELEMENTARY: dict[str, Any] = {
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "small_exp": np.exp,
    "log1p": np.log1p,
    "select": np.where,
}


def _plain(table: dict[str, tuple[Any, Any, Any]]) -> dict[str, tuple[Any, Any, Any]]:
    """Copies of the texts that call NumPy's functions."""
    names = {**globals(), **_ELEMENTARY}
    for text in {text for texts in table.values() for text in texts}:
        names[text.__name__] = _ELEMENTARY.get(text.__name__) or types.FunctionType(text.__code__, names)
    return {name: tuple(names[text.__name__] for text in texts) for name, texts in table.items()}


SIGMAS: dict[str, tuple[Any, Any, Any]] = {
    "tanh": (tanh, tanh_slope, tanh_curvature),
    "sin": (sin, cos, minus_sin),
    "gauss": (gauss, gauss_slope, gauss_curvature),
    "relu": (relu, relu_slope, relu_curvature),
    "softplus": (softplus, softplus_slope, softplus_curvature),
}
if disabled():
    SIGMAS = _plain(SIGMAS)
ACTIVATIONS = tuple(SIGMAS)
