"""Known terms of a function, written as formulas in the names of the states.

    "cos(q)", "q1**2 * p2", "exp(-(q2 - q1))", "1 / sqrt(x**2 + y**2)"

A formula is parsed into the graph that traced functions are recorded in, never executed: numbers, names, + - * /,
powers with a constant exponent, and sin, cos, exp, log, sqrt, tanh. The graph is differentiated symbolically, evaluated
on arrays, and written as code for forecasts. A term has one unknown coefficient.
"""

import ast
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple, NoReturn

import numpy as np

from dynsamp.kernels.tracing.derivatives import gradient
from dynsamp.kernels.tracing.graph import Graph, UntraceableError
from dynsamp.kernels.tracing.source import assignments, built
from dynsamp.words import listed, quoted

FUNCTIONS = ("sin", "cos", "exp", "log", "sqrt", "tanh")
LONGEST = 1000  # characters of a formula: it may come from a file
FUNCTION = 14  # additions that a sine costs the compiler on lanes: 60 ms and 4.5 ms
LATTICE = 31  # points in a box at which a formula is tried: a prime number, for steps along every component
LARGEST = 900  # operations of a formula's gradient: they compile in two seconds
HALVINGS = 40  # of the way to the zero of a divisor: 12 digits of the distance, ...
POLE = 1e4  # ... where one over its third root has grown by so much
TOGETHER = 3000  # and of all terms of an energy
_CHEAP = ("add", "subtract", "multiply", "divide", "negative")

_BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}


class _Formula(NamedTuple):
    """Nodes of a formula and its derivatives, None where they are zero."""

    graph: Graph
    value: int
    gradient: list[int | None]


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
        return _Formula(graph, node, _slopes(graph, node, len(self.names)))

    @cached_property
    def _curvatures(self) -> list[int | None]:
        """Nodes of the second derivatives, row by row."""
        graph, size = self.formula.graph, len(self.names)
        return [each for node in self.formula.gradient for each in _slopes(graph, node, size)]

    @property
    def cost(self) -> int:
        """About the additions that its gradient costs a compiler, at least one."""
        found, graph = 1, self.formula.graph
        for node in graph.cone(node for node in self.formula.gradient if node is not None):
            operation, arguments, _ = graph[node]
            found += 0 if not arguments else FUNCTION if operation not in _CHEAP else 1
        return found

    def check_at(self, x: np.ndarray) -> None:
        """Complain where value or gradient are not finite at points (point, component), such as some of the data."""
        good = self._finite(x)
        if not good.all():
            self._complain(x[int(good.argmin())])
        self._check_poles(x)

    def check_within(self, low: np.ndarray, high: np.ndarray) -> None:
        """Complain where it is finite nowhere in the box of the data, or, of one component, not at its ends.

        Data need not reach all corners of their box: 1 / sqrt(x**2 + y**2) is a law of orbits.
        """
        used = sorted(self.formula.graph.leaves([self.formula.value], "state"))
        steps = np.arange(LATTICE)[:, None] * 5 ** np.arange(len(low)) % LATTICE
        x = low + (high - low) * np.concatenate([np.zeros((1, len(low))), np.ones((1, len(low))), steps / LATTICE])
        good = self._finite(x)
        if not good.any() or (len(used) == 1 and not good[:2].all()):
            self._complain(x[int(good.argmin())])
        if len(used) == 1:
            self._check_poles(x[:2])

    def _check_poles(self, x: np.ndarray) -> None:
        """Complain where a divisor changes its sign between two of the points and the value grows towards its zero.

        sin(q) / q does not: it is right on both sides.
        """
        graph, value = self.formula.graph, self.formula.value
        nodes = [graph[node] for node in graph.cone([value])]
        for below in {arguments[1] for operation, arguments, _ in nodes if operation == "divide"}:
            divisor = self._values([below], x)[0]
            ends = x[[divisor.argmin(), divisor.argmax()]]
            if not divisor.min() < 0 < divisor.max():
                continue
            usual = np.abs(self.value(ends)).max()
            for _ in range(HALVINGS):
                middle = ends.mean(axis=0, keepdims=True)
                ends[int(self._values([below], middle)[0, 0] >= 0)] = middle[0]
            if not abs(self.value(ends[:1])[0]) < POLE * usual:
                reason = "a pole between points of the data, which nothing crosses; fit the data of one side"
                self._complain(ends[0], reason)

    def _finite(self, x: np.ndarray) -> np.ndarray:
        slopes = [node for node in self.formula.gradient if node is not None]
        return np.asarray(np.isfinite(self._values([self.formula.value, *slopes], x)).all(axis=0))

    def _complain(self, at: np.ndarray, reason: str = "") -> NoReturn:
        used = sorted(self.formula.graph.leaves([self.formula.value], "state"))
        where = listed(f"{self.names[k]} = {at[k]:.6g}" for k in used) or "any state"
        reason = reason or (
            "where it overflows, divides by zero, or takes a root or a logarithm of a negative number; write it so that"
            " it has a value in the range of the data"
        )
        raise ValueError(f"term {quoted(self.text)} is not finite at {where}, {reason}")

    def value(self, x: np.ndarray) -> np.ndarray:
        """Values (point,) at points (point, component)."""
        return np.asarray(self._values([self.formula.value], x)[0])

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Gradient (point, component)."""
        return np.asarray(self._values(self.formula.gradient, x).T)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Hessian (point, component, component)."""
        size = len(self.names)
        return self._values(self._curvatures, x).T.reshape(len(x), size, size)

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
        If the formula is not one, contains an unknown name or function, a number that is not finite, or more than a
        compiler should be given; the message says which.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(f"a term must be a formula of at most {LONGEST} characters, got {quoted(text)}")
    return _parsed(text, tuple(names))


