"""Integer lanes: bit patterns of doubles and the 64-bit arithmetic of random generators."""

import operator
import struct

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature

from dynsamp.kernels.simd.types import IntLanes, Lanes, Mask, constant, doubles, integers, primitive


def _common(*arguments):
    found = [a for a in arguments if isinstance(a, IntLanes)]
    if not found or not all(a == found[0] or isinstance(a, types.Integer) for a in arguments):
        return None
    return found[0]


def _define(function, emit, *, compares=False):
    def resolve(*arguments):
        lanes = _common(*arguments) if len(arguments) == 2 else None
        return None if lanes is None else signature(Mask(lanes.width) if compares else lanes, lanes, lanes)

    primitive(function, resolve, (IntLanes, IntLanes))(lambda context, builder, sig, values: emit(builder, *values))


for _operators, _emit in (
    ((operator.add, operator.iadd), lambda b, x, y: b.add(x, y)),
    ((operator.sub, operator.isub), lambda b, x, y: b.sub(x, y)),
    ((operator.mul, operator.imul), lambda b, x, y: b.mul(x, y)),
    ((operator.and_, operator.iand), lambda b, x, y: b.and_(x, y)),
    ((operator.or_, operator.ior), lambda b, x, y: b.or_(x, y)),
    ((operator.xor, operator.ixor), lambda b, x, y: b.xor(x, y)),
    ((operator.lshift, operator.ilshift), lambda b, x, y: b.shl(x, y)),
    ((operator.rshift, operator.irshift), lambda b, x, y: b.lshr(x, y)),
):
    for _operator in _operators:
        _define(_operator, _emit)
_define(operator.eq, lambda b, x, y: b.icmp_unsigned("==", x, y), compares=True)
_define(operator.ne, lambda b, x, y: b.icmp_unsigned("!=", x, y), compares=True)


def bits(x):
    """Bit pattern of a double as a uint64; of lanes as ``IntLanes``."""
    return np.uint64(struct.unpack("<Q", struct.pack("<d", x))[0])


def from_bits(pattern):
    """Double with this bit pattern."""
    return struct.unpack("<d", struct.pack("<Q", int(pattern)))[0]


def unsigned(x):
    """Integer as a uint64; integer lanes as they are."""
    return np.uint64(int(x) % 2**64)


def whole(x):
    """Double with the value of an unsigned integer below 2^52."""
    return float(x)


def _conversion(function, scalar, scalars, vector, result, lanes, emit):
    def resolve(*arguments):
        x = arguments[0] if len(arguments) == 1 else None
        if isinstance(x, vector):
            return signature(lanes(x.width), x)
        return signature(result, scalar) if isinstance(x, scalars) else None

    @primitive(function, resolve)
    def lower(context, builder, sig, values):
        return emit(builder, values[0])


def _like(value, kind, scalar):
    return kind(value.type.count) if isinstance(value.type, ir.VectorType) else scalar


def _to_bits(builder, value):
    return builder.bitcast(value, _like(value, integers, ir.IntType(64)))


def _to_double(builder, value):
    return builder.bitcast(value, _like(value, doubles, ir.DoubleType()))


def _whole(builder, value):
    """Put the integer into the fraction of 2^52: few CPUs convert 64-bit integers in a vector register."""
    shifted = _to_double(builder, builder.or_(value, constant(value.type, 0x4330000000000000)))
    return builder.fsub(shifted, constant(shifted.type, 2.0**52))


_conversion(bits, types.float64, types.Float, Lanes, types.uint64, IntLanes, _to_bits)
_conversion(from_bits, types.uint64, types.Integer, IntLanes, types.float64, Lanes, _to_double)
_conversion(unsigned, types.uint64, types.Integer, IntLanes, types.uint64, IntLanes, lambda builder, value: value)
_conversion(whole, types.uint64, types.Integer, IntLanes, types.float64, Lanes, _whole)
