"""The methods: which loop, which step, and what they solve.

A new method is one file in a family's folder of ``solvers/`` and one line here.
"""

import types
from dataclasses import dataclass

from dynsamp.kernels.drivers import adaptive, delayed, expanded, fixed, implicit, splitting, stochastic
from dynsamp.kernels.solvers import iteration
from dynsamp.kernels.solvers.explicit import dop853, rk4, rk4_delay, taylor, tsit5
from dynsamp.kernels.solvers.implicit import (
    gauss,
    gauss_legendre4,
    gauss_legendre6,
    gauss_legendre8,
    implicit_midpoint,
    radau5,
    systems,
)
from dynsamp.kernels.solvers.stochastic import euler_maruyama, milstein, platen_weak, sra1, sri1
from dynsamp.kernels.solvers.symplectic import (
    blanes_moan4,
    blanes_moan6,
    kahan_li6,
    kahan_li8,
    verlet,
    yoshida4,
    yoshida6,
    yoshida8,
)

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
    family : tuple of modules
        Parts that it shares with others.
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
    family: tuple[types.ModuleType, ...] = ()
    areas: bool = False
    coins: bool = False

    @property
    def interpolates(self) -> bool:
        """Whether it is an embedded pair that knows the path between its steps."""
        return hasattr(self.solver, "interpolant")

    @property
    def finds_events(self) -> bool:
        """Whether the path between its steps is known."""
        if self.driver is adaptive:
            return self.interpolates
        return self.driver in (fixed, splitting, implicit) and "map" not in self.kinds

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


_GAUSS = (systems, gauss)

METHODS: dict[str, Method] = {
    "dop853": Method(adaptive, dop853, _ODE, adaptive=True),
    "tsit5": Method(adaptive, tsit5, _ODE, adaptive=True),
    "taylor": Method(expanded, taylor, _ODE, adaptive=True),
    "radau5": Method(adaptive, radau5, _ODE, adaptive=True, needs_jacobian=True, family=(systems,)),
    "rk4": Method(fixed, rk4, _ODE),
    "verlet": Method(splitting, verlet, ("separable",)),
    "yoshida4": Method(splitting, yoshida4, ("separable",)),
    "yoshida6": Method(splitting, yoshida6, ("separable",)),
    "yoshida8": Method(splitting, yoshida8, ("separable",)),
    "kahan_li6": Method(splitting, kahan_li6, ("separable",)),
    "kahan_li8": Method(splitting, kahan_li8, ("separable",)),
    "blanes_moan4": Method(splitting, blanes_moan4, ("separable",)),
    "blanes_moan6": Method(splitting, blanes_moan6, ("separable",)),
    "implicit_midpoint": Method(implicit, implicit_midpoint, _ODE, needs_jacobian=True, family=_GAUSS),
    "gauss_legendre4": Method(implicit, gauss_legendre4, _ODE, needs_jacobian=True, family=_GAUSS),
    "gauss_legendre6": Method(implicit, gauss_legendre6, _ODE, needs_jacobian=True, family=_GAUSS),
    "gauss_legendre8": Method(implicit, gauss_legendre8, _ODE, needs_jacobian=True, family=_GAUSS),
    "euler_maruyama": Method(stochastic, euler_maruyama, ("sde",)),
    "milstein": Method(stochastic, milstein, ("sde",)),
    "sra1": Method(stochastic, sra1, ("sde",), areas=True),
    "sri1": Method(stochastic, sri1, ("sde",), areas=True),
    "platen_weak": Method(stochastic, platen_weak, ("sde",), coins=True),
    "rk4_delay": Method(delayed, rk4_delay, ("delay",)),
    "map": Method(fixed, iteration, ("map",)),
}
