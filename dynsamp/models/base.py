"""What an estimator and a fitted model are: knobs in, frozen arrays out; and what a model may have besides."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np

from dynsamp.models.schema import CHECKED, Array, Outline, check_model
from dynsamp.networks.tuning import AT_ROUNDING
from dynsamp.solve import Kernel
from dynsamp.typed import as_floats
from dynsamp.words import Facts, State, components, escaped, rate_units

TENDENCY = "tendency_of_"  # of the name of a derivative


@dataclass(frozen=True)
class Samples:
    """Training data as plain arrays; scattered points are trajectories with one time."""

    t: np.ndarray  # (trajectory, time), in facts.time_unit
    y: np.ndarray  # (trajectory, time, component), NaN beyond `length`
    states: tuple[State, ...]
    dy: np.ndarray | None = None  # (trajectory, time, component), or None
    u: np.ndarray | None = None  # (trajectory, time, input), or None
    length: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # (trajectory,) valid times
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))  # (trajectory,)
    facts: Facts = Facts()

    def __post_init__(self) -> None:
        if not isinstance(self.facts, Facts):
            raise TypeError(
                f"facts must be Facts, got {type(self.facts).__name__}; write dynsamp.words.Facts(dt=0.1), or"
                " Facts.from_json(...) of a dict"
            )
        count = self.y.shape[0]
        if not len(self.length):
            object.__setattr__(self, "length", np.full(count, self.y.shape[1], np.int64))
        if not len(self.ids):
            object.__setattr__(self, "ids", np.arange(count, dtype=np.int64))

    @property
    def size(self) -> int:
        """Components of the state."""
        return components(self.states)

    @property
    def owners(self) -> list[State]:
        """The state variable that each component belongs to."""
        return owners(self.states)

    @property
    def inside(self) -> np.ndarray:
        """Which samples (trajectory, time) are not padding."""
        return np.asarray(np.arange(self.y.shape[1]) < self.length[:, None])

    @property
    def blocks(self) -> np.ndarray:
        """Number (trajectory, time) of the trajectory that a sample belongs to."""
        return np.repeat(np.arange(len(self.y))[:, None], self.y.shape[1], axis=1)

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest box around the states: low and high (component,)."""
        y = self.y[self.inside]
        return y.min(axis=0), y.max(axis=0)

    @property
    def median_step(self) -> float | None:
        """Median spacing of consecutive samples; None where no trajectory has two."""
        steps = np.diff(self.t, axis=1)[self.inside[:, 1:]]
        return float(np.median(steps)) if steps.size else None

    def check_finite(self, cure: str, *, derivatives: bool = False) -> None:
        """Complain of the first value that is missing or infinite.

        Parameters
        ----------
        cure : str
            What to do about it, for the message.
        derivatives : bool
            Whether to look at the derivatives too.
        """
        for label, values in (("", self.y), ("the derivative of ", self.dy if derivatives else None)):
            if values is None:
                continue
            bad = self.inside[..., None] & ~np.isfinite(values)
            if bad.any():
                trajectory, step, component = map(int, np.unravel_index(int(bad.argmax()), bad.shape))
                raise ValueError(
                    f"{label}{self.owners[component].name!r} is {values[trajectory, step, component]} in trajectory"
                    f" {self.ids[trajectory]} at sample {step}; {cure}"
                )

    def check_order(self) -> None:
        """Complain of the first trajectory whose times do not increase."""
        step = np.diff(self.t, axis=1)
        with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
            late = self.inside[:, 1:] & ~(step > 0)
        if late.any():
            trajectory, at = map(int, np.argwhere(late)[0])
            raise ValueError(
                f"the times of trajectory {self.ids[trajectory]} do not increase (a spacing is"
                f" {step[trajectory, at]:g}); sort them and drop duplicates"
            )

    def about(self, report: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
        """Fields that every model learned from these samples has; ``facts`` are known besides."""
        low, high = self.box
        known = replace(self.facts, **facts)
        return {"states": self.states, "facts": known, "report": report, "low": low, "high": high}


def owners(states: Sequence[State]) -> list[State]:
    """The state variable that each component belongs to."""
    return [state for state in states for _ in range(state.size)]


def bounds(states: Sequence[State]) -> tuple[np.ndarray, np.ndarray]:
    """Declared bounds, low and high (component,); infinite where there are none."""
    both = [[state.bounds[k] for state in owners(states)] for k in (0, 1)]
    low, high = (np.array([np.nan if bound is None else bound for bound in side], dtype=float) for side in both)
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)


