"""Content hash of a function: everything its compiled code depends on.

Numba itself notices neither a changed global nor a changed default argument; a kernel kept on disk must.
"""

from __future__ import annotations

import builtins
import dis
import enum
import hashlib
import sys
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

__all__ = ["UnknownContentError", "fingerprint"]

# values of these are identified by their name: their content changes with the version of the package only
_STABLE = ("builtins", "math", "cmath", "operator", "numpy", "numba")


class UnknownContentError(Exception):
    """Something whose content cannot be told; compiled code that uses it must not be kept."""


def fingerprint(function: Any) -> str:
    """Hash of a Python function or Numba dispatcher and, transitively, of all it refers to.

    Raises UnknownContentError where that cannot be told.
    """
    digest = hashlib.sha256()
    _Reader(digest).value(function)
    return digest.hexdigest()


class _Reader:
    def __init__(self, digest: Any) -> None:
        self.digest = digest
        self.seen: dict[int, int] = {}
        self.keep: list[Any] = []  # ids stay unique while the objects live

    def put(self, *parts: str | bytes) -> None:
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            self.digest.update(f"{len(data)}:".encode() + data)

    def value(self, value: Any) -> None:
        kind = type(value)
        if value is None or value is Ellipsis or kind in (bool, int, float, complex, str, bytes):
            self.put(kind.__name__, repr(value))
        elif isinstance(value, enum.Enum):
            self.put("enum", f"{kind.__module__}.{kind.__qualname__}.{value.name}")
            self.value(value.value)
        elif isinstance(value, (tuple, frozenset)):
            items = sorted(value, key=repr) if isinstance(value, frozenset) else list(value)
            self.put(kind.__qualname__, repr(getattr(value, "_fields", "")), str(len(items)))
            for item in items:
                self.value(item)
        elif isinstance(value, np.generic):
            self.put("numpy", str(value.dtype), value.tobytes())
        elif kind is np.ndarray and not value.dtype.hasobject:
            order = "C" if value.flags.c_contiguous else "F" if value.flags.f_contiguous else "A"
            self.put("array", repr(value.dtype.descr), repr(value.shape), order, value.tobytes())
        elif isinstance(value, np.dtype):
            self.put("dtype", repr(value.descr))
        elif isinstance(value, types.CodeType):
            self.code(value)
        elif isinstance(value, (types.FunctionType, Dispatcher)) and not _importable(value):
            self.function(value)
        elif hasattr(value, "_defn") and isinstance(value._defn, types.FunctionType):  # an intrinsic
            self.put("intrinsic")
            self.function(value._defn)
        elif (_package(value) in _STABLE and _name(value)) or _importable(value):
            self.put("name", f"{getattr(value, '__module__', None)}.{_name(value)}")
        else:
            raise UnknownContentError(f"{kind.__name__} {value!r:.80}")

    def code(self, code: types.CodeType) -> None:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.put("code", code.co_code, repr(counts), repr(names), getattr(code, "co_exceptiontable", b""))
        for constant in code.co_consts:
            self.value(constant)

    def function(self, value: Any) -> None:
        options = ""
        if isinstance(value, Dispatcher):
            options = repr(sorted(value.targetoptions.items(), key=repr)) + repr(value.locals)
            value = value.py_func
        if id(value) in self.seen:  # recursion: the position says which
            self.put("again", str(self.seen[id(value)]))
            return
        self.seen[id(value)] = len(self.seen)
        self.keep.append(value)
        self.put("function", options)
        self.code(value.__code__)
        self.value(value.__defaults__)
        for key, default in sorted((value.__kwdefaults__ or {}).items()):
            self.put("default", key)
            self.value(default)
        for chain in _all_chains(value.__code__):
            self.chain(value, chain)

    def chain(self, function: types.FunctionType, chain: tuple[str, ...]) -> None:
        """A global or closure variable and the attributes read from it: ``const.earth.G``."""
        name, *attributes = chain
        found, value = _lookup(function, name)
        self.put("reference", ".".join(chain))
        if not found:
            self.put("missing")
            return
        for attribute in attributes:
            if not isinstance(value, (types.ModuleType, type, types.SimpleNamespace)) or _package(value) in _STABLE:
                break  # the attribute of a value is part of the value
            if not hasattr(value, attribute):
                self.put("missing")
                return
            value = getattr(value, attribute)
        if isinstance(value, types.ModuleType):
            if _package(value) not in _STABLE:  # the module itself went into a variable: anything may be read
                raise UnknownContentError(f"module {value.__name__} as a value")
            version = getattr(sys.modules.get(_package(value)), "__version__", "")
            self.put("module", value.__name__, str(version))
        else:
            self.value(value)


def _lookup(function: types.FunctionType, name: str) -> tuple[bool, Any]:
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            return True, cell.cell_contents
        except ValueError:  # not yet filled
            return False, None
    if name in function.__globals__:
        return True, function.__globals__[name]
    return (True, getattr(builtins, name)) if hasattr(builtins, name) else (False, None)


@lru_cache(1024)
def _all_chains(code: types.CodeType) -> tuple[tuple[str, ...], ...]:
    """Chains of a code object, sorted; read once, for a key is computed at every call of a solver."""
    return tuple(sorted(set(_chains(code))))


def _chains(code: types.CodeType, free: frozenset[str] | None = None) -> Iterator[tuple[str, ...]]:
    """Each global or closure name with the attributes that the bytecode reads from it at once."""
    free = frozenset(code.co_freevars) if free is None else free
    current: list[str] = []
    for instruction in dis.get_instructions(code):
        if current and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            current.append(str(instruction.argval))
            continue
        if instruction.opname in ("CACHE", "EXTENDED_ARG", "PUSH_NULL") and current:
            continue
        if current:
            yield tuple(current)
            current = []
        outer = instruction.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and instruction.argval in free
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") or outer:
            current = [str(instruction.argval)]
    if current:
        yield tuple(current)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _chains(constant, free & frozenset(constant.co_freevars))


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or getattr(value, "__name__", ""))


def _importable(value: Any) -> bool:
    """Whether it is a function of a package whose version is part of every key, or of these kernels."""
    module = str(getattr(value, "__module__", ""))
    if module.partition(".")[0] not in _STABLE and not module.startswith("dynsamp.kernels."):
        return False
    return getattr(sys.modules.get(module), _name(value), None) is value  # a stranger may claim any module


def _package(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return value.__name__.partition(".")[0]
    return str(getattr(value, "__module__", None) or type(value).__module__).partition(".")[0]
