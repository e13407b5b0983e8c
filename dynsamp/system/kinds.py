"""The four kinds of systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from dynsamp.solve import Kernel
from dynsamp.solve.kernel import History
from dynsamp.system.base import Function, System
from dynsamp.words import Facts, State, energy_units, nearest

__all__ = ["HamiltonianSystem", "MapSystem", "ODESystem", "SDESystem"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ODESystem(System):
    """y' = f(t, y), or with delays y' = f(t, y, y(t - tau_1), ...).

    Parameters
    ----------
    rhs : function(t, y, theta, dy)
        With delays ``rhs(t, y, theta, z, dy)``, ``z`` (delay, state), z[k] = y(t - delay k).
    delays : sequence of float or str
        Delays in ``time_unit``, or names of the parameters that are delays.
    history : optional
        The state before the first time: "start" (the first state, held), a state (state,), a function of t that
        returns one, or samples (times, values). Unless ``initial`` is given, trajectories start where it ends.
    hamiltonian : function(t, y, theta) -> float, optional
        The energy of a mechanical system which dissipation and forces change (port-Hamiltonian). States are all q,
        then all p, as in a HamiltonianSystem; data get the diagnostic "energy", and metrics compare a learned one.
    """

    rhs: Function
    delays: Sequence[float | str] = ()
    history: History = "start"
    hamiltonian: Function | None = None

    def __post_init__(self) -> None:
        if self.delays and self.initial is None and not isinstance(self.history, str | tuple | None):
            start = self.history(0.0) if callable(self.history) else self.history
            object.__setattr__(self, "initial", np.atleast_2d(np.asarray(start, dtype=float)))
        super().__post_init__()

    def _check_functions(self) -> None:
        self._require(rhs=self.rhs)
        if self.hamiltonian is not None:
            self._require(hamiltonian=self.hamiltonian)
            object.__setattr__(self, "states", _in_pairs(self))
        for delay in self.delays:
            if isinstance(delay, str) and delay not in self.parameters:
                raise ValueError(
                    f"system {self.name!r} has no parameter {delay!r} to be a delay{nearest(delay, self.parameters)}"
                )
            if not isinstance(delay, str) and not 0 < delay < float("inf"):
                raise ValueError(f"system {self.name!r}: delays must be positive, got {delay}")
        if self.delays and self.spin_up:
            raise ValueError(
                f"system {self.name!r}: a spin_up would forget the past that the delays need; generate a longer"
                " duration and leave out its beginning"
            )

    @property
    def smooth(self) -> bool:
        """See System.smooth: a kink at the start comes back after every delay."""
        return not self.delays

    def facts(self) -> Facts:
        """See System.facts."""
        units = "1" if self.hamiltonian is None else _energy_units(self)
        return replace(super().facts(), delays=tuple(self.delays), energy_units=units)

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        theta = self.theta() if theta is None else theta
        if not self.delays:
            return self._kernel("field", (self.rhs,), theta)
        names = list(self.parameters)
        delays = [theta[..., names.index(delay)] if isinstance(delay, str) else delay for delay in self.delays]
        return self._kernel("field", (self.rhs,), theta, delays=tuple(delays), history=self.history)


@dataclass(frozen=True, kw_only=True, eq=False)
class HamiltonianSystem(System):
    """q' = dH/dp, p' = -dH/dq, y = (q, p).

    ``hamiltonian`` is enough: unless given, ``rhs``, or for a separable H ``velocity`` and ``force``, are derived from
    it when the system is made, if it has no branches on values (``dynsamp.kernels.tracing``).
    """

    rhs: Function | None = None
    velocity: Function | None = None
    force: Function | None = None
    hamiltonian: Function

    def _check_functions(self) -> None:
        self._require(hamiltonian=self.hamiltonian)
        object.__setattr__(self, "states", _in_pairs(self))
        if (self.velocity is None) != (self.force is None):
            raise TypeError(f"system {self.name!r}: a separable Hamiltonian needs both velocity= and force=")
        for name, function in self._derived().items():  # of another Hamiltonian, where this is a copy
            object.__setattr__(self, name, function)
        if self.velocity is None and self.rhs is None:
            self._derive()

    def _derived(self) -> dict[str, None]:
        """Fields that hold derived functions, empty."""
        fields = {"rhs": self.rhs, "velocity": self.velocity, "force": self.force}
        return {name: None for name, function in fields.items() if hasattr(function, "derived_from")}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, **self._derived()}  # other processes derive again

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.velocity is None and self.rhs is None:
            self._derive()

    def _derive(self) -> None:
        """Equations of motion from the Hamiltonian."""
        from dynsamp.kernels.tracing import Halves, UntraceableError, derived_motion

        try:
            if self.inputs:
                raise UntraceableError("the Hamiltonian does not see the external signals")
            motion = derived_motion(self.hamiltonian, self.size, len(self.parameters))
        except UntraceableError as reason:
            raise TypeError(
                f"system {self.name!r} needs rhs=, or velocity= and force=: they cannot be derived from"
                f" hamiltonian={getattr(self.hamiltonian, '__name__', '?')}, because {reason}"
            ) from None
        derived = motion._asdict() if isinstance(motion, Halves) else {"rhs": motion}
        for name, function in derived.items():
            object.__setattr__(self, name, function)

    @property
    def separable(self) -> bool:
        """Whether H = T(p) + V(q), declared by velocity and force."""
        return self.velocity is not None

    def facts(self) -> Facts:
        """See System.facts."""
        return replace(super().facts(), separable=self.separable, energy_units=_energy_units(self))

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        if self.velocity is not None and self.force is not None:
            return self._kernel("separable", (self.velocity, self.force), theta)
        if self.rhs is None:
            raise TypeError(f"system {self.name!r} needs rhs=, or velocity= and force=")
        return self._kernel("field", (self.rhs,), theta)


@dataclass(frozen=True, kw_only=True, eq=False)
class SDESystem(System):
    """dy = drift dt + diffusion dW (Ito), and jumps.

    Parameters
    ----------
    drift : function(t, y, theta, dy)
    diffusion : function(t, y, theta, g)
        ``g`` is (state,) for diagonal noise; (state, m) for ``noise=m``, and its rows may share Wiener processes:
        noises with the correlation matrix C are L dW with C = L L^T (Cholesky), so multiply the columns of ``g`` by L.
    noise : "diagonal" or int
    intensity : function(t, y, theta) -> float, optional
        Rate of jumps, 1 / ``time_unit``.
    jump : function(t, y, theta, z, dy), optional
        Change of the state by a jump; ``z`` (marks,) are independent standard normals, or uniforms on (0, 1).
    marks, mark_law : int, {"normal", "uniform"}
        How many random numbers ``z`` has, and of which law.
    """

    drift: Function
    diffusion: Function
    noise: int | Literal["diagonal"] = "diagonal"
    intensity: Function | None = None
    jump: Function | None = None
    marks: int = 1
    mark_law: Literal["normal", "uniform"] = "normal"

    def _check_functions(self) -> None:
        self._require(drift=self.drift, diffusion=self.diffusion)
        if self.noise != "diagonal" and not (isinstance(self.noise, int) and self.noise >= 1):
            raise ValueError(f"system {self.name!r}: noise must be 'diagonal' or a positive int, got {self.noise!r}")
        if (self.intensity is None) != (self.jump is None):
            raise TypeError(f"system {self.name!r}: jumps need both intensity= and jump=")
        if self.marks < 1 or self.mark_law not in ("normal", "uniform"):
            raise ValueError(
                f"system {self.name!r}: a jump needs marks >= 1 of mark_law 'normal' or 'uniform', got {self.marks} of"
                f" {self.mark_law!r}"
            )

    def facts(self) -> Facts:
        """See System.facts."""
        return replace(super().facts(), noise=self.noise, jumps=self.jump is not None)

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        functions: tuple[Function, ...] = (self.drift, self.diffusion)
        if self.intensity is not None and self.jump is not None:
            functions = (*functions, self.intensity, self.jump)
        return self._kernel("sde", functions, theta, noise=self.noise, marks=self.marks, mark_law=self.mark_law)


@dataclass(frozen=True, kw_only=True, eq=False)
class MapSystem(System):
    """y[n+1] = step(y[n]), once every ``dt``; with ``noise=m`` driven by m standard normals."""

    step: Function
    noise: int = 0

    def _check_functions(self) -> None:
        self._require(step=self.step)
        if not (isinstance(self.noise, int) and self.noise >= 0):
            raise ValueError(f"system {self.name!r}: noise must be an int >= 0, got {self.noise!r}")

    def facts(self) -> Facts:
        """See System.facts."""
        return replace(super().facts(), noise=self.noise)

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        return self._kernel("map", (self.step,), theta, noise=self.noise or None, dt=self.dt)


def _in_pairs(system: System) -> tuple[State, ...]:
    """States, all q and then all p, where every q names its momentum: so does every Dataset of the system."""
    states = tuple(system.states)
    if system.size % 2:
        raise ValueError(
            f"system {system.name!r}: canonical states come in pairs (q, p), but there are {system.size} components"
        )
    half = len(states) // 2
    names, sizes = [state.name for state in states], [state.size for state in states]
    if len(states) > 1 and sizes[:half] != sizes[half:]:
        raise ValueError(
            f"system {system.name!r}: states are all q, then all p in the same order, but {', '.join(names)} have the"
            f" sizes {', '.join(map(str, sizes))}; give every q a p of its own size"
        )
    for k, state in enumerate(states):
        if state.conjugate is not None and (k >= half or state.conjugate != names[k + half]):
            raise ValueError(
                f"system {system.name!r}: state {state.name!r} names {state.conjugate!r} as its momentum, but states"
                " are all q, then all p in the same order; reorder them"
            )
    return (*(replace(state, conjugate=names[k + half]) for k, state in enumerate(states[:half])), *states[half:])


def _energy_units(law: System) -> str:
    """Units of H: its coordinates come first, then its momenta."""
    return energy_units(law.states[0], law.states[len(law.states) // 2], law.time_unit)
