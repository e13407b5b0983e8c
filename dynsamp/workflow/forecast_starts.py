"""Where a forecast starts, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.models.base import HasSites, Model
from dynsamp.words import Box
from dynsamp.workflow.completing import completed
from dynsamp.workflow.starts import sampled_starts, start_array

__all__ = ["forecast_starts", "member_count", "of_size", "relative_times"]


def forecast_starts(
    model: Model, initial: Any, start: str | float, trajectories: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Starts, their times, their ids, and the relative times of the data if they are to be followed."""
    if isinstance(initial, xr.Dataset):
        return _from_data(model, initial, start)
    if start != "first":
        raise ValueError(f"start={start!r} chooses a state of a Dataset, but initial is a {type(initial).__name__}")
    if isinstance(initial, Box) or callable(initial):
        ids = np.arange(trajectories, dtype=np.int64)
        rows = sampled_starts(initial, model.states, ids, seed)
    else:
        rows = np.atleast_2d(start_array(initial, model.states))
        ids = np.arange(len(rows), dtype=np.int64)
    return rows, np.zeros(len(rows)), ids, None


def of_size(model: Model, initial: Any) -> Model:
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
    samples = completed(model, dataset.pack(data))
    given, expected = [s.name for s in samples.states], [s.name for s in model.states]
    if given != expected:
        raise ValueError(f"the model forecasts {', '.join(expected)}, but initial holds {', '.join(given)}")
    dataset.check_time_units(model.facts.time_unit, samples.facts.time_unit)
    rows = np.arange(len(samples.y))
    if start == "first":
        index = np.zeros(len(rows), np.int64)
    elif start == "last":
        index = np.maximum(samples.length - 1, 0)
    elif isinstance(start, str):
        raise ValueError(f"start must be 'first', 'last' or a time, got {start!r}")
    else:
        distance = np.abs(samples.t - float(start))
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


def member_count(model: Model, members: int | None) -> int | None:
    """Checked number of sample paths."""
    if members is None:
        return None
    if isinstance(members, bool) or int(members) != members or members < 1:
        raise ValueError(f"members must be a positive integer, got {members!r}")
    if not model.stochastic:
        raise ValueError(
            f"{type(model).__name__} is deterministic, so it has no members; leave members= out, or fit a stochastic"
            " model such as DriftDiffusion()"
        )
    return int(members)


def relative_times(times: np.ndarray) -> np.ndarray:
    """Times since the start."""
    if times[0] != 0:
        raise ValueError(f"times of a forecast are relative to its start, so the first must be 0, got {times[0]:g}")
    return times
