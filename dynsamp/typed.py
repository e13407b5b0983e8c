"""Plain values and annotations: whether a value is what the annotation of its field says.

Values come from files and from slips, so nothing is converted: true is no number, a number is finite, a text is no
list. What an annotation does not say, such as ``Any``, every value is.
"""

import math
import sys
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin


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


def anything(_: Any) -> bool:
    """The test that every value passes."""
    return True


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says."""
    return _test(hint)(value)


Test = Callable[[Any], bool]
_NUMBERS = (int, float)


@lru_cache(maxsize=1024)
def _test(hint: Any) -> Test:
    """The test of an annotation, made once: a file is read in less than a millisecond."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return anything
    if hint is None or hint is types.NoneType:
        return lambda value: value is None
    if origin is None and isinstance(hint, type):
        return _test_of_class(hint)
    if origin is Annotated:
        return _test(inner[0])
    if origin is Literal:
        words, kinds = {(type(word), word) for word in inner}, {type(word) for word in inner}
        return lambda value: type(value) in kinds and (type(value), value) in words
    if origin in (Union, types.UnionType):
        options = [_test(one) for one in inner]
        if len(options) == 2:
            first, second = options
            return lambda value: first(value) or second(value)
        return lambda value: any(test(value) for test in options)
    if not isinstance(origin, type):
        return anything
    whole, parts = _test_of_class(origin), [_test(one) for one in inner if one is not Ellipsis]
    if issubclass(origin, Mapping) and len(parts) == 2:
        key, item = parts
        if item is anything:
            return lambda value: whole(value) and (set(map(type, value)) == {inner[0]} or all(map(key, value)))
        return lambda value: whole(value) and all(key(k) and item(v) for k, v in value.items())
    if origin is tuple and Ellipsis not in inner and parts:
        return lambda value: (
            whole(value) and len(value) == len(parts) and all(t(v) for t, v in zip(parts, value, strict=True))
        )
    if issubclass(origin, Collection) and len(parts) == 1 and not issubclass(origin, str):
        (item,) = parts
        return lambda value: whole(value) and all(map(item, value))
    return whole  # arrays say their data type in further arguments


def _test_of_class(kind: type) -> Test:
    if kind is bool:
        return lambda value: value is True or value is False
    if kind in _NUMBERS:
        return _is_whole if kind is int else _is_number
    if kind in (list, tuple) or kind is Sequence:
        return lambda value: type(value) is list or isinstance(value, list | tuple)  # files know lists alone
    if kind in (dict, Mapping):
        return lambda value: type(value) is dict or isinstance(value, Mapping)
    return lambda value: isinstance(value, kind)


def _is_whole(value: Any) -> bool:
    return type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))


def _is_number(value: Any) -> bool:
    if type(value) is float:
        return value - value == 0.0  # finite
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # of a whole number that no float holds
        return False


def misfit(kind: type, values: Mapping[str, Any]) -> str | None:
    """The first field whose value is not what its class says; None where all are."""
    known = tests(kind)
    return next((name for name, value in values.items() if name in known and not known[name](value)), None)


@cache
def tests(kind: type) -> dict[str, Test]:
    """The tests of the fields of a class, by name."""
    found = {}
    for name, hint in hints(kind).items():
        with suppress(TypeError):  # what a stranger adds with ``Annotated`` need not have a hash
            found[name] = _test(hint)
    return found


def kinds(hint: Any) -> list[Any]:
    """The alternatives of an annotation, as classes."""
    if get_origin(hint) is Annotated:
        return kinds(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return [kind for one in get_args(hint) for kind in kinds(one)]
    return [get_origin(hint) or hint]


@cache
def _real(kind: type) -> frozenset[str]:
    """Fields that are a float, or nothing."""
    return frozenset(name for name, hint in hints(kind).items() if float in (said := kinds(hint)) and len(said) < 3)


def as_floats(kind: type, values: Mapping[str, Any]) -> dict[str, float]:
    """Those of fitting values that stand as whole numbers in a field of floats: arrays would take their type."""
    found = {}
    for name in _real(kind):
        value = values.get(name)
        if type(value) is not float and value is not None and isinstance(value, Integral):
            found[name] = float(value)
    return found


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
