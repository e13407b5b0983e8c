"""The methods: which loop, which step, and what they solve.

A new method is one file in ``solvers/`` and one line here.
"""

from __future__ import annotations

import types
from dataclasses import dataclass

from dynsamp.kernels import linear
from dynsamp.kernels.drivers import adaptive, fixed, implicit, splitting, stochastic
from dynsamp.kernels.drivers import taylor as taylor_steps
from dynsamp.kernels.solvers import (
    blanes_moan4,
    blanes_moan6,
    dop853,
    euler_maruyama,
    gauss,
    gauss_legendre4,
    gauss_legendre6,
    gauss_legendre8,
    implicit_midpoint,
    iteration,
    kahan_li6,
    kahan_li8,
    newton,
    rk4,
    taylor,
    transformed,
    verlet,
    yoshida4,
    yoshida6,
    yoshida8,
)

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
    core : tuple of modules
        What the methods of a family share, after ``solver``.
    """

    driver: types.ModuleType
    solver: types.ModuleType
    kinds: tuple[str, ...]
    adaptive: bool = False
    needs_jacobian: bool = False
    core: tuple[types.ModuleType, ...] = ()

    @property
    def implicit(self) -> bool:
        """Whether it takes equal steps whose equations are solved."""
        return self.driver is implicit

    @property
    def sums(self) -> bool:
        """Whether it adds up equal steps, which may be done without loss."""
        return self.driver in (fixed, splitting, implicit) and self.solver is not iteration

    @property
    def stages(self) -> int:
        """Systems of equations of the size of the state that a step solves."""
        return getattr(self.solver, "STAGES", 0) if self.needs_jacobian else 0


_GAUSS = (linear, transformed, newton, gauss)

METHODS: dict[str, Method] = {
    "taylor": Method(taylor_steps, taylor, _ODE, adaptive=True),
    "dop853": Method(adaptive, dop853, _ODE, adaptive=True),
    "rk4": Method(fixed, rk4, _ODE),
    "verlet": Method(splitting, verlet, ("separable",)),
    "yoshida4": Method(splitting, yoshida4, ("separable",)),
    "yoshida6": Method(splitting, yoshida6, ("separable",)),
    "yoshida8": Method(splitting, yoshida8, ("separable",)),
    "kahan_li6": Method(splitting, kahan_li6, ("separable",)),
    "kahan_li8": Method(splitting, kahan_li8, ("separable",)),
    "blanes_moan4": Method(splitting, blanes_moan4, ("separable",)),
    "blanes_moan6": Method(splitting, blanes_moan6, ("separable",)),
    "implicit_midpoint": Method(implicit, implicit_midpoint, _ODE, needs_jacobian=True, core=_GAUSS),
    "gauss_legendre4": Method(implicit, gauss_legendre4, _ODE, needs_jacobian=True, core=_GAUSS),
    "gauss_legendre6": Method(implicit, gauss_legendre6, _ODE, needs_jacobian=True, core=_GAUSS),
    "gauss_legendre8": Method(implicit, gauss_legendre8, _ODE, needs_jacobian=True, core=_GAUSS),
    "euler_maruyama": Method(stochastic, euler_maruyama, ("sde",)),
    "map": Method(fixed, iteration, ("map",)),
}
