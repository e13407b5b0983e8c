"""Small arrays on the stack of the calling function: no allocation, and the optimiser keeps them in registers."""

from functools import lru_cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dynsamp.kernels.jit import compiled
from dynsamp.kernels.simd.arrays import make_array
from dynsamp.kernels.simd.types import LaneArray

LARGEST = 2048  # numbers in one array; larger ones belong on the heap


def _zeros(builder, count):
    """Pointer to zeroed doubles in the frame of the function."""
    storage = ir.ArrayType(ir.DoubleType(), count)
    place = cgutils.alloca_once(builder, storage)
    place.align = 64
    builder.store(ir.Constant(storage, None), place)  # each time that the call is reached
    return builder.bitcast(place, ir.DoubleType().as_pointer())


def _array(context, builder, kind, shape):
    strides = [8 * int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    array = context.make_array(kind)(context, builder)
    context.populate_array(
        array,
        data=_zeros(builder, int(np.prod(shape))),
        shape=[context.get_constant(types.intp, size) for size in shape],
        strides=[context.get_constant(types.intp, stride) for stride in strides],
        itemsize=context.get_constant(types.intp, 8),
        meminfo=None,
    )
    return array._getvalue()


def _allocation(kind, shape, place):
    """Signature and code of a call with the lengths ``shape`` that gives an array of this type."""

    def build(context, builder, signature, arguments):
        return place(context, builder, kind, shape)

    return kind(*map(types.literal, shape)), build


@intrinsic(prefer_literal=True)
def vector(typingctx, size):
    """Zeros (size,); ``size`` is a constant, and the array dies with the function that called this."""
    return _allocation(types.Array(types.float64, 1, "C"), (size.literal_value,), _array)


@intrinsic(prefer_literal=True)
def matrix(typingctx, rows, columns):
    """Zeros (rows, columns); both are constants."""
    return _allocation(types.Array(types.float64, 2, "C"), (rows.literal_value, columns.literal_value), _array)


@lru_cache
def lane_vector(width):
    """``vector`` for lanes of this width."""

    @intrinsic(prefer_literal=True)
    def lanes(typingctx, size):
        shape = (size.literal_value,)
        return _allocation(LaneArray(width, shape), shape, _lanes)

    return lanes


@lru_cache
def lane_matrix(width):
    """``matrix`` for lanes of this width."""

    @intrinsic(prefer_literal=True)
    def lanes(typingctx, rows, columns):
        shape = (rows.literal_value, columns.literal_value)
        return _allocation(LaneArray(width, shape), shape, _lanes)

    return lanes


def _lanes(context, builder, kind, shape):
    data, rows = _zeros(builder, int(np.prod(shape)) * kind.width), context.get_constant(types.intp, shape[0])
    return make_array(context, builder, kind, data, rows)


@compiled
def heap_vector(size):
    """Zeros (size,) for long vectors, and in plain Python."""
    return np.zeros(size)


@compiled
def heap_matrix(rows, columns):
    """Zeros (rows, columns) for long vectors, and in plain Python."""
    return np.zeros((rows, columns))
