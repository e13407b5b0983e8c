"""Taylor coefficients of a right-hand side as the source of one function.

``coefficients(t, y, theta, order, inverse, c)`` writes c[i * STRIDE + n], the coefficient of order n of component i,
for n = 0 ... order; ``inverse[n]`` is 1 / n. Behind the state, ``c`` has a row for every series whose earlier orders an
inner sum needs. The loop over orders is rolled. Inner sums run over pairs (j, n - j), so that four numbers that are
loaded serve up to four products; several sums share one loop, and the registers that they need are few enough.
"""

from collections.abc import Iterator, Sequence

from dynsamp.kernels.tracing.series import Inner, Series, Step
from dynsamp.kernels.tracing.source import assignments

STRIDE = 22  # orders 0 ... 21 of a series
CHAINS = 4  # sums that grow in one loop: more than that do not stay in registers

Row = tuple[int, bool]  # node, weighted


class Layout:
    """Rows of the coefficients."""

    def __init__(self, found: Series) -> None:
        self.dim = found.dim
        self.rows: dict[Row, int] = {}
        for step in found.steps:
            for inner in step.inner:
                for row in inner:
                    if row not in self.rows:
                        node = found.graph[row[0]]
                        own = node.operation == "state" and not row[1]
                        self.rows[row] = int(node.value) if own else self.dim + self.extra
        self.size = (self.dim + self.extra) * STRIDE

    @property
    def extra(self) -> int:
        """Rows behind the state."""
        return len([row for row in self.rows.values() if row >= self.dim])

    def base(self, row: Row) -> int:
        """Where the row begins."""
        return self.rows[row] * STRIDE


def lines_of(found: Series, layout: Layout) -> list[str]:
    """Body of ``coefficients``."""
    return _Writer(found, layout).lines()


