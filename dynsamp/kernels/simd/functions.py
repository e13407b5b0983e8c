"""Elementary functions of floats and of lanes, with the same bits; ``math`` and ``numpy`` of ``Lanes`` mean these.

The machine's C library takes one number at a time; these take a vector register of them, without branches, and their
loops over arrays vectorise. Special values follow C99 Annex F. The errors that docstrings state are the largest of
random samples over the whole range, in units in the last place (``tests/test_kernels_functions.py``);
``tests/benchmarks/fit_functions.py`` derives the coefficients.
"""

import math
import operator
from typing import Any

import numpy as np
from numba import types

from dynsamp.kernels.jit import compiled
from dynsamp.kernels.simd.arithmetic import fma
from dynsamp.kernels.simd.bits import bits
from dynsamp.kernels.simd.exponentials import (
    SHIFT,
    copysign,
    cosh,
    exp,
    expm1,
    hypot,
    log,
    log1p,
    log2,
    log10,
    log_normal,
    pow,
    power,
    sech2,
    sinh,
    tanh,
    whole_power,
)
from dynsamp.kernels.simd.trigonometry import acos, asin, atan, atan2, cos, octant, sin, sincos, tan, turned
from dynsamp.kernels.simd.types import substitute

__all__ = ["acos", "asin", "atan", "atan2", "box_muller", "copysign", "cos", "cosh", "exp", "expm1", "hypot", "log"]
__all__ += ["log1p", "log2", "log10", "pow", "sech2", "sin", "sincos", "sinh", "tan", "tanh"]

TWO_PI = 2.0 * math.pi

_NUMPY = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
}  # where it has another name than math
for _own in (exp, expm1, log, log1p, log2, log10, sinh, cosh, tanh, sin, cos, tan, asin, acos, atan, atan2, hypot):
    _name = _own.__name__
    substitute(_own, getattr(math, _name), getattr(np, _NUMPY.get(_name, _name)))
_POWERS: tuple[Any, ...] = (operator.pow, operator.ipow, np.power, math.pow)
substitute(whole_power, *_POWERS, exponent=types.Integer)
substitute(power, *_POWERS, exponent=types.Float)
substitute(pow, *_POWERS)


@compiled
def box_muller(a, b):
    """Two independent standard normals from two uniforms on (0, 1) that are not subnormal.

    sqrt(-2 log a) (cos 2 pi b, sin 2 pi b): Box and Muller (1958), Annals of Mathematical Statistics 29. Quarter turns
    of b are exact, so the angle is reduced without error.
    """
    shifted = fma(b, 4.0, SHIFT)
    r = fma(shifted - SHIFT, -0.25, b)
    angle = TWO_PI * r
    sine, cosine = turned(*octant(angle, fma(TWO_PI, r, -angle)), bits(shifted))
    radius = np.sqrt(-2.0 * log_normal(a, 0.0))
    return radius * cosine, radius * sine
