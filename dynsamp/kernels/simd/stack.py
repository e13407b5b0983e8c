"""Small arrays on the stack of the calling function: no allocation, and the optimiser keeps them in registers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dynsamp.kernels.jit import compiled
from dynsamp.kernels.simd.types import LaneArray

__all__ = ["LARGEST", "heap_matrix", "heap_vector", "lane_matrix", "lane_vector", "matrix", "vector"]

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


@intrinsic(prefer_literal=True)
def vector(typingctx, size):
    """Zeros (size,); ``size`` is a constant, and the array dies with the function that called this."""
    kind = types.Array(types.float64, 1, "C")

    def build(context, builder, signature, arguments):
        return _array(context, builder, kind, (size.literal_value,))

    return kind(types.literal(size.literal_value)), build


@intrinsic(prefer_literal=True)
def matrix(typingctx, rows, columns):
    """Zeros (rows, columns); both are constants."""
    kind = types.Array(types.float64, 2, "C")
    shape = (rows.literal_value, columns.literal_value)

    def build(context, builder, signature, arguments):
        return _array(context, builder, kind, shape)

    return kind(types.literal(shape[0]), types.literal(shape[1])), build


@lru_cache
def lane_vector(width):
    """``vector`` for lanes of this width."""

    @intrinsic(prefer_literal=True)
    def lanes(typingctx, size):
        kind = LaneArray(width, (size.literal_value,))
        return kind(types.literal(size.literal_value)), _lane_builder(kind)

    return lanes


@lru_cache
def lane_matrix(width):
    """``matrix`` for lanes of this width."""

    @intrinsic(prefer_literal=True)
    def lanes(typingctx, rows, columns):
        kind = LaneArray(width, (rows.literal_value, columns.literal_value))
        return kind(types.literal(kind.shape[0]), types.literal(kind.shape[1])), _lane_builder(kind)

    return lanes


def _lane_builder(kind):
    def build(context, builder, signature, arguments):
        array = cgutils.create_struct_proxy(kind)(context, builder)
        array.data = _zeros(builder, int(np.prod(kind.shape)) * kind.width)
        array.size = context.get_constant(types.intp, kind.shape[0])
        return array._getvalue()

    return build


@compiled
def heap_vector(size):
    """Zeros (size,) for long vectors, and in plain Python."""
    return np.zeros(size)


@compiled
def heap_matrix(rows, columns):
    """Zeros (rows, columns) for long vectors, and in plain Python."""
    return np.zeros((rows, columns))
