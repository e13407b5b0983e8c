"""Where lanes live, single lanes, and the way to and from ordinary arrays."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import Signature, signature

from .jit import inner
from .simd_arrays import make_array, row_pointer
from .simd_types import IntLanes, LaneArray, Lanes, Mask, doubles, primitive

__all__ = [
    "entry",
    "extract",
    "get_lane",
    "insert",
    "lane_array",
    "lane_count",
    "lane_matrix",
    "lane_view",
    "load_row",
    "load_trajectories",
    "set_entry",
    "set_lane",
    "store_row",
    "store_trajectories",
]


def _only_compiled() -> Any:
    raise NotImplementedError("lanes exist in compiled functions only")


def lane_array(width: int, length: int) -> Any:
    """Uninitialised rows (length,) of lanes on the stack of the caller; both are compile-time constants."""
    return _only_compiled()


def lane_matrix(width: int, rows: int, columns: int) -> Any:
    """Uninitialised (rows, columns) of lanes on the stack of the caller, all compile-time constants."""
    return _only_compiled()


def lane_view(width: int, buffer: Any) -> Any:
    """Rows of lanes in a contiguous float64 array (length * width,); the length is known at run time."""
    return _only_compiled()


def _resolve_make(*arguments: Any) -> Signature | None:
    if not all(isinstance(a, types.IntegerLiteral) for a in arguments):
        return None
    width, *shape = (a.literal_value for a in arguments)
    return signature(LaneArray(width, tuple(shape)), *arguments)


def _lower_make(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    array = sig.return_type
    count = 1
    for length in array.shape:
        count *= length
    with builder.goto_entry_block():
        storage = builder.alloca(ir.ArrayType(doubles(array.width), count))
        storage.align = max(64, 8 * array.width)
    data = builder.bitcast(storage, ir.DoubleType().as_pointer())
    return make_array(context, builder, array, data, context.get_constant(types.intp, array.shape[0]))


for _function in (lane_array, lane_matrix):
    primitive(_function, _resolve_make, literal=True)(_lower_make)


def _resolve_view(*arguments: Any) -> Signature | None:
    width, buffer = arguments if len(arguments) == 2 else (None, None)
    if not isinstance(width, types.IntegerLiteral) or not isinstance(buffer, types.Array):
        return None
    if buffer.dtype != types.float64 or buffer.ndim != 1 or not buffer.is_c_contig:
        return None
    return signature(LaneArray(width.literal_value, (None,)), width, buffer)


@primitive(lane_view, _resolve_view, literal=True)
def _lower_view(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    array = sig.return_type
    buffer = context.make_array(sig.args[1])(context, builder, values[1])
    length = builder.sdiv(buffer.nitems, context.get_constant(types.intp, array.width))
    return make_array(context, builder, array, buffer.data, length)


# --- single lanes


def lane_count(x: Any) -> int:
    """Width of lanes or of an array of lanes, as a constant; 1 for a float."""
    return 1


def extract(x: Any, lane: int) -> Any:
    """One lane of ``Lanes`` (float), ``IntLanes`` (int) or ``Mask`` (bool); a float is its own lane."""
    return x


def insert(x: Any, lane: int, value: Any) -> Any:
    """Copy of ``x`` with one lane replaced."""
    return value


def get_lane(y: Any, i: int, lane: int) -> float:
    """One lane of row ``i`` (not negative) of an array of lanes."""
    return float(_only_compiled())


def set_lane(y: Any, i: int, lane: int, value: float) -> None:
    """Write one lane of row ``i`` (not negative) of an array of lanes."""
    _only_compiled()


def _resolve_count(*arguments: Any) -> Signature | None:
    counts = isinstance(arguments[0], Lanes | IntLanes | Mask | LaneArray | types.Float)
    return signature(types.intp, *arguments) if counts else None


@primitive(lane_count, _resolve_count)
def _lower_count(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return context.get_constant(types.intp, getattr(sig.args[0], "width", 1))


def _scalar(vector: Any) -> Any:
    if isinstance(vector, Lanes | types.Float):
        return types.float64
    return types.uint64 if isinstance(vector, IntLanes) else types.boolean


def _resolve_extract(*arguments: Any) -> Signature | None:
    vector = arguments[0]
    if not isinstance(vector, Lanes | IntLanes | Mask | types.Float):
        return None
    return signature(_scalar(vector), vector, types.intp)


@primitive(extract, _resolve_extract)
def _lower_extract(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return values[0] if isinstance(sig.args[0], types.Float) else builder.extract_element(*values)


def _resolve_insert(*arguments: Any) -> Signature | None:
    vector = arguments[0]
    if not isinstance(vector, Lanes | IntLanes | Mask | types.Float):
        return None
    return signature(vector, vector, types.intp, _scalar(vector))


@primitive(insert, _resolve_insert)
def _lower_insert(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    if isinstance(sig.args[0], types.Float):
        return values[2]
    return builder.insert_element(values[0], values[2], values[1])


def _double(context: Any, builder: Any, array: LaneArray, values: Any) -> Any:
    return builder.gep(row_pointer(context, builder, array, values[0], values[1]), [values[2]], inbounds=True)


def _resolve_get_lane(*arguments: Any) -> Signature | None:
    array = arguments[0]
    if not isinstance(array, LaneArray) or len(array.shape) != 1:
        return None
    return signature(types.float64, array, types.intp, types.intp)


@primitive(get_lane, _resolve_get_lane)
def _lower_get_lane(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return builder.load(_double(context, builder, sig.args[0], values))


def _resolve_set_lane(*arguments: Any) -> Signature | None:
    array = arguments[0]
    if not isinstance(array, LaneArray) or len(array.shape) != 1:
        return None
    return signature(types.none, array, types.intp, types.intp, types.float64)


@primitive(set_lane, _resolve_set_lane)
def _lower_set_lane(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    builder.store(values[3], _double(context, builder, sig.args[0], values))
    return context.get_dummy_value()


# --- rows at indices that do not count from the end: without the arithmetic that this takes, inner loops are short


def entry(y: Any, i: int) -> Any:
    """Row ``i`` (not negative) of an array of lanes, or number ``i`` of a contiguous float64 array."""
    return y[i]


def set_entry(y: Any, i: int, value: Any) -> None:
    """Write what ``entry`` reads."""
    y[i] = value


def _resolve_entry(*arguments: Any) -> Signature | None:
    array, *rest = arguments
    if isinstance(array, LaneArray) and len(array.shape) == 1:
        kind: Any = Lanes(array.width)
    elif isinstance(array, types.Array) and array.ndim == 1 and array.is_c_contig and array.dtype == types.float64:
        kind = types.float64
    else:
        return None
    return signature(kind, array, types.intp) if len(rest) == 1 else signature(types.none, array, types.intp, kind)


def _place(context: Any, builder: Any, array: Any, values: Any) -> Any:
    if isinstance(array, LaneArray):
        pointer = row_pointer(context, builder, array, values[0], values[1])
        return builder.bitcast(pointer, doubles(array.width).as_pointer())
    data = context.make_array(array)(context, builder, values[0]).data
    return builder.gep(data, [values[1]], inbounds=True)


@primitive(entry, _resolve_entry)
def _lower_entry(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    return builder.load(_place(context, builder, sig.args[0], values), align=8)


@primitive(set_entry, _resolve_entry)
def _lower_set_entry(context: Any, builder: Any, sig: Signature, values: Any) -> Any:
    builder.store(values[2], _place(context, builder, sig.args[0], values), align=8)
    return context.get_dummy_value()


# --- to and from ordinary arrays; a partly filled register repeats its last trajectory


@inner
def load_trajectories(states: Any, first: Any, count: Any, y: Any) -> None:
    """Rows first ... first + count - 1 of ``states`` (trajectory, state) into the lanes of ``y`` (state,)."""
    for lane in range(lane_count(y)):
        row = first + min(lane, count - 1)
        for i in range(len(y)):
            set_lane(y, i, lane, states[row, i])


@inner
def store_trajectories(y: Any, states: Any, first: Any, count: Any) -> None:
    """The first ``count`` lanes of ``y`` (state,) into rows first ... of ``states`` (trajectory, state)."""
    for lane in range(min(count, lane_count(y))):
        for i in range(len(y)):
            states[first + lane, i] = get_lane(y, i, lane)


@inner
def load_row(like: Any, values: Any, first: Any, count: Any) -> Any:
    """Lanes of the width of ``like`` with values[first : first + count] (floats, or ids for ``IntLanes``)."""
    x = like
    for lane in range(lane_count(like)):
        x = insert(x, lane, values[first + min(lane, count - 1)])
    return x


@inner
def store_row(x: Any, values: Any, first: Any, count: Any) -> None:
    """The first ``count`` lanes of ``x`` (lanes or a mask) into values[first : first + count]."""
    for lane in range(lane_count(x)):
        if lane < count:
            values[first + lane] = extract(x, lane)
