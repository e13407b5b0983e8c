"""Read a CSV file, and say where it is broken: file, line, column."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from dynsamp.dataset.arrays import Canonical
from dynsamp.dataset.columns import Columns, roles, time_column
from dynsamp.dataset.csvcells import Table, as_clock, as_date, as_number
from dynsamp.dataset.headers import unit_of
from dynsamp.dataset.tables import Units, assemble, check_columns, meant

__all__ = ["from_csv"]

SEPARATORS = (",", ";", "\t", "|")
COMMENT = ("#", "%")


def from_csv(
    path: str | os.PathLike[str],
    *,
    time: str | None = None,
    states: Sequence[str] | None = None,
    trajectory: str | None = None,
    time_unit: str = "1",
    units: Units = None,
    canonical: Canonical = None,
) -> xr.Dataset:
    """A Dataset from a CSV file with one row for each time.

    Commas, semicolons, tabs, bars or blanks separate the cells; lines that start with ``#`` or ``%`` are comments, the
    last of which may be the header. A file without a header has the columns ``time``, ``x1``, ``x2``, ...

    Parameters
    ----------
    path : path
        Text in UTF-8.
    time : str, optional
        Column of times: numbers in ``time_unit``, ISO dates (times with a zone become UTC), or times of day, which
        become seconds. Without it a column called time, t, date, timestamp or frame, else the first one.
    states : sequence of str, optional
        Columns of states. Without it all remaining ones that hold numbers, but those that count the rows, are another
        clock, never change, or change between trajectories only (parameters).
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
        In the schema. Uneven steps are kept as they are. The attribute ``comment`` says what was decided about the
        columns and rows.

    Raises
    ------
    ValueError
        Naming line and column where a cell is missing or is no number, a row has too many or too few cells, or times
        do not increase.
    FileNotFoundError
        If there is no such file.
    """
    table = _read(Path(path))
    time, states, trajectory = meant([column for column in table.columns if column], time, states, trajectory)
    try:
        check_columns(table.columns, time, states, trajectory)
    except ValueError as error:
        raise ValueError(f"{table.name}: {error}") from None
    try:
        stamps = table.stamps(time)
        if trajectory is not None:
            table.labels(trajectory)
        found = roles(
            Columns(table.columns, table.lenient, lambda column: table.labels(column, lenient=True)), stamps,
            time=time, states=states, trajectory=trajectory,
        )  # fmt: skip
        if not found.states:
            raise ValueError(f"{table.name} has no column of numbers besides {time!r} ({', '.join(table.columns)})")
        return assemble(
            stamps=stamps,
            values=np.stack([table.numbers(column) for column in (*found.states, *found.parameters)], axis=-1),
            roles=found,
            time=time,
            time_unit="s" if time_unit == "1" and table.has_clock(time) else time_unit,
            units=units,
            canonical=canonical,
            place=lambda row: f"line {table.lines[row]}",
        )
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(table.name) else f"{table.name}: {message}") from None


def _read(path: Path) -> Table:
    try:
        wide = path.read_bytes()[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = path.read_text(encoding="utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8 (byte {error.start}); save it as CSV in UTF-8") from error
    if "\0" in text:
        raise ValueError(f"{path} is not a text file; export the table as CSV")
    name = path.name
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    content = [(number, line) for number, line in numbered if line.lstrip()[0] not in COMMENT]
    if not content:
        raise ValueError(f"{name} has no rows; it is empty or all comments")
    separator = _separator([line for _, line in content[:50]])
    rows, lines = [], []
    for number, row in _split(content, separator):
        cells = [cell.strip() for cell in row]
        if any(cells):
            rows.append(cells)
            lines.append(number)
    usual = _usual([len(row) for row in rows])
    while len(rows) > 2 and len([cell for cell in rows[0] if cell]) == 1 < usual and len(rows[0]) != usual:
        rows, lines = rows[1:], lines[1:]  # a title above the header
    comma = separator != ","
    if all(_is_value(cell, comma) for cell in rows[0] if cell or len(rows) == 1):
        above = [line for number, line in numbered if number < lines[0] and line.lstrip()[0] in COMMENT]
        columns = _commented(above[-1], separator, len(rows[0])) if above else []
        columns = columns or ["time", *(f"x{k}" for k in range(1, len(rows[0])))]
    else:
        columns, rows, lines = rows[0], rows[1:], lines[1:]
        below = [cell.strip("()[] ") for cell in rows[0]] if len(rows) > 1 else []
        if len(below) == len(columns) and any(below) and all(not c or _is_unit(c) for c in below):
            columns = [f"{c} [{unit}]" if unit else c for c, unit in zip(columns, below, strict=True)]
            rows, lines = rows[1:], lines[1:]  # the second line names units
    if not rows:
        raise ValueError(f"{name} has a header ({', '.join(columns)}) but no rows")
    if columns[-1] == "" and all(len(row) == len(columns) and row[-1] == "" for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]  # each line ends with a separator
    for number, row in zip(lines, rows, strict=True):
        if len(row) != len(columns):
            raise ValueError(
                f"{name}, line {number}: {len(row)} cells, but there are {len(columns)} columns ({', '.join(columns)});"
                f" cells are separated by {_called(separator)}, mark missing ones or quote text that contains it"
            )
    if len(columns) == 1:
        raise ValueError(
            f"{name} has only the column {columns[0]!r}; a time and a state are needed, separated by commas"
        )
    # the index that pandas writes has no name
    columns = [column or (f"column_{k}" if k or time_column(columns) == "" else "") for k, column in enumerate(columns)]
    return Table(name, columns, rows, lines, comma and any("," in cell for row in rows for cell in row))


def _commented(line: str, separator: str | None, count: int) -> list[str]:
    """The names in a comment above the first row, if it names as many columns as there are."""
    text = line.strip().lstrip("".join(COMMENT)).strip()
    for cells in (next(csv.reader([text], delimiter=separator or " ")), re.split(r"\s{2,}|\t", text), text.split()):
        names = [cell.strip() for cell in cells]
        if len(names) == count == len(set(names)) and all(re.match(r"[^\W\d_].*[^:]$|[^\W\d_]$", n) for n in names):
            return names
    return []


def _usual(counts: Sequence[int]) -> int:
    """The most common number of cells."""
    return max(set(counts), key=counts.count)


def _is_unit(cell: str) -> bool:
    return as_number(cell) is None and unit_of(cell) is not None


def _is_value(cell: str, comma: bool) -> bool:
    return (
        as_number(cell.replace(",", ".") if comma else cell) is not None
        or as_date(cell) is not None
        or as_clock(cell) is not None
    )


def _called(separator: str | None) -> str:
    return {None: "blanks", ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[separator]


def _separator(lines: Sequence[str]) -> str | None:
    """The separator that most lines agree on; None for blanks."""
    best, votes = None, 0
    for candidate in SEPARATORS:
        counts = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        wide = [count for count in counts if count > 1]
        agreement = max((wide.count(count) for count in set(wide)), default=0)
        # a decimal comma loses against the semicolons or tabs around it
        if agreement > votes or (agreement == votes and votes and candidate in (";", "\t")):
            best, votes = candidate, agreement
    blanks = [line.split() for line in lines]
    if best == "," and sum(len(cells) > 1 and all(_is_value(c, True) for c in cells) for cells in blanks) > votes / 2:
        return None  # numbers with decimal commas between blanks
    return best


def _split(content: Sequence[tuple[int, str]], separator: str | None) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line, and its number in the file."""
    if separator is None:
        yield from ((number, line.split()) for number, line in content)
        return
    current = 0

    def feed() -> Iterator[str]:
        nonlocal current
        for number, line in content:
            current = number
            yield line + "\n"

    for row in csv.reader(feed(), delimiter=separator, skipinitialspace=True):
        yield current, row
