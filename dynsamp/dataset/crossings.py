"""Crossings of surfaces, as a Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.attributes import encode, versions
from dynsamp.dataset.building import CONVENTIONS, STATUS_ATTRS, state_attrs
from dynsamp.words import State

__all__ = ["crossings"]


def crossings(
    *,
    names: Sequence[str] | None,
    times: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    states: Sequence[State],
    status: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """A Dataset of the crossings of events.

    times (trajectory, event, crossing), values (trajectory, event, crossing, component), counts (trajectory, event);
    where ``names`` is None, there is one event and no dimension of that name.
    """
    own = ("trajectory",) if names is None else ("trajectory", "event")
    if names is None:
        times, values, counts = times[:, 0], values[:, 0], counts[:, 0]
    dims = (*own, "crossing")
    variables: dict[str, Any] = {}
    begin = 0
    for state in states:
        part = values[..., begin : begin + state.size].reshape(*times.shape, *state.dims.values())
        variables[state.name] = ((*dims, *state.dims), part, state_attrs(state))
        begin += state.size
    variables["crossing_time"] = (dims, times, {"units": time_unit, "long_name": "time of the crossing"})
    variables["count"] = (own, counts, {"units": "1", "long_name": "number of crossings, recorded or not"})
    variables["status"] = (("trajectory",), np.asarray(status, np.int8), dict(STATUS_ATTRS))
    coords: dict[str, Any] = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id"}),
        "crossing": (("crossing",), np.arange(times.shape[-1]), {"long_name": "number of the crossing"}),
    }
    if names is not None:
        coords["event"] = (("event",), list(names), {"long_name": "event"})
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})
