"""Functions of a kernel at given points: right-hand sides, Jacobians, diffusions, scalars."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.solve.kernel import Inputs, Kernel, as_problem, as_states, as_theta

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function, Problem

__all__ = ["diffusion_values", "field_values", "jacobian_values", "scalar_values"]


def field_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Right-hand side (n, state) (drift, for an sde) at times t (n,) and states y (n, state).

    Delayed states count as equal to y: equilibria are where it vanishes, with delays, too.
    theta (parameter,) or (n, parameter) replaces that of the kernel.
    """
    from dynsamp.kernels.integrate import at_points

    if kernel.kind == "map":
        raise ValueError("a map has no right-hand side; iterate it with solve()")
    problem, t, y = _pointwise(kernel, t, y, theta, inputs)
    return at_points("fields", problem, t, y)


def jacobian_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Jacobian (n, state, state) of the right-hand side (of the step, for a map); arguments as for ``field_values``.

    The kernel's own where it has one, else traced from its functions, else by central differences (relative error
    about 1e-10).
    """
    from dynsamp.kernels.integrate import at_points

    problem, t, y = _pointwise(kernel, t, y, theta, inputs)
    return at_points("jacobians", problem, t, y)


def diffusion_values(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None = None, inputs: Inputs | None = None
) -> np.ndarray:
    """Diffusion (n, state), or (n, state, noise) where it is not diagonal; arguments as for ``field_values``."""
    from dynsamp.kernels.integrate import at_points

    if kernel.kind != "sde":
        raise ValueError(f"only an sde kernel has a diffusion, this one is {kernel.kind!r}; use field_values()")
    problem, t, y = _pointwise(kernel, t, y, theta, inputs)
    return at_points("diffusions", problem, t, y)


def scalar_values(function: Function, t: ArrayLike, y: ArrayLike, theta: ArrayLike) -> np.ndarray:
    """Values (n,) of a function (t, y, theta) -> float at times t (n,), states y (n, state)."""
    from dynsamp.kernels.integrate import at_points
    from dynsamp.kernels.problem import Problem

    y = as_states(y)
    t, theta = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy(), as_theta(theta, len(y))
    return at_points("scalars", Problem({"scalar": function}, theta, y.shape[1]), t, y)


def _pointwise(
    kernel: Kernel, t: ArrayLike, y: ArrayLike, theta: ArrayLike | None, inputs: Inputs | None
) -> tuple[Problem, np.ndarray, np.ndarray]:
    y = as_states(y)
    t = np.broadcast_to(np.asarray(t, dtype=float), len(y)).copy()
    span = (float(t.min()), float(t.max())) if len(t) else None
    given = kernel if theta is None else replace(kernel, theta=np.asarray(theta, dtype=float))
    return as_problem(given, y.shape[1], len(y), inputs, span), t, y
