"""The vocabulary of dynsamp: states, parameters, inputs, boxes, status codes, and the hint at a near name.

Imports nothing of dynsamp and nothing heavy, so every room may use it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["FAILURES", "Box", "Input", "Parameter", "State", "Status", "closest", "nearest"]


class Status(IntEnum):
    """What became of a trajectory; ``FAILURES`` are failures."""

    OK = 0
    DIVERGED = 1
    STEP_LIMIT = 2
    INVALID_INPUT = 3
    LEFT_DOMAIN = 4  # a warning: the values stay
    NOT_CONVERGED = 5  # the equations of an implicit step were not solved
    ENDED = 6  # by a terminal event: as asked for


FAILURES = (Status.DIVERGED, Status.STEP_LIMIT, Status.INVALID_INPUT, Status.NOT_CONVERGED)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, if any does."""
    near = difflib.get_close_matches(str(name), list(known), 1)
    return near[0] if near else None


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint "; did you mean 'theta'?" for the end of a message, or nothing where no known name is near."""
    near = closest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def _identifier(kind: str, name: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{kind} name must be a plain identifier, got {name!r}; use letters, digits and _")


@dataclass(frozen=True)
class State:
    """One state variable.

    Parameters
    ----------
    name : str
        Name of the data variable in every Dataset.
    units : str
        UDUNITS spelling; "1" where there are none.
    long_name : str
        Label of axes.
    standard_name : str, optional
        CF standard name, where one exists.
    conjugate : str, optional
        On a coordinate q: the name of its momentum.
    period : float, optional
        Period of an angle-like coordinate, in ``units``.
    dims : mapping of str to int
        Own dimensions of a field, for example ``{"site": 40}``.
    """

    name: str
    units: str = "1"
    long_name: str = ""
    standard_name: str | None = None
    conjugate: str | None = None
    period: float | None = None
    dims: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _identifier("state", self.name)
        for dim, size in self.dims.items():
            _identifier("dimension", dim)
            if size < 1:
                raise ValueError(f"dimension {dim!r} of state {self.name!r} has size {size}; it must be at least 1")
        if self.period is not None and not self.period > 0:
            raise ValueError(f"the period of state {self.name!r} must be positive, got {self.period}")

    @property
    def size(self) -> int:
        """Number of components: the product of the sizes of ``dims``."""
        size = 1
        for extent in self.dims.values():
            size *= extent
        return size


@dataclass(frozen=True)
class Parameter:
    """A parameter with its default value."""

    value: float
    units: str = "1"
    long_name: str = ""


@dataclass(frozen=True)
class Input:
    """An external signal u(t), linear between samples unless ``hold``."""

    name: str
    units: str = "1"
    long_name: str = ""
    hold: bool = False

    def __post_init__(self) -> None:
        _identifier("input", self.name)


@dataclass(frozen=True, init=False)
class Box:
    """A product of intervals, one for each state (or state component)."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __init__(self, low: Sequence[float], high: Sequence[float]) -> None:
        lows, highs = tuple(float(x) for x in low), tuple(float(x) for x in high)
        if len(lows) != len(highs) or not lows:
            raise ValueError(f"a Box needs as many lows as highs and at least one, got {len(lows)} and {len(highs)}")
        for k, (a, b) in enumerate(zip(lows, highs, strict=True)):
            if not a <= b or not abs(a) < float("inf") or not abs(b) < float("inf"):
                raise ValueError(f"interval {k} of the Box is [{a}, {b}]; bounds must be finite and low <= high")
        object.__setattr__(self, "low", lows)
        object.__setattr__(self, "high", highs)

    def __len__(self) -> int:
        return len(self.low)
