"""Datasets from tables: one row for each time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from dynsamp.dataset.building import Canonical, build, checked_pairs, declare
from dynsamp.dataset.columns import Table, bare, resolved, roles, time_column, time_units, unit_of
from dynsamp.dataset.recordings import recordings
from dynsamp.dataset.schema import validate
from dynsamp.words import LONGEST, listed, nearest, no_list, quoted

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger("dynsamp")

Units = Mapping[str, str] | Sequence[str] | None


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
        time, t, date, timestamp or frame, else the first one.
    states : sequence of str, optional
        Columns of states. Without it all remaining numeric ones but those that count the rows, are another clock,
        never change, or change between trajectories only (parameters).
    trajectory : str, optional
        Column that says which trajectory a row belongs to (numbers or names). Without it a column called trajectory,
        trial, run, experiment, series, id or the like; without any, each restart of the time begins a trajectory.
    time_unit : str
        UDUNITS spelling, by default as the header has it, "time (s)"; for dates, the unit in which they are counted:
        s, min, h or d (days without).
    units, canonical
        As in ``from_arrays``; without ``units``, those in brackets in the headers.

    Returns
    -------
    xarray.Dataset
        In the schema. Trajectories with different times are padded with NaN. Names of trajectories are kept in the
        coordinate ``trajectory_name``. The attribute ``comment`` says what was decided about the columns and rows.

    Raises
    ------
    ValueError
        If a column is missing, is no number or has gaps, or times do not increase.
    """
    if not hasattr(frame, "set_axis") or not hasattr(frame, "columns"):
        other = f"; try {'.to_pandas()' if hasattr(frame, 'to_pandas') else 'pandas.DataFrame(...) or from_arrays'}"
        raise TypeError(f"expected a pandas DataFrame, got {type(frame).__name__}{other}")
    columns = [str(column) for column in frame.columns]
    frame = frame.set_axis(columns, axis=1)
    index = "time" if frame.index.name is None else str(frame.index.name)
    if index not in columns and (time == index or (time is None and frame.index.dtype.kind == "M")):
        frame, time = frame.reset_index(names=index), index
        columns = [index, *columns]
    return assemble(Frame(frame, columns), time, states, trajectory, time_unit, units, canonical)


@dataclass(frozen=True)
class Frame:
    """A DataFrame as a table."""

    frame: pd.DataFrame
    columns: list[str]

    def stamps(self, column: str) -> np.ndarray:
        """Times as float64 or datetime64[ns]."""
        if len(self.frame) == 0:
            raise ValueError("the table has no rows; there is nothing to read")
        series = self.frame[column]
        if series.dtype.kind == "M":
            zoned = getattr(series.dt, "tz", None)
            stamps = (series if zoned is None else series.dt.tz_convert(None)).to_numpy().astype("datetime64[ns]")
            missing = np.isnat(stamps)
        elif series.dtype.kind in "iuf":
            stamps = series.to_numpy(dtype=np.float64, na_value=np.nan)
            missing = ~np.isfinite(stamps)
        else:
            raise ValueError(
                f"the time column {quoted(column)} has dtype {series.dtype}, expected numbers or dates; try"
                " pandas.to_datetime"
            )
        if missing.any():
            raise ValueError(
                f"the time column {quoted(column)} is missing in row {int(np.argmax(missing))}; drop such rows"
            )
        return stamps

    def has_clock(self, column: str) -> bool:
        """Whether it holds times of day, as text has them."""
        return self.lenient(column) is None and self.frame[column].dtype.kind != "M"

    def numbers(self, column: str) -> np.ndarray:
        """One column as float64."""
        values = self.lenient(column)
        if values is None:
            raise ValueError(
                f"column {quoted(column)} has dtype {self.frame[column].dtype}, expected numbers; convert it with"
                " pandas.to_numeric"
            )
        bad = ~np.isfinite(values)
        if bad.any():
            row = int(np.argmax(bad))
            what = "missing" if np.isnan(values[row]) else f"{values[row]}"
            raise ValueError(
                f"column {quoted(column)} is {what} in row {row} ({int(bad.sum())} such rows); drop those rows or fill"
                " them with frame.interpolate()"
            )
        return values

    def lenient(self, column: str) -> np.ndarray | None:
        """Values, NaN where missing; None where the column holds no numbers."""
        if self.frame[column].dtype.kind not in "iufb":
            return None
        return np.asarray(self.frame[column].to_numpy(dtype=np.float64, na_value=np.nan))

    def labels(self, column: str, *, lenient: bool = False) -> np.ndarray:
        """Ints or text, "" where missing."""
        series = self.frame[column]
        missing = series.isna().to_numpy()
        if missing.any() and not lenient:
            raise ValueError(
                f"the trajectory column {quoted(column)} is missing in row {int(np.argmax(missing))}; fill it"
            )
        values = self.lenient(column)
        if values is not None and np.array_equal(values, np.round(values)) and np.all(np.abs(values) < 2**53):
            return values.astype(np.int64)
        return np.where(missing, "", series.to_numpy().astype(str))

    def place(self, row: int) -> str:
        """How to call a row in a message."""
        return f"row {row}"


def _meant(
    columns: Sequence[str], time: str | None, states: Sequence[str] | None, trajectory: str | None
) -> tuple[str, Sequence[str] | None, str | None]:
    """The columns that the caller's names mean, and the time where none was named."""
    names = _identifiers([bare(column)[0] for column in columns])
    time = time_column(columns) if time is None else resolved(time, columns, names)
    if states is not None:
        if wrong := no_list(states):
            raise TypeError(f"states must be a sequence of columns, {wrong}")
        states = [resolved(str(state), columns, names) for state in states]
    return time, states, None if trajectory is None else resolved(trajectory, columns, names)


