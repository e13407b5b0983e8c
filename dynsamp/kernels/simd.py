"""SIMD across trajectories: arithmetic on ``Lanes``, W trajectories at a time.

A plugin's right-hand side is written for one trajectory. Compiled for ``Lanes(W)`` in place of
``float64`` the same source advances W of them, one in each lane of a vector register; LLVM splits or
widens the register for whatever CPU there is. Arithmetic is IEEE and never contracted, so results
do not depend on W; solvers ask for fused multiply-adds by name (``fma``).

``fma``, ``select``, ``any_lane`` and ``all_lanes`` work on plain floats and bools, too, compiled or not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import Signature, signature

from .simd_arithmetic import elementwise
from .simd_types import IntLanes, LaneArray, Lanes, Mask, call_intrinsic, common_lanes, primitive
from .simd_types import splat as repeat

__all__ = [
    "IntLanes",
    "LaneArray",
    "Lanes",
    "Mask",
    "all_lanes",
    "any_lane",
    "fma",
    "polynomial",
    "select",
    "splat",
]


def fma(a: Any, b: Any, c: Any) -> Any:
    """Return a b + c with one rounding (two in the interpreter); floats or lanes."""
    return a * b + c


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """sum_k coefficients[k] x^k by Estrin's scheme: short chains of fused multiply-adds; floats or lanes."""
    result = 0.0
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def select(mask: Any, a: Any, b: Any) -> Any:
    """``a`` in the lanes where ``mask`` holds and ``b`` elsewhere; bool and floats, too."""
    return a if mask else b


def any_lane(mask: Any) -> bool:
    """Whether ``mask`` (or a bool) holds in any lane."""
    return bool(mask)


def all_lanes(mask: Any) -> bool:
    """Whether ``mask`` (or a bool) holds in all lanes."""
    return bool(mask)


def splat(width: int, value: Any) -> Any:
    """``value`` in each of ``width`` lanes; ``width`` is a compile-time constant, an int gives ``IntLanes``."""
    raise NotImplementedError("lanes exist in compiled functions only")


def _resolve_fma(*arguments: Any) -> Signature | None:
    if len(arguments) != 3:
        return None
    if all(isinstance(a, types.Number) for a in arguments):
        return signature(types.float64, *[types.float64] * 3)
    return elementwise(*arguments)


@primitive(fma, _resolve_fma)
def _lower_fma(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return call_intrinsic(builder, "fma", values)


def _resolve_polynomial(*arguments: Any) -> Signature | None:
    x, coefficients = arguments
    kind = common_lanes(x) or types.float64
    return signature(kind, kind, coefficients) if isinstance(coefficients, types.UniTuple) else None


@primitive(polynomial, _resolve_polynomial)
def _lower_polynomial(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
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


def _resolve_select(*arguments: Any) -> Signature | None:
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


def _lower_select(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return builder.select(*values)


def _resolve_where(*arguments: Any) -> Signature | None:
    # a bool leaves np.where to Numba unless a choice is between lanes
    lanes = any(isinstance(a, Lanes | Mask) for a in arguments)
    return _resolve_select(*arguments) if lanes else None


primitive(select, _resolve_select)(_lower_select)
for _condition in (Mask, types.Boolean):
    primitive(np.where, _resolve_where, (_condition, Lanes, Lanes))(_lower_select)


def _reduce(function: Any, comparison: str, value: int) -> None:
    def resolve(*arguments: Any) -> Signature | None:
        mask = arguments[0] if len(arguments) == 1 else None
        return signature(types.boolean, mask) if isinstance(mask, Mask | types.Boolean) else None

    @primitive(function, resolve)
    def lower(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
        if isinstance(sig.args[0], types.Boolean):
            return values[0]
        bits = builder.bitcast(values[0], ir.IntType(sig.args[0].width))
        return builder.icmp_unsigned(comparison, bits, ir.Constant(bits.type, value))


_reduce(any_lane, "!=", 0)
_reduce(all_lanes, "==", -1)


def _resolve_splat(*arguments: Any) -> Signature | None:
    width, value = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(width, types.IntegerLiteral):
        return None
    if isinstance(value, types.Integer):
        return signature(IntLanes(width.literal_value), width, types.uint64)
    return signature(Lanes(width.literal_value), width, types.float64)


@primitive(splat, _resolve_splat, literal=True)
def _lower_splat(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return repeat(builder, values[1], sig.return_type.width)
