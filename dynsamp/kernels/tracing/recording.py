"""Run a function once with recording values in place of numbers.

The function runs as a copy whose globals and closure are stand-ins: nothing outside it changes, and the helpers that
it calls, compiled or not, are recorded as part of it.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.kernels.jit import code_names
from dynsamp.kernels.tracing.graph import Graph, UntraceableError, refusals, refuse
from dynsamp.kernels.tracing.stand_ins import BUILTINS, stand_in
from dynsamp.kernels.tracing.values import Mask, Value

Function = Callable[..., Any]
MANY = 512  # parameters: the weights of a learned model, whose loops are better left rolled


@dataclass(frozen=True)
class Trace:
    """What a function computes."""

    graph: Graph
    outputs: tuple[int, ...]  # nodes: components of what is written, or the one value that is returned
    dim: int
    inputs: int
    name: str


class _Parameters:
    """Theta of unknown length: entries come into being when they are read."""

    def __init__(self, graph: Graph, count: int | None) -> None:
        self._graph, self._count = graph, count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            if (index.start is not None and index.start < 0) or index.step not in (None, 1):
                refuse("it takes a slice of theta from its end")
            stop = self._count if index.stop is None else index.stop
            if stop is None or stop < 0:
                refuse("it depends on the length of theta")
            return _leaves(self._graph, "parameter", range(index.start or 0, stop))
        if not isinstance(index, (int, np.integer)):
            refuse(f"it reads theta[{index!r:.40}]")
        if index < 0 and self._count is not None:
            index += self._count
        if index < 0:
            refuse("it counts theta from its end")
        if index >= (MANY if self._count is None else self._count):
            refuse(f"it reads theta[{index}]" + (", one of very many parameters" if self._count is None else ""))
        return Value(self._graph, self._graph.leaf("parameter", int(index)))

    def __len__(self) -> int:
        if self._count is None:
            refuse("it depends on the length of theta")
        return self._count

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self)

    @property
    def shape(self) -> tuple[int]:
        """(parameter,)."""
        return (len(self),)

    @property
    def __array__(self) -> Any:
        refuse("it computes with theta as a whole")


def trace(
    function: Function,
    dim: int,
    parameters: int | None = None,
    *,
    size: int | None = None,
    inputs: int = 0,
    returns: bool = False,
) -> Trace:
    """Record what a function of (t, y, theta[, u], out) computes.

    Parameters
    ----------
    function : callable
        Plain Python or njit.
    dim : int
        Components of y.
    parameters : int, optional
        Length of theta, where the function asks for it.
    size : int, optional
        Components of ``out``: ``dim`` unless given.
    inputs : int
        External signals u, an argument behind theta if there are any.
    returns : bool
        The function has no ``out`` and returns a number.

    Raises
    ------
    UntraceableError
        With the reason, where a graph would not be the function.
    """
    function = getattr(function, "py_func", function)
    name = str(getattr(function, "__name__", "function"))
    if not isinstance(function, types.FunctionType):
        refuse(f"{function!r:.60} is no Python function")
    if parameters is not None and parameters > MANY:
        refuse(f"it has {parameters} parameters: loops over so many are better left as they are")
    graph = Graph()
    y = _leaves(graph, "state", range(dim))
    out = np.full(dim if size is None else size, None, dtype=object)
    arguments: list[Any] = [Value(graph, graph.leaf("time")), y, _Parameters(graph, parameters)]
    if inputs:
        arguments.append(_leaves(graph, "input", range(inputs)))
    if not returns:
        arguments.append(out)
    copy = Copies(stand_in, BUILTINS).of(function)
    refusals().clear()
    try:
        result = copy(*arguments)
    except UntraceableError:
        raise
    except RecursionError:
        refuse("it calls itself without end")
    except (Exception, SystemExit) as error:
        refuse(f"{type(error).__name__}: {error}")
    if refusals():
        refuse(refusals()[0])
    results = [result] if returns else list(out)
    return Trace(graph, tuple(_output(graph, k, value) for k, value in enumerate(results)), dim, inputs, name)


def _leaves(graph: Graph, operation: str, indices: range) -> np.ndarray:
    values = np.empty(len(indices), dtype=object)
    for place, index in enumerate(indices):
        values[place] = Value(graph, graph.leaf(operation, index))
    values.flags.writeable = False  # functions do not write into their arguments
    return values


def _output(graph: Graph, k: int, value: Any) -> int:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, Value) and value.graph is graph:
        return value.node
    if value is None:
        refuse(f"it leaves component {k} of its result unset")
    if isinstance(value, Mask) or not isinstance(value, (bool, int, float, np.integer, np.floating, np.bool_)):
        refuse(f"component {k} of its result is no number but a {type(value).__name__}")
    return graph.constant(float(value))


class Copies:
    """Copies of a function and its helpers, compiled or not, in plain Python, with stand-ins around them.

    ``stand_in(value, replace)`` is what stands for a value of the surroundings, None where that is the value itself or
    a copy of it; ``replace(value)`` is what it stands for in the end.
    """

    def __init__(self, stand_in: Function, builtins: Mapping[str, Any]) -> None:
        self._stand_in, self._builtins = stand_in, builtins
        self._known: dict[int, Any] = {}

    def of(self, function: types.FunctionType) -> Function:
        """Copy of one function."""
        if id(function) in self._known:
            return self._known[id(function)]
        namespace: dict[str, Any] = {"__builtins__": self._builtins, "__name__": function.__module__}
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = types.FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, cells or None)
        copy.__kwdefaults__ = function.__kwdefaults__
        self._known[id(function)] = copy
        for name in code_names(function.__code__):
            if name in function.__globals__:
                namespace[name] = self._replaced(function.__globals__[name])
        for cell, old in zip(cells, function.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self._replaced(old.cell_contents)
            except ValueError:  # not filled
                continue
        return copy

    def _replaced(self, value: Any) -> Any:
        found = self._stand_in(value, self._replaced)
        if found is not None:
            return found
        value = getattr(value, "py_func", value)
        return self.of(value) if isinstance(value, types.FunctionType) else value
