"""How functions go to other processes: by name where they can be imported, else by their code."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any

__all__ = ["received", "shipped"]


class _ByCode:
    """A function made inside another, or derived; pickled, it comes out as the function."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function

    def __reduce__(self) -> tuple[Any, tuple[bytes]]:
        from dynsamp.kernels.jit import carried

        return pickle.loads, (carried(self.function),)


def shipped(value: Any) -> Any:
    """A value, and containers of them, as pickle can take it."""
    if isinstance(value, FunctionType):
        home = sys.modules.get(value.__module__)
        return value if getattr(home, value.__qualname__, None) is value else _ByCode(value)
    if isinstance(value, dict):
        return {key: shipped(item) for key, item in value.items()}
    return tuple(map(shipped, value)) if type(value) is tuple else value


def received(state: Mapping[str, Any]) -> dict[str, Any]:
    """The values again; a copy in the same process was never pickled."""
    return {key: _received(value) for key, value in state.items()}


def _received(value: Any) -> Any:
    if isinstance(value, _ByCode):
        return value.function
    if isinstance(value, dict):
        return received(value)
    return tuple(map(_received, value)) if type(value) is tuple else value
