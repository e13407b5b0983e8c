"""The four kinds of systems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dynsamp.solve import Kernel
from dynsamp.system.base import Function, System

__all__ = ["HamiltonianSystem", "MapSystem", "ODESystem", "SDESystem"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ODESystem(System):
    """y' = f(t, y)."""

    rhs: Function

    def _check_functions(self) -> None:
        self._require(rhs=self.rhs)

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        return self._kernel("field", (self.rhs,), theta)


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianSystem(System):
    """q' = dH/dp, p' = -dH/dq, y = (q, p).

    Give ``rhs``, or for a separable H ``velocity`` and ``force``.
    """

    rhs: Function | None = None
    velocity: Function | None = None
    force: Function | None = None
    hamiltonian: Function

    def _check_functions(self) -> None:
        self._require(hamiltonian=self.hamiltonian)
        if self.size % 2:
            raise ValueError(
                f"system {self.name!r}: canonical states come in pairs (q, p), but there are {self.size} components"
            )
        if (self.velocity is None) != (self.force is None):
            raise TypeError(f"system {self.name!r}: a separable Hamiltonian needs both velocity= and force=")
        if self.velocity is None:
            self._require(rhs=self.rhs)
        half = len(self.states) // 2
        names = [state.name for state in self.states]
        for k, state in enumerate(self.states):
            if state.conjugate is not None and (k >= half or state.conjugate != names[k + half]):
                raise ValueError(
                    f"system {self.name!r}: state {state.name!r} names {state.conjugate!r} as its momentum, but states"
                    " are all q, then all p in the same order; reorder them"
                )
        # every Dataset of the system names the pairs
        q = (replace(state, conjugate=names[k + half]) for k, state in enumerate(self.states[:half]))
        object.__setattr__(self, "states", (*q, *self.states[half:]))

    @property
    def separable(self) -> bool:
        """Whether H = T(p) + V(q), declared by velocity and force."""
        return self.velocity is not None

    def facts(self) -> dict[str, Any]:
        """See System.facts."""
        return {**super().facts(), "separable": self.separable}

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        if self.velocity is not None and self.force is not None:
            return self._kernel("separable", (self.velocity, self.force), theta)
        if self.rhs is None:
            raise TypeError(f"system {self.name!r} needs rhs=, or velocity= and force=")
        return self._kernel("field", (self.rhs,), theta)


@dataclass(frozen=True, kw_only=True, eq=False)
class SDESystem(System):
    """dy = drift dt + diffusion dW (Ito)."""

    drift: Function
    diffusion: Function
    noise: int | Literal["diagonal"] = "diagonal"

    def _check_functions(self) -> None:
        self._require(drift=self.drift, diffusion=self.diffusion)
        if self.noise != "diagonal" and not (isinstance(self.noise, int) and self.noise >= 1):
            raise ValueError(f"system {self.name!r}: noise must be 'diagonal' or a positive int, got {self.noise!r}")

    def facts(self) -> dict[str, Any]:
        """See System.facts."""
        return {**super().facts(), "noise": self.noise}

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        return self._kernel("sde", (self.drift, self.diffusion), theta, noise=self.noise)


@dataclass(frozen=True, kw_only=True, eq=False)
class MapSystem(System):
    """y[n+1] = step(y[n]), once every ``dt``; with ``noise=m`` driven by m standard normals."""

    step: Function
    noise: int = 0

    def _check_functions(self) -> None:
        self._require(step=self.step)
        if not (isinstance(self.noise, int) and self.noise >= 0):
            raise ValueError(f"system {self.name!r}: noise must be an int >= 0, got {self.noise!r}")

    def facts(self) -> dict[str, Any]:
        """See System.facts."""
        return {**super().facts(), "noise": self.noise}

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        return self._kernel("map", (self.step,), theta, noise=self.noise or None, dt=self.dt)
