"""Recurrences for the Taylor coefficients of every operation of a graph.

u_n is the coefficient of s^n in u(t + s). The sums over products of two series are split: the terms with an order 0 in
them, and the inner sum I(a, b) = sum_{j=1}^{n-1} a_j b_{n-j}, which needs earlier orders only. So all inner sums of
order n can be taken before anything else of that order, at once. With w_j = j u_j (a weighted series):

    c = a b             c_n = a_0 b_n + a_n b_0 + I(a, b)
    c = a / b           c_n = (a_n - c_0 b_n - I(c, b)) / b_0
    c = sqrt(a)         c_n = (a_n - I(c, c)) / (2 c_0)
    c = a^p             c_n = (p (w(a)_n c_0 + I(w(a), c)) - I(w(c), a)) / (n a_0)
    f' = g u'           f_n = (w(u)_n g_0 + I(w(u), g)) / n             exp, sin, cos, tan, ...
    f' = u' / v         f_n = (u_n - I(w(f), v) / n) / v_0              log, arctan, arcsin, ...

Moore (1966), Interval Analysis, chapter 11; Jorba, Zou (2005), Experimental Mathematics 14, 99, section 2;
Griewank, Walther (2008), Evaluating Derivatives, section 13.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dynsamp.kernels.tracing.graph import Graph, UntraceableError


class Inner(NamedTuple):
    """Inner sum of two series: (node, weighted) twice."""

    a: tuple[int, bool]
    b: tuple[int, bool]


@dataclass(frozen=True)
class Step:
    """How one node is computed.

    ``first`` and ``nth`` are formulas: {0}, {1} for order 0 of the operands, {a}, {b}, {e} for order n of theirs, {c0}
    for order 0 of the node, {s}, {r}, {q} for inner sums, {i} for 1/n, {n} for n, {d} for the ``divisor``.
    """

    node: int
    operands: tuple[int, ...]
    first: str
    nth: str
    inner: tuple[Inner, ...] = ()
    divisor: str = ""  # formula of order 0, computed once


@dataclass(frozen=True)
class Series:
    """Recurrences of a right-hand side."""

    graph: Graph
    outputs: tuple[int, ...]
    dim: int
    steps: tuple[Step, ...]  # in the order of evaluation
    static: tuple[int, ...]  # nodes without time and state that steps need


def series(graph: Graph, outputs: Sequence[int], dim: int) -> Series:
    """Recurrences of the nodes that the outputs need.

    Raises
    ------
    UntraceableError
        For operations that have no Taylor series everywhere.
    """
    graph, outputs = _pulled(graph, outputs)
    maker = _Maker(graph, outputs)
    for node in outputs:
        maker.need(node)
    needed = graph.cone([*outputs, *(operand for step in maker.steps for operand in step.operands)])
    static = tuple(node for node in needed if not maker.moves(node))
    return Series(graph, tuple(outputs), dim, tuple(maker.steps), static)


def _pulled(graph: Graph, outputs: Sequence[int]) -> tuple[Graph, list[int]]:
    """The same graph with constant factors in front of products: (s a) b is s (a b), which needs no series s a."""
    new, old = Graph(), _Maker(graph, outputs)
    parts: dict[int, tuple[int | None, int]] = {}  # factor and the rest

    def whole(node: int) -> int:
        factor, rest = parts[node]
        return rest if factor is None else new.apply("multiply", factor, rest)

    def together(operation: str, a: int | None, b: int | None) -> int | None:
        if b is None:
            return a
        return new.apply(operation, new.constant(1.0) if a is None else a, b)

    for node in graph.cone(outputs):
        operation, arguments, value = graph[node]
        moving = [old.moves(argument) for argument in arguments]
        if operation == "multiply" and not all(moving) and any(moving):
            static, other = arguments if moving[1] else arguments[::-1]
            factor, rest = parts[other]
            parts[node] = together("multiply", whole(static), factor), rest
        elif operation == "divide" and moving == [True, False]:
            factor, rest = parts[arguments[0]]
            parts[node] = together("divide", factor, whole(arguments[1])), rest
        elif operation in ("multiply", "divide") and all(moving):
            (f, a), (g, b) = parts[arguments[0]], parts[arguments[1]]
            parts[node] = together(operation, f, g), new.apply(operation, a, b)
        elif operation == "negative" and all(moving):
            factor, rest = parts[arguments[0]]
            parts[node] = new.constant(-1.0) if factor is None else new.apply("negative", factor), rest
        elif not arguments:
            parts[node] = None, new.constant(value) if operation == "constant" else new.leaf(operation, int(value))
        else:
            parts[node] = None, new.apply(operation, *map(whole, arguments))
    return new, [whole(node) for node in outputs]


class _Maker:
    def __init__(self, graph: Graph, outputs: Sequence[int]) -> None:
        self.graph = graph
        self.uses: dict[int, int] = dict.fromkeys(outputs, 2)  # those of an output are never only one
        for node in graph.cone(outputs):
            for argument in graph[node].arguments:
                self.uses[argument] = self.uses.get(argument, 0) + 1
        self.steps: list[Step] = []
        self._done = set[int]()
        self._moving: dict[int, bool] = {}

    def moves(self, node: int) -> bool:
        """Whether a node depends on time or state."""
        if node not in self._moving:
            operation, arguments, _ = self.graph[node]
            self._moving[node] = operation in ("time", "state") or any(self.moves(a) for a in arguments)
        return self._moving[node]

    def need(self, node: int) -> None:
        """Append the steps of a node and of what it needs."""
        operation, arguments, _ = self.graph[node]
        if node in self._done or not self.moves(node) or not arguments:
            return
        self._done.add(node)
        if operation in ("add", "subtract") and self._fused(node, operation, *arguments):
            return
        for argument in arguments:
            self.need(argument)
        if operation in ("add", "subtract", "multiply", "divide", "power"):
            self._binary(node, operation, *arguments)
        elif operation == "arctan2":
            self._angle(node, *arguments)
        else:
            self._unary(node, operation, arguments[0])

    def _step(self, node: int, operands: Sequence[int], first: str, nth: str, *inner: Inner, divisor: str = "") -> None:
        self.steps.append(Step(node, tuple(operands), first, nth, inner, divisor))

    def _auxiliary(self, operation: str, *arguments: int) -> int:
        node = self.graph.apply(operation, *arguments)
        self.need(node)
        return node

    def _binary(self, node: int, operation: str, a: int, b: int) -> None:
        left, right = self.moves(a), self.moves(b)
        if operation in ("add", "subtract"):
            sign = "+" if operation == "add" else "-"
            nth = f"{{a}} {sign} {{b}}" if left and right else "{a}" if left else "{b}" if sign == "+" else "-{b}"
            self._step(node, (a, b), f"{{0}} {sign} {{1}}", nth)
        elif operation == "multiply" and not (left and right):
            self._step(node, (a, b), "{0} * {1}", "{a} * {1}" if left else "{0} * {b}")
        elif operation == "multiply" and a == b:
            self._step(node, (a,), "{0} * {0}", "fma({0} + {0}, {a}, {s})", _inner(a, a))
        elif operation == "multiply":
            self._step(node, (a, b), "{0} * {1}", "fma({0}, {b}, fma({1}, {a}, {s}))", _inner(a, b))
        elif operation == "divide" and not right:
            self._step(node, (a, b), "{0} / {1}", "{a} / {1}")
        elif operation == "divide":
            nth = "({a} - fma({c0}, {b}, {s})) * {d}" if left else "-fma({c0}, {b}, {s}) * {d}"
            self._step(node, (a, b), "{0} / {1}", nth, _inner(node, b), divisor="1.0 / {1}")
        elif right:
            raise UntraceableError("it raises to a power that changes with time; write it with exp and log")
        else:
            first = Inner((a, True), (node, False))
            second = Inner((node, True), (a, False))
            nth = "({1} * fma({n} * {a}, {c0}, {s}) - {r}) * ({d} * {i})"
            self._step(node, (a, b), "power({0}, {1})", nth, first, second, divisor="1.0 / {0}")

    def _fused(self, node: int, operation: str, a: int, b: int) -> bool:
        """A sum with a term s u that nothing else uses, s constant, as one operation."""
        for term, other in ((b, a), (a, b)):
            kind, arguments, _ = self.graph[term]
            moving = [self.moves(argument) for argument in arguments]
            if kind != "multiply" or self.uses.get(term) != 1 or sum(moving) != 1 or not self.moves(other):
                continue
            static, u = arguments if moving[1] else arguments[::-1]
            self.need(other)
            self.need(u)
            signs = ("", "") if operation == "add" else ("-", "") if term == b else ("", "-")
            form = f"fma({signs[0]}{{}}, {{}}, {signs[1]}{{}})"
            self._step(node, (static, u, other), form.format("{0}", "{1}", "{2}"), form.format("{0}", "{b}", "{e}"))
            return True
        return False

    def _unary(self, node: int, operation: str, u: int) -> None:
        do, one = self._auxiliary, self.graph.constant(1.0)
        if operation == "negative":
            self._step(node, (u,), "-{0}", "-{a}")
        elif operation == "sqrt":
            self._step(node, (u,), "np.sqrt({0})", "({a} - {s}) * {d}", _inner(node, node), divisor="0.5 / {c0}")
        elif operation == "exp":
            self._integral(node, u, "exp({0})", node)
        elif operation == "expm1":
            self._integral(node, u, "expm1({0})", do("exp", u))
        elif operation in ("sin", "sinh"):
            partner = "cos" + operation[3:]
            self._integral(node, u, f"{operation}({{0}})", do(partner, u))
        elif operation == "cosh":
            self._integral(node, u, "cosh({0})", do("sinh", u))
        elif operation == "cos":
            self._integral(node, u, "cos({0})", do("sin", u), "-")
        elif operation in ("tan", "tanh"):
            square = self.graph.apply("multiply", node, node)
            slope = self.graph.apply("add" if operation == "tan" else "subtract", one, square)
            self._integral(node, u, f"{operation}({{0}})", slope)
            self.need(slope)
        elif operation == "log":
            self._quotient(node, u, "log({0})", u)
        elif operation == "log1p":
            self._quotient(node, u, "log1p({0})", do("add", one, u))
        elif operation == "arctan":
            self._quotient(node, u, "atan({0})", do("add", one, do("multiply", u, u)))
        elif operation in ("arcsin", "arccos"):
            root = do("sqrt", do("multiply", do("subtract", one, u), do("add", one, u)))
            name, sign = ("asin", "") if operation == "arcsin" else ("acos", "-")
            self._quotient(node, u, f"{name}({{0}})", root, sign)
        else:
            raise UntraceableError(f"{operation} has no Taylor series where it bends or jumps")

    def _integral(self, node: int, u: int, first: str, g: int, sign: str = "") -> None:
        """F' = g u'."""
        nth = f"{sign}fma({{n}} * {{a}}, {{1}}, {{s}}) * {{i}}"
        self._step(node, (u, g), first, nth, Inner((u, True), (g, False)))

    def _quotient(self, node: int, u: int, first: str, v: int, sign: str = "") -> None:
        """F' = u' / v, or minus that."""
        nth = f"({sign}{{a}} - {{s}} * {{i}}) * {{d}}"
        self._step(node, (u, v), first, nth, Inner((node, True), (v, False)), divisor="1.0 / {1}")

    def _angle(self, node: int, y: int, x: int) -> None:
        """F' = (x y' - y x') / (x^2 + y^2)."""
        do = self._auxiliary
        square = do("add", do("multiply", x, x), do("multiply", y, y))
        inner = [Inner((node, True), (square, False))]
        terms = "-{s}"
        for letter, sign, p, q in (("a", "", y, x), ("b", "-", x, y)):
            if self.moves(p):
                factor = "{1}" if letter == "a" else "{0}"
                terms += f" + {sign}{{n}} * {{{letter}}} * {factor}"
                if self.moves(q):
                    inner.append(Inner((p, True), (q, False)))
                    terms += f" {'-' if sign else '+'} {{{'srq'[len(inner) - 1]}}}"
        self._step(node, (y, x, square), "atan2({0}, {1})", f"({terms}) * ({{d}} * {{i}})", *inner, divisor="1.0 / {2}")


def _inner(a: int, b: int) -> Inner:
    return Inner((a, False), (b, False))
