"""A graph as the source of a plain function, and that source as a function.

The source has no names but those below, and numbers: what is compiled comes from a graph alone.
"""

import linecache
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dynsamp.kernels.tracing.graph import Graph

_SYMBOLS = {
    "add": ("+", 1),
    "subtract": ("-", 1),
    "multiply": ("*", 2),
    "divide": ("/", 2),
    "mod": ("%", 2),
    "less": ("<", 0),
    "less_equal": ("<=", 0),
    "equal": ("==", 0),
    "not_equal": ("!=", 0),
}
_LEAVES = {"time": "t", "state": "y[{}]", "parameter": "theta[{}]", "input": "u[{}]"}
_SIGN, _ATOM = 3, 4  # how tightly they bind, on the scale of _SYMBOLS
LONGEST = 60  # characters of an expression that is written in place
HOME = "dynsamp_traced"  # not a module of the package: compiled kernels take the code by its content


def assignments(graph: Graph, targets: Mapping[str, int]) -> list[str]:
    """Lines that compute nodes and assign them, such as {"dy[0]": 7}; what is used twice has a name."""
    cone = graph.cone(targets.values())
    uses = dict.fromkeys(cone, 0)
    for node in cone:
        for argument in graph[node].arguments:
            uses[argument] += 1
    for node in targets.values():
        uses[node] += 1
    texts: dict[int, tuple[str, int]] = {}
    lines: list[str] = []
    count = 0
    for node in cone:
        text, strength = _expression(graph, node, texts)
        if graph[node].arguments and (uses[node] > 1 or len(text) > LONGEST):
            lines.append(f"v{count} = {text}")
            text, strength = f"v{count}", _ATOM
            count += 1
        texts[node] = text, strength
    return lines + [f"{target} = {texts[node][0]}" for target, node in targets.items()]


def _expression(graph: Graph, node: int, texts: Mapping[int, tuple[str, int]]) -> tuple[str, int]:
    operation, arguments, value = graph[node]
    if operation == "constant":
        return _number(value)
    if operation in _LEAVES:
        return _LEAVES[operation].format(int(value)), _ATOM

    def part(argument: int, least: int) -> str:
        text, strength = texts[argument]
        return text if strength >= least else f"({text})"

    if operation == "negative":
        return f"-{part(arguments[0], _SIGN)}", _SIGN
    if operation in _SYMBOLS:
        symbol, strength = _SYMBOLS[operation]
        a, b = (part(argument, strength + k) for k, argument in enumerate(arguments))
        return f"{a} {symbol} {b}", strength
    return f"np.{operation}({', '.join(part(argument, 0) for argument in arguments)})", _ATOM


def _number(value: float) -> tuple[str, int]:
    if not np.isfinite(value):
        return ("np.nan", _ATOM) if np.isnan(value) else ("np.inf", _ATOM) if value > 0 else ("-np.inf", _SIGN)
    return repr(value), _ATOM if np.copysign(1.0, value) > 0 else _SIGN


def built(
    name: str, arguments: Sequence[str], doc: str, body: Sequence[str], names: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Function with these lines; its source can be inspected."""
    lines = [f"def {name}({', '.join(arguments)}):", f"    {doc!r}", *(f"    {line}" for line in body or ["pass"])]
    source = "\n".join(lines) + "\n"
    file = f"<{HOME} {abs(hash(source)):x} {name}>"
    module = types.ModuleType(HOME)
    module.__dict__.update({"np": np, **(names or {})})
    exec(compile(source, file, "exec"), module.__dict__)  # emitted from a graph
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    function: Callable[..., Any] = module.__dict__[name]
    return function
