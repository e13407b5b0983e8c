"""How many trajectories advance together: a rule of three cases, measured on AVX2 and AVX-512."""

import types
from collections.abc import Iterable
from functools import lru_cache

from llvmlite.binding import get_host_cpu_features

from dynsamp.kernels.jit import code_names, setting

_WORDS = (
    "acos arccos arcsin arctan arctan2 asin atan atan2 cos cosh exp exp_parts expm1 hypot log log10 log1p log2 pow"
    " power sech2 sin sinh tan tanh"
)
_COSTLY = frozenset(_WORDS.split())
TINY, MANY = 8, 20  # components


def width_for(functions: Iterable[types.FunctionType], dim: int, largest: int, *, split: bool = False) -> int:
    """Width by rule for functions and all that they call; at most ``largest`` numbers in one vector.

    32 for tiny polynomial functions (16 where registers are shorter than 512 bits, unless the method splits them and
    holds half a state at a time), 8 for transcendental ones or many states, else 16.
    """
    costly = any(code_names(function.__code__) & _COSTLY for function in functions)
    if costly or dim >= MANY:
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
