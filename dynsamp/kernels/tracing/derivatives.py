"""Derivatives as further nodes of a graph.

Reverse accumulation, one sweep an output; forward accumulation, one sweep a component, where a choice (np.where) is
differentiated: the derivative of a choice is the choice of the derivatives, and a branch that is not taken may have
none. What is structurally zero gives no node.
Griewank, Walther (2008), Evaluating Derivatives, chapter 3.
"""

from collections.abc import Iterable, Sequence

from dynsamp.kernels.tracing.graph import COMPARISONS, Graph, UntraceableError

_FLAT = (
    *COMPARISONS,
    "logical_and",
    "logical_or",
    "logical_not",
    "floor",
    "ceil",
)  # derivative zero where there is one


def gradient(graph: Graph, output: int, states: Iterable[int]) -> list[int | None]:
    """Nodes of d output / d y[k] for each k of ``states``; None where it is structurally zero."""
    states = list(states)
    if any(graph[node].operation == "where" for node in graph.cone([output])):
        return [_forward(graph, output, k) for k in states]
    adjoints = _reverse(graph, output)
    return [adjoints.get(k) for k in states]


def jacobian(graph: Graph, outputs: Sequence[int], dim: int) -> list[list[int | None]]:
    """Nodes of d outputs[i] / d y[k]."""
    return [gradient(graph, output, range(dim)) for output in outputs]


def _reverse(graph: Graph, output: int) -> dict[int, int]:
    """Derivatives of one output by state."""
    adjoint, found = {output: graph.constant(1.0)}, dict[int, int]()
    cone = graph.cone([output])
    active = _active(graph, cone)
    for node in reversed(cone):
        if node not in active or node not in adjoint:
            continue
        if graph[node].operation == "state":
            found[int(graph[node].value)] = adjoint[node]
            continue
        for argument, term in _contributions(graph, node, adjoint[node], active):
            known = adjoint.get(argument)
            adjoint[argument] = term if known is None else graph.apply("add", known, term)
    return found


def _forward(graph: Graph, output: int, state: int) -> int | None:
    """Derivative of one output by one state."""
    one = graph.constant(1.0)
    tangent: dict[int, int] = {}
    for node in graph.cone([output]):
        operation, arguments, value = graph[node]
        if operation == "state":
            if value == state:
                tangent[node] = one
        elif operation == "where":
            mask, a, b = arguments
            if a in tangent or b in tangent:
                zero = graph.constant(0.0)
                tangent[node] = graph.apply("where", mask, tangent.get(a, zero), tangent.get(b, zero))
        else:
            active = {argument for argument in arguments if argument in tangent}
            for argument, factor in _contributions(graph, node, one, active) if active else ():
                term = graph.apply("multiply", factor, tangent[argument])
                tangent[node] = graph.apply("add", tangent[node], term) if node in tangent else term
    return tangent.get(output)


def _active(graph: Graph, cone: Sequence[int]) -> set[int]:
    """Nodes that depend on the state, differentiably."""
    active = set[int]()
    for node in cone:
        operation, arguments, _ = graph[node]
        if operation == "state" or (operation not in _FLAT and any(a in active for a in arguments)):
            active.add(node)
    return active


def _contributions(graph: Graph, node: int, adjoint: int, active: set[int]) -> list[tuple[int, int]]:
    """(argument, adjoint times the derivative by it) for each active argument."""
    operation, arguments, _ = graph[node]
    do, number = graph.apply, graph.constant

    def times(factor: int) -> int:
        return do("multiply", adjoint, factor)

    if operation in _FLAT:
        return []
    if len(arguments) == 1:
        (x,) = arguments
        return [(x, _unary(graph, operation, node, x, adjoint))]
    a, b = arguments[0], arguments[1]
    if operation == "add":
        terms = {a: adjoint, b: adjoint}
    elif operation == "subtract":
        terms = {a: adjoint, b: do("negative", adjoint)}
    elif operation == "multiply":
        terms = {a: do("multiply", do("multiply", number(2.0), a), adjoint)} if a == b else {a: times(b), b: times(a)}
    elif operation == "divide":
        share = do("divide", adjoint, b)
        terms = {a: share, b: do("negative", do("multiply", share, node))}
    elif operation == "power":
        terms = {}
        if a in active:
            terms[a] = times(do("multiply", b, do("power", a, do("subtract", b, number(1.0)))))
        if b in active:
            terms[b] = times(do("multiply", node, do("log", a)))
    elif operation == "arctan2":
        square = do("add", do("multiply", a, a), do("multiply", b, b))
        share = do("divide", adjoint, square)
        terms = {a: do("multiply", share, b), b: do("negative", do("multiply", share, a))}
    elif operation == "mod" and b not in active:
        terms = {a: adjoint}
    else:
        raise UntraceableError(f"the derivative of {operation} is not known")
    return [(argument, term) for argument, term in terms.items() if argument in active]


def _unary(graph: Graph, operation: str, node: int, x: int, adjoint: int) -> int:
    """Adjoint times the derivative of node = operation(x)."""
    do, number = graph.apply, graph.constant
    one = number(1.0)

    def times(factor: int) -> int:
        return do("multiply", adjoint, factor)

    def over(divisor: int) -> int:
        return do("divide", adjoint, divisor)

    if operation == "negative":
        return do("negative", adjoint)
    if operation == "sqrt":
        return over(do("multiply", number(2.0), node))
    if operation == "exp":
        return times(node)
    if operation == "expm1":
        return times(do("exp", x))
    if operation == "log":
        return over(x)
    if operation == "log1p":
        return over(do("add", one, x))
    if operation == "sin":
        return times(do("cos", x))
    if operation == "cos":
        return do("negative", times(do("sin", x)))
    if operation == "tan":
        return times(do("add", one, do("multiply", node, node)))
    if operation == "tanh":
        return times(do("subtract", one, do("multiply", node, node)))
    if operation == "sinh":
        return times(do("cosh", x))
    if operation == "cosh":
        return times(do("sinh", x))
    if operation == "arctan":
        return over(do("add", one, do("multiply", x, x)))
    if operation in ("arcsin", "arccos"):
        root = do("sqrt", do("multiply", do("subtract", one, x), do("add", one, x)))
        return over(root) if operation == "arcsin" else do("negative", over(root))
    if operation == "absolute":
        return times(do("where", do("less", x, number(0.0)), number(-1.0), one))
    raise UntraceableError(f"the derivative of {operation} is not known")
