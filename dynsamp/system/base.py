"""What all systems have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dynsamp.solve.kernel import Kernel, Kind
from dynsamp.words import Box, Facts, Input, Parameter, State, nearest

if TYPE_CHECKING:
    from dynsamp.models.base import Estimator

__all__ = ["Function", "System"]

Function = Callable[..., Any]
Initial = Box | np.ndarray | Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class System(ABC):
    """Common part of all systems; use one of the four kinds.

    Parameters
    ----------
    name : str
        Lower-case identifier; the name in Datasets and on the command line.
    states : sequence of State
        State variables, in the order of ``y``.
    parameters : mapping of str to Parameter or float
        In the order of ``theta``.
    title, description, equations : str
        One line; a paragraph; the equations as people write them.
    references : sequence of str
        Where the equations and values come from.
    inputs : sequence of Input
        External signals ``u``.
    time_unit : str
        UDUNITS spelling; "1" where time is nondimensional.
    initial : Box, ndarray (n, state) or callable (rng, n) -> (n, state)
        Default starts; a callable is called once per block of 1024 trajectory ids with the block's generator.
    spin_up : float
        Time integrated from ``initial`` before a trajectory starts at t = 0.
    duration, dt : float
        Default experiment.
    solver_step : float, optional
        Default internal step of fixed-step methods; ``dt`` is the spacing of saved times.
    estimator : Estimator, optional
        Default model type; without one, that of the kind of system.
    metrics : sequence of str, optional
        Default evaluation; without any, that of the kind of system.
    diagnostics, invariants : mapping of str to function(t, y, theta) -> float
        Further quantities; invariants are conserved.
    jacobian : function(t, y, theta, jac), optional
        ``jac`` (state, state), of the right-hand side (of the step, for a map).
    stiff : bool
        The right-hand side is stiff.
    lyapunov_exponent : float, optional
        Largest Lyapunov exponent at the default parameters, 1 / time_unit; positive means chaotic.
    generate : function(times, y0, theta, ids, seed) -> (states, status), optional
        Own, usually exact, generation; draws come from ``dynsamp.kernels.random`` keyed by (seed, id, step, draw);
        theta is (trajectory, parameter).
    """

    name: str
    states: Sequence[State]
    parameters: Mapping[str, Parameter | float] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    equations: str = ""
    references: Sequence[str] = ()
    inputs: Sequence[Input] = ()
    time_unit: str = "1"
    initial: Initial | None = None
    spin_up: float = 0.0
    duration: float = 10.0
    dt: float = 0.1
    solver_step: float | None = None
    estimator: Estimator | None = None
    metrics: Sequence[str] | None = None
    diagnostics: Mapping[str, Function] = field(default_factory=dict)
    invariants: Mapping[str, Function] = field(default_factory=dict)
    jacobian: Function | None = None
    stiff: bool = False
    translation_invariant: bool = False
    lyapunov_exponent: float | None = None
    generate: Function | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(f"a system's name must be a lower-case identifier, got {self.name!r}; try 'my_system'")
        states = tuple(self.states)
        if not states or not all(isinstance(state, State) for state in states):
            raise TypeError(f"system {self.name!r}: states must be a non-empty sequence of State, got {self.states!r}")
        parameters = {
            key: value if isinstance(value, Parameter) else Parameter(float(value))
            for key, value in self.parameters.items()
        }
        names = [state.name for state in states] + [u.name for u in self.inputs] + list(self.diagnostics)
        taken = {name for name in names if names.count(name) > 1} | (set(names) & {"time", "trajectory", "member"})
        if taken:
            raise ValueError(f"system {self.name!r}: the name {min(taken)!r} is used twice or reserved; rename it")
        for label, value in (("duration", self.duration), ("dt", self.dt)):
            if not value > 0:
                raise ValueError(f"system {self.name!r}: {label} must be positive, got {value}")
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "inputs", tuple(self.inputs))
        if self.initial is None:
            object.__setattr__(self, "initial", Box([0.0] * self.size, [1.0] * self.size))
        if isinstance(self.initial, Box) and len(self.initial) not in (self.size, len(states)):
            raise ValueError(
                f"system {self.name!r}: the initial Box has {len(self.initial)} intervals, but there are"
                f" {len(states)} states with {self.size} components"
            )
        self._check_functions()

    @abstractmethod
    def _check_functions(self) -> None:
        """Complain about functions that are missing or contradict each other."""

    @abstractmethod
    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """Functions and ``theta`` (default parameters unless given) for a solver."""

    @property
    def kind(self) -> str:
        """One word: "ode", "hamiltonian", "sde" or "map"."""
        return type(self).__name__.removesuffix("System").lower()

    @property
    def size(self) -> int:
        """Number of components of ``y``."""
        return sum(state.size for state in self.states)

    @property
    def smooth(self) -> bool:
        """Whether trajectories are solutions of y' = f(t, y): neither noise, nor iterates, nor delays."""
        return self.kind in ("ode", "hamiltonian")

    @property
    def chaotic(self) -> bool:
        """Whether the largest Lyapunov exponent is declared positive."""
        return self.lyapunov_exponent is not None and self.lyapunov_exponent > 0

    def theta(self, values: Mapping[str, float | np.ndarray] | None = None) -> np.ndarray:
        """Parameter vector: defaults overridden by ``values``.

        Returns (parameter,), or (trajectory, parameter) where a value is an array over trajectories.
        """
        values = dict(values or {})
        for key in values:
            if key not in self.parameters:
                hint = nearest(key, self.parameters)
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"system {self.name!r} has no parameter {key!r} (it has: {known}){hint}")
        columns = [
            np.asarray(values.get(key, parameter.value), dtype=float)
            for key, parameter in self.parameters.items()
            if isinstance(parameter, Parameter)
        ]
        lengths = {column.shape for column in columns if column.ndim}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise ValueError(f"swept parameters must be 1-d arrays of one length, got shapes {sorted(lengths)}")
        if not columns:
            return np.empty(0)
        if any(not np.all(np.isfinite(column)) for column in columns):
            raise ValueError(f"parameters of {self.name!r} must be finite, got {values}")
        return np.ascontiguousarray(np.stack(np.broadcast_arrays(*columns), axis=-1))

    def facts(self) -> Facts:
        """What estimators and solvers inherit."""
        return Facts(
            system=self.name,
            kind=self.kind,
            time_unit=self.time_unit,
            separable=False,
            stiff=self.stiff,
            translation_invariant=self.translation_invariant,
            lyapunov_exponent=self.lyapunov_exponent,
        )

    def _kernel(self, kind: Kind, functions: tuple[Function, ...], theta: np.ndarray | None, **rest: Any) -> Kernel:
        """Kernel with what systems of all kinds have in common."""
        return Kernel(
            kind,
            functions,
            self.theta() if theta is None else theta,
            inputs=tuple(signal.hold for signal in self.inputs),
            hamiltonian=self.kind == "hamiltonian",
            stiff=self.stiff,
            chaotic=self.chaotic,
            jacobian=self.jacobian,
            **rest,
        )

    def _require(self, **functions: Any) -> None:
        for label, function in functions.items():
            if not callable(function):
                raise TypeError(f"system {self.name!r} ({type(self).__name__}) needs a function {label}=")
