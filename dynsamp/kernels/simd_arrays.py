"""Arrays of lanes: indexing, slices, length. Indices and slices mean what they mean for NumPy arrays."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate, Signature, infer_getattr, signature
from numba.extending import lower_builtin, lower_getattr

from .simd_types import LaneArray, Lanes, Mask, doubles, primitive

__all__ = ["make_array", "row_pointer"]


def make_array(context: Any, builder: Any, array: LaneArray, data: Any, size: Any) -> Any:
    """Array over the doubles at ``data`` with ``size`` rows."""
    struct = cgutils.create_struct_proxy(array)(context, builder)
    struct.data, struct.size = data, size
    return struct._getvalue()


def _length(context: Any, builder: Any, array: LaneArray, value: Any) -> Any:
    if array.shape[0] is not None:
        return context.get_constant(types.intp, array.shape[0])
    return cgutils.create_struct_proxy(array)(context, builder, value).size


def _wrapped(builder: Any, index: Any, length: Any) -> Any:
    """Count a negative index from the end."""
    negative = builder.icmp_signed("<", index, ir.Constant(index.type, 0))
    return builder.select(negative, builder.add(index, length), index)


def row_pointer(context: Any, builder: Any, array: LaneArray, value: Any, index: Any, inner: Any = 1) -> Any:
    """Pointer to the first double of row ``index``."""
    data = cgutils.create_struct_proxy(array)(context, builder, value).data
    offset = builder.mul(index, ir.Constant(index.type, array.width * inner))
    return builder.gep(data, [offset], inbounds=True)


def _element(context: Any, builder: Any, array: LaneArray, value: Any, indices: list[Any]) -> Any:
    """Pointer to the lanes at ``indices``, one or two run-time integers."""
    offset = _wrapped(builder, indices[0], _length(context, builder, array, value))
    if len(indices) == 2:
        columns = context.get_constant(types.intp, array.shape[1])
        offset = builder.add(builder.mul(offset, columns), _wrapped(builder, indices[1], columns))
    pointer = row_pointer(context, builder, array, value, offset)
    return builder.bitcast(pointer, doubles(array.width).as_pointer())


def _is_pair(index: Any) -> bool:
    if not isinstance(index, types.BaseTuple) or len(index) != 2:
        return False
    return all(isinstance(entry, types.Integer) for entry in getattr(index, "types", ()))


def _is_slice(index: Any) -> bool:
    return isinstance(index, types.SliceType) and not index.has_step


PAIR = types.UniTuple(types.intp, 2)


def _resolve_getitem(*arguments: Any) -> Signature | None:
    array, index = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(array, LaneArray):
        return None
    if len(array.shape) == 2:
        if _is_pair(index):
            return signature(Lanes(array.width), array, PAIR)
        if isinstance(index, types.Integer):
            return signature(LaneArray(array.width, array.shape[1:]), array, types.intp)
    elif isinstance(index, types.Integer):
        return signature(Lanes(array.width), array, types.intp)
    elif _is_slice(index):
        return signature(LaneArray(array.width, (None,)), array, types.slice2_type)
    return None


@primitive(operator.getitem, _resolve_getitem, (LaneArray, types.Integer))
def _getrow_pointer(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    array = sig.args[0]
    if isinstance(sig.return_type, LaneArray):
        inner = sig.return_type.shape[0]
        index = _wrapped(builder, values[1], _length(context, builder, array, values[0]))
        row = row_pointer(context, builder, array, values[0], index, inner)
        return make_array(context, builder, sig.return_type, row, context.get_constant(types.intp, inner))
    return builder.load(_element(context, builder, array, values[0], [values[1]]), align=8)


@lower_builtin(operator.getitem, LaneArray, types.BaseTuple)
def _get_element(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    indices = cgutils.unpack_tuple(builder, values[1], 2)
    return builder.load(_element(context, builder, sig.args[0], values[0], indices), align=8)


def _bounds(context: Any, builder: Any, array: LaneArray, value: Any, index: Any) -> tuple[Any, Any]:
    """Start and length of a slice, clipped as Python clips."""
    length = _length(context, builder, array, value)
    zero = ir.Constant(length.type, 0)
    ends = context.make_helper(builder, types.slice2_type, index)

    def clipped(end: Any) -> Any:
        end = _wrapped(builder, end, length)
        end = builder.select(builder.icmp_signed("<", end, zero), zero, end)
        return builder.select(builder.icmp_signed(">", end, length), length, end)

    start, stop = clipped(ends.start), clipped(ends.stop)
    count = builder.sub(stop, start)
    return start, builder.select(builder.icmp_signed("<", count, zero), zero, count)


@lower_builtin(operator.getitem, LaneArray, types.SliceType)
def _get_slice(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    start, count = _bounds(context, builder, sig.args[0], *values)
    return make_array(
        context, builder, sig.return_type, row_pointer(context, builder, sig.args[0], values[0], start), count
    )


def _resolve_setitem(*arguments: Any) -> Signature | None:
    array, index, value = arguments if len(arguments) == 3 else (None, None, None)
    if not isinstance(array, LaneArray):
        return None
    lanes = Lanes(array.width)
    if not isinstance(value, types.Number | types.Boolean | Mask) and value != lanes:
        return None
    if len(array.shape) == 2:
        return signature(types.none, array, PAIR, lanes) if _is_pair(index) else None
    if isinstance(index, types.Integer):
        return signature(types.none, array, types.intp, lanes)
    return signature(types.none, array, types.slice2_type, lanes) if _is_slice(index) else None


@primitive(operator.setitem, _resolve_setitem, (LaneArray, types.Any, Lanes))
def _set_element(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    array, index = sig.args[0], sig.args[1]
    if index == types.slice2_type:
        start, count = _bounds(context, builder, array, values[0], values[1])
        with cgutils.for_range(builder, count) as loop:
            pointer = _element(context, builder, array, values[0], [builder.add(start, loop.index)])
            builder.store(values[2], pointer, align=8)
    else:
        indices = cgutils.unpack_tuple(builder, values[1], 2) if index == PAIR else [values[1]]
        builder.store(values[2], _element(context, builder, array, values[0], indices), align=8)
    return context.get_dummy_value()


def _resolve_len(*arguments: Any) -> Signature | None:
    return signature(types.intp, *arguments) if isinstance(arguments[0], LaneArray) else None


@primitive(len, _resolve_len, (LaneArray,))
def _lower_len(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return _length(context, builder, sig.args[0], values[0])


@infer_getattr
class _LaneArrayAttributes(AttributeTemplate):
    key = LaneArray

    def resolve_size(self, array: LaneArray) -> Any:
        return types.intp

    def resolve_shape(self, array: LaneArray) -> Any:
        return types.UniTuple(types.intp, len(array.shape))

    def resolve_ndim(self, array: LaneArray) -> Any:
        return types.intp


def _shape(context: Any, builder: Any, array: LaneArray, value: Any) -> list[Any]:
    rest = [context.get_constant(types.intp, length) for length in array.shape[1:]]
    return [_length(context, builder, array, value), *rest]


@lower_getattr(LaneArray, "size")
def _get_size(context: Any, builder: Any, array: LaneArray, value: Any) -> Any:
    lengths = _shape(context, builder, array, value)
    return lengths[0] if len(lengths) == 1 else builder.mul(*lengths)


@lower_getattr(LaneArray, "shape")
def _get_shape(context: Any, builder: Any, array: LaneArray, value: Any) -> Any:
    kind = types.UniTuple(types.intp, len(array.shape))
    return context.make_tuple(builder, kind, _shape(context, builder, array, value))


@lower_getattr(LaneArray, "ndim")
def _get_ndim(context: Any, builder: Any, array: LaneArray, value: Any) -> Any:
    return context.get_constant(types.intp, len(array.shape))
