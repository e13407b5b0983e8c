"""The verb `crossings`: where trajectories of a system or of a fitted model cross surfaces, as a Dataset."""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset
from dynsamp.arguments import check_counts, real_number, whole_number
from dynsamp.kernels.methods import METHODS
from dynsamp.metrics.returns import SOURCE, passages
from dynsamp.models.base import Model, Samples
from dynsamp.solve import Event, Options, solve
from dynsamp.solve.options import TRUTH_TOLERANCE
from dynsamp.streams import checked_seed
from dynsamp.system import System
from dynsamp.words import State, listed, nearest, quoted, spans
from dynsamp.workflow.orbits import orbits
from dynsamp.workflow.starts import Starts

MOST = 1000  # crossings of an event in sampled trajectories that are kept, unless asked for
_DIRECTIONS = {None: 0, "rising": 1, "falling": -1}
_SHORT = re.compile(r"\s*(?P<state>\w+)\s*(\[\s*(?P<index>\d+)\s*\])?\s*=\s*(?P<level>\S+)(\s+(?P<direction>\w+))?\s*")


def crossings(  # noqa: PLR0913 - a verb
    source: str | System | Model | xr.Dataset,
    initial: Starts | None = None,
    events: str | Event | Sequence[str | Event] = (),
    *,
    duration: float | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
    trajectories: int = 16,
    seed: int = 0,
    method: str | None = None,
    step: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    max_events: int | None = None,
    workers: int | None = None,
) -> xr.Dataset:
    """Crossings of surfaces by trajectories: Poincare sections, thresholds, escapes.

    Parameters
    ----------
    source : str, System, Model or Dataset
        Name of a system, the object, or a fitted model with a vector field. Or trajectories as they are, such as a
        forecast: their crossings lie between the samples, on polynomials of degree 7 through the eight nearest.
    initial : Dataset, Box, array, dict or callable, optional
        Starts; by default the system's own. A model needs some.
    events : str, Event, or a sequence of them
        ``Event(function, direction, terminal)``, or a short form "state = number", "state = number rising" or
        "... falling", for a field "state[site] = number".
    duration : float
        Length of the trajectories, in the system's time unit; of a Dataset all of it, unless given.
    parameters, trajectories, seed : optional
        As for ``generate``.
    method, step, rtol, atol : optional
        Solver; by default dop853 at 1e-12. Methods with a fixed step take that of the saved times unless given.
    max_events : int, optional
        Crossings of an event that are recorded for a trajectory; default: 1000, fewer for very many trajectories.
    workers : int, optional
        Threads; results do not depend on it.

    Returns
    -------
    Dataset
        The states and ``crossing_time`` over (trajectory, event, crossing), NaN after a trajectory's last crossing;
        ``count`` over (trajectory, event), larger than what is recorded where ``max_events`` was reached; ``status``.
        One event that is not in a sequence has no dimension ``event``.

    Raises
    ------
    ValueError
        Unknown state, a short form that cannot be read, a system without a continuous path or with external signals.
    """
    duration = None if duration is None else real_number("duration", duration)
    if duration is not None and not 0 < duration < np.inf:
        raise ValueError(f"duration must be positive, got {duration!r}")
    check_counts(workers=workers)
    max_events = None if max_events is None else whole_number("max_events", max_events)
    if isinstance(source, xr.Dataset):
        return _of_samples(source, initial, events, duration, max_events)
    if duration is None:
        raise TypeError("crossings of a system or a model need duration=, the length of the trajectories")
    runs = orbits(source, initial, parameters=parameters, trajectories=trajectories, seed=checked_seed(seed))
    kind = runs.kernel.kind
    if kind not in ("field", "separable"):
        raise ValueError(f"crossings need a path that is continuous and smooth, but the {kind} of {source!r} has none")
    if runs.kernel.inputs:
        raise ValueError("crossings of a system with external signals are not defined; fix the signals in its rhs")
    single, wanted = isinstance(events, str | Event), _wanted(events, runs.states)
    fixed = step is not None or (method in METHODS and not METHODS[method].adaptive)
    solution = solve(
        runs.kernel,
        [0.0, float(duration)],
        runs.y0,
        ids=runs.ids,
        options=Options(
            method=method or ("rk4" if fixed else "dop853"),
            step=(step or runs.dt) if fixed else None,
            rtol=rtol if fixed or rtol is not None else TRUTH_TOLERANCE,
            atol=atol,
            threads=workers,
            events=wanted,
            max_events=max_events,
        ),
    )
    assert solution.events is not None  # they were asked for
    found = solution.events
    return dataset.crossings(
        names=None if single else found.names,
        times=found.times,
        values=found.states,
        counts=found.counts,
        states=runs.states,
        status=solution.status,
        ids=runs.ids,
        time_unit=runs.time_unit,
        attrs={
            "title": f"crossings of {runs.name}",
            **runs.about,
            **solution.about(),
            "events": ", ".join(found.names),
            "duration": float(duration),
            "seed": seed,
            "history": dataset.history("crossings"),
        },
    )


