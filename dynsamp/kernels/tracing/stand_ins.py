"""Stand-ins for the functions of ``math``, ``numpy`` and the kernels that a traced function may call."""

import builtins
import functools
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from dynsamp.kernels.tracing.graph import refuse
from dynsamp.kernels.tracing.values import Value, elementwise, over, where

Function = Callable[..., Any]


def _operation(name: str) -> Function:
    return lambda *arguments: elementwise(name, *arguments)


def _composed(formula: Function) -> Function:
    return lambda *arguments: over(formula, *arguments)


def _smaller(*values: Any) -> Any:
    return functools.reduce(lambda a, b: where(b < a, b, a), _items(values))


def _larger(*values: Any) -> Any:
    return functools.reduce(lambda a, b: where(b > a, b, a), _items(values))


def _items(values: tuple[Any, ...]) -> Any:
    return values if len(values) > 1 else list(values[0])


def _sign(x: Any) -> Any:
    return where(x > 0.0, 1.0, where(x < 0.0, -1.0, 0.0))


def _total(values: Any, start: Any = 0.0) -> Any:
    return functools.reduce(lambda a, b: a + b, np.asarray(values, dtype=object).ravel(), start)


def _dot(a: Any, b: Any) -> Any:
    a, b = np.asarray(a, dtype=object), np.asarray(b, dtype=object)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return a.dot(b)


def _float(x: Any = 0.0) -> Any:
    return x if isinstance(x, Value) else float(x)


def _room(shape: Any, *_: Any, fill: float = 0.0, **__: Any) -> Any:
    return np.full(shape, fill, dtype=object)


def _array(values: Any, *_: Any, **__: Any) -> Any:
    return np.array(values, dtype=object)


_SAME = (
    "add subtract multiply divide power mod negative sqrt exp expm1 log log1p sin cos tan sinh cosh tanh floor ceil"
    " less less_equal equal not_equal logical_and logical_or logical_not"
)
_BY_NAME: dict[str, Function] = {
    **{name: _operation(name) for name in _SAME.split()},
    "pow": _operation("power"),
    "true_divide": _operation("divide"),
    "fabs": _operation("absolute"),
    "abs": _operation("absolute"),
    "absolute": _operation("absolute"),
    **{name: _operation("arcsin") for name in ("asin", "arcsin")},
    **{name: _operation("arccos") for name in ("acos", "arccos")},
    **{name: _operation("arctan") for name in ("atan", "arctan")},
    **{name: _operation("arctan2") for name in ("atan2", "arctan2")},
    "greater": lambda a, b: elementwise("less", b, a),
    "greater_equal": lambda a, b: elementwise("less_equal", b, a),
    "bitwise_and": _operation("logical_and"),
    "bitwise_or": _operation("logical_or"),
    "invert": _operation("logical_not"),
    "positive": _composed(lambda x: x),
    "square": _composed(lambda x: x * x),
    "reciprocal": _composed(lambda x: 1.0 / x),
    "hypot": _composed(lambda x, y: elementwise("sqrt", x * x + y * y)),
    "log2": _composed(lambda x: elementwise("log", x) * (1.0 / math.log(2.0))),
    "log10": _composed(lambda x: elementwise("log", x) * (1.0 / math.log(10.0))),
    "radians": _composed(lambda x: x * (math.pi / 180.0)),
    "degrees": _composed(lambda x: x * (180.0 / math.pi)),
    "sech2": _composed(lambda x: 1.0 - elementwise("tanh", x) * elementwise("tanh", x)),
    "sincos": lambda x: (elementwise("sin", x), elementwise("cos", x)),
    "fma": _composed(lambda a, b, c: a * b + c),
    "sign": _composed(_sign),
    "minimum": _composed(_smaller),
    "maximum": _composed(_larger),
    "clip": _composed(lambda x, low, high: _smaller(_larger(x, low), high)),
    "where": where,
    "select": where,
    "sum": _total,
    "dot": _dot,
    "empty": _room,
    "zeros": _room,
    "ones": functools.partial(_room, fill=1.0),
    "empty_like": lambda x, **_: _room(np.shape(x)),
    "zeros_like": lambda x, **_: _room(np.shape(x)),
    "ones_like": lambda x, **_: _room(np.shape(x), fill=1.0),
    "array": _array,
    "asarray": _array,
    "float64": _float,
    "arange": np.arange,
    "len": len,
}

BUILTINS = {**vars(builtins), "min": _smaller, "max": _larger, "float": _float, "sum": _total}


class Attributes:
    """A module whose functions are replaced where they are read."""

    def __init__(self, module: types.ModuleType, replace: Function) -> None:
        self._module, self._replace = module, replace

    def __getattr__(self, name: str) -> Any:
        return self._replace(getattr(self._module, name))


class _Unknown:
    """A module that no graph can use."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        refuse(f"it calls {self._name}.{name}, which cannot be recorded")


def stand_in(value: Any, replace: Function) -> Any:
    """What a traced function gets instead of this value of its surroundings; None where it gets a copy.

    ``replace`` does the same for the attributes of modules.
    """
    if isinstance(value, types.ModuleType):
        return _Unknown("numpy.random") if value is np.random else Attributes(value, replace)
    name, home = str(getattr(value, "__name__", "")), _home(value)
    if home in ("math", "numpy") and callable(value):
        if isinstance(value, type) and value is not np.float64:
            return value
        return _BY_NAME.get(name) or _unknown(f"{home}.{name}")
    if str(getattr(value, "__module__", "")).startswith("dynsamp.kernels.") and callable(value):
        return _BY_NAME.get(name) or _unknown(name)
    if callable(value) and not isinstance(value, (type, types.FunctionType)) and not hasattr(value, "py_func"):
        known = getattr(builtins, name, None) is value
        return BUILTINS[name] if known else _unknown(name or type(value).__name__)
    return None


def _home(value: Any) -> str:
    if isinstance(value, np.ufunc):
        return "numpy"
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


def _unknown(name: str) -> Function:
    def refused(*arguments: Any, **options: Any) -> Any:
        refuse(f"it calls {name}, which cannot be recorded")

    return refused
