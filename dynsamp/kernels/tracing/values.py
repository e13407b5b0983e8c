"""What a traced function sees in place of numbers: every operation is recorded, every decision is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dynsamp.kernels.tracing.graph import Graph, refuse


class _Recorded:
    """A node of a graph."""

    __slots__ = ("graph", "node")
    __array_ufunc__ = None  # numpy's scalars and arrays leave operations to the reflected methods
    __hash__ = None  # type: ignore[assignment]  # equality is an operation

    def __init__(self, graph: Graph, node: int) -> None:
        self.graph, self.node = graph, node

    def __bool__(self) -> bool:
        refuse(
            "it branches on a value that differs among trajectories (if, while, and, or, min of a list); use np.where"
        )

    def __index__(self) -> int:
        refuse("it uses a value as an index or a number of rounds of a loop")

    __int__ = __trunc__ = __index__

    def __float__(self) -> float:
        refuse("it converts a value to a plain number, or passes it to a function that cannot be recorded")

    __complex__ = __float__

    def __round__(self, digits: int | None = None) -> Any:
        refuse("it rounds a value")

    def __iter__(self) -> Any:
        refuse("it takes a number for a sequence")


class Value(_Recorded):
    """A number that a function computes."""

    __slots__ = ()

    def __pos__(self) -> Any:
        return self


class Mask(_Recorded):
    """A truth value that a function computes."""

    __slots__ = ()


_ARITHMETIC = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "mod": "mod"}
_COMPARISONS = {"lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal"}
_LOGIC = {"and": "logical_and", "or": "logical_or"}
_MIRRORED = {"lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}  # others with an r in front


def _operator(operation: str, *, swapped: bool = False) -> Callable[..., Any]:
    return lambda a, *b: elementwise(operation, *b, a) if swapped else elementwise(operation, a, *b)


for _kind, _table in ((Value, _ARITHMETIC | _COMPARISONS), (Mask, _LOGIC)):
    for _name, _operation in _table.items():
        setattr(_kind, f"__{_MIRRORED.get(_name, f'r{_name}')}__", _operator(_operation, swapped=True))
        setattr(_kind, f"__{_name}__", _operator(_operation))
for _kind, _name, _operation in (
    (Value, "neg", "negative"),
    (Value, "abs", "absolute"),
    (Mask, "invert", "logical_not"),
):
    setattr(_kind, f"__{_name}__", _operator(_operation))


_MASKS = ("less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not")


def combine(operation: str, *arguments: Any) -> Any:
    """Record one operation of values and plain numbers; of plain numbers alone, its result."""
    recorded = [argument for argument in arguments if isinstance(argument, _Recorded)]
    if not recorded:
        with np.errstate(all="ignore"):
            return getattr(np, operation)(*arguments)
    graph = recorded[0].graph
    node = graph.apply(operation, *(_node(graph, argument) for argument in arguments))
    return (Mask if operation in _MASKS else Value)(graph, node)


def elementwise(operation: str, *arguments: Any) -> Any:
    """``combine`` over arrays."""
    return over(lambda *items: combine(operation, *items), *arguments)


def over(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call for each element of arrays; of numbers, once."""
    if not any(isinstance(argument, (np.ndarray, list, tuple)) for argument in arguments):
        return function(*arguments)
    boxed = []
    for argument in arguments:
        if isinstance(argument, _Recorded):
            box = np.empty((), dtype=object)
            box[()] = argument
            argument = box
        boxed.append(np.asarray(argument, dtype=object))
    return np.frompyfunc(function, len(boxed), 1)(*boxed)


def where(mask: Any, a: Any, b: Any) -> Any:
    """np.where."""
    return over(_where, mask, a, b)


def _where(mask: Any, a: Any, b: Any) -> Any:
    return combine("where", mask, a, b) if isinstance(mask, _Recorded) else a if mask else b


def _node(graph: Graph, value: Any) -> int:
    if isinstance(value, _Recorded):
        if value.graph is not graph:
            refuse("it keeps values of one call for the next")
        return value.node
    if isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
        return graph.constant(float(value))
    refuse(f"it computes with {value!r:.60}, a {type(value).__name__}")
