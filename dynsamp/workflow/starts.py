"""Where trajectories start and which times are saved, of a system and of a fitted model."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset
from dynsamp.arguments import real_array, real_number, whole_number
from dynsamp.limits import MOST_STEPS, check_bytes, check_steps
from dynsamp.models.base import HasSites, Model
from dynsamp.streams import generator
from dynsamp.words import Box, State, components, listed, nearest, quoted
from dynsamp.workflow.completing import completed

BLOCK = 1024  # trajectory ids that share a generator: a start depends on its id alone, not on the batch

Sampler = Callable[[np.random.Generator, int], np.ndarray]
Arrays = ArrayLike | Mapping[str, ArrayLike]  # by state name, or (trajectory, component)
Starts = Arrays | Box | Sampler | xr.Dataset


def sampled_starts(
    initial: Box | Sampler | np.ndarray, states: Sequence[State], ids: np.ndarray, seed: int
) -> np.ndarray:
    """Starts (trajectory, component) of the given trajectory ids; rows of an array are taken in turn."""
    from dynsamp.kernels.problem import running

    size = components(states)
    sampler: Sampler
    if isinstance(initial, Box):
        low, high = _box_bounds(initial, states)
        sampler = lambda rng, n: rng.uniform(low, high, size=(n, size))  # noqa: E731 - shorter than a name
    elif callable(initial):
        sampler = initial
    else:
        rows = start_array(initial, states)
        return np.ascontiguousarray(np.atleast_2d(rows)[ids % len(np.atleast_2d(rows))])
    starts = np.empty((len(ids), size))
    for block in np.unique(ids // BLOCK):
        rng = generator(seed, "starts", int(block))
        with running({"initial": sampler}):
            drawn = real_array("what initial(rng, n) returns", sampler(rng, BLOCK))
        if drawn.shape != (BLOCK, size):
            raise ValueError(
                f"initial(rng, n) must return an array of shape (n, {size}), but for n={BLOCK} it returned"
                f" {drawn.shape}; check the function"
            )
        mine = ids // BLOCK == block
        starts[mine] = drawn[ids[mine] % BLOCK]
    return starts


def start_array(initial: Arrays, states: Sequence[State]) -> np.ndarray:
    """Starts given by the caller, as (component,) or (trajectory, component)."""
    if isinstance(initial, Mapping):
        return _from_mapping(initial, states)
    size = components(states)
    try:
        array = real_array("initial", initial)
    except (TypeError, ValueError):
        raise TypeError(
            f"initial must be a Dataset, a Box, an array (trajectory, {size}) or a dict of arrays by state name,"
            f" got {type(initial).__name__}"
        ) from None
    if array.ndim == 0 and size == 1:
        array = array[None]
    if array.ndim not in (1, 2) or array.shape[-1] != size or not array.size:
        names = ", ".join(state.name for state in states)
        raise ValueError(f"initial must have shape (trajectory, {size}) in the order {names}, got {array.shape}")
    return array


def trajectory_count(trajectories: int, starts: object, theta: np.ndarray) -> int:
    """Number of trajectories: what the starts or swept parameters decide, else what was asked for."""
    count = whole_number("trajectories", trajectories)
    rows = {}
    if isinstance(starts, np.ndarray) and starts.ndim == 2:
        rows["initial"] = len(starts)
    if theta.ndim == 2:
        rows["the swept parameters"] = len(theta)
    if len(set(rows.values())) > 1:
        raise ValueError(f"initial has {rows['initial']} trajectories, but the swept parameters have {len(theta)}")
    return next(iter(rows.values()), count)


def _box_bounds(box: Box, states: Sequence[State]) -> tuple[np.ndarray, np.ndarray]:
    sizes = [state.size for state in states]
    low, high = np.array(box.low), np.array(box.high)
    if len(box) == sum(sizes):
        return low, high
    if len(box) == len(sizes):  # one interval a state: all components of a field share it
        return np.repeat(low, sizes), np.repeat(high, sizes)
    raise ValueError(
        f"the Box has {len(box)} intervals, but there are {len(sizes)} states with {sum(sizes)} components"
    )


def _from_mapping(initial: Mapping[str, ArrayLike], states: Sequence[State]) -> np.ndarray:
    names = [state.name for state in states]
    for key in initial:
        if key not in names:
            raise ValueError(
                f"initial has {quoted(key)}, which is no state (states: {listed(names)}){nearest(key, names)}"
            )
    missing = [name for name in names if name not in initial]
    if missing:
        raise ValueError(f"initial lacks the state{'s' if len(missing) > 1 else ''} {listed(missing)}; give all")
    columns = []
    for state in states:
        value = real_array(f"initial[{state.name!r}]", initial[state.name])
        extent = tuple(state.dims.values())
        lead = value.shape[: value.ndim - len(extent)]
        if value.shape[len(lead) :] != extent or len(lead) > 1:
            raise ValueError(f"initial[{state.name!r}] must have shape (trajectory,) + {extent}, got {value.shape}")
        columns.append(value.reshape(*lead, state.size))
    count = max((column.shape[0] for column in columns if column.ndim == 2), default=None)
    if count is None:
        return np.concatenate(columns)
    if any(column.ndim == 2 and column.shape[0] != count for column in columns):
        raise ValueError(f"initial holds different numbers of trajectories: {[column.shape[0] for column in columns]}")
    return np.concatenate([np.broadcast_to(column, (count, column.shape[-1])) for column in columns], axis=1)


def forecast_starts(
    model: Model, initial: Starts, start: str | float, trajectories: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Starts, their times, their ids, and the relative times of the data if they are to be followed."""
    if isinstance(initial, xr.Dataset):
        return _from_data(model, initial, start)
    if start != "first":
        raise ValueError(f"start={start!r} chooses a state of a Dataset, but initial is a {type(initial).__name__}")
    if isinstance(initial, Box) or callable(initial):
        count = whole_number("trajectories", trajectories)
        needed = 8.0 * count * (2 + model.size)
        check_bytes(needed, f"starts of {count} trajectories", "take fewer trajectories")
        ids = np.arange(count, dtype=np.int64)
        rows = sampled_starts(initial, model.states, ids, seed)
    else:
        rows = np.atleast_2d(start_array(initial, model.states))
        ids = np.arange(len(rows), dtype=np.int64)
    return rows, np.zeros(len(rows)), ids, None


