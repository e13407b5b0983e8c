"""What a metric is: a function of arrays under a declared name."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Protocol

import numpy as np

from dynsamp.solve import Kernel
from dynsamp.words import Facts, Input, State

NEEDS = ("forecast", "truth", "model", "system")


class TrueSystem(Protocol):
    """What scores ask of a system."""

    name: str
    kind: str
    size: int
    parameters: Mapping[str, object]
    inputs: Sequence[Input]
    invariants: Mapping[str, Callable[..., float]]
    energy: Callable[..., float] | None

    def theta(self) -> np.ndarray:
        """Default values of the parameters."""

    def kernel(self) -> Kernel:
        """Compiled functions with their parameters."""


@dataclass(frozen=True)
class Record:
    """A forecast or a truth as plain arrays; a truth has one member."""

    t: np.ndarray  # (time,) lead time since the start, in the system's time unit
    y: np.ndarray  # (trajectory, member, time, component), NaN after a failure
    status: np.ndarray  # (trajectory, member)
    states: tuple[State, ...]
    theta: np.ndarray  # (trajectory, parameter) of the system, width 0 if unknown
    valid_until: np.ndarray  # (trajectory,) lead time until which a truth is one; inf where not chaotic
    facts: Facts = Facts()
    start: np.ndarray | None = None  # (trajectory,) time at which the lead time is 0; None: 0 for all
    u: np.ndarray | None = None  # (trajectory, time, input), or None

    @property
    def clock(self) -> np.ndarray:
        """Times (trajectory, time): what forces and inputs depend on."""
        start = np.zeros(len(self.y)) if self.start is None else self.start
        return np.asarray(start[:, None] + self.t)


@dataclass(frozen=True)
class Score:
    """The values of one metric with what must be said beside them."""

    values: np.ndarray  # over the metric's dims
    attrs: Mapping[str, object] = field(default_factory=dict)  # norm, threshold, reference: JSON values
    coords: Mapping[str, Sequence[str]] = field(default_factory=dict)  # labels along dims of the metric's own
    censored: np.ndarray | None = None  # over the same dims: where a value is only a lower bound


@dataclass(frozen=True)
class Metric:
    """A registered metric; call it with exactly its ``needs``."""

    name: str
    dims: tuple[str, ...]
    units: str
    needs: tuple[str, ...]
    function: Callable[..., np.ndarray | Score]
    long_name: str = ""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        home, name = self.function.__module__, self.function.__qualname__
        if home != "__main__" and getattr(sys.modules.get(home), name, None) is self:  # it has the function's name
            return _named, (home, name)
        return Metric, tuple(getattr(self, field.name) for field in fields(self))

    def __call__(self, *records: object) -> Score:
        """Compute the score; a bare array becomes a Score without attributes."""
        values = self.function(*records)
        return values if isinstance(values, Score) else Score(np.asarray(values, dtype=float))


def _named(home: str, name: str) -> object:
    return getattr(import_module(home), name)


def metric(
    name: str, dims: tuple[str, ...], units: str = "1", needs: tuple[str, ...] = ("forecast", "truth")
) -> Callable[[Callable[..., np.ndarray | Score]], Metric]:
    """Declare a metric.

    Parameters
    ----------
    name : str
        Name of the variable in the scores Dataset.
    dims : tuple of str
        Of the returned array, out of "trajectory", "member", "lead_time", "state"; others of its own, such as
        "invariant", are labelled by the score's ``coords``.
    units : str
        Units of the values; "time" stands for the system's time unit.
    needs : tuple of str
        Out of "forecast", "truth", "model", "system": exactly the function's arguments, in this order.
    """
    unknown = [need for need in needs if need not in NEEDS]
    if unknown:
        raise ValueError(f"metric {name!r} needs {unknown}, but only {', '.join(NEEDS)} exist")

    def declare(function: Callable[..., np.ndarray | Score]) -> Metric:
        doc = (function.__doc__ or "").strip().split("\n")[0].rstrip(".")
        return Metric(name, tuple(dims), units, tuple(needs), function, doc)

    return declare