def _check_columns(columns: Sequence[str], time: str, states: Sequence[str] | None, trajectory: str | None) -> None:
    """Complain about columns that are asked for and not there, or there twice."""
    for known, cure in ((columns, "rename one of them"), (states or [], "name it once in states=")):
        if len(set(known)) < len(known):
            twice = next(column for column in known if list(known).count(column) > 1)
            raise ValueError(f"the column {quoted(twice)} appears twice; {cure}")
    for column in [time, *([] if trajectory is None else [trajectory]), *(states or [])]:
        if column not in columns:
            raise ValueError(
                f"there is no column {quoted(column)} (columns: {listed(columns)}){nearest(column, columns)}"
            )
    if time == trajectory or time in (states or []):
        raise ValueError(f"the column {quoted(time)} is the time and cannot be a state or the trajectory as well")


def assemble(
    table: Table,
    time: str | None,
    states: Sequence[str] | None,
    trajectory: str | None,
    time_unit: str,
    units: Units,
    canonical: Canonical,
) -> xr.Dataset:
    """A Dataset from a table, with the arguments of `from_dataframe` in their order."""
    time, states, trajectory = _meant([column for column in table.columns if column], time, states, trajectory)
    _check_columns(table.columns, time, states, trajectory)
    stamps = table.stamps(time)
    if time_unit == "1" and table.has_clock(time):
        time_unit = "s"
    if trajectory is not None:
        table.labels(trajectory)
    found = roles(table, stamps, time=time, states=states, trajectory=trajectory)
    if not found.states:
        raise ValueError(
            f"there is no column of numbers besides {quoted(time)} (columns: {listed(table.columns)}); name states="
        )
    values = np.stack([table.numbers(column) for column in (*found.states, *found.parameters)], axis=-1)
    notes = list(found.notes)
    parts, ids, named = recordings(stamps, values, found.labels, found.label, time, notes, table.place)
    states, length = found.states, max(len(rows) for rows in parts)
    y = np.full((len(parts), length, len(states)), np.nan)
    t = np.full((len(parts), length), "NaT" if stamps.dtype.kind == "M" else np.nan, stamps.dtype)
    for k, rows in enumerate(parts):
        y[k, : len(rows)] = values[rows, : len(states)]
        t[k, : len(rows)] = stamps[rows]
    shared = all(np.array_equal(t[0], row) for row in t[1:])
    own, in_header = _named(states)
    if isinstance(units, Mapping):
        columns, names = list(own), list(own.values())
        given = {own.get(resolved(column, columns, names), column): unit for column, unit in units.items()}
        units = {**in_header, **given}
    declared = declare(list(own.values()), in_header if units is None else units, _renamed(canonical, own))
    if time_unit == "1":
        name, unit = bare(time)
        time_unit = (unit or time_units(name) or "1") if stamps.dtype.kind != "M" else "1"
    first = [int(rows[0]) for rows in parts]
    swept = {
        name: (values[first, len(states) + k], bare(found.parameters[k])[1] or "1")
        for k, name in enumerate(_identifiers([bare(column)[0] for column in found.parameters]))
    }
    ds = build(t=t[0] if shared else t, y=y, states=declared, time_unit=time_unit, ids=ids, swept=swept)
    for column, name in own.items():
        ds[name].attrs["long_name"] = bare(column)[0] if name in in_header else column
    if named is not None:
        ds = ds.assign_coords(trajectory_name=("trajectory", named, {"long_name": str(found.label or "recording")}))
    if notes:
        ds.attrs["comment"] = "; ".join(notes)
        for note in notes:
            _log.info("%s", note)
    return validate(ds)


def _named(states: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Names of states by column, and their units as the headers have them."""
    plain = [bare(column)[0] for column in states]
    often = Counter(plain)
    taken = _identifiers([name if often[name] == 1 else column for column, name in zip(states, plain, strict=True)])
    own = dict(zip(states, taken, strict=True))
    units = {name: unit for column, name in own.items() if (unit := bare(column)[1]) is not None}
    for column, name in own.items():  # theta_deg
        ending = name.rpartition("_")[2] if "_" in name else ""
        if column not in units and name not in units and unit_of(ending) in ("rad", "degree") and len(ending) > 1:
            units[name] = str(unit_of(ending))
    return own, units


def _renamed(canonical: Canonical, own: Mapping[str, str]) -> Canonical:
    """Pairs of states in place of pairs of columns."""
    if canonical is None or isinstance(canonical, bool):
        return canonical
    columns, names = list(own), list(own.values())
    pairs = checked_pairs(canonical).items()
    return [(own.get(resolved(q, columns, names), q), own.get(resolved(p, columns, names), p)) for q, p in pairs]


def _identifiers(columns: Sequence[str]) -> list[str]:
    """Names of columns as those of states, all different: "sea level (m)" becomes "sea_level_m"."""
    taken: dict[str, None] = {}
    for k, column in enumerate(columns):
        name = column
        if not column.isidentifier():
            name = "_".join("".join(c if f"x{c}".isidentifier() else " " for c in column).split())
            name = name if name.isidentifier() else f"x_{name}".rstrip("_")
        name = name[: LONGEST - 10]  # the whole header is the long_name
        if name in ("time", "trajectory", "member", "status"):
            name += "_"
        if name in taken:
            name += "_" if f"{name}_" not in taken else f"_{k}"
        while name in taken:
            name += "_"
        taken[name] = None
    return list(taken)
