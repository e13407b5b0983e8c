"""Statistics over one dim of trajectories that were not kept, as a Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.attributes import encode, versions
from dynsamp.dataset.building import CONVENTIONS, STATUS_ATTRS, realisation_attrs
from dynsamp.words import State

__all__ = ["statistics"]

# suffix: CF cell method, and how people say it
_METHODS = {
    "mean": ("mean", "mean"),
    "std": ("standard_deviation", "standard deviation"),
    "min": ("minimum", "smallest value"),
    "max": ("maximum", "largest value"),
    "last": ("point", "last value"),
}


def statistics(
    values: Mapping[str, np.ndarray],
    *,
    over: str,
    dims: Sequence[str],
    number: np.ndarray,
    status: np.ndarray,
    states: Sequence[State],
    times: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """A Dataset with ``<state>_mean`` and so on.

    Parameters
    ----------
    values : mapping of str to ndarray (dims..., component)
        By suffix: mean, std, min, max, last.
    over : str
        The dim that is gone.
    dims : sequence of str
        Those that are left: of trajectory, member and time.
    number : ndarray (dims...)
        Finite values behind each statistic.
    status : ndarray (trajectory,) or (trajectory, member)
        What became of each.
    states, times, ids, time_unit, attrs
        As for ``build``.
    """
    variables: dict[str, Any] = {}
    first = 0
    for state in states:
        part = slice(first, first := first + state.size)
        for suffix, array in values.items():
            method, words = _METHODS[suffix]
            shape = (*array.shape[:-1], *state.dims.values())
            about = {
                "units": state.units,
                "long_name": f"{words} of {state.long_name or state.name} over {over}",
                "cell_methods": f"{over}: {method}",
            }
            variables[f"{state.name}_{suffix}"] = ((*dims, *state.dims), array[..., part].reshape(shape), about)
    variables["number"] = (tuple(dims), number, {"units": "1", "long_name": f"values over {over}"})
    codes = np.asarray(status, np.int8)
    own = ("trajectory", "member")[: codes.ndim]
    variables["status"] = (own, codes, dict(STATUS_ATTRS))
    coords: dict[str, Any] = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id", "cf_role": "trajectory_id"})
    }
    if "time" in dims:
        coords["time"] = (("time",), times, {"units": time_unit, "long_name": "time since the start"})
    if "member" in own:
        coords["member"] = (("member",), np.arange(codes.shape[1]), realisation_attrs())
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})
