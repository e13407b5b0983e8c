"""Small float64 arrays on the stack of the calling function: no allocation, and the optimiser keeps them in registers."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from dynsamp.kernels.jit import compiled

__all__ = ["LARGEST", "fma", "heap_matrix", "heap_vector", "matrix", "unfused", "vector"]

LARGEST = 1024  # numbers in one array; larger ones belong on the heap


def _array(context: Any, builder: Any, kind: Any, shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    storage = ir.ArrayType(ir.DoubleType(), count)
    place = cgutils.alloca_once(builder, storage)
    place.align = 64
    builder.store(ir.Constant(storage, None), place)  # zeros each time
    strides = [8 * int(np.prod(shape[k + 1 :])) for k in range(len(shape))]
    array = context.make_array(kind)(context, builder)
    context.populate_array(
        array,
        data=builder.bitcast(place, ir.DoubleType().as_pointer()),
        shape=[context.get_constant(types.intp, size) for size in shape],
        strides=[context.get_constant(types.intp, stride) for stride in strides],
        itemsize=context.get_constant(types.intp, 8),
        meminfo=None,
    )
    return array._getvalue()


@intrinsic(prefer_literal=True)
def vector(typingctx: Any, size: Any) -> Any:
    """Zeros (size,); ``size`` is a constant, and the array dies with the function that called this."""
    kind = types.Array(types.float64, 1, "C")

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _array(context, builder, kind, (size.literal_value,))

    return kind(types.literal(size.literal_value)), build


@intrinsic(prefer_literal=True)
def matrix(typingctx: Any, rows: Any, columns: Any) -> Any:
    """Zeros (rows, columns); both are constants."""
    kind = types.Array(types.float64, 2, "C")
    shape = (rows.literal_value, columns.literal_value)

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _array(context, builder, kind, shape)

    return kind(types.literal(shape[0]), types.literal(shape[1])), build


@compiled
def heap_vector(size: int) -> Any:
    """Zeros (size,) for long vectors, and in plain Python."""
    return np.zeros(size)


@compiled
def heap_matrix(rows: int, columns: int) -> Any:
    """Zeros (rows, columns) for long vectors, and in plain Python."""
    return np.zeros((rows, columns))


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of float64, rounded once."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), build


def unfused(a: float, b: float, c: float) -> float:
    """``a * b + c`` in plain Python, rounded twice."""
    return a * b + c