def _wanted(events: str | Event | Sequence[str | Event], states: Sequence[State]) -> list[Event]:
    if not isinstance(events, str | Event) and not isinstance(events, Sequence):
        raise TypeError(f'events must be such as "x = 0 rising", or a sequence of them, got {quoted(events)}')
    several: Sequence[str | Event] = [events] if isinstance(events, str | Event) else list(events)
    if not several:
        raise ValueError('events must name at least one surface, such as "x = 0 rising"')
    return [as_event(event, states) for event in several]


def _of_samples(
    data: xr.Dataset,
    initial: Starts | None,
    events: str | Event | Sequence[str | Event],
    duration: float | None,
    most: int | None,
) -> xr.Dataset:
    """Crossings of sampled trajectories; members count as trajectories."""
    if initial is not None:
        raise ValueError("trajectories of a Dataset have their own starts; leave initial= out")
    samples = dataset.pack(data)
    wanted = _wanted(events, samples.states)
    if any(event.terminal for event in wanted):
        raise ValueError("a terminal event cannot end trajectories that are there already; take terminal=False")
    found = [[_between(samples, k, event, duration) for event in wanted] for k in range(len(samples.y))]
    counts = np.array([[len(times) for times, _ in row] for row in found])
    kept = min(int(counts.max()), most or MOST)
    times = np.full((*counts.shape, kept), np.nan)
    values = np.full((*counts.shape, kept, samples.y.shape[-1]), np.nan)
    for k, e in np.ndindex(*counts.shape):
        when, states = found[k][e]
        times[k, e, : len(when)], values[k, e, : len(when)] = when[:kept], states[:kept]
    return dataset.crossings(
        names=None if isinstance(events, str | Event) else [event.name for event in wanted],
        times=times,
        values=values,
        counts=counts,
        states=samples.states,
        status=np.zeros(len(samples.y), np.int8),
        ids=samples.ids,
        time_unit=dataset.time_unit(data),
        attrs={
            "title": "crossings of trajectories",
            **{key: data.attrs[key] for key in ("system", "estimator", "parameters") if key in data.attrs},
            "method": SOURCE,
            "events": ", ".join(event.name for event in wanted),
            "history": dataset.history("crossings"),
        },
    )


def _between(samples: Samples, place: int, event: Event, duration: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Times and states of the crossings of one trajectory."""
    count = int(samples.length[place])
    t, y = samples.t[place, :count], samples.y[place, :count]
    if duration is not None:
        inside = t <= t[0] + duration * (1 + 1e-12)
        t, y = t[inside], y[inside]
    parameters = np.array([float(value) for value in samples.facts.parameters.values()])
    signal = np.array([event.function(*point, parameters) for point in zip(t, y, strict=True)])[:, None]
    times, states = passages(t, np.concatenate([y, signal], axis=1), y.shape[1], 0.0, event.direction)
    return times, states[:, :-1]


def as_event(event: str | Event, states: Sequence[State]) -> Event:
    """Event of a short form such as "theta = 0 rising"; an Event is returned as it is.

    Raises
    ------
    ValueError
        Where it cannot be read, or names no state.
    """
    if isinstance(event, Event):
        return event
    if not isinstance(event, str):
        raise TypeError(f'an event is an Event or a string such as "x = 0 rising", got {quoted(event)}')
    found = _SHORT.fullmatch(event)
    try:
        level = float(found["level"]) if found else np.nan
    except ValueError:
        level = np.nan
    if found is None or not np.isfinite(level) or found["direction"] not in _DIRECTIONS:
        raise ValueError(
            f'cannot read the event {quoted(event)}; write "state = number", with rising or falling after it'
        )
    name, where = found["state"], spans(states)
    if name not in where:
        raise ValueError(
            f"event {quoted(event)}: no state {quoted(name)} (states: {listed(where)}){nearest(name, where)}"
        )
    index, size = int(found["index"] or 0), where[name].stop - where[name].start
    if index >= size or (found["index"] is None) != (size == 1):
        raise ValueError(f'event {event!r}: {name} has {size} components; write "{name}[0] = ..."')
    surface = _surface(where[name].start + index, level)
    return Event(surface, _DIRECTIONS[found["direction"]], name=" ".join(event.split()))


def _surface(component: int, level: float) -> Callable[..., float]:
    def surface(_t: float, y: np.ndarray, _theta: np.ndarray) -> float:
        value: float = y[component] - level
        return value

    return surface
