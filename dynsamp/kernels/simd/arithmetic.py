"""Arithmetic of ``Lanes`` and ``Mask``: what user code spells as operators, and ``fma``, ``select``, ``any_lane``, ...

The named functions work on plain floats and bools, too, compiled or not.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature

from dynsamp.kernels.simd.types import IntLanes, Lanes, Mask, call_intrinsic, common_lanes, constant, primitive
from dynsamp.kernels.simd.types import splat as repeat


def fma(a, b, c):
    """Return a b + c with one rounding (two in the interpreter); floats or lanes."""
    return a * b + c


def polynomial(x, coefficients):
    """sum_k coefficients[k] x^k by Estrin's scheme: short chains of fused multiply-adds; floats or lanes."""
    result = 0.0
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def select(mask, a, b):
    """``a`` in the lanes where ``mask`` holds and ``b`` elsewhere; bool and floats, too."""
    return a if mask else b


def any_lane(mask):
    """Whether ``mask`` (or a bool) holds in any lane."""
    return bool(mask)


def splat(width, value):
    """``value`` in each of ``width`` lanes; ``width`` is a compile-time constant, an int gives ``IntLanes``."""
    raise NotImplementedError("lanes exist in compiled functions only")


def elementwise(*arguments):
    """Signature of a function of lanes and numbers whose result is lanes."""
    lanes = common_lanes(*arguments)
    return None if lanes is None else signature(lanes, *[lanes] * len(arguments))


def _define(functions: tuple[Any, ...], count: int, emit: Callable[..., Any]) -> None:
    """Define ``functions`` of ``count`` lanes by ``emit(builder, *values)``."""
    for function in functions:

        def resolve(*arguments):
            return elementwise(*arguments) if len(arguments) == count else None

        primitive(function, resolve, (Lanes,) * count)(lambda context, builder, sig, values: emit(builder, *values))


# --- arithmetic


def _divmod(builder, x, y):
    """Python's floored quotient and remainder, step by step as CPython's ``float_divmod``."""
    zero, one, half = (constant(x.type, value) for value in (0.0, 1.0, 0.5))
    remainder = builder.frem(x, y)
    quotient = builder.fdiv(builder.fsub(x, remainder), y)
    negative = builder.fcmp_ordered("<", y, zero)
    inexact = builder.fcmp_unordered("!=", remainder, zero)
    crosses = builder.and_(inexact, builder.xor(negative, builder.fcmp_ordered("<", remainder, zero)))
    quotient = builder.select(crosses, builder.fsub(quotient, one), quotient)
    signed_zero = builder.select(negative, constant(x.type, -0.0), zero)
    remainder = builder.select(crosses, builder.fadd(remainder, y), remainder)
    remainder = builder.select(inexact, remainder, signed_zero)
    floored = call_intrinsic(builder, "floor", [quotient])
    short = builder.fcmp_ordered(">", builder.fsub(quotient, floored), half)
    floored = builder.select(short, builder.fadd(floored, one), floored)
    square = builder.fmul(quotient, quotient)
    tiny = builder.fdiv(builder.fmul(square, x), y)
    floored = builder.select(builder.fcmp_ordered("!=", quotient, zero), floored, tiny)
    by_zero = builder.fcmp_ordered("==", y, zero)
    return (
        builder.select(by_zero, builder.fdiv(x, y), floored),
        builder.select(by_zero, builder.frem(x, y), remainder),
    )


def _smaller(builder, x, y):
    return builder.select(builder.fcmp_ordered("<", y, x), y, x)  # Python's min keeps the first unless y < x


