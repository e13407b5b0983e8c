"""Events: functions of a trajectory whose changes of sign are found, recorded, and may end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dynsamp.limits import check_bytes

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Function, Problem, Schedule

_LARGEST = 1000  # crossings of an event that are kept, unless asked for
_ROOM = 2**27  # numbers that these may take, unless asked for


@dataclass(frozen=True)
class Event:
    """A function of time and state whose zeros along a trajectory are wanted.

    Parameters
    ----------
    function : callable
        ``function(t, y, theta) -> float``: y (state,), theta (parameter,); plain Python or njit, like the functions of
        a system. Where it changes sign along a trajectory is a crossing. A start on the zero is none, nor is a zero
        that is only touched, and two crossings within one step of the method are not seen.
    direction : {0, 1, -1}
        Both ways, rising (from negative to positive along the integration) or falling.
    terminal : bool
        Whether a crossing ends the trajectory: its status becomes "ended", and states that would be saved later are
        NaN.
    name : str, optional
        In results; by default the name of the function.
    """

    function: Function
    direction: int = 0
    terminal: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(
                f"the function of an event must be callable as function(t, y, theta), got {self.function!r}"
            )
        if self.direction not in (-1, 0, 1):
            raise ValueError(
                f"the direction of an event is 1 (rising), -1 (falling) or 0 (both), got {self.direction!r}"
            )
        if not self.name:
            object.__setattr__(self, "name", str(getattr(self.function, "__name__", "event")))


@dataclass(frozen=True)
class Events:
    """Crossings of trajectories.

    Times are accurate to about 1e-15 of a step beside the error of the path: that of the method's interpolant, which
    is held to the tolerances, or of a shorter step of the same method.
    """

    names: tuple[str, ...]
    times: np.ndarray  # (trajectory, event, crossing), NaN after the last
    states: np.ndarray  # (trajectory, event, crossing, state)
    counts: np.ndarray  # (trajectory, event); larger than the number recorded where max_events was


def watching(
    events: Sequence[Event], method: str, problem: Problem, schedule: Schedule, count: int, largest: int | None
) -> tuple[Problem, Schedule]:
    """Problem and schedule that watch the events of ``count`` trajectories.

    Raises
    ------
    ValueError
        For a method whose path between its steps is not known.
    """
    from dynsamp.kernels.methods import METHODS
    from dynsamp.kernels.problem import Watch

    if not METHODS[method].finds_events:
        known = [name for name, entry in METHODS.items() if entry.finds_events]
        raise ValueError(f"{method} does not find events: choose a method from {', '.join(known)}")
    numbers = max(count, 1) * len(events) * (problem.dim + 1)
    limit = max(1, min(_LARGEST, _ROOM // numbers)) if largest is None else int(largest)
    check_bytes(8.0 * numbers * limit, f"{limit} crossings of {count} trajectories", "lower max_events")
    found = (
        np.empty((count, len(events), limit)),  # the system gives memory to what is written
        np.empty((count, len(events), limit, problem.dim)),
        np.zeros((count, len(events)), dtype=np.int64),
    )
    watch = Watch(tuple(int(e.direction) for e in events), tuple(int(e.terminal) for e in events), found)
    functions = {**problem.functions, "events": _chained([event.function for event in events])}
    return replace(problem, functions=functions), replace(schedule, watch=watch)


def collected(events: Sequence[Event], schedule: Schedule) -> Events | None:
    """What was found; None where nothing was watched."""
    if schedule.watch is None:
        return None
    times, states, counts = schedule.watch.found
    most = min(int(counts.max(initial=0)), times.shape[2])
    times, states = times[:, :, :most].copy(), states[:, :, :most].copy()
    absent = np.arange(most) >= counts[:, :, None]
    times[absent], states[absent] = np.nan, np.nan
    return Events(tuple(event.name for event in events), times, states, counts)


def _chained(functions: Sequence[Function]) -> Function:
    """One function that writes the values of all into a vector."""
    chain = _first(functions[0])
    for number, function in enumerate(functions[1:], start=1):
        chain = _next(chain, function, number)
    chain.__dict__["functions"] = tuple(functions)  # to be tried one by one
    chain.__name__ = " or ".join(str(getattr(function, "__name__", "?")) for function in functions)
    return chain


def _first(function: Function) -> Function:
    def values(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
        g[0] = function(t, y, theta)

    return values


def _next(before: Function, function: Function, number: int) -> Function:
    def values(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
        before(t, y, theta, g)
        g[number] = function(t, y, theta)

    return values
