"""How many trajectories advance together: a rule of three cases, measured on AVX2 and AVX-512."""

from __future__ import annotations

import types
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from llvmlite.binding import get_host_cpu_features
from numba.core.dispatcher import Dispatcher

from dynsamp.kernels.jit import code_names, setting

__all__ = ["width_for"]

_COSTLY = frozenset(
    {
        "acos",
        "arccos",
        "arcsin",
        "arctan",
        "arctan2",
        "asin",
        "atan",
        "atan2",
        "cos",
        "cosh",
        "exp",
        "exp_parts",
        "expm1",
        "hypot",
        "log",
        "log10",
        "log1p",
        "log2",
        "pow",
        "power",
        "sech2",
        "sin",
        "sinh",
        "tan",
        "tanh",
    }
)
TINY, MANY = 8, 20  # components


def width_for(functions: Iterable[Any], dim: int, largest: int, *, split: bool = False) -> int:
    """Width by rule; at most ``largest`` numbers in one vector.

    32 for tiny polynomial functions (16 where registers are shorter than 512 bits, unless the method splits them and
    holds half a state at a time), 8 for transcendental ones or many states, else 16.
    """
    names = set().union(*(_names(function, set()) for function in functions))
    if names & _COSTLY or dim >= MANY:
        width = 8
    else:
        width = 32 if dim <= TINY and (split or _long_registers()) else 16
    while width * dim > largest:
        width //= 2
    return width


@lru_cache
def _long_registers() -> bool:
    if setting("CPU_NAME") == "generic":
        return False
    return "+avx512f" in (setting("CPU_FEATURES") or get_host_cpu_features().flatten())


def _names(function: Any, seen: set[int]) -> frozenset[str]:
    """Names that a function and its helpers use."""
    function = getattr(function, "py_func", function)
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return frozenset()
    seen.add(id(function))
    names = code_names(function.__code__)
    found = [function.__globals__.get(name) for name in names]
    found += [cell.cell_contents for cell in function.__closure__ or ()]
    return names.union(*(_names(value, seen) for value in found if isinstance(value, (types.FunctionType, Dispatcher))))
