"""Datasets from tables: one row for each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from dynsamp.dataset.arrays import Canonical, declare
from dynsamp.dataset.building import build
from dynsamp.dataset.schema import validate
from dynsamp.words import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Units", "assemble", "check_columns", "from_dataframe", "time_column"]

Units = Mapping[str, str] | Sequence[str] | None
TIME_NAMES = ("time", "t", "date", "datetime", "timestamp")


def from_dataframe(
    frame: pd.DataFrame,
    *,
    time: str | None = None,
    states: Sequence[str] | None = None,
    trajectory: str | None = None,
    time_unit: str = "1",
    units: Units = None,
    canonical: Canonical = None,
) -> xr.Dataset:
    """A Dataset from a table with one row for each time.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its index is used where it holds dates or is the column ``time``.
    time : str, optional
        Column of times: numbers in ``time_unit``, or dates. Without it an index of dates, else a column called
        time, t, date or datetime, else the first one.
    states : sequence of str, optional
        Columns of states; all remaining numeric ones without.
    trajectory : str, optional
        Column that says which trajectory a row belongs to (numbers or names); one trajectory without.
    time_unit : str
        UDUNITS spelling; for dates, the unit in which they are counted: s, min, h or d (days without).
    units, canonical
        As in ``from_arrays``.

    Returns
    -------
    xarray.Dataset
        In the schema. Trajectories with different times are padded with NaN. Names of trajectories are kept in the
        coordinate ``trajectory_name``.

    Raises
    ------
    ValueError
        If a column is missing, is no number or has gaps, or times do not increase.
    """
    columns = [str(column) for column in frame.columns]
    frame = frame.set_axis(columns, axis=1)
    index = "time" if frame.index.name is None else str(frame.index.name)
    if index not in columns and (time == index or (time is None and frame.index.dtype.kind == "M")):
        frame, time = frame.reset_index(names=index), index
        columns = [index, *columns]
    if time is None:
        time = time_column(columns)
    check_columns(columns, time, states, trajectory)
    others = [column for column in columns if column not in (time, trajectory)]
    chosen = list(states) if states is not None else [c for c in others if frame[c].dtype.kind in "iufb"]
    if not chosen:
        raise ValueError(f"there is no numeric column besides {time!r} (columns: {', '.join(columns)}); name states=")
    if len(frame) == 0:
        raise ValueError("the table has no rows; there is nothing to read")
    return assemble(
        stamps=_stamps(frame, time),
        values=np.stack([_column(frame, column) for column in chosen], axis=-1),
        labels=None if trajectory is None else _labels(frame, trajectory),
        time=time,
        states=chosen,
        trajectory=trajectory,
        time_unit=time_unit,
        units=units,
        canonical=canonical,
        place=lambda row: f"row {row}",
    )


def time_column(columns: Sequence[str]) -> str:
    """The column of times by its name, else the first."""
    if not columns:
        raise ValueError("the table has no columns; there is nothing to read")
    known = [column for column in columns if column.strip().lower() in TIME_NAMES]
    return known[0] if known else columns[0]


def check_columns(columns: Sequence[str], time: str, states: Sequence[str] | None, trajectory: str | None) -> None:
    """Complain about columns that are asked for and not there, or there twice."""
    if isinstance(states, str):
        raise TypeError(f"states must be a sequence of columns, got the string {states!r}; try [{states!r}]")
    if len(set(columns)) < len(columns):
        twice = next(column for column in columns if list(columns).count(column) > 1)
        raise ValueError(f"the column {twice!r} appears twice; rename one of them")
    for column in [time, *([] if trajectory is None else [trajectory]), *(states or [])]:
        if column not in columns:
            raise ValueError(f"there is no column {column!r} (columns: {', '.join(columns)}){nearest(column, columns)}")
    if time == trajectory or time in (states or []):
        raise ValueError(f"the column {time!r} is the time and cannot be a state or the trajectory as well")


def assemble(
    *,
    stamps: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray | None,
    time: str,
    states: Sequence[str],
    trajectory: str | None,
    time_unit: str,
    units: Units,
    canonical: Canonical,
    place: Callable[[int], str],
) -> xr.Dataset:
    """A Dataset from the columns of a table.

    Parameters
    ----------
    stamps : ndarray (row,)
        Times, float64 or datetime64.
    values : ndarray (row, state)
        Finite.
    labels : ndarray (row,), optional
        Which trajectory a row belongs to: ints or text.
    time, states, trajectory
        Names of the columns.
    time_unit, units, canonical
        As in ``from_dataframe``.
    place : callable
        How to call a row in a message.
    """
    ids, groups, named = _groups(labels, len(stamps))
    parts = [np.flatnonzero(groups == k) for k in range(len(ids))] if len(ids) > 1 else [np.arange(len(stamps))]
    for k, rows in enumerate(parts):
        late = np.flatnonzero(stamps[rows][1:] <= stamps[rows][:-1])
        if len(late):
            first, second = int(rows[late[0]]), int(rows[late[0] + 1])
            where = "" if trajectory is None else f" of {trajectory} {named[k]}"
            hint = (
                "if the table holds several trajectories, name their column with trajectory="
                if trajectory is None
                else f"sort the rows by {time!r} and keep one for each time"
            )
            raise ValueError(
                f"{time!r} must increase, but {place(second)}{where} has {stamps[second]}"
                f" after {stamps[first]} in {place(first)}; {hint}"
            )
    length = max(len(rows) for rows in parts)
    y = np.full((len(parts), length, len(states)), np.nan)
    t = np.full((len(parts), length), np.datetime64("NaT") if stamps.dtype.kind == "M" else np.nan, stamps.dtype)
    for k, rows in enumerate(parts):
        y[k, : len(rows)] = values[rows]
        t[k, : len(rows)] = stamps[rows]
    shared = all(np.array_equal(t[0], row) for row in t[1:])
    taken: list[str] = []
    for column in states:
        taken.append(_identifier(column, taken))
    own = dict(zip(states, taken, strict=True))
    if isinstance(units, Mapping):
        units = {own.get(column, column): unit for column, unit in units.items()}
    if not isinstance(canonical, bool) and canonical is not None:
        canonical = [(own.get(q, q), own.get(p, p)) for q, p in canonical]
    declared = declare(taken, units, canonical)
    ds = build(t=t[0] if shared else t, y=y, states=declared, time_unit=time_unit, ids=ids)
    for column, name in own.items():
        ds[name].attrs["long_name"] = column
    if named.dtype.kind == "U":
        ds = ds.assign_coords(trajectory_name=("trajectory", named, {"long_name": str(trajectory)}))
    return validate(ds)


def _groups(labels: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (trajectory,), the position in them of each row (row,), and labels (trajectory,)."""
    if labels is None:
        ids = np.zeros(1, np.int64)
        return ids, np.zeros(count, np.int64), ids
    names, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)  # trajectories in the order of the table
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    names = names[order]
    ids = names.astype(np.int64) if names.dtype.kind in "iu" else np.arange(len(names), dtype=np.int64)
    return ids, rank[inverse], names


