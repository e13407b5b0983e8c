"""The functions that a Taylor method needs of a traced right-hand side."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dynsamp.kernels.simd import fma
from dynsamp.kernels.simd import functions as elementary
from dynsamp.kernels.simd.arrays import entry, set_entry
from dynsamp.kernels.tracing.derived import joint_trace
from dynsamp.kernels.tracing.series import series
from dynsamp.kernels.tracing.series_source import Layout, lines_of
from dynsamp.kernels.tracing.series_tables import tables
from dynsamp.kernels.tracing.source import built

_ELEMENTARY = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh")
_INVERSE = ("asin", "acos", "atan", "atan2")
SHORT = 64  # steps that are written out
_ARGUMENTS = ("t", "y", "theta", "order", "inverse", "c")


class Coefficients(NamedTuple):
    """How to compute Taylor coefficients."""

    function: Callable[..., Any]  # (t, y, theta, order, inverse, c)
    size: int  # length of c


def taylor_coefficients(
    functions: Sequence[Callable[..., Any]], dim: int, parameters: int | None = None
) -> Coefficients:
    """Coefficients of the solution from (rhs,) or (velocity, force).

    Raises
    ------
    UntraceableError
        With the reason, where the functions cannot be traced or have no Taylor series.
    """
    found = joint_trace(functions, dim, parameters)
    steps = series(found.graph, found.outputs, dim)
    layout = Layout(steps)
    names = {
        "fma": fma,
        "get": entry,
        "put": set_entry,
        "power": elementary.pow,
        **{name: getattr(elementary, name) for name in (*_ELEMENTARY, *_INVERSE)},
    }
    doc = f"Taylor coefficients of the solution of {found.name}."
    if len(steps.steps) <= SHORT:
        return Coefficients(built("coefficients", _ARGUMENTS, doc, lines_of(steps, layout), names), layout.size)
    loops = tables(steps, layout)
    return Coefficients(built("coefficients", _ARGUMENTS, doc, loops.lines, {**names, **loops.names}), loops.size)
