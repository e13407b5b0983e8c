"""A directed acyclic graph of elementary operations: equal expressions are one node, constants are folded.

Rewritings keep the value of every node (up to the sign of zeros): no sum or product is reassociated, except that
factors which are powers of two, whose products are exact, come together.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn

import numpy as np

COMPARISONS = ("less", "less_equal", "equal", "not_equal")
LARGEST = 20_000  # nodes


class UntraceableError(TypeError):
    """A function whose operations cannot be recorded; the message says why."""


_NOTES = threading.local()


def refusals() -> list[str]:
    """Reasons that this thread was given: a traced function may catch an exception, but the graph is wrong then."""
    if not hasattr(_NOTES, "reasons"):
        _NOTES.reasons = []
    reasons: list[str] = _NOTES.reasons
    return reasons


def refuse(reason: str) -> NoReturn:
    """Raise UntraceableError."""
    refusals().append(reason)
    raise UntraceableError(reason)


class Node(NamedTuple):
    """One operation."""

    operation: str  # a leaf, or a name that NumPy has, too
    arguments: tuple[int, ...] = ()
    value: float = 0.0  # of a constant; index of a state, parameter or input


class Graph:
    """Nodes in the order of evaluation."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[object, ...], int] = {}

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, node: int) -> Node:
        return self.nodes[node]

    def leaf(self, operation: str, index: int = 0) -> int:
        """Time, or a component of the state, of the parameters or of the inputs."""
        return self._add(Node(operation, (), index))

    def constant(self, value: float) -> int:
        """A number."""
        return self._add(Node("constant", (), float(value)))

    def number(self, node: int) -> float | None:
        """Value of a constant, None of others."""
        return self.nodes[node].value if self.nodes[node].operation == "constant" else None

    def apply(self, operation: str, *arguments: int) -> int:
        """Node of an operation: a known one, a simpler one, or a new one."""
        numbers = [self.number(node) for node in arguments]
        if all(number is not None for number in numbers):
            folded = _folded(operation, [number for number in numbers if number is not None])
            if folded is not None:
                return self.constant(folded)
        simpler = self._simpler(operation, *arguments)
        if simpler is not None:
            return simpler
        if operation in ("add", "multiply", "equal", "not_equal", "logical_and", "logical_or"):
            arguments = tuple(sorted(arguments))
        return self._add(Node(operation, arguments))

    def cone(self, roots: Iterable[int]) -> list[int]:
        """Nodes that the roots need, in the order of evaluation."""
        wanted, waiting = set[int](), list(roots)
        while waiting:
            node = waiting.pop()
            if node not in wanted:
                wanted.add(node)
                waiting.extend(self.nodes[node].arguments)
        return sorted(wanted)

    def leaves(self, roots: Iterable[int], operation: str) -> set[int]:
        """Indices of the leaves of one kind that the roots depend on."""
        return {int(self.nodes[n].value) for n in self.cone(roots) if self.nodes[n].operation == operation}

    def copied(self, other: Graph, roots: Iterable[int], states: Mapping[int, int]) -> list[int]:
        """Write what the roots need into another graph, with other numbers of the states; the roots there."""
        places, roots = dict[int, int](), list(roots)
        for n in self.cone(roots):
            operation, arguments, value = self.nodes[n]
            if operation == "state":
                places[n] = other.leaf("state", states[int(value)])
            else:
                places[n] = other._add(Node(operation, tuple(places[a] for a in arguments), value))
        return [places[n] for n in roots]

    def _add(self, node: Node) -> int:
        # NaN, and the sign of zero, by the bits
        key = (node.operation, node.arguments, np.float64(node.value).tobytes())
        if key not in self._known:
            if len(self.nodes) >= LARGEST:
                refuse(f"it takes more than {LARGEST} operations")
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return self._known[key]

    def _simpler(self, operation: str, *arguments: int) -> int | None:
        if operation == "negative":
            return self._negative(arguments[0])
        if operation in ("add", "subtract"):
            return self._sum(operation, *arguments)
        if operation in ("multiply", "divide"):
            return self._product(operation, *arguments)
        if operation == "power":
            return self._power(*arguments)
        if operation == "where":
            mask, a, b = arguments
            if a == b:
                return a
            return None if self.number(mask) is None else a if self.number(mask) else b
        return None

    def _negative(self, a: int) -> int | None:
        node = self.nodes[a]
        if node.operation == "negative":
            return node.arguments[0]
        if node.operation == "subtract":
            return self.apply("subtract", node.arguments[1], node.arguments[0])
        if node.operation == "multiply" and self.number(node.arguments[0]) is not None:
            return self.apply("multiply", self.apply("negative", node.arguments[0]), node.arguments[1])
        return None

    def _sum(self, operation: str, a: int, b: int) -> int | None:
        if operation == "add":
            if self.number(a) == 0.0 or self.number(b) == 0.0:
                return b if self.number(a) == 0.0 else a
            if a == b:
                return self.apply("multiply", self.constant(2.0), a)
            if self.nodes[b].operation == "negative":
                return self.apply("subtract", a, self.nodes[b].arguments[0])
            if self.nodes[a].operation == "negative":
                return self.apply("subtract", b, self.nodes[a].arguments[0])
            return None
        if self.number(b) == 0.0:
            return a
        if self.number(a) == 0.0:
            return self.apply("negative", b)
        if self.nodes[b].operation == "negative":
            return self.apply("add", a, self.nodes[b].arguments[0])
        return None

    def _product(self, operation: str, a: int, b: int) -> int | None:
        for x, other in ((a, b), (b, a)):  # signs go outward, so that equal factors meet
            if self.nodes[x].operation == "negative" and self.number(other) is None:
                inner = self.nodes[x].arguments[0]
                pair = (inner, other) if x == a else (other, inner)
                return self.apply("negative", self.apply(operation, *pair))
        if operation == "divide":
            divisor = self.number(b)
            if divisor is not None and _exact(divisor):
                return self.apply("multiply", self.constant(1.0 / divisor), a)
            return None
        if self.number(b) is not None:
            a, b = b, a
        factor = self.number(a)
        if factor is None:
            return None
        if factor == 1.0:
            return b
        if factor == -1.0:
            return self.apply("negative", b)
        node = self.nodes[b]
        if node.operation == "multiply":
            second = self.number(node.arguments[0])
            if second is not None and (_exact(factor) or _exact(second)):
                return self.apply("multiply", self.constant(factor * second), node.arguments[1])
        # constants first, whatever their age
        key = Node("multiply", (a, b))
        return self._add(key)

    def _power(self, base: int, exponent: int) -> int | None:
        n = self.number(exponent)
        if n is None:
            return None
        if n == 0.5:
            return self.apply("sqrt", base)
        if n != math.floor(n) or abs(n) > 1024:
            return None
        result, factor, bits = self.constant(1.0), base, int(abs(n))
        while bits:  # squares, lowest bit of the exponent first: as compiled code does it
            if bits & 1:
                result = self.apply("multiply", result, factor)
            bits >>= 1
            factor = self.apply("multiply", factor, factor) if bits else factor
        return result if n >= 0 else self.apply("divide", self.constant(1.0), result)


def _exact(factor: float) -> bool:
    """Whether it is a power of two that is far from overflow."""
    return bool(abs(math.frexp(factor)[0]) == 0.5 and 1e-30 < abs(factor) < 1e30)


def _folded(operation: str, numbers: list[float]) -> float | None:
    if operation == "where":
        return numbers[1] if numbers[0] else numbers[2]
    with np.errstate(all="ignore"):
        return float(getattr(np, operation)(*(np.float64(number) for number in numbers)))