def _identifier(column: str, taken: Sequence[str]) -> str:
    """A column's name as that of a state: "sea level (m)" becomes "sea_level_m"."""
    name = column
    if not column.isidentifier():
        name = "_".join("".join(c if c.isalnum() else " " for c in column).split())
        name = name if name.isidentifier() else f"x_{name}".rstrip("_")
    if name in ("time", "trajectory", "member", "status"):
        name += "_"
    while name in taken:
        name += "_"
    return name


def _column(frame: pd.DataFrame, column: str) -> np.ndarray:
    series = frame[column]
    if series.dtype.kind not in "iufb":
        raise ValueError(
            f"column {column!r} has dtype {series.dtype}, expected numbers; convert it with pandas.to_numeric"
        )
    values: np.ndarray = series.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        what = "missing" if np.isnan(values[row]) else f"{values[row]}"
        raise ValueError(
            f"column {column!r} is {what} in row {row} ({int(bad.sum())} such rows); drop those rows or fill them with"
            " frame.interpolate()"
        )
    return values


def _stamps(frame: pd.DataFrame, time: str) -> np.ndarray:
    """Times as float64 or datetime64[ns]."""
    series = frame[time]
    if series.dtype.kind == "M":
        zoned = getattr(series.dt, "tz", None)
        stamps = (series if zoned is None else series.dt.tz_convert(None)).to_numpy().astype("datetime64[ns]")
        missing = np.isnat(stamps)
    elif series.dtype.kind in "iuf":
        stamps = series.to_numpy(dtype=np.float64, na_value=np.nan)
        missing = ~np.isfinite(stamps)
    else:
        raise ValueError(
            f"the time column {time!r} has dtype {series.dtype}, expected numbers or dates; try pandas.to_datetime"
        )
    if missing.any():
        raise ValueError(f"the time column {time!r} is missing in row {int(np.argmax(missing))}; drop such rows")
    return stamps


def _labels(frame: pd.DataFrame, trajectory: str) -> np.ndarray:
    series = frame[trajectory]
    missing = series.isna().to_numpy()
    if missing.any():
        raise ValueError(f"the trajectory column {trajectory!r} is missing in row {int(np.argmax(missing))}; fill it")
    return np.asarray(series.to_numpy() if series.dtype.kind in "iu" else series.to_numpy().astype(str))
