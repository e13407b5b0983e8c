"""The methods: which loop, which step, and what they solve.

A new method is one file in ``solvers/`` and one line here.
"""

from __future__ import annotations

import types
from dataclasses import dataclass

from dynsamp.kernels.drivers import adaptive, fixed, splitting, stochastic
from dynsamp.kernels.solvers import dop853, euler_maruyama, implicit_midpoint, iteration, rk4, verlet, yoshida4

__all__ = ["METHODS", "Method"]

_ODE = ("field", "separable")


@dataclass(frozen=True)
class Method:
    """One way to solve.

    Parameters
    ----------
    driver, solver : module
        The loop over steps, and the step.
    kinds : tuple of str
        Kinds of kernels: "field", "separable", "sde", "map".
    adaptive : bool
        It controls its error by rtol and atol; others take a step.
    needs_jacobian : bool
        It uses the slot ``jacobian``.
    """

    driver: types.ModuleType
    solver: types.ModuleType
    kinds: tuple[str, ...]
    adaptive: bool = False
    needs_jacobian: bool = False


METHODS: dict[str, Method] = {
    "dop853": Method(adaptive, dop853, _ODE, adaptive=True),
    "rk4": Method(fixed, rk4, _ODE),
    "verlet": Method(splitting, verlet, ("separable",)),
    "yoshida4": Method(splitting, yoshida4, ("separable",)),
    "implicit_midpoint": Method(fixed, implicit_midpoint, _ODE),
    "euler_maruyama": Method(stochastic, euler_maruyama, ("sde",)),
    "map": Method(fixed, iteration, ("map",)),
}
