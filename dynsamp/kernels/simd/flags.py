"""A flag that other threads set while compiled code runs."""

from numba.core import types
from numba.core.typing.templates import signature

from dynsamp.kernels.simd.types import primitive

__all__ = ["halted"]


def halted(stop):
    """Whether stop[0], of an int64 array, is no longer 0: a loop that asks should end."""
    return stop[0] != 0


def _resolve(*arguments):
    (stop,) = arguments
    return signature(types.boolean, stop) if isinstance(stop, types.Array) and stop.dtype == types.int64 else None


@primitive(halted, _resolve)
def _lower(context, builder, sig, values):
    array = context.make_array(sig.args[0])(context, builder, values[0])
    # an ordinary load may be moved out of a loop that does not write to memory: it would see the first value for ever
    flag = builder.load_atomic(array.data, "monotonic", 8)
    return builder.icmp_signed("!=", flag, flag.type(0))
