"""Elementary functions of floats and of lanes, with the same bits; ``math`` and ``numpy`` of ``Lanes`` mean these.

The machine's C library takes one number at a time; these take a vector register of them, without branches, and their
loops over arrays vectorise. Special values follow C99 Annex F. The errors that docstrings state are the largest of
random samples over the whole range, in units in the last place (``tests/test_kernels_functions.py``);
``tests/benchmarks/fit_functions.py`` derives the coefficients.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numba import types

from .functions_exp import SHIFT, copysign, cosh, exp, expm1, log, log1p, log2, log10, log_normal, sech2, sinh, tanh
from .functions_pow import hypot, pow, power, whole_power
from .functions_trig import FAR, acos, asin, atan, atan2, cos, near_cos, near_sin, octant, sin, sincos, tan, turned
from .jit import compiled, inner
from .simd import fma
from .simd_bits import bits
from .simd_types import substitute

__all__ = [
    "acos",
    "asin",
    "atan",
    "atan2",
    "box_muller",
    "copysign",
    "cos",
    "cos_array",
    "cosh",
    "exp",
    "exp_array",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "pow",
    "sech2",
    "sech2_array",
    "sin",
    "sin_array",
    "sincos",
    "sinh",
    "tan",
    "tanh",
    "tanh_array",
]

TWO_PI = 2.0 * math.pi

substitute(exp, math.exp, np.exp)
substitute(expm1, math.expm1, np.expm1)
substitute(log, math.log, np.log)
substitute(log1p, math.log1p, np.log1p)
substitute(log2, math.log2, np.log2)
substitute(log10, math.log10, np.log10)
substitute(sinh, math.sinh, np.sinh)
substitute(cosh, math.cosh, np.cosh)
substitute(tanh, math.tanh, np.tanh)
substitute(sin, math.sin, np.sin)
substitute(cos, math.cos, np.cos)
substitute(tan, math.tan, np.tan)
substitute(asin, math.asin, np.arcsin)
substitute(acos, math.acos, np.arccos)
substitute(atan, math.atan, np.arctan)
substitute(atan2, math.atan2, np.arctan2)
substitute(hypot, math.hypot, np.hypot)
_POWERS: tuple[Any, ...] = (operator.pow, operator.ipow, np.power, math.pow)
substitute(whole_power, *_POWERS, exponent=types.Integer)
substitute(power, *_POWERS, exponent=types.Float)
substitute(pow, *_POWERS)


@compiled
def box_muller(a: Any, b: Any) -> Any:
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


@compiled
def exp_array(x: Any, out: Any) -> None:
    """Write exp of ``x`` (n,) into ``out`` (n,), contiguous; they may be the same array."""
    for i in range(x.size):
        out[i] = exp(x[i])


@compiled
def tanh_array(x: Any, out: Any) -> None:
    """Write tanh of ``x`` (n,) into ``out`` (n,), contiguous; they may be the same array."""
    for i in range(x.size):
        out[i] = tanh(x[i])


@compiled
def sech2_array(x: Any, out: Any) -> None:
    """Write sech^2 of ``x`` (n,) into ``out`` (n,), contiguous; they may be the same array."""
    for i in range(x.size):
        out[i] = sech2(x[i])


@inner
def _far(x: Any) -> bool:
    far = False
    for i in range(x.size):
        far |= abs(x[i]) > FAR
    return far


@compiled
def sin_array(x: Any, out: Any) -> None:
    """Write sin of ``x`` (n,) into ``out`` (n,), contiguous; they may be the same array."""
    if _far(x):
        for i in range(x.size):
            out[i] = sin(x[i])
    else:
        for i in range(x.size):
            out[i] = near_sin(x[i])


@compiled
def cos_array(x: Any, out: Any) -> None:
    """Write cos of ``x`` (n,) into ``out`` (n,), contiguous; they may be the same array."""
    if _far(x):
        for i in range(x.size):
            out[i] = cos(x[i])
    else:
        for i in range(x.size):
            out[i] = near_cos(x[i])
