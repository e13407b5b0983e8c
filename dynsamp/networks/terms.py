"""Known terms of a function, written as formulas in the names of the states.

    "cos(q)", "q1**2 * p2", "exp(-(q2 - q1))", "1 / sqrt(x**2 + y**2)"

A formula is parsed into the graph that traced functions are recorded in, never executed: numbers, names, + - * /,
powers with a constant exponent, and sin, cos, exp, log, sqrt, tanh. The graph is differentiated symbolically, evaluated
on arrays, and written as code for forecasts. A term has one unknown coefficient.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from dynsamp.kernels.tracing.derivatives import gradient, jacobian
from dynsamp.kernels.tracing.graph import Graph
from dynsamp.kernels.tracing.source import assignments, built

__all__ = ["Term", "added_gradients", "mentions", "parse"]

FUNCTIONS = ("sin", "cos", "exp", "log", "sqrt", "tanh")
LONGEST = 1000  # characters of a formula: it may come from a file

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}


class _Formula(NamedTuple):
    """Nodes of a formula and its derivatives, None where they are zero."""

    graph: Graph
    value: int
    gradient: list[int | None]
    hessian: list[list[int | None]]


@dataclass(frozen=True)
class Term:
    """A formula, its derivatives, and their values."""

    text: str
    names: tuple[str, ...]  # of the components of the state

    @cached_property
    def formula(self) -> _Formula:
        """The formula as a graph."""
        graph = Graph()
        node = _node(graph, ast.parse(self.text.strip(), mode="eval").body, self.names)
        zero, size = graph.constant(0.0), len(self.names)
        slopes = gradient(graph, node, range(size))
        curvatures = jacobian(graph, [zero if slope is None else slope for slope in slopes], size)
        return _Formula(graph, node, _nonzero(graph, slopes), [_nonzero(graph, row) for row in curvatures])

    def value(self, x: np.ndarray) -> np.ndarray:
        """Values (point,) at points (point, component)."""
        return np.asarray(self._values([self.formula.value], x)[0])

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient (point, component)."""
        return np.asarray(self._values(self.formula.gradient, x).T)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian (point, component, component)."""
        size = len(self.names)
        every = [node for row in self.formula.hessian for node in row]
        return self._values(every, x).T.reshape(len(x), size, size)

    def _values(self, nodes: Sequence[int | None], x: np.ndarray) -> np.ndarray:
        """Values (node, point)."""
        graph, found = self.formula.graph, dict[int | None, Any]({None: 0.0})
        with np.errstate(all="ignore"):  # what is not finite is reported where the rows are made
            for node in graph.cone(node for node in nodes if node is not None):
                operation, arguments, value = graph[node]
                if operation == "constant":
                    found[node] = value
                elif operation == "state":
                    found[node] = x[:, int(value)]
                else:
                    found[node] = getattr(np, operation)(*(found[argument] for argument in arguments))
        result = np.empty((len(nodes), len(x)))
        for row, wanted in zip(result, nodes, strict=True):
            row[:] = found[wanted]
        return result


def parse(text: str, names: Sequence[str]) -> Term:
    """Parse a formula in ``names``, one a component.

    Raises
    ------
    ValueError
        If the formula is not one, or contains an unknown name or function; the message says which.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(f"a term must be a formula of at most {LONGEST} characters, got {text!r}")
    term = Term(text, tuple(names))
    try:
        term.formula  # noqa: B018 - parsed now, so that what is wrong is said now
    except (SyntaxError, RecursionError, MemoryError, OverflowError):
        raise ValueError(f"term {text!r} is not a formula; write for example 'cos({names[0]})'") from None
    except _UnknownError as reason:
        raise ValueError(
            f"term {text!r} contains {reason}; a term may use {', '.join(names)}, numbers, + - * / **,"
            f" {', '.join(FUNCTIONS)} and pi"
        ) from None
    return term


class _UnknownError(Exception):
    """Something that a formula may not contain."""


def _node(graph: Graph, tree: ast.expr, names: Sequence[str]) -> int:
    """Node of an expression."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float) and not isinstance(tree.value, bool):
        return graph.constant(float(tree.value))
    if isinstance(tree, ast.Name):
        if tree.id in names:
            return graph.leaf("state", names.index(tree.id))
        if tree.id == "pi":
            return graph.constant(math.pi)
        raise _UnknownError(f"the unknown name {tree.id!r}")
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub | ast.UAdd):
        inner = _node(graph, tree.operand, names)
        return graph.apply("negative", inner) if isinstance(tree.op, ast.USub) else inner
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (*_BINARY, ast.Pow)):
        left, right = _node(graph, tree.left, names), _node(graph, tree.right, names)
        if isinstance(tree.op, ast.Pow) and graph.number(right) is None:
            raise _UnknownError("an exponent that is not a number")
        return graph.apply(_BINARY.get(type(tree.op), "power"), left, right)
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and len(tree.args) == 1 and not tree.keywords:
        if tree.func.id not in FUNCTIONS:
            raise _UnknownError(f"the unknown function {tree.func.id!r}")
        return graph.apply(tree.func.id, _node(graph, tree.args[0], names))
    raise _UnknownError(f"{ast.unparse(tree)!r}")


def _nonzero(graph: Graph, nodes: Sequence[int | None]) -> list[int | None]:
    return [None if node is None or graph.number(node) == 0.0 else node for node in nodes]


def mentions(term: Term, components: Iterable[int]) -> bool:
    """Whether a term depends on one of these components."""
    return any(term.formula.gradient[int(k)] is not None for k in components)


@cache
def added_gradients(terms: tuple[Term, ...], to: tuple[int, ...], sign: tuple[float, ...]) -> Callable[..., None]:
    """Return ``add(y, theta, first, out)`` for compilation: the derivative by component k goes to out[to[k]].

    It is multiplied by sign[k] and by the coefficient of the term; coefficients start at theta[first].
    """
    graph, targets, sums = Graph(), dict[str, int](), list[str]()
    for number, term in enumerate(terms):
        found = {k: node for k, node in enumerate(term.formula.gradient) if node is not None}
        places = term.formula.graph.copied(graph, found.values(), {k: k for k in range(len(term.names))})
        for k, node in zip(found, places, strict=True):
            targets[f"s{number}_{k}"] = node
            sums.append(f"out[{to[k]}] = out[{to[k]}] + {sign[k]} * theta[first + {number}] * s{number}_{k}")
    doc = "Add the gradients of known terms."
    return built("known", ("y", "theta", "first", "out"), doc, [*assignments(graph, targets), *sums])
