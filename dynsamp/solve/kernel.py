"""What goes into a solver and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.solve.events import Events

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function

__all__ = ["History", "Inputs", "Kernel", "Kind", "Solution"]

Kind = Literal["field", "separable", "sde", "map"]
Inputs = tuple[np.ndarray, np.ndarray]
History = str | np.ndarray | Sequence[float] | Callable[[float], ArrayLike] | tuple[ArrayLike, ArrayLike] | None


@dataclass(frozen=True)
class Kernel:
    """What a solver needs to know of a system or of a fitted model.

    Parameters
    ----------
    kind : {"field", "separable", "sde", "map"}
        Which functions follow.
    functions : tuple of callables
        field ``(rhs,)``, separable ``(velocity, force)``, sde ``(drift, diffusion)``, or with jumps
        ``(drift, diffusion, intensity, jump)``, map ``(step,)``; plain Python or njit, signatures as in
        ``dynsamp.system``.
    theta : ndarray
        Parameters, shape (parameter,) or, swept over trajectories, (trajectory, parameter).
    noise : "diagonal", int or None
        sde: "diagonal" (``g`` is (state,)) or the number m of Wiener processes (``g`` is (state, m));
        map: the number m of standard normals that ``step`` receives as ``xi`` before ``out``.
    dt : float, optional
        Time between two iterates of a map.
    inputs : tuple of bool
        One entry an external signal: held between samples (True) or linear (False); ``u`` follows ``theta``.
    hamiltonian, stiff, chaotic : bool
        What the choice of a method may use.
    jacobian : callable, optional
        ``(t, y, theta, jac)`` with ``jac`` (state, state): of the right-hand side, of the drift, or of the step of a
        map. Where a method or a Lyapunov spectrum needs it and it is not given, it is traced from the functions or,
        where that fails, taken by differences.
    marks, mark_law : int, {"normal", "uniform"}
        How many independent standard normals, or uniforms on (0, 1), ``z`` of a jump has.
    delays : sequence of float or ndarray (trajectory,)
        Of a field: ``rhs(t, y, theta, z, dy)`` (after ``u``, with inputs) receives ``z`` (delay, state),
        z[k] = y(t - delays[k]).
    history : optional
        The state before the first time: "start" (the first state, held), a state (state,), a function of t that
        returns one, or samples (times (n,), values (n, state) or (trajectory, n, state)), between which a cubic
        spline runs.
    """

    kind: Kind
    functions: tuple[Function, ...]
    theta: np.ndarray
    noise: int | Literal["diagonal"] | None = None
    dt: float | None = None
    inputs: tuple[bool, ...] = ()
    hamiltonian: bool = False
    stiff: bool = False
    chaotic: bool = False
    jacobian: Function | None = None
    marks: int = 1
    mark_law: Literal["normal", "uniform"] = "normal"
    delays: Sequence[float | np.ndarray] = ()
    history: History = None


@dataclass(frozen=True)
class Solution:
    """Trajectories and what became of them."""

    states: np.ndarray  # (trajectory, time, state), NaN after a failure
    status: np.ndarray  # (trajectory,) int8, codes of words.Status
    method: str  # "rk4", "dop853", ... ; the scalar route is recorded as "rk4-scalar", ...
    reason: str  # one sentence: why this method
    options: Mapping[str, float]  # step, or rtol and atol, as used
    events: Events | None = None  # where they were asked for
    advice: str = ""  # what to try where trajectories reached the limit of steps

    def about(self) -> dict[str, object]:
        """Method, the reason for it, and its options, as attributes of a Dataset."""
        return {"method": self.method, "method_reason": self.reason, **self.options}