@dataclass(frozen=True, kw_only=True)
class Model(ABC):
    """A fitted model: frozen arrays and what is known about them.

    Array fields are saved raw, the rest as JSON, so a field is an ndarray or a JSON value
    (``states`` apart, which every model has). What a field must be its annotation says, see ``dynsamp.models.schema``:
    compiled code trusts the sizes of arrays, and a file may come from anybody.
    """

    name: ClassVar[str]  # of the estimator that makes it

    states: tuple[State, ...]
    facts: Facts = Facts()
    report: Mapping[str, Any] = field(default_factory=dict)  # width, scale, residual, seconds, joules, ...
    # of the training data, where they are known
    low: Annotated[np.ndarray, Array("component", optional=True)] = field(default_factory=lambda: np.empty(0))
    high: Annotated[np.ndarray, Array("component", optional=True)] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        if not vars(self).pop(CHECKED, False):
            check_model(self)
        vars(self).update(as_floats(type(self), vars(self)))  # frozen for others
        if self.low.shape != self.high.shape or (self.low > self.high).any():
            raise ValueError(
                f"the fields of a {type(self).__name__} do not fit together: the training box should have low <= high,"
                f" got {self.low.shape} and {self.high.shape} components"
            )
        if self.facts.dt is not None and self.facts.dt < 0:
            raise ValueError(f"the fact 'dt' of a {type(self).__name__} should be positive, got {self.facts.dt}")

    @classmethod
    def declared_sizes(cls, outline: Outline) -> Mapping[str, int]:  # noqa: ARG003 - for those that need it
        """Sizes of arrays, by the names in annotations, that follow from states and from fields that are no arrays.

        Raises
        ------
        ValueError
            Where these contradict each other.
        """
        return {}

    def _points(self, y: np.ndarray, name: str = "y") -> np.ndarray:
        """States (..., component) as (point, component), or a sentence about their shape."""
        y = np.asarray(y, dtype=float)
        if y.ndim == 0 or y.shape[-1] != self.size:
            raise ValueError(f"{name} must be (..., {self.size}), one entry a component, got shape {y.shape}")
        return np.ascontiguousarray(y.reshape(-1, self.size))

    @property
    def has_kernel(self) -> bool:
        """Whether it forecasts through compiled functions; else through its own ``predict``."""
        return type(self).kernel is not Model.kernel

    @property
    def size(self) -> int:
        """Components of the state."""
        return components(self.states)

    @property
    def stochastic(self) -> bool:
        """Whether it forecasts sample paths; a model that overrides ``predict`` says so itself."""
        if not self.has_kernel:
            return False
        kernel = self.kernel()
        return kernel.kind == "sde" or bool(kernel.noise)

    def kernel(self) -> Kernel:
        """Compiled functions and ``theta``; a model without them overrides ``predict``."""
        raise NotImplementedError(f"{type(self).__name__} has no kernel; use predict()")

    def predict(self, y0: np.ndarray, times: np.ndarray, ids: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Forecast without a kernel: states (trajectory, time, component) and status (trajectory,)."""
        raise NotImplementedError(f"{type(self).__name__} forecasts through its kernel()")

    @property
    def known_error(self) -> float | None:
        """Relative error of what was learned, of the drift where noise is learned beside it; None if none is told."""
        error = self.report.get("error")
        error = error.get("drift") if isinstance(error, Mapping) else error
        return float(error) if isinstance(error, int | float) and np.isfinite(error) else None

    def summary(self) -> str:
        """A few lines for a person: whether it beats null models, how wrong it is, what was chosen, what it cost."""
        said = dict(self.report)
        verdict, interval = said.pop("verdict", None), said.pop("error_interval", None)
        head = f"{type(self).__name__} of {', '.join(state.name for state in self.states)}"
        if "error" in said:
            said["error"] = _judged(said["error"], interval)
        if isinstance(said.get("noise"), Mapping):
            said["noise"] = {name: self._measured(str(name), value) for name, value in said["noise"].items()}
        lines = [head if verdict is None else f"{head}: {_spoken(verdict)}"]
        for key, text in ((escaped(key).replace("_", " "), _spoken(value)) for key, value in said.items()):
            lines.append(f"  {text}" if text.startswith(key) else f"  {key}: {text}")
        return "\n".join(lines)

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.__repr__ = Model.__repr__  # type: ignore[method-assign] # else a dataclass writes one, of all weights

    def __repr__(self) -> str:
        return self.summary()

    def _measured(self, name: str, value: Any) -> str:
        """The errors of a variable in its unit and, of a state, as a share of its range."""
        base, rate = name.removeprefix(TENDENCY).partition("[")[0], name.startswith(TENDENCY)
        owner, text = owners(self.states), _spoken(value)
        at = [k for k, state in enumerate(owner) if state.name == base]
        if not at or not isinstance(value, int | float):
            return text
        units = rate_units(owner[at[0]].units, self.facts.time_unit) if rate else owner[at[0]].units
        text += "" if units == "1" else f" {units}"
        width = float((self.high - self.low)[at].max()) if self.high.size == len(owner) else 0.0
        return text if rate or not width > 0 else f"{text} ({100 * value / width:.2g} % of the range)"


def _judged(error: Any, interval: Any) -> Any:
    """An error with the interval that holds it."""
    if isinstance(error, Mapping):
        each = interval if isinstance(interval, Mapping) else {}
        return {part: _judged(value, each.get(part)) for part, value in error.items()}
    if isinstance(error, float) and error < AT_ROUNDING:
        return f"at rounding ({error:.1g})"
    low, high = interval if isinstance(interval, Sequence) and len(interval) == 2 else (None, None)
    if not all(isinstance(value, int | float) for value in (error, low, high)):
        return error
    return f"{error:.2g} ({low:.2g} to {high:.2g})"


def _spoken(value: Any) -> str:
    """A value of a report as people write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{escaped(str(key))} {_spoken(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_spoken(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else escaped(str(value))


_Fitted: TypeAlias = Model  # inside Estimator the name Model is its class attribute


class Estimator(ABC):
    """A frozen dataclass of knobs with ``fit``; it stores what it was given."""

    name: ClassVar[str]
    Model: ClassVar[type[Model]]

    def __post_init__(self) -> None:
        """Complain of knobs that can be read once: they would be empty at the fit."""
        for knob in getattr(self, "__dataclass_fields__", ()):
            if isinstance(value := getattr(self, knob), Iterator):
                raise ValueError(f"{knob} must be a list, got a {type(value).__name__}; write list(...) around it")

    @abstractmethod
    def fit(self, samples: Samples, *, seed: int = 0, memory: int | None = None) -> _Fitted:
        """Fit; ``memory`` bounds the peak in bytes."""


@runtime_checkable
class HasEnergy(Protocol):
    """A model that learned an energy. Arrays of states are (..., component), here and below."""

    def energy(self, y: np.ndarray) -> np.ndarray:
        """H of states (...)."""


@runtime_checkable
class HasGradient(Protocol):
    """A model that knows the gradient of its energy."""

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of H (..., component)."""


@runtime_checkable
class HasDissipatedPower(Protocol):
    """A model that loses energy."""

    def dissipated_power(self, y: np.ndarray) -> np.ndarray:
        """Energy lost a unit of time (...)."""


@runtime_checkable
class HasDissipation(Protocol):
    """A model with a matrix of dissipation."""

    dissipation: np.ndarray  # R (component, component)


@runtime_checkable
class HasSuppliedPower(Protocol):
    """A model that is driven."""

    def supplied_power(self, y: np.ndarray, t: np.ndarray, u: np.ndarray | None = None) -> np.ndarray:
        """Energy brought in a unit of time (...), at times (...) and signals (..., input)."""


@runtime_checkable
class HasPairs(Protocol):
    """A model of canonical pairs."""

    pairs: np.ndarray  # (2, dof), components of q and of p


@runtime_checkable
class HasVectorField(Protocol):
    """A model that is a differential equation."""

    def vector_field(self, y: np.ndarray) -> np.ndarray:
        """Right-hand side (..., component)."""


@runtime_checkable
class HasJacobian(Protocol):
    """A model that knows the derivative of its vector field, or of its step where it is a map."""

    def jacobian(self, y: np.ndarray) -> np.ndarray:
        """(..., component, component)."""


@runtime_checkable
class HasStep(Protocol):
    """A model with a map over one step; a differential equation may be asked for steps of any length."""

    def step(self, y: np.ndarray, *dt: float) -> np.ndarray:
        """States a step later (..., component)."""


@runtime_checkable
class HasStepJacobian(Protocol):
    """A model that knows the derivative of its step."""

    def step_jacobian(self, y: np.ndarray, *dt: float) -> np.ndarray:
        """(..., component, component)."""


@runtime_checkable
class HasDrift(Protocol):
    """A stochastic differential equation: its drift."""

    def drift(self, y: np.ndarray) -> np.ndarray:
        """(..., component) a unit of time."""


@runtime_checkable
class HasDiffusion(Protocol):
    """A stochastic differential equation: its diffusion."""

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """(..., component), or (..., component, component)."""


@runtime_checkable
class HasInputs(Protocol):
    """A model that is driven by recorded signals."""

    inputs: Sequence[str]  # their names


@runtime_checkable
class HasClock(Protocol):
    """A model whose field depends on the time of the data."""

    def kernel_from(self, origin: np.ndarray) -> Kernel:
        """Kernel of trajectories that start at these times (trajectory,)."""


@runtime_checkable
class HasSites(Protocol):
    """A model of one local law, which holds on any number of sites."""

    def on(self, sites: int) -> Model:
        """The same law on that many."""
