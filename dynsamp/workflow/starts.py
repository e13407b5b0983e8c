"""Where trajectories start: boxes, arrays, dicts by state name, functions of a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dynsamp.streams import generator
from dynsamp.words import Box, State, nearest

__all__ = ["BLOCK", "sampled_starts", "start_array", "trajectory_count"]

BLOCK = 1024  # trajectory ids that share a generator: a start depends on its id alone, not on the batch

Sampler = Callable[[np.random.Generator, int], np.ndarray]


def sampled_starts(
    initial: Box | Sampler | np.ndarray, states: Sequence[State], ids: np.ndarray, seed: int
) -> np.ndarray:
    """Starts (trajectory, component) of the given trajectory ids; rows of an array are taken in turn."""
    size = sum(state.size for state in states)
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
        drawn = np.asarray(sampler(rng, BLOCK), dtype=float)
        if drawn.shape != (BLOCK, size):
            raise ValueError(
                f"initial(rng, n) must return an array of shape (n, {size}), but for n={BLOCK} it returned"
                f" {drawn.shape}; check the function"
            )
        mine = ids // BLOCK == block
        starts[mine] = drawn[ids[mine] % BLOCK]
    return starts


def start_array(initial: Any, states: Sequence[State]) -> np.ndarray:
    """Starts given by the caller, as (component,) or (trajectory, component)."""
    if isinstance(initial, Mapping):
        return _from_mapping(initial, states)
    size = sum(state.size for state in states)
    try:
        array = np.asarray(initial, dtype=float)
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


def trajectory_count(trajectories: int, starts: Any, theta: np.ndarray) -> int:
    """Number of trajectories: what the starts or swept parameters decide, else what was asked for."""
    if isinstance(trajectories, bool) or int(trajectories) != trajectories or trajectories < 1:
        raise ValueError(f"trajectories must be a positive integer, got {trajectories!r}")
    rows = {}
    if isinstance(starts, np.ndarray) and starts.ndim == 2:
        rows["initial"] = len(starts)
    if theta.ndim == 2:
        rows["the swept parameters"] = len(theta)
    if len(set(rows.values())) > 1:
        raise ValueError(f"initial has {rows['initial']} trajectories, but the swept parameters have {len(theta)}")
    return next(iter(rows.values()), int(trajectories))


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


def _from_mapping(initial: Mapping[str, Any], states: Sequence[State]) -> np.ndarray:
    names = [state.name for state in states]
    for key in initial:
        if key not in names:
            raise ValueError(
                f"initial has {key!r}, which is no state (states: {', '.join(names)}){nearest(key, names)}"
            )
    missing = [name for name in names if name not in initial]
    if missing:
        raise ValueError(f"initial lacks the state{'s' if len(missing) > 1 else ''} {', '.join(missing)}; give all")
    columns = []
    for state in states:
        value = np.asarray(initial[state.name], dtype=float)
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
