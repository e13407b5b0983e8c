"""Arrays in, Dataset out: dims, units and names for what the solvers and models return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.attributes import encode, versions
from dynsamp.dataset.schema import PARAMETER, TENDENCY
from dynsamp.dataset.times import CALENDAR_UNITS
from dynsamp.words import State, Status

__all__ = ["CONVENTIONS", "build", "realisation_attrs", "state_attrs"]

CONVENTIONS = "CF-1.11"
STATUS_ATTRS = {
    "long_name": "what became of the trajectory",
    "flag_values": np.array([int(code) for code in Status], np.int8),
    "flag_meanings": " ".join(code.name.lower() for code in Status),
    "units": "1",
}


def realisation_attrs() -> dict[str, str]:
    """Attributes of the coordinate ``member``."""
    return {"standard_name": "realization", "long_name": "ensemble member", "units": "1"}


def build(
    *,
    t: np.ndarray,
    y: np.ndarray,
    states: Sequence[State],
    time_unit: str = "1",
    ids: np.ndarray | None = None,
    dy: np.ndarray | None = None,
    status: np.ndarray | None = None,
    diagnostics: Mapping[str, Sequence[Any]] | None = None,
    inputs: Mapping[str, Sequence[Any]] | None = None,
    swept: Mapping[str, Any] | None = None,
    valid_until: np.ndarray | None = None,
    left_domain_time: np.ndarray | None = None,
    lead: bool = False,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """A Dataset in the schema.

    Parameters
    ----------
    t : ndarray (time,) or (trajectory, time)
        Floats in ``time_unit``, or datetime64.
    y : ndarray (trajectory, time, component) or (trajectory, member, time, component)
        A state with own dims takes as many components as it has elements, in C order.
    states : sequence of State
        In the order of the components.
    time_unit : str
        UDUNITS spelling; "1" where time is nondimensional.
    ids : ndarray (trajectory,), optional
        Ids of the trajectories; 0, 1, ... without.
    dy : ndarray like y, optional
        Derivatives.
    status : ndarray (trajectory,) or (trajectory, member), optional
        Codes of ``words.Status``.
    diagnostics : mapping of str to (values, units[, long_name])
        values (trajectory, [member,] time).
    inputs : mapping of str to (values, units[, long_name[, hold]])
        values (trajectory, time) or (time,).
    swept : mapping of str to (trajectory,) values, or to (values, units)
        Parameters that differ between trajectories.
    valid_until : ndarray (trajectory,), optional
        Time until which a chaotic truth is one.
    left_domain_time : ndarray (trajectory,) or (trajectory, member), optional
        When a forecast left the box of its training data; NaN where it did not.
    lead : bool
        Add the coordinate ``lead_time``, the time since the first one.
    attrs : mapping, optional
        Of the Dataset; nested values become JSON text, None is left out.

    Raises
    ------
    ValueError
        If shapes contradict each other.
    """
    t, y = np.asarray(t), np.asarray(y)
    sizes = [state.size for state in states]
    if y.ndim not in (3, 4) or y.shape[-1] != sum(sizes):
        raise ValueError(
            f"y has shape {y.shape}, expected (trajectory, [member,] time, component) with {sum(sizes)} components"
            f" for the states {', '.join(state.name for state in states)}"
        )
    dims = ("trajectory", "member", "time") if y.ndim == 4 else ("trajectory", "time")
    count, steps = y.shape[0], y.shape[-2]
    if t.shape not in ((steps,), (count, steps)):
        raise ValueError(f"t has shape {t.shape}, but y has {count} trajectories with {steps} times")
    if dy is not None and np.shape(dy) != y.shape:
        raise ValueError(f"dy has shape {np.shape(dy)}, but y has {y.shape}; they must agree")

    variables: dict[str, Any] = {}
    ends = np.cumsum(sizes)
    for state, end in zip(states, ends, strict=True):
        own = tuple(state.dims)
        part = slice(end - state.size, end)
        shape = (*y.shape[:-1], *state.dims.values())
        variables[state.name] = ((*dims, *own), y[..., part].reshape(shape), state_attrs(state))
        if dy is not None:
            tendency = np.asarray(dy)[..., part].reshape(shape)
            variables[TENDENCY + state.name] = ((*dims, *own), tendency, _tendency_attrs(state, time_unit))
    for name, (values, units, *rest) in (diagnostics or {}).items():
        about = {"units": units, "long_name": rest[0] if rest and rest[0] else name, "role": "diagnostic"}
        variables[name] = (dims, np.asarray(values), about)
    for name, (values, units, *rest) in (inputs or {}).items():
        about = {"units": units, "long_name": rest[0] if rest and rest[0] else name, "role": "input"}
        if len(rest) > 1 and rest[1]:
            about["interpolation"] = "hold"
        values = np.asarray(values)
        variables[name] = (("trajectory", "time")[2 - values.ndim :], values, about)
    for name, value in (swept or {}).items():
        values, units = value if isinstance(value, tuple) else (value, "1")
        about = {"units": units, "long_name": f"parameter {name}"}
        variables[PARAMETER + name] = (("trajectory",), np.asarray(values, float), about)
    for name, record, long_name in (
        ("left_domain_time", left_domain_time, "time when the training domain was left"),
        ("truth_valid_until", valid_until, "time until which the truth is one"),
    ):
        if record is not None:
            record = np.asarray(record, float)
            variables[name] = (dims[: record.ndim], record, {"units": time_unit, "long_name": long_name})
    if status is not None:
        codes = np.asarray(status, np.int8)
        variables["status"] = (dims[: codes.ndim], codes, dict(STATUS_ATTRS))

    coords = _coordinates(t, count, y.shape[1] if y.ndim == 4 else None, time_unit, ids, lead)
    header = {"Conventions": CONVENTIONS, "states": " ".join(state.name for state in states)}
    if inputs:
        header["inputs"] = " ".join(inputs)
    if t.dtype.kind in "mM" and time_unit != "1":
        header["time_unit"] = time_unit
    return xr.Dataset(variables, coords, {**header, **versions(), **encode(attrs or {})})


def state_attrs(state: State) -> dict[str, Any]:
    """Attributes of the variable of a state."""
    about: dict[str, Any] = {"units": state.units, "long_name": state.long_name or state.name}
    for key in ("standard_name", "conjugate", "period"):
        value = getattr(state, key)
        if value is not None:
            about[key] = value
    return about


def _tendency_attrs(state: State, time_unit: str) -> dict[str, Any]:
    if time_unit == "1":
        units = state.units
    else:
        base = "" if state.units == "1" else state.units + " "
        inverse = f"{time_unit}-1" if time_unit.isalpha() else f"({time_unit})-1"
        units = base + inverse
    return {"units": units, "long_name": f"tendency of {state.long_name or state.name}"}


def _coordinates(
    t: np.ndarray, count: int, members: int | None, time_unit: str, ids: np.ndarray | None, lead: bool
) -> dict[str, Any]:
    calendar, unit = t.dtype.kind in "mM", time_unit
    about = {"long_name": "time"} if calendar else {"units": time_unit, "long_name": "time"}
    labels = np.arange(count, dtype=np.int64) if ids is None else np.asarray(ids)
    if labels.shape != (count,):
        raise ValueError(f"ids has shape {labels.shape}, but there are {count} trajectories")
    shape = ("trajectory", "time")[2 - t.ndim :]
    coords: dict[str, Any] = {
        "trajectory": (("trajectory",), labels, {"long_name": "trajectory id", "cf_role": "trajectory_id"}),
        "time": (shape, t if calendar else np.asarray(t, float), about),
    }
    if members is not None:
        coords["member"] = (("member",), np.arange(members), realisation_attrs())
    if lead:
        since = t - t[..., :1]
        if calendar:
            unit = "d" if time_unit == "1" else time_unit
            since = since / np.timedelta64(CALENDAR_UNITS[unit], "ns")  # NaT becomes NaN
        if since.ndim == 2 and np.array_equal(since, np.broadcast_to(since[:1], since.shape), equal_nan=True):
            since = since[0]
        about = {"standard_name": "forecast_period", "long_name": "lead time", "units": unit}
        coords["lead_time"] = (("trajectory", "time")[2 - since.ndim :], since, about)
    return coords
