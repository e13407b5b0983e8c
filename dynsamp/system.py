"""What a system is: a law of nature, or a model of one, in arrays.

The functions of a system are plain Python on scalars of ``y`` (or njit), in place, with ``y`` in the order of
``states`` and ``theta`` in that of ``parameters``; helpers that they call are njit. The core compiles them.

=======================================  ========================================================
``rhs(t, y, theta, dy)``                 ODESystem, HamiltonianSystem
``velocity(t, p, theta, dq)``,
``force(t, q, theta, dp)``               HamiltonianSystem, separable: rhs is derived from them
``hamiltonian(t, y, theta) -> float``    HamiltonianSystem
``drift(t, y, theta, dy)``,
``diffusion(t, y, theta, g)``            SDESystem, Ito; ``g`` is (state,), or (state, m) with noise=m
``intensity(t, y, theta) -> float``,
``jump(t, y, theta, z, dy)``             SDESystem with jumps: their rate, and what one with marks ``z`` adds
``step(t, y, theta, out)``               MapSystem; with noise=m: ``step(t, y, theta, xi, out)``
=======================================  ========================================================

With ``inputs``, ``u`` (input,) follows ``theta`` in every one of them but ``velocity``. With ``delays``, ``z``
(delay, state) follows in the ``rhs`` of an ODESystem, z[k] = y(t - delay k).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.arguments import as_mapping, real_array
from dynsamp.solve.kernel import History, Kernel, Kind, Shipped, check_sizes
from dynsamp.words import Box, Facts, Input, Parameter, State, Status, components, energy_units, listed, nearest, quoted

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function
    from dynsamp.models.base import Estimator

__all__ = ["HamiltonianSystem", "MapSystem", "ODESystem", "SDESystem", "Scalar", "System"]

Initial = Box | np.ndarray | Callable[[np.random.Generator, int], np.ndarray]


class Scalar(NamedTuple):
    """A quantity along a trajectory."""

    function: Function  # (t, y, theta) -> float
    units: str
    long_name: str


@dataclass(frozen=True, kw_only=True, eq=False)
class System(Shipped, ABC):
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
        return components(self.states)

    @property
    def smooth(self) -> bool:
        """Whether trajectories are solutions of y' = f(t, y): neither noise, nor iterates, nor delays."""
        return self.kind in ("ode", "hamiltonian")

    @property
    def chaotic(self) -> bool:
        """Whether the largest Lyapunov exponent is declared positive."""
        return self.lyapunov_exponent is not None and self.lyapunov_exponent > 0

    @property
    def energy(self) -> Function | None:
        """The Hamiltonian, where there is one."""
        return getattr(self, "hamiltonian", None)

    @property
    def energy_units(self) -> str:
        """Units of H: coordinates come first, then momenta."""
        if self.energy is None:
            return "1"
        return energy_units(self.states[0], self.states[len(self.states) // 2], self.time_unit)

    def scalars(self) -> dict[str, Scalar]:
        """Energy, where there is one, diagnostics and invariants, by name."""
        functions = {**({} if self.energy is None else {"energy": self.energy}), **self.diagnostics, **self.invariants}
        found = {name: Scalar(function, "1", name.replace("_", " ")) for name, function in functions.items()}
        if self.energy is not None:
            found["energy"] = Scalar(functions["energy"], self.energy_units, "energy (Hamiltonian)")
        return found

    def theta(self, values: Mapping[str, ArrayLike] | None = None) -> np.ndarray:
        """Parameter vector: defaults overridden by ``values``.

        Returns (parameter,), or (trajectory, parameter) where a value is an array over trajectories.
        """
        values = as_mapping("parameters", values) if values is not None else {}
        for key in values:
            if key not in self.parameters:
                hint = nearest(key, self.parameters)
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"system {self.name!r} has no parameter {key!r} (it has: {known}){hint}")
        columns = [
            real_array(f"parameter {key!r}", values[key]) if key in values else np.asarray(parameter.value, dtype=float)
            for key, parameter in self.parameters.items()
            if isinstance(parameter, Parameter)
        ]
        lengths = {column.shape for column in columns if column.ndim}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise ValueError(f"swept parameters must be 1-d arrays of one length, got shapes {sorted(lengths)}")
        if (0,) in lengths:
            empty = next(key for key, value in values.items() if not np.size(value))
            raise ValueError(f"parameter {empty!r} has no values; give one, or one a trajectory")
        if not columns:
            return np.empty(0)
        if any(not np.all(np.isfinite(column)) for column in columns):
            raise ValueError(f"parameters of {self.name!r} must be finite, got {quoted(values)}")
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
            energy_units=self.energy_units,
        )

    def own_paths(
        self, times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """States (trajectory, time, state) and status (trajectory,) that ``generate=`` makes of copies.

        Raises
        ------
        TypeError, ValueError
            Where it returns something else.
        RuntimeError
            Where it raises.
        """
        from dynsamp.kernels.problem import running

        assert self.generate is not None
        with running({"generate": self.generate}):
            result = self.generate(times.copy(), y0.copy(), theta, ids.copy(), seed)
        what = f"generate= of system {self.name!r} must return (states (trajectory, time, state), status (trajectory,))"
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError(f"{what}, got {type(result).__name__}")
        try:
            states, status = np.asarray(result[0], dtype=float), np.asarray(result[1])
        except (TypeError, ValueError) as error:
            raise TypeError(f"{what}, in numbers: {error}") from None
        shape = (len(y0), len(times), self.size)
        if states.shape != shape or status.shape != shape[:1]:
            raise ValueError(f"{what}, of shapes {shape} and {shape[:1]}, got {states.shape} and {status.shape}")
        if not np.isin(status, list(Status)).all():
            wrong = status[~np.isin(status, list(Status))][0]
            raise ValueError(f"{what}, but {wrong} is no code of dynsamp.Status; 0 is ok")
        return states, status.astype(np.int8)

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
            size=self.size,
            parameters=len(self.parameters),
            **rest,
        )

    def _require(self, **functions: object) -> None:
        for label, function in functions.items():
            if not callable(function):
                raise TypeError(f"system {self.name!r} ({type(self).__name__}) needs a function {label}=")


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
            from dynsamp.kernels.problem import running

            start: object = self.history
            if callable(self.history):
                with running({"history": self.history}):
                    start = self.history(0.0)
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
        return replace(super().facts(), delays=tuple(self.delays))

    def kernel(self, theta: np.ndarray | None = None) -> Kernel:
        """See System.kernel."""
        theta = self.theta() if theta is None else theta
        if not self.delays:
            return self._kernel("field", (self.rhs,), theta)
        check_sizes(self.size, theta.shape[-1], None, len(self.parameters))
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

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), **self._derived()}  # other processes derive again

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
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
            self._refuse_slips()
            raise TypeError(
                f"system {self.name!r} needs rhs=, or velocity= and force=: they cannot be derived from"
                f" hamiltonian={getattr(self.hamiltonian, '__name__', '?')}, because {reason}"
            ) from None
        derived = motion._asdict() if isinstance(motion, Halves) else {"rhs": motion}
        for name, function in derived.items():
            object.__setattr__(self, name, function)

    def _refuse_slips(self) -> None:
        """Say what is wrong with a Hamiltonian that is no function of these states."""
        from dynsamp.kernels.problem import Problem
        from dynsamp.solve.trial import try_out

        inside = np.full((1, self.size), 0.5)
        try_out(Problem({"scalar": self.hamiltonian}, self.theta()[None], self.size), np.zeros(1), inside)

    @property
    def separable(self) -> bool:
        """Whether H = T(p) + V(q), declared by velocity and force."""
        return self.velocity is not None

    def facts(self) -> Facts:
        """See System.facts."""
        return replace(super().facts(), separable=self.separable)

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
            f"system {system.name!r}: states are all q, then all p in the same order, but {listed(names)} have the"
            f" sizes {', '.join(map(str, sizes))}; give every q a p of its own size"
        )
    for k, state in enumerate(states):
        if state.conjugate is not None and (k >= half or state.conjugate != names[k + half]):
            raise ValueError(
                f"system {system.name!r}: state {state.name!r} names {state.conjugate!r} as its momentum, but states"
                " are all q, then all p in the same order; reorder them"
            )
    return (*(replace(state, conjugate=names[k + half]) for k, state in enumerate(states[:half])), *states[half:])
