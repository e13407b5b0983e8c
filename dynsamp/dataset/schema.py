"""The schema of a Dataset: its attributes, its variables, its time, and what is wrong with one that does not follow it.

Attributes are what every file format can hold: strings and numbers; anything nested is one JSON string.
Times are floats in a unit, or dates, which become floats when a Dataset is packed.
"""

import functools
import importlib.util
import json
import math
import platform
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Literal

import numpy as np
import xarray as xr

from dynsamp._version import __version__
from dynsamp.words import QUOTED, Facts, State, Status, closest, listed, nearest, quoted, shown

Role = Literal["state", "tendency", "input", "diagnostic", "parameter", "record", "other"]

TENDENCY = "tendency_of_"
PARAMETER = "parameter_"
RECORDS = ("status", "left_domain_time", "truth_valid_until")
CORE = ("trajectory", "member", "time")
Variables = dict[str, tuple[tuple[str, ...], np.ndarray | list[str], Mapping[str, object]]]  # dims, values, attributes
CALENDAR_UNITS = {"s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000}  # in ns
LARGEST = 1e150  # of times and values: squares of larger ones overflow, and fits and errors are sums of squares
NANOSECOND_DAYS = 106_000  # 64 bits of nanoseconds end after 106,751 days
CALENDAR_SPELLINGS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_SHORT = {word: unit for unit, words in CALENDAR_SPELLINGS.items() for word in words}
LONGEST = 300  # characters of units and labels
PROBLEMS = 10  # that one message lists
CONVENTIONS = "CF-1.11"
STATUS_ATTRS = {
    "long_name": "what became of the trajectory",
    "flag_values": np.array([int(code) for code in Status], np.int8),
    "flag_meanings": " ".join(code.name.lower() for code in Status),
    "units": "1",
}


def plain(value: object) -> object:
    """JSON values from NumPy ones and from any mapping or iterable; the ``default`` of json.dumps."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"attributes hold JSON values, got {type(value).__name__}; convert it to numbers or text")


def encode(attrs: Mapping[str, object]) -> dict[str, object]:
    """Attributes for a Dataset: text and finite numbers as they are, None left out, the rest as JSON text."""
    encoded: dict[str, object] = {}
    for key, value in attrs.items():
        if isinstance(value, np.generic):
            value = value.item()
        if value is None:
            continue
        kept = isinstance(value, str | int) and not isinstance(value, bool)
        kept = kept or (isinstance(value, float) and math.isfinite(value))
        encoded[str(key)] = value if kept else json.dumps(value, default=plain)
    return encoded


def decode(attrs: Mapping[Hashable, object], key: str, default: object = None) -> Any:
    """The value of an attribute that ``encode`` may have turned into JSON text."""
    value = attrs.get(key, default)
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"attribute {key!r} should hold JSON, got {quoted(value)}; write it with json.dumps or delete it"
        ) from error


@functools.cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # a source tree on the path, not installed
        return "unknown"


def versions() -> dict[str, str]:
    """Versions that a result depends on, as attributes."""
    found = {f"{package}_version": _version(package) for package in ("numpy", "numba", "xarray")}
    return {"dynsamp_version": __version__, **found, "python_version": platform.python_version()}


def history(action: str) -> str:
    """One CF history line."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} dynsamp: {action}"


def installed(*modules: str) -> bool:
    """Whether these optional libraries can be imported."""
    return all(importlib.util.find_spec(module) is not None for module in modules)


def state_attrs(state: State) -> dict[str, object]:
    """Attributes of the variable of a state."""
    about: dict[str, object] = {"units": state.units, "long_name": state.long_name or state.name}
    low, high = state.bounds
    more = {"conjugate": state.conjugate, "period": state.period, "valid_min": low, "valid_max": high}
    more = {"standard_name": state.standard_name, **more}
    return about | {key: value for key, value in more.items() if value is not None}


def text(attrs: Mapping[Hashable, object], key: str, default: str = "") -> str:
    """An attribute that should be text; what would steer a terminal or fill a page is not believed."""
    value = attrs.get(key, default)
    said = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return said if len(said) <= LONGEST and said.isprintable() else shown(said, LONGEST)


def realisation_attrs() -> dict[str, str]:
    """Attributes of the coordinate ``member``."""
    return {"standard_name": "realization", "long_name": "ensemble member", "units": "1"}


def role(ds: xr.Dataset, name: str) -> Role:
    """What a data variable is, from its name, its attribute ``role`` and its dimensions."""
    variable = ds[name]
    declared = text(variable.attrs, "role")
    if name in RECORDS:
        return "record"
    if name.startswith(PARAMETER) and "time" not in variable.dims:
        return "parameter"
    if declared == "input":
        return "input"
    if declared == "diagnostic":
        return "diagnostic"
    if name.startswith(TENDENCY):
        return "tendency"
    return "state" if "time" in variable.dims else "other"


def names(ds: xr.Dataset, wanted: Role) -> list[str]:
    """Names of the data variables with a role, in the order that the attribute ``states`` or ``inputs`` declares."""
    found = [str(name) for name in ds.data_vars if role(ds, str(name)) == wanted]
    # formats do not keep the order of variables, and components need theirs
    order = {name: k for k, name in enumerate(str(ds.attrs.get(f"{wanted}s", "")).split())}
    return sorted(found, key=lambda name: order.get(name, len(order)))


def state_list(ds: xr.Dataset) -> tuple[State, ...]:
    """The state variables of a Dataset in the order of their components.

    A ``conjugate`` that is not in the Dataset (a part was selected) is left out.
    """
    present = names(ds, "state")
    states = []
    for name in present:
        variable = ds[name]
        attrs = variable.attrs
        conjugate, period = text(attrs, "conjugate"), attrs.get("period")
        states.append(
            State(
                name,
                text(attrs, "units", "1"),
                text(attrs, "long_name"),
                text(attrs, "standard_name") if "standard_name" in attrs else None,
                conjugate if conjugate in present else None,
                float(period) if period is not None else None,
                {str(dim): size for dim, size in variable.sizes.items() if dim not in CORE},
                _bounds(variable),
            )
        )
    return tuple(states)


def _bounds(variable: xr.DataArray) -> tuple[float | None, float | None]:
    """CF's ``valid_min`` and ``valid_max``, where they are bounds; of packed values they count in units of the file."""
    said = [variable.attrs.get(key) for key in ("valid_min", "valid_max")]
    numbers = all(bound is None or isinstance(bound, int | float | np.number) for bound in said)
    if not numbers or {"scale_factor", "add_offset"} & variable.encoding.keys():
        return None, None
    low, high = (None if bound is None else float(bound) for bound in said)
    sound = (-math.inf if low is None else low) < (math.inf if high is None else high)  # NaN is not
    return (low, high) if sound else (None, None)


def _is_calendar(time: xr.DataArray) -> bool:
    return time.dtype.kind in "mM"


def time_unit(ds: xr.Dataset) -> str:
    """Unit of the packed time.

    For float times the ``units`` of the coordinate ("1" without any). Dates are packed as floats in the unit of the
    attribute ``time_unit`` of the Dataset ("s", "min", "h" or "d"; days without one), counted from its first date.
    """
    time = ds["time"]
    if not _is_calendar(time):
        return text(time.attrs, "units", "1")
    unit = text(ds.attrs, "time_unit", "d")
    if unit == "1":
        return "d"
    if unit not in _SHORT:
        raise ValueError(
            f"attribute time_unit is {quoted(unit)}, but dates are counted in one of s, min, h, d; choose one"
        )
    return _SHORT[unit]


def time_origin(ds: xr.Dataset) -> str | None:
    """The date that is time zero after packing (ISO 8601), or None where times are floats."""
    time = ds["time"]
    if time.dtype.kind != "M":
        return None
    values = time.values[~np.isnat(time.values)]
    return str(values.min()) if values.size else None


def time_values(ds: xr.Dataset) -> np.ndarray:
    """Times as float64, (time,) or (trajectory, time), in ``time_unit(ds)``; NaN in the padding."""
    time = ds["time"]
    if time.ndim == 2:
        time = time.transpose("trajectory", "time")
    if not _is_calendar(time):
        return np.ascontiguousarray(time.values, dtype=np.float64)
    values, missing = time.values, np.isnat(time.values)
    if values.dtype.kind == "M":
        # from the first date on: counted from 1970, a spacing of seconds would lose its last digits
        values = values - values[~missing].min() if not missing.all() else values - values
    unit = CALENDAR_UNITS[time_unit(ds)]
    if np.any(np.abs(values[~missing] / np.timedelta64(1, "D")) > NANOSECOND_DAYS):
        return np.asarray(values / np.timedelta64(unit // 10**9, "s"), dtype=np.float64)
    ticks = values.astype("timedelta64[ns]").astype(np.int64)
    return np.where(missing, np.nan, ticks / unit)


def to_dates(t: np.ndarray, unit: str, origin: str) -> np.ndarray:
    """Times as datetime64[ns]: the way back from ``time_values``, with the ``time_origin`` of the data."""
    days = np.nanmax(np.abs(np.asarray(t, float)), initial=0.0) * CALENDAR_UNITS[_SHORT[unit]] / CALENDAR_UNITS["d"]
    if days > NANOSECOND_DAYS or not np.datetime64("1678") <= np.datetime64(origin, "us") <= np.datetime64("2262"):
        raise ValueError(
            f"dates from {origin} on for {days:g} days are beyond those that count nanoseconds, 1678 to 2262"
        )
    ticks = np.round(np.asarray(t, float) * CALENDAR_UNITS[_SHORT[unit]])
    since = np.where(np.isnan(ticks), np.iinfo(np.int64).min, ticks).astype(np.int64).astype("timedelta64[ns]")
    return np.datetime64(origin, "ns") + since  # the smallest integer is NaT


def check_time_units(
    a: xr.Dataset | str | None, b: xr.Dataset | str | None, labels: tuple[str, str] = ("the first", "the second")
) -> None:
    """Refuse two Datasets (or their units) whose times are in different units.

    Raises
    ------
    ValueError
        If the units differ by more than their spelling ("s" and "seconds" are the same); None agrees with all.
    """
    units = [time_unit(x) if isinstance(x, xr.Dataset) else x for x in (a, b)]
    if None not in units and _spelling(units[0]) != _spelling(units[1]):
        raise ValueError(
            f"time is in {quoted(units[0])} in {labels[0]} of two Datasets but in {quoted(units[1])} in {labels[1]};"
            " convert one of them and set its time.attrs['units']"
        )


def _spelling(unit: str | None) -> str | None:
    return _SHORT.get(unit, unit) if unit is not None else None


def uneven(ds: xr.Dataset) -> str | None:
    """A sentence about uneven steps (rows that are missing, say), or None where all are equal.

    The first trajectory with such a step is named.
    """
    t = np.atleast_2d(time_values(ds))
    for k, row in enumerate(t):
        steps = np.diff(row[np.isfinite(row)])
        if len(steps) < 2:
            continue
        usual = float(np.median(steps))
        odd = np.flatnonzero(np.abs(steps - usual) > 1e-6 * usual)
        if len(odd):
            where = f" of trajectory {shown(ds['trajectory'].values[k], QUOTED)}" if len(t) > 1 else ""
            return (
                f"{len(odd)} of {len(steps)} time steps{where} differ from the usual {usual:g} {time_unit(ds)}, the"
                f" first between {row[odd[0]]:g} and {row[odd[0] + 1]:g}; interpolate to even times with"
                " ds.interp(time=...), or use an estimator for uneven times"
            )
    return None


def facts(ds: xr.Dataset) -> Facts:
    """What is known about where a Dataset comes from.

    The attribute ``facts`` (what a system passes on: kind, separable, ...), and ``system``, ``parameters``, ``seed``,
    ``method`` and ``time_unit``.
    """
    known: dict[str, object] = dict(decode(ds.attrs, "facts", {}))
    system = text(ds.attrs, "system")
    if system:
        known["system"] = system
    if "parameters" in ds.attrs:
        known["parameters"] = decode(ds.attrs, "parameters")
    for key in ("method", "seed"):
        if key in ds.attrs:
            value = ds.attrs[key]
            known[key] = value.item() if isinstance(value, np.generic) else value
    return replace(Facts.from_json(known), time_unit=time_unit(ds))


def validate(ds: object) -> xr.Dataset:
    """Check a Dataset against the schema.

    Parameters
    ----------
    ds : xarray.Dataset
        One data variable per state with dims (trajectory, [member,] time, own dims); ``dynsamp.dataset`` has all of it.

    Returns
    -------
    xarray.Dataset
        The same Dataset, so that calls can be chained.

    Raises
    ------
    TypeError
        If ``ds`` is not a Dataset.
    ValueError
        With one sentence for each thing that is wrong.
    """
    if isinstance(ds, xr.DataArray):
        raise TypeError("expected a Dataset, got a DataArray; try .to_dataset(name=...)")
    if not isinstance(ds, xr.Dataset):
        raise TypeError(f"expected an xarray Dataset, got {type(ds).__name__}; try dynsamp.from_arrays or from_csv")
    problems = list(_names(ds)) or list(_dimensions(ds))
    problems = problems or [*_time(ds), *_variables(ds), *_conjugates(ds), *_records(ds), *_attributes(ds)]
    if len(problems) == 1:
        raise ValueError(f"this Dataset cannot be used: {problems[0]}")
    if problems:
        more = [f"and {len(problems) - PROBLEMS} others"] if len(problems) > PROBLEMS else []
        lines = [f"  - {problem}" for problem in [*problems[:PROBLEMS], *more]]
        raise ValueError("\n".join(["this Dataset cannot be used:", *lines]))
    return ds


def _names(ds: xr.Dataset) -> Iterator[str]:
    """Without names of text nothing can be asked for."""
    for name in (*ds.variables, *ds.dims):
        if not isinstance(name, str):
            yield f"the name {quoted(name)} is no text; rename it: ds.rename({{{quoted(name)}: 'x'}})"


def _dimensions(ds: xr.Dataset) -> Iterator[str]:
    """Without these two dims no other check makes sense."""
    dims = [str(dim) for dim in ds.dims]
    if "time" not in dims:
        alike = next((dim for dim in dims if dim.lower() in ("t", "date", "datetime")), closest("time", dims))
        hint = f"try ds.rename({{{quoted(alike)}: 'time'}})" if alike else "name the dimension of the samples 'time'"
        yield f"it has no dimension 'time' (dimensions: {listed(dims) or 'none'}); {hint}"
        return
    if "time" not in ds.coords:
        yield "the dimension 'time' has no coordinate; try ds.assign_coords(time=('time', times, {'units': 's'}))"
    if "trajectory" not in dims:
        runs = [dim for dim in dims if dim.lower() in ("traj", "trajectories", "sample", "run", "id")]
        hint = f"ds.rename({{{runs[0]!r}: 'trajectory'}})" if runs else "ds.expand_dims(trajectory=[0])"
        yield f"it has no dimension 'trajectory' (dimensions: {listed(dims) or 'none'}); try {hint}"
    if 0 in (ds.sizes["time"], ds.sizes.get("trajectory"), ds.sizes.get("member")):
        yield "it is empty: " + listed(f"{dim} has size {size}" for dim, size in ds.sizes.items() if size == 0)


def _time(ds: xr.Dataset) -> Iterator[str]:
    time = ds["time"]
    if time.dims not in (("time",), ("trajectory", "time")):
        yield f"coordinate time has dims {time.dims}, expected ('time',) or ('trajectory', 'time'); transpose it"
        return
    if time.dtype.kind not in "iufmM":
        yield f"time has dtype {time.dtype}, expected floats or dates; convert it with pandas.to_datetime or float"
        return
    values = time.values.reshape(-1, time.shape[-1])
    if time.dtype.kind in "iuf":
        values = values.astype(float)  # large whole numbers may become equal
    missing = np.isnat(values) if time.dtype.kind in "mM" else ~np.isfinite(values)
    filled = ~missing[:, 1:]
    gaps = np.argwhere(missing[:, :-1] & filled)
    falls = np.argwhere((values[:, 1:] <= values[:, :-1]) & filled)
    empty = np.flatnonzero(missing.all(axis=1))
    infinite = np.argwhere(missing & ~np.isnan(values))
    if len(infinite):
        k, n = map(int, infinite[0])
        yield f"time[{n}]{_owner(ds, k)} is infinite; only the end of a shorter trajectory may be padded, with NaN"
    elif len(empty):
        yield f"time{_owner(ds, int(empty[0]))} has no value; drop the empty trajectory"
    elif len(gaps):
        k, n = map(int, gaps[0])
        yield f"time[{n}]{_owner(ds, k)} is missing; only the end of a shorter trajectory may be padded, drop the rest"
    elif len(falls):
        k, n = map(int, falls[0])
        before, after = values[k, n], values[k, n + 1]
        if before == after:
            yield f"time[{n + 1}]{_owner(ds, k)} repeats {after}; keep one sample for each time"
        else:
            yield f"time[{n + 1}] = {after}{_owner(ds, k)} follows {before}; sort the samples: ds.sortby('time')"
    elif time.dtype.kind in "iuf":
        low, high = float(values[~missing].min()), float(values[~missing].max())
        if max(high, -low) > LARGEST:
            yield f"the times reach from {low:g} to {high:g}, beyond {LARGEST:g}; use another unit of time"
    try:
        time_unit(ds)
    except ValueError as error:
        yield str(error)


def _owner(ds: xr.Dataset, k: int) -> str:
    if ds["time"].ndim == 1:
        return ""
    return f" of trajectory {shown(ds['trajectory'].values[k], QUOTED) if 'trajectory' in ds.coords else k}"


def _variables(ds: xr.Dataset) -> Iterator[str]:
    states = names(ds, "state")
    if not states:
        yield f"it has no state variable with dims (trajectory, time); its variables: {listed(ds.data_vars) or 'none'}"
    for key in map(str, ds.data_vars):
        variable, kind = ds[key], role(ds, key)
        declared = text(variable.attrs, "role")
        if declared not in ("", "input", "diagnostic", "state"):
            said = f"variable {quoted(key)} has role {quoted(declared)}"
            yield f"{said}, expected 'input' or 'diagnostic'; states have none"
        if kind in ("record", "parameter", "other"):
            continue
        if variable.dtype.kind not in "iufb":
            yield f"variable {quoted(key)} has dtype {variable.dtype}, expected real numbers; convert it or drop it"
        lead = ("trajectory", "member", "time") if "member" in variable.dims else ("trajectory", "time")
        if kind == "input" and variable.dims == ("time",):
            continue
        if variable.dims[: len(lead)] != lead:
            expected = f"({', '.join(lead)}, own dims)"
            if "trajectory" not in variable.dims:
                hint = "add the dimension with expand_dims, or set its role to 'input'"
            else:
                hint = f"try ds.transpose({', '.join(map(repr, lead))}, ...)"
            yield f"variable {quoted(key)} has dims ({listed(variable.dims)}), expected {expected}; {hint}"
        if kind == "tendency":
            base = key.removeprefix(TENDENCY)
            if base not in states:
                hint = nearest(base, states)
                yield f"{quoted(key)} is the derivative of {quoted(base)}, which is not a state here{hint}"
            elif ds[base].dims != variable.dims:
                own, wanted = listed(variable.dims), listed(ds[base].dims)
                yield f"{quoted(key)} has dims ({own}), but {quoted(base)} has ({wanted}); they must agree"
        period = variable.attrs.get("period")
        if period is not None and not _is_positive(period):
            yield f"the period of {quoted(key)} is {quoted(period)}, expected a positive number in its units"
    members = {name for name in states if "member" in ds[name].dims}
    if members and len(members) < len(states):
        one, other = quoted(min(members)), quoted(min(set(states) - members))
        yield f"{one} has a dimension 'member' but {other} has none"
    tendencies = {name.removeprefix(TENDENCY) for name in names(ds, "tendency")}
    placed = {name for name in states if "trajectory" in ds[name].dims}  # of others the dims were complained about
    if tendencies & placed and not placed <= tendencies:
        lacking = min(placed - tendencies)
        absent = quoted(TENDENCY + lacking)
        yield f"{quoted(lacking)} has no {absent} though other states have theirs; give all derivatives or none"


def _is_positive(value: object) -> bool:
    try:
        return isinstance(value, int | float | np.number) and 0 < float(value) < math.inf
    except (OverflowError, TypeError):  # a whole number beyond floats, a complex one
        return False


def _conjugates(ds: xr.Dataset) -> Iterator[str]:
    states = names(ds, "state")
    wanted = {name: text(ds[name].attrs, "conjugate") for name in states if "conjugate" in ds[name].attrs}
    taken = set(wanted.values()) | set(wanted) | set(str(ds.attrs.get("states", "")).split())
    for name, conjugate in wanted.items():
        if conjugate == name:
            yield f"state {quoted(name)} names itself as its conjugate; name its momentum"
        elif conjugate not in states:
            # a part of a Dataset may be selected; only what looks misspelled is an error
            hint = nearest(conjugate, [other for other in states if other not in taken])
            if hint:
                yield f"the conjugate of {quoted(name)} is {quoted(conjugate)}, which is not a state here{hint}"
        elif list(wanted.values()).count(conjugate) > 1:
            yield f"{quoted(conjugate)} is named as conjugate by more than one state; each q has its own p"
            return


def _records(ds: xr.Dataset) -> Iterator[str]:
    labels = ds["trajectory"].values
    if labels.dtype.kind == "O" and not all(isinstance(label, str) for label in labels):
        yield "the labels of the trajectories are neither numbers nor text; try ds.drop_vars('trajectory')"
    if "status" in ds:
        status = ds["status"]
        if status.dims not in (("trajectory",), ("trajectory", "member")):
            yield f"status has dims {status.dims}, expected (trajectory) or (trajectory, member)"
        known = [int(code) for code in Status]
        unknown = (
            np.setdiff1d(np.asarray(status.values), known) if status.dtype.kind in "iufb" else status.values.ravel()
        )
        if unknown.size:
            meanings = ", ".join(f"{int(code)} {code.name.lower()}" for code in Status)
            yield f"status holds the code {shown(unknown[0], QUOTED)}, which has no meaning ({meanings})"
    for name in RECORDS[1:]:
        if name in ds and ds[name].dims not in (("trajectory",), ("trajectory", "member")):
            yield f"{name} has dims ({listed(ds[name].dims)}), expected (trajectory) or (trajectory, member)"
    for name in map(str, ds.data_vars):
        kind = role(ds, name)
        if kind == "parameter" and ds[name].dims != ("trajectory",):
            dims = listed(ds[name].dims)
            yield f"{quoted(name)} has dims ({dims}), expected (trajectory); one value for each trajectory"
        if name != "status" and kind in ("parameter", "record") and ds[name].dtype.kind not in "iufb":
            yield f"{quoted(name)} has dtype {ds[name].dtype}, expected real numbers; convert it or drop it"


def _attributes(ds: xr.Dataset) -> Iterator[str]:
    for key in ("facts", "parameters"):
        try:
            value = decode(ds.attrs, key, {})
            if key == "facts" and isinstance(value, dict):
                Facts.from_json(value)
        except ValueError as error:
            yield str(error)
            continue
        if not isinstance(value, dict):
            yield f"attribute {key!r} should be a JSON object, got {quoted(value)}"