def of_size(model: Model, initial: Starts) -> Model:
    """The model on as many sites as the starts have, where it holds on any number of them."""
    if not isinstance(model, HasSites) or not model.states:
        return model
    first = model.states[0]
    sites: int | None = None
    if isinstance(initial, xr.Dataset):
        if first.name in initial:
            sites = next((size for dim, size in initial[first.name].sizes.items() if dim in first.dims), None)
    elif isinstance(initial, Mapping):
        sites = ([None, *np.shape(initial.get(first.name, ()))])[-1]
    elif isinstance(initial, Box):
        sites = len(initial) // len(model.states)
    elif not callable(initial):
        sites = (np.shape(initial) or (0,))[-1] // len(model.states)
    return model if sites in (None, 0, first.size) else model.on(sites)


def _from_data(
    model: Model, data: xr.Dataset, start: str | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    samples = dataset.pack(data)
    if model.facts.velocities:
        samples = completed(model, samples)
    given, expected = [s.name for s in samples.states], [s.name for s in model.states]
    if given != expected:
        raise ValueError(f"the model forecasts {listed(expected)}, but initial holds {listed(given)}")
    dataset.check_time_units(model.facts.time_unit, samples.facts.time_unit)
    rows = np.arange(len(samples.y))
    if start == "first":
        index = np.zeros(len(rows), np.int64)
    elif start == "last":
        index = np.maximum(samples.length - 1, 0)
    elif isinstance(start, str):
        raise ValueError(f"start must be 'first', 'last' or a time, got {quoted(start)}")
    else:
        start = real_number("start", start)
        if not np.isfinite(start):
            raise ValueError(f"start must be 'first', 'last' or a time, got {start}")
        distance = np.abs(samples.t - start)
        index = np.nanargmin(distance, axis=1)
        tolerance = 1e-9 * max(abs(float(start)), 1.0)
        if np.any(distance[rows, index] > tolerance):
            raise ValueError(
                f"start={start:g} is not a time of the data, which run from {np.nanmin(samples.t):g} to"
                f" {np.nanmax(samples.t):g}; choose one of them"
            )
    origin = samples.t[rows, index]
    follow = samples.t - origin[:, None]
    same = samples.t.shape[1] > 1 and np.allclose(follow, follow[:1], rtol=0, atol=1e-9 * max(1.0, np.nanmax(follow)))
    own = follow[0] if start == "first" and same else None
    return samples.y[rows, index], origin, samples.ids, own


def saved_times(
    duration: float | None,
    dt: float | None,
    times: Sequence[float] | np.ndarray | None,
    *,
    default_duration: float,
    default_dt: float,
) -> np.ndarray:
    """Times relative to the start (time,), the start included.

    Raises
    ------
    ValueError
        Where ``times`` come with ``duration`` or ``dt``, do not increase, or ``duration`` is not a whole number of
        ``dt``.
    """
    if times is not None:
        return _explicit(times, duration, dt)
    given = duration is not None
    duration = _positive("duration", default_duration if duration is None else duration)
    dt = _positive("dt", default_dt if dt is None else dt)
    intervals, longer = duration / dt, "increase dt, or shorten duration"
    what = f"duration={duration:g} with dt={dt:g}"
    if intervals > MOST_STEPS:
        check_steps(intervals, what, longer)
    check_bytes(24 * intervals, f"the saved times of {what}", longer)
    steps = round(intervals)
    if steps < 1 or abs(steps * dt - duration) > 1e-6 * dt:
        if not given:  # only dt was asked for: keep it, and end at the last whole step
            steps = max(1, int(duration / dt))
        else:
            whole = int(duration / dt)
            near = " or ".join(f"duration={count * dt:g}" for count in (whole, whole + 1) if count)
            raise ValueError(f"duration={duration:g} is not a whole number of dt={dt:g}; try {near}, or another dt")
    return np.arange(steps + 1) * dt


def _positive(name: str, value: float) -> float:
    value = real_number(name, value)
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value


def _explicit(times: Sequence[float] | np.ndarray, duration: float | None, dt: float | None) -> np.ndarray:
    array = real_array("times", times)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"times must be a non-empty 1-d array, got shape {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"times must be finite, but times[{np.flatnonzero(~np.isfinite(array))[0]}] is not")
    falls = np.flatnonzero(np.diff(array) <= 0)
    if falls.size:
        n = falls[0] + 1
        raise ValueError(
            f"times must increase, but times[{n}] = {array[n]:g} follows {array[n - 1]:g};"
            " sort them or pass duration= and dt="
        )
    span = array[-1] - array[0]
    if duration is not None and not np.isclose(span, duration, rtol=1e-9, atol=0):
        raise ValueError(f"times span {span:g}, but duration={duration:g}; give times=, or duration= and dt=, not both")
    if dt is not None and not np.allclose(np.diff(array), dt, rtol=1e-6, atol=0):
        raise ValueError(f"times are not spaced by dt={dt:g}; give times=, or duration= and dt=, not both")
    return array
