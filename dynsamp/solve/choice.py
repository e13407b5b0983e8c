"""Which method, and why: one sentence for the attributes of every Dataset."""

from __future__ import annotations

from typing import NamedTuple

from dynsamp.solve.kernel import Kernel
from dynsamp.words import nearest

__all__ = ["Choice", "choose"]


class Choice(NamedTuple):
    """A method and one sentence why."""

    method: str
    reason: str


def choose(kernel: Kernel, method: str | None, tolerances: bool) -> Choice:
    """Method for a kernel; ``tolerances`` says whether rtol or atol was given.

    Raises
    ------
    ValueError
        If the method that was asked for does not solve this kind of kernel.
    """
    from dynsamp.kernels.methods import METHODS

    if method is not None:
        kind = "delay" if len(kernel.delays) else kernel.kind
        known = [name for name, entry in METHODS.items() if kind in entry.kinds]
        if method not in known:
            raise ValueError(
                f"method {method!r} does not solve a {kind} kernel; choose from {', '.join(known)}"
                f"{nearest(method, known)}"
            )
        return Choice(method, f"{method}: asked for")
    if len(kernel.delays):
        return Choice("rk4_delay", "rk4_delay: the method of steps, for a right-hand side that sees the past")
    if kernel.kind == "map":
        return Choice("map", "map: the system is iterated")
    if kernel.kind == "sde":
        return Choice("euler_maruyama", "euler_maruyama: the system is a stochastic differential equation")
    if kernel.stiff:
        return Choice("radau5", "radau5: the system is stiff, and an implicit method takes steps as its path allows")
    if tolerances:
        return Choice("dop853", "dop853: tolerances were given, and it controls its error")
    if kernel.kind == "separable":
        return Choice("blanes_moan6", "blanes_moan6: H = T(p) + V(q), and a symplectic method keeps its energy bounded")
    if kernel.hamiltonian:
        return Choice("gauss_legendre8", "gauss_legendre8: the system is Hamiltonian, and it is symplectic for any H")
    if kernel.chaotic:
        return Choice("dop853", "dop853: the system is chaotic, so errors are kept as small as float64 permits")
    return Choice("dop853", "dop853: adaptive steps of order 8 suit a smooth right-hand side")