def _larger(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", y, x), y, x)


def _nan_or(comparison: str) -> Callable[[Any, Any, Any], Any]:
    def emit(builder, x, y):
        first = builder.or_(builder.fcmp_ordered(comparison, x, y), builder.fcmp_unordered("uno", x, x))
        return builder.select(first, x, y)

    return emit


_minimum, _maximum = _nan_or("<="), _nan_or(">=")


def _clip(builder, x, low, high):
    return _minimum(builder, _maximum(builder, x, low), high)


def _sign(builder, x):
    one = call_intrinsic(builder, "copysign", [constant(x.type, 1.0), x])
    return builder.select(builder.fcmp_ordered("!=", x, constant(x.type, 0.0)), one, x)  # zeros and NaN stay


def _llvm(name: str) -> Callable[..., Any]:
    return lambda builder, *values: call_intrinsic(builder, name, values)


_define((operator.add, operator.iadd, np.add), 2, lambda b, x, y: b.fadd(x, y))
_define((operator.sub, operator.isub, np.subtract), 2, lambda b, x, y: b.fsub(x, y))
_define((operator.mul, operator.imul, np.multiply), 2, lambda b, x, y: b.fmul(x, y))
_define((operator.truediv, operator.itruediv, np.divide), 2, lambda b, x, y: b.fdiv(x, y))
_define((operator.floordiv, operator.ifloordiv, np.floor_divide), 2, lambda b, x, y: _divmod(b, x, y)[0])
_define((operator.mod, operator.imod, np.mod), 2, lambda b, x, y: _divmod(b, x, y)[1])
_define((math.fmod, np.fmod), 2, lambda b, x, y: b.frem(x, y))
_define((operator.neg, np.negative), 1, lambda b, x: b.fneg(x))
_define((operator.pos, np.positive, float), 1, lambda b, x: x)
_define((abs, math.fabs, np.abs, np.fabs), 1, _llvm("fabs"))
_define((math.sqrt, np.sqrt), 1, _llvm("sqrt"))
_define((math.floor, np.floor), 1, _llvm("floor"))
_define((math.ceil, np.ceil), 1, _llvm("ceil"))
_define((math.trunc, np.trunc), 1, _llvm("trunc"))
_define((np.rint, round), 1, _llvm("rint"))
_define((math.copysign, np.copysign), 2, _llvm("copysign"))
_define((np.square,), 1, lambda b, x: b.fmul(x, x))
_define((np.reciprocal,), 1, lambda b, x: b.fdiv(constant(x.type, 1.0), x))
_define((np.sign,), 1, _sign)
_define((np.minimum,), 2, _minimum)
_define((np.maximum,), 2, _maximum)
_define((np.clip,), 3, _clip)


def _extreme(function, emit):
    def resolve(*arguments):
        return elementwise(*arguments) if len(arguments) > 1 else None

    def lower(context, builder, sig, values):
        result = values[0]
        for value in values[1:]:
            result = emit(builder, result, value)
        return result

    primitive(function, resolve, (Lanes, types.VarArg(Lanes)))(lower)


_extreme(min, _smaller)
_extreme(max, _larger)


# --- powers with whole exponents; the others are in `functions`


def _whole_power(*arguments):
    base, exponent = arguments if len(arguments) == 2 else (None, None)
    if isinstance(base, Lanes) and isinstance(exponent, types.IntegerLiteral) and abs(exponent.literal_value) < 1024:
        return signature(base, base, exponent)
    return None


def _lower_whole_power(context, builder, sig, values):
    """Multiply squares, lowest bit of the exponent first: the order of Numba's scalar power."""
    exponent, factor = sig.args[1].literal_value, values[0]
    result = one = constant(factor.type, 1.0)
    bits = abs(exponent)
    while bits:
        if bits & 1:
            result = factor if result is one else builder.fmul(result, factor)
        bits >>= 1
        factor = builder.fmul(factor, factor) if bits else factor
    return result if exponent >= 0 else builder.fdiv(one, result)


for _power in (operator.pow, operator.ipow, pow, np.power, math.pow):
    primitive(_power, _whole_power, (Lanes, types.IntegerLiteral), literal=True)(_lower_whole_power)


# --- comparisons and masks


def _compare(functions: tuple[Any, ...], symbol: str) -> None:
    def resolve(*arguments):
        lanes = common_lanes(*arguments) if len(arguments) == 2 else None
        return None if lanes is None else signature(Mask(lanes.width), lanes, lanes)

    def lower(context, builder, sig, values):
        compare = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered  # nan != nan
        return compare(symbol, *values)

    for function in functions:
        primitive(function, resolve, (Lanes, Lanes))(lower)


_compare((operator.lt, np.less), "<")
_compare((operator.le, np.less_equal), "<=")
_compare((operator.gt, np.greater), ">")
_compare((operator.ge, np.greater_equal), ">=")
_compare((operator.eq, np.equal), "==")
_compare((operator.ne, np.not_equal), "!=")


def _classify(functions: tuple[Any, ...], emit: Callable[[Any, Any], Any]) -> None:
    def resolve(*arguments):
        x = arguments[0] if len(arguments) == 1 else None
        return signature(Mask(x.width), x) if isinstance(x, Lanes) else None

    for function in functions:
        primitive(function, resolve, (Lanes,))(lambda context, builder, sig, values: emit(builder, values[0]))


def _is_infinite(builder, x, comparison="=="):
    return builder.fcmp_ordered(comparison, call_intrinsic(builder, "fabs", [x]), constant(x.type, math.inf))


_classify((math.isnan, np.isnan), lambda b, x: b.fcmp_unordered("uno", x, x))
_classify((math.isinf, np.isinf), _is_infinite)
_classify((math.isfinite, np.isfinite), lambda b, x: _is_infinite(b, x, "<"))


def _logical(functions: tuple[Any, ...], count: int, emit: Callable[..., Any]) -> None:
    def resolve(*arguments):
        masks = [a for a in arguments if isinstance(a, Mask)]
        if not masks or len(arguments) != count or not all(a in (masks[0], types.boolean) for a in arguments):
            return None
        return signature(masks[0], *[masks[0]] * count)

    for function in functions:
        primitive(function, resolve, (Mask,) * count)(lambda context, builder, sig, values: emit(builder, *values))


_logical((operator.and_, operator.iand, np.logical_and, np.bitwise_and), 2, lambda b, x, y: b.and_(x, y))
_logical((operator.or_, operator.ior, np.logical_or, np.bitwise_or), 2, lambda b, x, y: b.or_(x, y))
_logical(
    (operator.xor, operator.ixor, operator.eq, operator.ne, np.logical_xor, np.bitwise_xor),
    2,
    lambda b, x, y: b.xor(x, y),
)
_logical((operator.invert, np.logical_not, np.invert), 1, lambda b, x: b.not_(x))


# --- named functions


def _resolve_fma(*arguments):
    if len(arguments) != 3:
        return None
    if all(isinstance(a, types.Number) for a in arguments):
        return signature(types.float64, *[types.float64] * 3)
    return elementwise(*arguments)


@primitive(fma, _resolve_fma)
def _lower_fma(context, builder, sig, values):
    return call_intrinsic(builder, "fma", values)


def _resolve_polynomial(*arguments):
    x, coefficients = arguments
    kind = common_lanes(x) or types.float64
    return signature(kind, kind, coefficients) if isinstance(coefficients, types.UniTuple) else None


@primitive(polynomial, _resolve_polynomial)
def _lower_polynomial(context, builder, sig, values):
    terms = [
        context.cast(builder, coefficient, types.float64, sig.return_type)
        for coefficient in cgutils.unpack_tuple(builder, values[1], len(sig.args[1]))
    ]
    power = values[0]
    while len(terms) > 1:
        pairs = [
            call_intrinsic(builder, "fma", [power, odd, even])
            for even, odd in zip(terms[::2], terms[1::2], strict=False)
        ]
        terms = pairs + terms[len(terms) & ~1 :]
        power = builder.fmul(power, power) if len(terms) > 1 else power
    return terms[0]


def _resolve_select(*arguments):
    if len(arguments) != 3:
        return None
    mask, a, b = arguments
    if isinstance(mask, Mask):
        lanes = common_lanes(Lanes(mask.width), a, b)
        return None if lanes is None else signature(lanes, mask, lanes, lanes)
    if isinstance(mask, types.Boolean) and isinstance(a, Lanes | types.Number) and isinstance(b, Lanes | types.Number):
        kind = common_lanes(a, b) or types.float64
        return signature(kind, types.boolean, kind, kind)
    return None


def _lower_select(context, builder, sig, values):
    return builder.select(*values)


def _resolve_where(*arguments):
    # a bool leaves np.where to Numba unless a choice is between lanes
    lanes = any(isinstance(a, Lanes | Mask) for a in arguments)
    return _resolve_select(*arguments) if lanes else None


primitive(select, _resolve_select)(_lower_select)
for _condition in (Mask, types.Boolean):
    primitive(np.where, _resolve_where, (_condition, Lanes, Lanes))(_lower_select)


def _resolve_any(*arguments):
    mask = arguments[0] if len(arguments) == 1 else None
    return signature(types.boolean, mask) if isinstance(mask, Mask | types.Boolean) else None


@primitive(any_lane, _resolve_any)
def _lower_any(context, builder, sig, values):
    if isinstance(sig.args[0], types.Boolean):
        return values[0]
    bits = builder.bitcast(values[0], ir.IntType(sig.args[0].width))
    return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))


def _resolve_splat(*arguments):
    width, value = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(width, types.IntegerLiteral):
        return None
    if isinstance(value, types.Integer):
        return signature(IntLanes(width.literal_value), width, types.uint64)
    return signature(Lanes(width.literal_value), width, types.float64)


@primitive(splat, _resolve_splat, literal=True)
def _lower_splat(context, builder, sig, values):
    return repeat(builder, values[1], sig.return_type.width)