class _Writer:
    def __init__(self, found: Series, layout: Layout) -> None:
        self.found, self.layout = found, layout
        self.moving = {step.node for step in found.steps}
        self.statics: dict[int, str] = {}

    def lines(self) -> list[str]:
        return [*self.static(), *self.order_zero(), "for n in range(1, order):", *_indented(self.order_n())]

    def static(self) -> Iterator[str]:
        """What depends on parameters only."""
        graph, targets = self.found.graph, dict[str, int]()
        for node in self.found.static:
            if graph[node].operation == "constant":
                text = assignments(graph, {"x": node})[0].partition(" = ")[2]
                self.statics[node] = f"({text})" if text.startswith("-") else text
            else:
                self.statics[node] = f"k{node}"
                targets[f"k{node}"] = node
        yield from assignments(graph, targets)

    def zero(self, node: int) -> str:
        """Order 0 of a node."""
        operation, _, value = self.found.graph[node]
        if node in self.statics:
            return self.statics[node]
        return "t" if operation == "time" else f"y{int(value)}" if operation == "state" else f"a{node}"

    def nth(self, node: int) -> str:
        """Order n of a node."""
        operation, _, value = self.found.graph[node]
        if node in self.statics:
            return "0.0"
        return "tn" if operation == "time" else f"x{int(value)}" if operation == "state" else f"v{node}"

    def leaves(self, operation: str) -> list[int]:
        """Leaves of one kind that steps, or the right-hand side, read."""
        read = [operand for step in self.found.steps for operand in step.operands] + list(self.found.outputs)
        cone = self.found.graph.cone(read)
        return [node for node in cone if self.found.graph[node].operation == operation]

    def order_zero(self) -> Iterator[str]:
        yield "zero = t - t"
        for node in self.leaves("state"):
            yield f"{self.zero(node)} = y[{int(self.found.graph[node].value)}]"
        for step in self.found.steps:
            yield f"a{step.node} = {step.first.format(*map(self.zero, step.operands))}"
            if step.divisor:
                yield f"d{step.node} = {step.divisor.format(*map(self.zero, step.operands), c0=f'a{step.node}')}"
        yield from self.stores({node: self.zero(node) for node, _ in self.layout.rows}, "0", "0.0")
        for i, node in enumerate(self.found.outputs):
            yield f"put(c, {i * STRIDE}, y[{i}])"
            yield f"put(c, {i * STRIDE + 1}, {self.zero(node)})"

    def order_n(self) -> Iterator[str]:
        if self.leaves("time"):
            yield "tn = 1.0 if n == 1 else 0.0"
        inners = [inner for step in self.found.steps for inner in step.inner]
        names = {inner: f"s{k}" for k, inner in enumerate(dict.fromkeys(map(_ordered, inners)))}
        yield from self.sums(names)
        yield "i, w = inverse[n], float(n)"
        for node in self.leaves("state"):
            yield f"{self.nth(node)} = get(c, {int(self.found.graph[node].value) * STRIDE} + n)"
        yield from self.stores({node: self.nth(node) for node in self.leaves("state") + self.leaves("time")}, "n", "w")
        for step in self.found.steps:
            yield f"v{step.node} = {self.formula(step, names)}"
            yield from self.stores({step.node: f"v{step.node}"}, "n", "w")
        yield "i = inverse[n + 1]"
        for i, node in enumerate(self.found.outputs):
            yield f"put(c, {i * STRIDE + 1} + n, {self.nth(node)} * i)"

    def formula(self, step: Step, names: dict[Inner, str]) -> str:
        sums = dict(zip("srq", (names[_ordered(inner)] for inner in step.inner), strict=False))
        orders = dict(zip("abe", map(self.nth, step.operands), strict=False))
        zeros = map(self.zero, step.operands)
        own = {"c0": f"a{step.node}", "d": f"d{step.node}", "i": "i", "n": "w"}
        return step.nth.format(*zeros, **sums, **orders, **own)

    def stores(self, values: dict[int, str], order: str, weight: str) -> Iterator[str]:
        """Keep one order of those that inner sums need; rows of the state keep themselves."""
        for row, place in self.layout.rows.items():
            node, weighted = row
            if node in values and place >= self.layout.dim:
                factor = f"{weight} * " if weighted else ""
                yield f"put(c, {self.layout.base(row)} + {order}, {factor}{values[node]})"

    def sums(self, names: dict[Inner, str]) -> Iterator[str]:
        """All inner sums, some in each loop."""
        for group in _groups(list(names)):
            rows = list(dict.fromkeys(row for inner in group for row in inner))
            place = {row: f"{k}" for k, row in enumerate(rows)}
            for inner in group:
                yield f"{names[inner]} = zero"
            yield "for j in range((n - 1) // 2, 0, -1):  # the youngest orders last: they may still be under way"
            for row in rows:
                base = self.layout.base(row)
                yield f"    p{place[row]}, q{place[row]} = get(c, {base} + j), get(c, {base} + n - j)"
            for inner in group:
                s, a, b = names[inner], place[inner.a], place[inner.b]
                yield f"    {s} = fma(p{a}, q{b}, {s})"
                if a != b:
                    yield f"    {s} = fma(q{a}, p{b}, {s})"
            for inner in group:
                s = names[inner]
                if inner.a == inner.b:
                    yield f"{s} = {s} + {s}"
            yield "if n % 2 == 0:"
            for row in rows:
                yield f"    p{place[row]} = get(c, {self.layout.base(row)} + n // 2)"
            for inner in group:
                s = names[inner]
                yield f"    {s} = fma(p{place[inner.a]}, p{place[inner.b]}, {s})"


def _ordered(inner: Inner) -> Inner:
    """The sum is the same for both orders of its series."""
    return inner if inner.a <= inner.b else Inner(inner.b, inner.a)


def _groups(inners: Sequence[Inner]) -> Iterator[list[Inner]]:
    """Sums that share a loop: those with common series first."""
    left = list(inners)
    while left:
        group, rows, chains = list[Inner](), set[Row](), 0
        while left:
            best = max(left, key=lambda inner: (len(rows & set(inner)) - len(set(inner) - rows), -left.index(inner)))
            cost = 1
            if group and chains + cost > CHAINS:
                break
            group.append(best)
            rows |= set(best)
            chains += cost
            left.remove(best)
        yield group


def _indented(lines: Iterator[str]) -> list[str]:
    return [f"    {line}" for line in lines]
