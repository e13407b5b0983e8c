"""Taylor coefficients of a large right-hand side: one loop over all nodes that are computed in the same way.

The same recurrences as in ``series_source.py``, for graphs that are too long to compile line by line. Every node has a
slot behind the series of ``c``, one for its order 0, one for order n, one for its divisor; steps that need no results
of each other and have the same formula are a loop, whose operands are found in a table.
"""

import re
from collections.abc import Iterator

import numpy as np

from dynsamp.kernels.tracing.series import Series, Step
from dynsamp.kernels.tracing.series_source import STRIDE, Layout
from dynsamp.kernels.tracing.source import assignments

_LETTERS, _SUMS = "abe", "srq"


class Tables:
    """Lines of ``coefficients``, the tables that they read, and the length of ``c``."""

    def __init__(self, lines: list[str], names: dict[str, np.ndarray], size: int) -> None:
        self.lines, self.names, self.size = lines, names, size


def tables(found: Series, layout: Layout) -> Tables:
    """Loops for the recurrences of a right-hand side."""
    writer = _Writer(found, layout)
    lines = [*writer.begin(), "for n in range(1, order):", *(f"    {line}" for line in writer.order_n())]
    return Tables(lines, writer.names, writer.size)


class _Writer:
    def __init__(self, found: Series, layout: Layout) -> None:
        self.found, self.layout = found, layout
        graph = found.graph
        read = [operand for step in found.steps for operand in step.operands] + list(found.outputs)
        self.nodes = sorted({*(step.node for step in found.steps), *read})
        self.static = [node for node in self.nodes if node in found.static]
        self.states = [node for node in self.nodes if graph[node].operation == "state"]
        self.time = [node for node in self.nodes if graph[node].operation == "time"]
        self.slot = {node: k for k, node in enumerate(self.nodes)}
        self.zeros = layout.size  # where slots of order 0 begin, then those of order n, then divisors
        self.orders = self.zeros + len(self.nodes)
        self.divisors = self.orders + len(self.nodes)
        self.size = self.divisors + len(self.nodes)
        self.names: dict[str, np.ndarray] = {}
        self.groups = _groups(found)

    def table(self, rows: list[list[int]]) -> str:
        """Name of a table."""
        name = f"table{len(self.names)}"
        self.names[name] = np.array(rows, dtype=np.int64)
        return name

    def loop(self, rows: list[list[int]], body: list[str], columns: str) -> Iterator[str]:
        """Lines for each row of a table, whose columns have one-letter names."""
        name = self.table(rows)
        yield f"for k in range({len(rows)}):"
        yield "    " + "; ".join(f"{letter} = {name}[k, {i}]" for i, letter in enumerate(columns))
        yield from (f"    {line}" for line in body)

    def begin(self) -> Iterator[str]:
        """Statics, state and time, order 0 of all nodes."""
        graph = self.found.graph
        yield "zero = t - t"
        yield from assignments(graph, {f"k{node}": node for node in self.static})
        for node in self.static:
            yield f"put(c, {self.zeros + self.slot[node]}, k{node} + zero)"
        for node in self.time:
            yield f"put(c, {self.zeros + self.slot[node]}, t)"
        rows = [[int(graph[node].value), self.zeros + self.slot[node]] for node in self.states]
        if rows:
            yield from self.loop(rows, ["put(c, z, y[i])"], "iz")
        for group in self.groups:
            step = group[0]
            digits = _places(step.first + step.divisor, r"\{(\d)\}")
            letters = [chr(ord("f") + i) for i in range(len(digits))]
            place = {str(digit): f"get(c, {letter})" for digit, letter in zip(digits, letters, strict=True)}
            values = [place.get(str(i), "") for i in range(len(step.operands))]
            body = [f"first = {step.first.format(*values)}", "put(c, z, first)"]
            if step.divisor:
                body.append(f"put(c, z + {self.divisors - self.zeros}, {step.divisor.format(*values, c0='first')})")
            rows = [
                [self.zeros + self.slot[s.node], *(self.zeros + self.slot[s.operands[i]] for i in digits)]
                for s in group
            ]
            yield from self.loop(rows, body, "z" + "".join(letters))
        yield from self.keep(self.zeros, "0", "0.0")
        rows = [[i * STRIDE, i, self.zeros + self.slot[node]] for i, node in enumerate(self.found.outputs)]
        yield from self.loop(rows, ["put(c, r, y[i])", "put(c, r + 1, get(c, z))"], "riz")
        # constants of the right-hand side have no further orders
        rows = [[self.orders + self.slot[node]] for node in self.static]
        if rows:
            yield from self.loop(rows, ["put(c, v, zero)"], "v")

    def order_n(self) -> Iterator[str]:
        """Orders of all nodes, and the next one of the state."""
        graph = self.found.graph
        yield "i, w, half = inverse[n], float(n), (n - 1) // 2"
        for node in self.time:
            yield f"put(c, {self.orders + self.slot[node]}, zero + (1.0 if n == 1 else 0.0))"
        rows = [[int(graph[node].value) * STRIDE, self.orders + self.slot[node]] for node in self.states]
        if rows:
            yield from self.loop(rows, ["put(c, v, get(c, r + n))"], "rv")
        for group in self.groups:
            yield from self.members(group)
        yield from self.keep(self.orders, "n", "w")
        rows = [[i * STRIDE + 1, self.orders + self.slot[node]] for i, node in enumerate(self.found.outputs)]
        yield from self.loop(rows, ["put(c, r + n, get(c, v) * inverse[n + 1])"], "rv")

    def members(self, group: list[Step]) -> Iterator[str]:
        """One order of the nodes of a group."""
        step = group[0]
        body: list[str] = []
        columns, rows = "o", [[self.slot[s.node]] for s in group]
        for k, inner in enumerate(step.inner):
            s, a, b = _SUMS[k], chr(ord("A") + 2 * k), chr(ord("B") + 2 * k)
            columns += a + b
            for row, member in zip(rows, group, strict=True):
                row += [self.layout.base(series) for series in member.inner[k]]
            body.append(f"{s} = zero")
            body.append("for j in range(half, 0, -1):")
            body.append(f"    left, right = get(c, {a} + n - j), get(c, {b} + n - j)")
            if inner.a == inner.b:
                body.append(f"    {s} = fma(left, get(c, {a} + j), {s})")
                body.append(f"{s} = {s} + {s}")
            else:
                body.append(f"    {s} = fma(get(c, {a} + j), right, {s})")
                body.append(f"    {s} = fma(left, get(c, {b} + j), {s})")
            body.append("if n % 2 == 0:")
            body.append(f"    {s} = fma(get(c, {a} + n // 2), get(c, {b} + n // 2), {s})")
        values: dict[str, str] = {}
        zeros = [""] * len(step.operands)
        for i in range(len(step.operands)):
            letter = chr(ord("f") + i)
            used = False
            if f"{{{i}}}" in step.nth:
                zeros[i], used = f"get(c, {self.zeros} + {letter})", True
            if f"{{{_LETTERS[i]}}}" in step.nth:
                values[_LETTERS[i]], used = f"get(c, {self.orders} + {letter})", True
            if used:
                columns += letter
                for row, member in zip(rows, group, strict=True):
                    row.append(self.slot[member.operands[i]])
        values.update(zip(_SUMS, _SUMS[: len(step.inner)], strict=False))
        values.update(c0=f"get(c, {self.zeros} + o)", d=f"get(c, {self.divisors} + o)", i="i", n="w")
        body.append(f"put(c, {self.orders} + o, {step.nth.format(*zeros, **values)})")
        yield from self.loop(rows, body, columns)

    def keep(self, slots: int, order: str, weight: str) -> Iterator[str]:
        """Write one order of the series that inner sums need; rows of the state keep themselves."""
        for weighted in (False, True):
            rows = [
                [place * STRIDE, slots + self.slot[row[0]]]
                for row, place in self.layout.rows.items()
                if row[1] == weighted and place >= self.layout.dim
            ]
            if rows:
                factor = f"{weight} * " if weighted else ""
                yield from self.loop(rows, [f"put(c, r + {order}, {factor}get(c, v))"], "rv")


def _groups(found: Series) -> list[list[Step]]:
    """Steps of the same formula, none of which needs another, in an order in which they can be computed."""
    level: dict[int, int] = {}
    groups: dict[tuple[object, ...], list[Step]] = {}
    for step in found.steps:
        wanted = set(_places(step.first + step.divisor, r"\{(\d)\}"))
        wanted |= {_LETTERS.index(letter) for letter in re.findall(r"\{([abe])\}", step.nth)}
        level[step.node] = 1 + max((level.get(step.operands[i], 0) for i in wanted), default=0)
        same = tuple((inner.a == inner.b, inner.a[1], inner.b[1]) for inner in step.inner)
        key = (level[step.node], step.first, step.nth, step.divisor, same)
        groups.setdefault(key, []).append(step)
    return [groups[key] for key in sorted(groups, key=lambda key: (key[0], str(key[1:])))]


def _places(text: str, pattern: str) -> list[int]:
    """Numbers of the operands of a formula."""
    return sorted({int(digit) for digit in re.findall(pattern, text)})
