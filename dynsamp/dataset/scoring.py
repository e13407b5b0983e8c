"""Scores as a Dataset: each metric under its name, with what must be said beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.attributes import encode, versions
from dynsamp.dataset.building import CONVENTIONS, realisation_attrs
from dynsamp.dataset.packing import component_names
from dynsamp.metrics.base import Metric, Score
from dynsamp.words import State

__all__ = ["scores"]

LEFT_ATTRS = {
    "units": "1",
    "long_name": "whether the forecast left the domain of its training data",
    "role": "flag",
    "flag_values": np.array([0, 1], np.int8),
    "flag_meanings": "inside left_domain",
}


def scores(
    results: Mapping[str, tuple[Metric, Score]],
    *,
    lead_time: np.ndarray,
    ids: np.ndarray,
    states: Sequence[State],
    time_unit: str = "1",
    skipped: Mapping[str, str] | None = None,
    left: tuple[np.ndarray, np.ndarray] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """A Dataset of scores.

    Parameters
    ----------
    results : mapping of str to (Metric, Score)
        By name.
    lead_time : ndarray (lead_time,)
        In ``time_unit``.
    ids : ndarray (trajectory,)
        Ids of the trajectories.
    states : sequence of State
        For metrics over the dim "state": one value for each state, or for each component.
    time_unit : str
        Stands where a metric declares the units "time".
    skipped : mapping of str to str, optional
        Metrics that could not be computed, and why; the JSON attribute ``skipped``.
    left : (ndarray, ndarray), optional
        Whether and at which time (trajectory, member) a forecast left the domain of its training data: the flag
        ``left_domain`` beside the scores, and ``left_domain_time``.
    attrs : mapping, optional
        Of the Dataset.

    Raises
    ------
    ValueError
        If the values of a metric do not have its dims.
    """
    sizes: dict[str, int] = {"trajectory": len(ids), "lead_time": len(lead_time)}
    variables: dict[str, Any] = {}
    for name, (metric, score) in results.items():
        values = np.asarray(score.values)
        if values.ndim != len(metric.dims):
            raise ValueError(
                f"metric {name!r} returned an array of shape {values.shape}, but declares the dims {metric.dims};"
                " return one axis for each"
            )
        for dim, size in zip(metric.dims, values.shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise ValueError(
                    f"metric {name!r} returned {size} values along {dim!r}, but there are {sizes[dim]}; compare its"
                    f" dims {metric.dims} with the axes of what it returns"
                )
        # xarray keeps units through arithmetic, so each score states its own
        about = {"units": time_unit if metric.units == "time" else metric.units, "long_name": metric.long_name or name}
        variables[name] = (metric.dims, values, {**about, **encode(score.attrs)})
    if left is not None:
        dims = ("trajectory", "member")
        sizes["member"] = left[0].shape[1]
        variables["left_domain"] = (dims, left[0].astype(np.int8), dict(LEFT_ATTRS))
        about = {"units": time_unit, "long_name": "time when the training domain was left", "role": "flag"}
        variables["left_domain_time"] = (dims, left[1], about)

    coords: dict[str, Any] = {}
    for _, score in results.values():
        for dim, labels in score.coords.items():
            coords[dim] = ((dim,), list(labels), {"long_name": dim})
    if "trajectory" in sizes:
        coords["trajectory"] = (("trajectory",), np.asarray(ids), {"long_name": "trajectory id"})
    if "lead_time" in sizes:
        about = {"units": time_unit, "standard_name": "forecast_period", "long_name": "lead time"}
        coords["lead_time"] = (("lead_time",), np.asarray(lead_time, float), about)
    if "member" in sizes:
        coords["member"] = (("member",), np.arange(sizes["member"]), realisation_attrs())
    if "state" in sizes:
        labels = [state.name for state in states]
        if sizes["state"] != len(labels):
            labels = component_names(states)
        if sizes["state"] == len(labels):
            coords["state"] = (("state",), labels, {"long_name": "state variable"})
    header = {"Conventions": CONVENTIONS, **versions(), **encode({"skipped": dict(skipped or {}), **(attrs or {})})}
    return xr.Dataset(variables, coords, header)
