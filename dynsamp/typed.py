"""Plain values and annotations: whether a value is what the annotation of its field says.

Values come from files and from slips, so nothing is converted: true is no number, a number is finite, a text is no
list. What an annotation does not say, such as ``Any``, every value is.
"""

from __future__ import annotations

import math
import sys
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin

__all__ = ["fits", "hints", "misfit", "spoken"]


@cache
def hints(kind: type) -> dict[str, Any]:
    """Annotations of a class and its bases, with what ``Annotated`` adds; ``Any`` where one cannot be resolved."""
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except (NameError, AttributeError, TypeError):  # imported for type checkers only, or local to a function
        found: dict[str, Any] = {}
        for base in reversed(kind.__mro__):
            module = sys.modules.get(base.__module__)
            names = {**(vars(module) if module else {}), **vars(base)}
            for name, hint in vars(base).get("__annotations__", {}).items():
                alone = types.SimpleNamespace(__annotations__={name: hint})
                try:
                    found |= typing.get_type_hints(alone, names, include_extras=True)
                except Exception:  # an annotation of a stranger may be any expression
                    found[name] = Any
        return found


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says."""
    if hint is Any:
        return True
    origin, inner = get_origin(hint), get_args(hint)
    if origin is None and isinstance(hint, type):
        return _is_a(value, hint)
    if origin is Annotated:
        return fits(value, inner[0])
    if origin is Literal:
        return any(type(value) is type(word) and value == word for word in inner)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if hint is None:
        return value is None
    if not isinstance(origin, type):
        return True
    if not _is_a(value, origin):
        return False
    if issubclass(origin, Mapping):
        return len(inner) < 2 or all(fits(key, inner[0]) and fits(item, inner[1]) for key, item in value.items())
    if not issubclass(origin, Collection) or not inner or isinstance(value, str) or not hasattr(value, "__len__"):
        return True
    if origin is tuple and inner[-1] is not Ellipsis:
        return len(value) == len(inner) and all(map(fits, value, inner))
    if origin is tuple or len(inner) == 1:
        return all(fits(item, inner[0]) for item in value)
    return True  # arrays say their data type in further arguments


def _is_a(value: Any, kind: type) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return False
        try:
            return math.isfinite(value)
        except OverflowError:  # of a whole number that no float holds
            return kind is int
    if kind is types.NoneType:
        return value is None
    if issubclass(kind, list | tuple) or kind is Sequence:
        return isinstance(value, list | tuple)  # files know lists alone
    if kind is dict:
        return isinstance(value, Mapping)
    return isinstance(value, kind) or kind is object


def misfit(kind: type, values: Mapping[str, Any]) -> str | None:
    """The first field whose value is not what its class says; None where all are."""
    known = hints(kind)
    return next((name for name, value in values.items() if not fits(value, known.get(name, Any))), None)


_WORDS = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "nothing",
}  # fmt: skip
_PLURAL = {str: "texts", int: "whole numbers", float: "numbers"}


def spoken(hint: Any) -> str:
    """What an annotation asks for, in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return spoken(inner[0])
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(spoken(one) for one in inner if one is not types.NoneType))
    kind = hint if origin is None else origin
    if kind in _WORDS:
        return _WORDS[kind]
    if not isinstance(kind, type):
        return "another value"
    if kind.__name__ == "ndarray":
        return "an array"
    if not issubclass(kind, Collection):
        return f"a {kind.__name__}"
    values = inner[1:] if issubclass(kind, Mapping) else inner[:1]
    kinds = get_args(values[0]) or values if values else ()
    plural = " or ".join(_PLURAL[one] for one in kinds if one in _PLURAL)
    return f"{'an object' if issubclass(kind, Mapping) else 'a list'}{' of ' if plural else ''}{plural}"
