"""Arrays of lanes: indexing, slices, length; views of memory, single lanes, and the way from ordinary arrays.

Indices and slices mean what they mean for NumPy arrays.
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate, infer_getattr, signature
from numba.extending import lower_builtin, lower_getattr

from dynsamp.kernels.jit import inner
from dynsamp.kernels.simd.types import IntLanes, LaneArray, Lanes, Mask, doubles, primitive


def make_array(context, builder, array, data, size):
    """Array over the doubles at ``data`` with ``size`` rows."""
    struct = cgutils.create_struct_proxy(array)(context, builder)
    struct.data, struct.size = data, size
    return struct._getvalue()


def _length(context, builder, array, value):
    if array.shape[0] is not None:
        return context.get_constant(types.intp, array.shape[0])
    return cgutils.create_struct_proxy(array)(context, builder, value).size


def _wrapped(builder, index, length):
    """Count a negative index from the end."""
    negative = builder.icmp_signed("<", index, ir.Constant(index.type, 0))
    return builder.select(negative, builder.add(index, length), index)


def row_pointer(context, builder, array, value, index, inner=1):
    """Pointer to the first double of row ``index``."""
    data = cgutils.create_struct_proxy(array)(context, builder, value).data
    offset = builder.mul(index, ir.Constant(index.type, array.width * inner))
    return builder.gep(data, [offset], inbounds=True)


def _element(context, builder, array, value, indices):
    """Pointer to the lanes at ``indices``, one or two run-time integers."""
    offset = _wrapped(builder, indices[0], _length(context, builder, array, value))
    if len(indices) == 2:
        columns = context.get_constant(types.intp, array.shape[1])
        offset = builder.add(builder.mul(offset, columns), _wrapped(builder, indices[1], columns))
    pointer = row_pointer(context, builder, array, value, offset)
    return builder.bitcast(pointer, doubles(array.width).as_pointer())


def _is_pair(index):
    if not isinstance(index, types.BaseTuple) or len(index) != 2:
        return False
    return all(isinstance(entry, types.Integer) for entry in getattr(index, "types", ()))


def _is_slice(index):
    return isinstance(index, types.SliceType) and not index.has_step


PAIR = types.UniTuple(types.intp, 2)


def _resolve_getitem(*arguments):
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
def _getrow_pointer(context, builder, sig, values):
    array = sig.args[0]
    if isinstance(sig.return_type, LaneArray):
        inner = sig.return_type.shape[0]
        index = _wrapped(builder, values[1], _length(context, builder, array, values[0]))
        row = row_pointer(context, builder, array, values[0], index, inner)
        return make_array(context, builder, sig.return_type, row, context.get_constant(types.intp, inner))
    return builder.load(_element(context, builder, array, values[0], [values[1]]), align=8)


@lower_builtin(operator.getitem, LaneArray, types.BaseTuple)
def _get_element(context, builder, sig, values):
    indices = cgutils.unpack_tuple(builder, values[1], 2)
    return builder.load(_element(context, builder, sig.args[0], values[0], indices), align=8)


def _bounds(context, builder, array, value, index):
    """Start and length of a slice, clipped as Python clips."""
    length = _length(context, builder, array, value)
    zero = ir.Constant(length.type, 0)
    ends = context.make_helper(builder, types.slice2_type, index)

    def clipped(end):
        end = _wrapped(builder, end, length)
        end = builder.select(builder.icmp_signed("<", end, zero), zero, end)
        return builder.select(builder.icmp_signed(">", end, length), length, end)

    start, stop = clipped(ends.start), clipped(ends.stop)
    count = builder.sub(stop, start)
    return start, builder.select(builder.icmp_signed("<", count, zero), zero, count)


@lower_builtin(operator.getitem, LaneArray, types.SliceType)
def _get_slice(context, builder, sig, values):
    start, count = _bounds(context, builder, sig.args[0], *values)
    return make_array(
        context, builder, sig.return_type, row_pointer(context, builder, sig.args[0], values[0], start), count
    )


def _resolve_setitem(*arguments):
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
def _set_element(context, builder, sig, values):
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


def _resolve_len(*arguments):
    return signature(types.intp, *arguments) if isinstance(arguments[0], LaneArray) else None


@primitive(len, _resolve_len, (LaneArray,))
def _lower_len(context, builder, sig, values):
    return _length(context, builder, sig.args[0], values[0])


@infer_getattr
class _LaneArrayAttributes(AttributeTemplate):
    key = LaneArray

    def resolve_size(self, array):
        return types.intp

    def resolve_shape(self, array):
        return types.UniTuple(types.intp, len(array.shape))

    def resolve_ndim(self, array):
        return types.intp


def _shape(context, builder, array, value):
    rest = [context.get_constant(types.intp, length) for length in array.shape[1:]]
    return [_length(context, builder, array, value), *rest]


@lower_getattr(LaneArray, "size")
def _get_size(context, builder, array, value):
    lengths = _shape(context, builder, array, value)
    return lengths[0] if len(lengths) == 1 else builder.mul(*lengths)


@lower_getattr(LaneArray, "shape")
def _get_shape(context, builder, array, value):
    kind = types.UniTuple(types.intp, len(array.shape))
    return context.make_tuple(builder, kind, _shape(context, builder, array, value))


@lower_getattr(LaneArray, "ndim")
def _get_ndim(context, builder, array, value):
    return context.get_constant(types.intp, len(array.shape))


# --- memory as lanes


def _only_compiled():
    raise NotImplementedError("lanes exist in compiled functions only")


def lane_view(width, buffer):
    """Rows of lanes in a contiguous float64 array (length * width,); the length is known at run time."""
    return _only_compiled()


def _resolve_view(*arguments):
    width, buffer = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(width, types.IntegerLiteral) or not isinstance(buffer, types.Array):
        return None
    if buffer.dtype != types.float64 or buffer.ndim != 1 or not buffer.is_c_contig:
        return None
    return signature(LaneArray(width.literal_value, (None,)), width, buffer)


@primitive(lane_view, _resolve_view, literal=True)
def _lower_view(context, builder, sig, values):
    array = sig.return_type
    buffer = context.make_array(sig.args[1])(context, builder, values[1])
    length = builder.sdiv(buffer.nitems, context.get_constant(types.intp, array.width))
    return make_array(context, builder, array, buffer.data, length)


# --- single lanes


def lane_count(x):
    """Width of lanes or of an array of lanes, as a constant; 1 for a float."""
    return 1


def extract(x, lane):
    """One lane of ``Lanes`` (float), ``IntLanes`` (int) or ``Mask`` (bool); a float is its own lane."""
    return x


def insert(x, lane, value):
    """Copy of ``x`` with one lane replaced."""
    return value


def get_lane(y, i, lane):
    """One lane of row ``i`` (not negative) of an array of lanes."""
    return float(_only_compiled())


def set_lane(y, i, lane, value):
    """Write one lane of row ``i`` (not negative) of an array of lanes."""
    _only_compiled()


def _resolve_count(*arguments):
    counts = isinstance(arguments[0], Lanes | IntLanes | Mask | LaneArray | types.Float)
    return signature(types.intp, *arguments) if counts else None


@primitive(lane_count, _resolve_count)
def _lower_count(context, builder, sig, values):
    return context.get_constant(types.intp, getattr(sig.args[0], "width", 1))


def _scalar(vector):
    if isinstance(vector, Lanes | types.Float):
        return types.float64
    return types.uint64 if isinstance(vector, IntLanes) else types.boolean


def _resolve_lane(*arguments):
    """Signature of ``extract`` and ``insert``."""
    vector, *rest = arguments
    if not isinstance(vector, Lanes | IntLanes | Mask | types.Float):
        return None
    scalar = _scalar(vector)
    place = vector, types.intp
    return signature(scalar, *place) if len(rest) == 1 else signature(vector, *place, scalar)


@primitive(extract, _resolve_lane)
def _lower_extract(context, builder, sig, values):
    return values[0] if isinstance(sig.args[0], types.Float) else builder.extract_element(*values)


@primitive(insert, _resolve_lane)
def _lower_insert(context, builder, sig, values):
    if isinstance(sig.args[0], types.Float):
        return values[2]
    return builder.insert_element(values[0], values[2], values[1])


def _double(context, builder, array, values):
    return builder.gep(row_pointer(context, builder, array, values[0], values[1]), [values[2]], inbounds=True)


def _resolve_lane_of_row(*arguments):
    """Signature of ``get_lane`` and ``set_lane``."""
    array, *rest = arguments
    if not isinstance(array, LaneArray) or len(array.shape) != 1:
        return None
    place = array, types.intp, types.intp
    return signature(types.float64, *place) if len(rest) == 2 else signature(types.none, *place, types.float64)


@primitive(get_lane, _resolve_lane_of_row)
def _lower_get_lane(context, builder, sig, values):
    return builder.load(_double(context, builder, sig.args[0], values))


@primitive(set_lane, _resolve_lane_of_row)
def _lower_set_lane(context, builder, sig, values):
    builder.store(values[3], _double(context, builder, sig.args[0], values))
    return context.get_dummy_value()


# --- rows at indices that do not count from the end: without the arithmetic that this takes, inner loops are short


def entry(y, i):
    """Row ``i`` (not negative) of an array of lanes, or number ``i`` of a contiguous float64 array."""
    return y[i]


def set_entry(y, i, value):
    """Write what ``entry`` reads."""
    y[i] = value


def _resolve_entry(*arguments):
    array, *rest = arguments
    if isinstance(array, LaneArray) and len(array.shape) == 1:
        kind: Any = Lanes(array.width)
    elif isinstance(array, types.Array) and array.ndim == 1 and array.is_c_contig and array.dtype == types.float64:
        kind = types.float64
    else:
        return None
    return signature(kind, array, types.intp) if len(rest) == 1 else signature(types.none, array, types.intp, kind)


def _place(context, builder, array, values):
    if isinstance(array, LaneArray):
        pointer = row_pointer(context, builder, array, values[0], values[1])
        return builder.bitcast(pointer, doubles(array.width).as_pointer())
    data = context.make_array(array)(context, builder, values[0]).data
    return builder.gep(data, [values[1]], inbounds=True)


@primitive(entry, _resolve_entry)
def _lower_entry(context, builder, sig, values):
    return builder.load(_place(context, builder, sig.args[0], values), align=8)


@primitive(set_entry, _resolve_entry)
def _lower_set_entry(context, builder, sig, values):
    builder.store(values[2], _place(context, builder, sig.args[0], values), align=8)
    return context.get_dummy_value()


# --- a flag


def halted(stop):
    """Whether stop[0], of an int64 array that other threads write, is no longer 0: a loop that asks should end."""
    return stop[0] != 0


def _resolve_halted(*arguments):
    (stop,) = arguments
    return signature(types.boolean, stop) if isinstance(stop, types.Array) and stop.dtype == types.int64 else None


@primitive(halted, _resolve_halted)
def _lower_halted(context, builder, sig, values):
    array = context.make_array(sig.args[0])(context, builder, values[0])
    # an ordinary load may be moved out of a loop that does not write to memory: it would see the first value for ever
    flag = builder.load_atomic(array.data, "monotonic", 8)
    return builder.icmp_signed("!=", flag, flag.type(0))


# --- to and from ordinary arrays; a partly filled register repeats its last trajectory


@inner
def load_trajectories(states, first, count, y):
    """Rows first ... first + count - 1 of ``states`` (trajectory, state) into the lanes of ``y`` (state,)."""
    for lane in range(lane_count(y)):
        row = first + min(lane, count - 1)
        for i in range(len(y)):
            set_lane(y, i, lane, states[row, i])


@inner
def load_row(like, values, first, count):
    """Lanes of the width of ``like`` with values[first : first + count] (floats, or ids for ``IntLanes``)."""
    x = like
    for lane in range(lane_count(like)):
        x = insert(x, lane, values[first + min(lane, count - 1)])
    return x
