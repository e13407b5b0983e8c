"""What the checks share: how one fails, and a system's functions called as plain Python, one point at a time.

That is what they do before any compiler sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.solve.trial import plain
from dynsamp.system import HamiltonianSystem, MapSystem, ODESystem, SDESystem, System
from dynsamp.workflow.starts import sampled_starts

__all__ = ["Call", "CheckFailure", "require", "scalar_calls", "starts", "vector_calls", "vector_field"]


class CheckFailure(AssertionError):
    """A system breaks the contract; the message says where and what to do."""


def require(condition: object, message: str) -> None:
    """Raise CheckFailure with ``message`` unless ``condition`` holds."""
    if not condition:
        raise CheckFailure(message)


@dataclass(frozen=True)
class Call:
    """One function of a system with what it expects."""

    name: str
    function: Callable[..., Any]
    shape: tuple[int, ...] = ()  # of the output array; () where a number is returned
    part: slice | None = None  # components of y that it receives; None: all
    inputs: int = -1  # number of external signals u, -1 where it takes none
    delays: int = 0  # number of delayed states z
    noise: int = 0  # number of standard normals xi, or of marks z of a jump
    uniform: bool = False  # they are uniforms

    def __call__(self, t: float, y: np.ndarray, theta: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Result at one point; ``fill`` is what the output holds before."""
        arguments: list[Any] = [t, y if self.part is None else y[self.part], theta]
        if self.inputs >= 0:
            arguments.append(np.zeros(self.inputs))
        if self.delays:
            arguments.append(np.tile(y, (self.delays, 1)))  # a past that equals the present
        if self.noise:
            arguments.append(np.linspace(0.0 if self.uniform else -1.0, 1.0, self.noise + 2)[1:-1])
        out, function = np.full(self.shape, fill), plain(self.function)
        with np.errstate(all="ignore"):  # compiled code does not warn either
            if not self.shape:
                return np.asarray(function(*arguments), dtype=float)
            function(*arguments, out)
        return out


def vector_calls(system: System) -> list[Call]:
    """The functions that fill an array: right-hand side, drift and diffusion, step, jacobian."""
    n, half = system.size, system.size // 2
    u = len(system.inputs) or -1
    calls = []
    if isinstance(system, HamiltonianSystem) and system.velocity is not None and system.force is not None:
        calls.append(Call("velocity", system.velocity, (half,), slice(half, None)))
        calls.append(Call("force", system.force, (half,), slice(half), u))
    elif isinstance(system, ODESystem | HamiltonianSystem) and system.rhs is not None:
        delays = len(system.delays) if isinstance(system, ODESystem) else 0
        calls.append(Call("rhs", system.rhs, (n,), inputs=u, delays=delays))
    elif isinstance(system, SDESystem) and system.drift is not None and system.diffusion is not None:
        shape = (n,) if system.noise == "diagonal" else (n, system.noise)
        calls.append(Call("drift", system.drift, (n,), inputs=u))
        calls.append(Call("diffusion", system.diffusion, shape, inputs=u))
        if system.jump is not None:
            uniform = system.mark_law == "uniform"
            calls.append(Call("jump", system.jump, (n,), inputs=u, noise=system.marks, uniform=uniform))
    elif isinstance(system, MapSystem) and system.step is not None:
        calls.append(Call("step", system.step, (n,), inputs=u, noise=system.noise))
    if system.jacobian is not None:
        calls.append(Call("jacobian", system.jacobian, (n, n), inputs=u))
    return calls


def scalar_calls(system: System) -> list[Call]:
    """The functions that return a number: energy, diagnostics, invariants."""
    calls = [Call(name, function) for name, function in {**system.diagnostics, **system.invariants}.items()]
    if isinstance(system, SDESystem) and system.intensity is not None and not system.inputs:
        calls.append(Call("intensity", system.intensity))
    if isinstance(system, HamiltonianSystem | ODESystem) and system.hamiltonian is not None:
        calls.insert(0, Call("hamiltonian", system.hamiltonian))
    return calls


def vector_field(system: System) -> Callable[[float, np.ndarray, np.ndarray], np.ndarray]:
    """The right-hand side, drift or step as one function of (t, y, theta)."""
    parts = [call for call in vector_calls(system) if call.name not in ("diffusion", "jump", "jacobian")]
    return lambda t, y, theta: np.concatenate([call(t, y, theta) for call in parts])


def starts(system: System, count: int, seed: int) -> np.ndarray:
    """Default starts (trajectory, component)."""
    assert system.initial is not None  # the constructor filled it
    return sampled_starts(system.initial, system.states, np.arange(count, dtype=np.int64), seed)
