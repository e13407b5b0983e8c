"""Arithmetic, comparisons, rounding and logic of ``Lanes`` and ``Mask``: what user code spells as operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.core.typing.templates import Signature, signature

from .simd_types import Lanes, Mask, call_intrinsic, common_lanes, constant, primitive

__all__ = ["elementwise"]


def elementwise(*arguments: Any) -> Signature | None:
    """Signature of a function of lanes and numbers whose result is lanes."""
    lanes = common_lanes(*arguments)
    return None if lanes is None else signature(lanes, *[lanes] * len(arguments))


def _define(functions: tuple[Any, ...], count: int, emit: Callable[..., Any]) -> None:
    """Define ``functions`` of ``count`` lanes by ``emit(builder, *values)``."""
    for function in functions:

        def resolve(*arguments: Any) -> Signature | None:
            return elementwise(*arguments) if len(arguments) == count else None

        primitive(function, resolve, (Lanes,) * count)(lambda context, builder, sig, values: emit(builder, *values))


# --- arithmetic


def _divmod(builder: Any, x: Any, y: Any) -> tuple[Any, Any]:
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


def _smaller(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", y, x), y, x)  # Python's min keeps the first unless y < x


def _larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", y, x), y, x)


def _nan_or(comparison: str) -> Callable[[Any, Any, Any], Any]:
    def emit(builder: Any, x: Any, y: Any) -> Any:
        first = builder.or_(builder.fcmp_ordered(comparison, x, y), builder.fcmp_unordered("uno", x, x))
        return builder.select(first, x, y)

    return emit


_minimum, _maximum = _nan_or("<="), _nan_or(">=")


def _clip(builder: Any, x: Any, low: Any, high: Any) -> Any:
    return _minimum(builder, _maximum(builder, x, low), high)


def _sign(builder: Any, x: Any) -> Any:
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


def _extreme(function: Any, emit: Callable[..., Any]) -> None:
    def resolve(*arguments: Any) -> Signature | None:
        return elementwise(*arguments) if len(arguments) > 1 else None

    def lower(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
        result = values[0]
        for value in values[1:]:
            result = emit(builder, result, value)
        return result

    primitive(function, resolve, (Lanes, types.VarArg(Lanes)))(lower)


_extreme(min, _smaller)
_extreme(max, _larger)


# --- powers with whole exponents; the others are in `functions`


def _whole_power(*arguments: Any) -> Signature | None:
    base, exponent = arguments if len(arguments) == 2 else (None, None)
    if isinstance(base, Lanes) and isinstance(exponent, types.IntegerLiteral) and abs(exponent.literal_value) < 1024:
        return signature(base, base, exponent)
    return None


def _lower_whole_power(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
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
    def resolve(*arguments: Any) -> Signature | None:
        lanes = common_lanes(*arguments) if len(arguments) == 2 else None
        return None if lanes is None else signature(Mask(lanes.width), lanes, lanes)

    def lower(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
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
    def resolve(*arguments: Any) -> Signature | None:
        x = arguments[0] if len(arguments) == 1 else None
        return signature(Mask(x.width), x) if isinstance(x, Lanes) else None

    for function in functions:
        primitive(function, resolve, (Lanes,))(lambda context, builder, sig, values: emit(builder, values[0]))


def _is_infinite(builder: Any, x: Any, comparison: str = "==") -> Any:
    return builder.fcmp_ordered(comparison, call_intrinsic(builder, "fabs", [x]), constant(x.type, math.inf))


_classify((math.isnan, np.isnan), lambda b, x: b.fcmp_unordered("uno", x, x))
_classify((math.isinf, np.isinf), _is_infinite)
_classify((math.isfinite, np.isfinite), lambda b, x: _is_infinite(b, x, "<"))


def _logical(functions: tuple[Any, ...], count: int, emit: Callable[..., Any]) -> None:
    def resolve(*arguments: Any) -> Signature | None:
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
