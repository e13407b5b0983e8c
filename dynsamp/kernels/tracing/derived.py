"""Functions that follow from others: equations of motion from a Hamiltonian, a Jacobian from a right-hand side.

They are plain Python functions like those that people write: they compile, run on lanes, and their source can be read
with ``inspect.getsource``. What is derived from a Hamiltonian has it as its attribute ``derived_from``.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from dynsamp.kernels.tracing.derivatives import gradient, jacobian
from dynsamp.kernels.tracing.graph import Graph, UntraceableError
from dynsamp.kernels.tracing.recording import Trace, trace
from dynsamp.kernels.tracing.source import assignments, built

Function = Callable[..., Any]


class Halves(NamedTuple):
    """Functions of a separable Hamiltonian system."""

    velocity: Function  # (t, p, theta, dq)
    force: Function  # (t, q, theta, dp)


def derived_rhs(hamiltonian: Function, dim: int, parameters: int | None = None) -> Function:
    """Right-hand side ``rhs(t, y, theta, dy)`` of q' = dH/dp, p' = -dH/dq, y = (q, p).

    Parameters
    ----------
    hamiltonian : callable
        ``(t, y, theta) -> float``, plain Python or njit, without branches on values.
    dim : int
        Components of y, even.
    parameters : int, optional
        Length of theta, where the function asks for it.

    Raises
    ------
    UntraceableError
        A TypeError with the reason, where the function cannot be recorded or differentiated.
    """
    found, slopes = _slopes(hamiltonian, dim, parameters)
    return _marked(_rhs(found, slopes), hamiltonian)


def derived_separable(hamiltonian: Function, dim: int, parameters: int | None = None) -> Halves | None:
    """Velocity and force where H = T(p) + V(q), else None; arguments as for ``derived_rhs``.

    H is separable where, structurally, dH/dp does not depend on q nor dH/dq on p.
    """
    halves = _halves(*_slopes(hamiltonian, dim, parameters))
    return None if halves is None else Halves(*(_marked(half, hamiltonian) for half in halves))


def derived_motion(hamiltonian: Function, dim: int, parameters: int | None = None) -> Function | Halves:
    """Velocity and force of a separable Hamiltonian, else the right-hand side."""
    return derived_separable(hamiltonian, dim, parameters) or derived_rhs(hamiltonian, dim, parameters)


def derived_jacobian(rhs: Function, dim: int, parameters: int | None = None, *, inputs: int = 0) -> Function:
    """Jacobian ``jacobian(t, y, theta, jac)`` of a right-hand side, ``jac[i, k] = d f_i / d y_k``.

    Parameters
    ----------
    rhs : callable
        ``(t, y, theta, dy)``, with ``inputs`` external signals ``(t, y, theta, u, dy)``.
    dim : int
        Components of y.
    parameters : int, optional
        Length of theta, where the function asks for it.
    inputs : int
        External signals; the Jacobian receives them, too.

    Raises
    ------
    UntraceableError
        With the reason.
    """
    return _jacobian(trace(rhs, dim, parameters, inputs=inputs))


def traced_jacobian(
    functions: Sequence[Function], dim: int, parameters: int | None = None, *, inputs: int = 0
) -> Function | None:
    """Jacobian of a kernel's functions, (rhs,) or (velocity, force); None where they cannot be traced."""
    try:
        return _jacobian(joint_trace(functions, dim, parameters, inputs=inputs))
    except UntraceableError:
        return None


def joint_trace(functions: Sequence[Function], dim: int, parameters: int | None = None, *, inputs: int = 0) -> Trace:
    """Trace of a right-hand side, or of the one that velocity and force make."""
    if len(functions) == 1:
        return trace(functions[0], dim, parameters, inputs=inputs)
    half = dim // 2
    velocity, force = functions
    moving = trace(velocity, half, parameters)
    pushed = trace(force, half, parameters, inputs=inputs)
    graph = Graph()
    places = moving.graph.copied(graph, moving.outputs, {k: half + k for k in range(half)})
    places += pushed.graph.copied(graph, pushed.outputs, {k: k for k in range(half)})
    return Trace(graph, tuple(places), dim, inputs, f"{moving.name} and {pushed.name}")


def _marked(function: Function, source: Function) -> Function:
    function.__dict__["derived_from"] = source
    return function


def _slopes(hamiltonian: Function, dim: int, parameters: int | None) -> tuple[Trace, list[int]]:
    """Trace of H and the nodes of its gradient."""
    if dim % 2:
        raise ValueError(f"canonical states come in pairs (q, p), but dim = {dim}")
    found = trace(hamiltonian, dim, parameters, returns=True)
    zero = found.graph.constant(0.0)
    slopes = gradient(found.graph, found.outputs[0], range(dim))
    return found, [zero if slope is None else slope for slope in slopes]


def _rhs(found: Trace, slopes: list[int]) -> Function:
    graph, half = found.graph, found.dim // 2
    nodes = slopes[half:] + [graph.apply("negative", slope) for slope in slopes[:half]]
    lines = assignments(graph, {f"dy[{i}]": node for i, node in enumerate(nodes)})
    doc = f"q' = dH/dp, p' = -dH/dq, derived from {found.name}."
    return built("rhs", ("t", "y", "theta", "dy"), doc, lines)


def _halves(found: Trace, slopes: list[int]) -> Halves | None:
    graph, half = found.graph, found.dim // 2
    by_q, by_p = slopes[:half], slopes[half:]
    if any(k < half for k in graph.leaves(by_p, "state")) or any(k >= half for k in graph.leaves(by_q, "state")):
        return None
    own = Graph()
    nodes = graph.copied(own, by_p, {half + k: k for k in range(half)})
    lines = assignments(own, {f"dq[{i}]": node for i, node in enumerate(nodes)})
    velocity = built(
        "velocity", ("t", "p", "theta", "dq"), f"q' = dH/dp, derived from {found.name}.", _named(lines, "p")
    )
    own = Graph()
    nodes = [own.apply("negative", node) for node in graph.copied(own, by_q, {k: k for k in range(half)})]
    lines = assignments(own, {f"dp[{i}]": node for i, node in enumerate(nodes)})
    force = built("force", ("t", "q", "theta", "dp"), f"p' = -dH/dq, derived from {found.name}.", _named(lines, "q"))
    return Halves(velocity, force)


def _named(lines: Sequence[str], vector: str) -> list[str]:
    return [line.replace("y[", f"{vector}[") for line in lines]


def _jacobian(found: Trace) -> Function:
    graph, dim = found.graph, found.dim
    rows = jacobian(graph, found.outputs, dim)
    known = {f"jac[{i}, {k}]": node for i, row in enumerate(rows) for k, node in enumerate(row) if node is not None}
    inputs = ("u",) if found.inputs else ()
    lines = assignments(graph, known)
    if len(known) < len(found.outputs) * dim:
        zeros = [f"for i in range({len(rows)}):", f"    for k in range({dim}):", "        jac[i, k] = 0.0"]
        lines = zeros + lines
    return built("jacobian", ("t", "y", "theta", *inputs, "jac"), f"Jacobian of {found.name}.", lines)