def parse_all(texts: Sequence[str], names: Sequence[str]) -> tuple[Term, ...]:
    """Parse the terms of one function, which are compiled together.

    Raises
    ------
    ValueError
        As ``parse``; or if there are too many of them.
    """
    found, cost = [], 0
    for text in texts:
        found.append(parse(text, names))
        cost += found[-1].cost
        if cost > TOGETHER:
            raise ValueError(
                f"{len(texts)} terms are more than can be compiled: up to {quoted(text)} they take {cost} operations,"
                f" and {TOGETHER} are allowed; leave some out"
            )
    return tuple(found)


@lru_cache(maxsize=256)
def _parsed(text: str, names: tuple[str, ...]) -> Term:
    term = Term(text, names)
    try:
        graph = term.formula.graph
        if any(node.operation == "constant" and not math.isfinite(node.value) for node in graph.nodes):
            raise _UnknownError("a number that is not finite: it overflows, divides by zero, or has no real value")
        cost = term.cost
    except (SyntaxError, ValueError):  # a ValueError is that of a null character
        raise ValueError(f"term {quoted(text)} is not a formula; write for example 'cos({names[0]})'") from None
    except (RecursionError, MemoryError):
        raise ValueError(f"term {quoted(text)} nests too deep; write it with fewer brackets or signs") from None
    except UntraceableError:
        cost = LARGEST + 1
    except _UnknownError as reason:
        raise ValueError(
            f"term {quoted(text)} contains {reason}; a term may use {listed(names)}, numbers, + - * / **,"
            f" {', '.join(FUNCTIONS)} and pi"
        ) from None
    if cost > LARGEST:
        raise ValueError(
            f"term {quoted(text)} takes more than {LARGEST} operations, of which a function counts as {FUNCTION}; split"
            " it into several terms, or write it with fewer factors and functions"
        )
    return term


class _UnknownError(Exception):
    """Something that a formula may not contain."""


def _node(graph: Graph, tree: ast.expr, names: Sequence[str]) -> int:
    """Node of an expression."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, int | float) and not isinstance(tree.value, bool):
        try:
            return graph.constant(float(tree.value))
        except OverflowError:
            raise _UnknownError("a number that no float holds") from None
    if isinstance(tree, ast.Name):
        if tree.id in names:
            return graph.leaf("state", names.index(tree.id))
        if tree.id == "pi":
            return graph.constant(math.pi)
        raise _UnknownError(f"the unknown name {quoted(tree.id)}")
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
            raise _UnknownError(f"the unknown function {quoted(tree.func.id)}")
        return graph.apply(tree.func.id, _node(graph, tree.args[0], names))
    raise _UnknownError(quoted(ast.unparse(tree)))


def _slopes(graph: Graph, node: int | None, size: int) -> list[int | None]:
    """Nodes of the derivatives by each component, None where they are zero."""
    found = [None] * size if node is None else gradient(graph, node, range(size))
    return [None if slope is None or graph.number(slope) == 0.0 else slope for slope in found]


def mentions(term: Term, components: Iterable[int]) -> bool:
    """Whether a term depends on one of these components."""
    return any(term.formula.gradient[int(k)] is not None for k in components)


@cache
def added_gradients(
    terms: tuple[Term, ...], to: tuple[int, ...], sign: tuple[float, ...], grid: tuple[Callable[..., Any], ...] = ()
) -> Callable[..., None]:
    """Return ``add(y, theta, first, out)`` for compilation: the derivative by component k goes to out[to[k]].

    It is multiplied by sign[k] and by the coefficient of the term; coefficients start at theta[first]. On a grid it is
    ``add(y, theta, first, out, i, n)`` for the patch at site i of n, which sees and gives at ``grid``, two functions
    (i, k, n) of its places k.
    """
    graph, targets, sums = Graph(), dict[str, int](), list[str]()
    for number, term in enumerate(terms):
        found = {k: node for k, node in enumerate(term.formula.gradient) if node is not None}
        places = term.formula.graph.copied(graph, found.values(), {k: k for k in range(len(term.names))})
        for k, node in zip(found, places, strict=True):
            targets[f"s{number}_{k}"] = node
            at, inside = (f"j{k}", f"if j{k} >= 0: ") if grid else (f"{to[k]}", "")
            sums.append(f"{inside}out[{at}] = out[{at}] + {sign[k]} * theta[first + {number}] * s{number}_{k}")
    doc = "Add the gradients of known terms."
    if not grid:
        return built("known", ("y", "theta", "first", "out"), doc, [*assignments(graph, targets), *sums])
    lines = []
    for k in range(len(sign)):  # beyond the ends are zeros
        lines += [f"m{k} = seen(i, {k}, n)", f"x{k} = state[m{k}] if m{k} >= 0 else 0.0 * state[0]"]
        lines += [f"j{k} = given(i, {k}, n)"]
    lines += [f"y = ({''.join(f'x{k}, ' for k in range(len(sign)))})", *assignments(graph, targets), *sums]
    names = dict(zip(("seen", "given"), grid, strict=True))
    return built("known", ("state", "theta", "first", "out", "i", "n"), doc, lines, names)
