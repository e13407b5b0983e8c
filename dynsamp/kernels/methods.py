"""The methods: which loop, which step, and what they solve.

A new method is one file in ``solvers/`` and one line here.
"""

from __future__ import annotations

import types
from dataclasses import dataclass

from dynsamp.kernels import linear
from dynsamp.kernels.drivers import adaptive, delayed, fixed, implicit, splitting, stochastic
from dynsamp.kernels.drivers import taylor as taylor_steps
from dynsamp.kernels.solvers import (
    blanes_moan4,
    blanes_moan6,
    dop853,
    dop853_dense,
    euler_maruyama,
    gauss,
    gauss_legendre4,
    gauss_legendre6,
    gauss_legendre8,
    implicit_midpoint,
    iteration,
    kahan_li6,
    kahan_li8,
    milstein,
    newton,
    platen_weak,
    radau5,
    radau5_dense,
    radau_nodes,
    rk4,
    rk4_delay,
    sra1,
    sri1,
    taylor,
    transformed,
    tsit5,
    tsit5_dense,
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
        Kinds of kernels: "field", "separable", "sde", "map", or "delay" for a field with delays.
    adaptive : bool
        It controls its error by rtol and atol; others take a step.
    needs_jacobian : bool
        It uses the slot ``jacobian``.
    ground, core : tuple of modules
        Parts before ``solver``, on which it stands, and parts after it, such as what a family of methods shares.
    interpolant : module, optional
        Of an embedded pair: the path between its steps.
    areas : bool
        It uses the integral of each Wiener process over a step.
    coins : bool
        It tosses a coin for each pair of Wiener processes.
    """

    driver: types.ModuleType
    solver: types.ModuleType
    kinds: tuple[str, ...]
    adaptive: bool = False
    needs_jacobian: bool = False
    ground: tuple[types.ModuleType, ...] = ()
    core: tuple[types.ModuleType, ...] = ()
    interpolant: types.ModuleType | None = None
    areas: bool = False
    coins: bool = False

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


_RADAU = (linear, radau_nodes, transformed)
_GAUSS = (linear, transformed, newton, gauss)

METHODS: dict[str, Method] = {
    "dop853": Method(adaptive, dop853, _ODE, adaptive=True, interpolant=dop853_dense),
    "tsit5": Method(adaptive, tsit5, _ODE, adaptive=True, interpolant=tsit5_dense),
    "taylor": Method(taylor_steps, taylor, _ODE, adaptive=True),
    "radau5": Method(
        adaptive, radau5, _ODE, adaptive=True, needs_jacobian=True, ground=_RADAU, interpolant=radau5_dense
    ),
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
    "milstein": Method(stochastic, milstein, ("sde",)),
    "sra1": Method(stochastic, sra1, ("sde",), areas=True),
    "sri1": Method(stochastic, sri1, ("sde",), areas=True),
    "platen_weak": Method(stochastic, platen_weak, ("sde",), coins=True),
    "rk4_delay": Method(delayed, rk4_delay, ("delay",)),
    "map": Method(fixed, iteration, ("map",)),
}
