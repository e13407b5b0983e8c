"""What goes into a solver and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = ["Inputs", "Kernel", "Kind", "Solution"]

Kind = Literal["field", "separable", "sde", "map"]
Inputs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Kernel:
    """What a solver needs to know of a system or of a fitted model.

    Parameters
    ----------
    kind : {"field", "separable", "sde", "map"}
        Which functions follow.
    functions : tuple of callables
        field ``(rhs,)``, separable ``(velocity, force)``, sde ``(drift, diffusion)``, map ``(step,)``;
        plain Python or njit, signatures as in ``dynsamp.system``.
    theta : ndarray
        Parameters, shape (parameter,) or, swept over trajectories, (trajectory, parameter).
    noise : "diagonal", int or None
        sde: "diagonal" (``g`` is (state,)) or the number m of Wiener processes (``g`` is (state, m));
        map: the number m of standard normals that ``step`` receives as ``xi`` before ``out``.
    dt : float, optional
        Time between two iterates of a map.
    inputs : tuple of bool
        One entry an external signal: held between samples (True) or linear (False); ``u`` follows ``theta``.
    facts : mapping
        What the choice of a method may use: "hamiltonian", "stiff", "chaotic" (bools).
    jacobian : callable, optional
        ``(t, y, theta, jac)`` with ``jac`` (state, state): of the right-hand side, of the drift, or of the step of a
        map. Where a method or a Lyapunov spectrum needs it and it is not given, it is traced from the functions or,
        where that fails, taken by differences.
    """

    kind: Kind
    functions: tuple[Callable[..., Any], ...]
    theta: np.ndarray
    noise: int | Literal["diagonal"] | None = None
    dt: float | None = None
    inputs: tuple[bool, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    jacobian: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Solution:
    """Trajectories and what became of them."""

    states: np.ndarray  # (trajectory, time, state), NaN after a failure
    status: np.ndarray  # (trajectory,) int8, codes of words.Status
    method: str  # "rk4", "dop853", ... ; the scalar route is recorded as "rk4-scalar", ...
    reason: str  # one sentence: why this method
    options: Mapping[str, float]  # step, or rtol and atol, as used
