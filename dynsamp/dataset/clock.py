"""Time: floats in a unit, or dates, which become floats when a Dataset is packed."""

from __future__ import annotations

import numpy as np
import xarray as xr

__all__ = ["CALENDAR_UNITS", "check_time_units", "time_origin", "time_unit", "time_values", "to_dates", "uneven"]

CALENDAR_UNITS = {"s": 1_000_000_000, "min": 60_000_000_000, "h": 3_600_000_000_000, "d": 86_400_000_000_000}  # in ns
SPELLINGS = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_SHORT = {word: unit for unit, words in SPELLINGS.items() for word in words}


def _is_calendar(time: xr.DataArray) -> bool:
    return time.dtype.kind in "mM"


def time_unit(ds: xr.Dataset) -> str:
    """Unit of the packed time.

    For float times the ``units`` of the coordinate ("1" without any). Dates are packed as floats in the unit of the
    attribute ``time_unit`` of the Dataset ("s", "min", "h" or "d"; days without one), counted from its first date.
    """
    time = ds["time"]
    if not _is_calendar(time):
        return str(time.attrs.get("units", "1"))
    unit = str(ds.attrs.get("time_unit", "d"))
    if unit == "1":
        return "d"
    if unit not in _SHORT:
        raise ValueError(f"attribute time_unit is {unit!r}, but dates are counted in one of s, min, h, d; choose one")
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
    ticks = values.astype("timedelta64[ns]").astype(np.int64)
    return np.where(missing, np.nan, ticks / CALENDAR_UNITS[time_unit(ds)])


def to_dates(t: np.ndarray, unit: str, origin: str) -> np.ndarray:
    """Times as datetime64[ns]: the way back from ``time_values``, with the ``time_origin`` of the data."""
    ticks = np.round(np.asarray(t, float) * CALENDAR_UNITS[_SHORT[unit]])
    since = np.where(np.isnan(ticks), np.iinfo(np.int64).min, ticks).astype(np.int64).astype("timedelta64[ns]")
    return np.datetime64(origin, "ns") + since  # the smallest integer is NaT


def check_time_units(
    a: xr.Dataset | str | None,
    b: xr.Dataset | str | None,
    labels: tuple[str, str] = ("the first", "the second"),
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
            f"time is in {units[0]!r} in {labels[0]} of two Datasets but in {units[1]!r} in {labels[1]};"
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
            where = f" of trajectory {ds['trajectory'].values[k]}" if len(t) > 1 else ""
            return (
                f"{len(odd)} of {len(steps)} time steps{where} differ from the usual {usual:g} {time_unit(ds)}, the"
                f" first between {row[odd[0]]:g} and {row[odd[0] + 1]:g}; interpolate to even times with"
                " ds.interp(time=...), or use an estimator for uneven times"
            )
    return None
