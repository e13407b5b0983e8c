"""A CSV file as a table: separators, header and cells; and where it is broken: file, line, column."""

import csv
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr

from dynsamp.dataset.building import Canonical
from dynsamp.dataset.columns import time_column, unit_of
from dynsamp.dataset.tables import Units, assemble
from dynsamp.files import check_regular, named, understood
from dynsamp.words import listed, quoted, shown

MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "--", "?", "."}
SEPARATORS = (",", ";", "\t", "|")
COMMENT = ("#", "%")
SPREADSHEET = ("#n/a", "#div/0!", "#ref!", "#value!", "#num!", "#name?", "#null!")  # cells, not comments
WIDEST = 10_000  # columns: a Dataset holds a variable for each of them
LONGEST = 1000  # characters of a header
TIMES = "another column with time="


@dataclass(frozen=True)
class _Cells:
    """Cells as text, with the line that each row comes from."""

    name: str
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]
    decimal_comma: bool
    parsed: dict[str, np.ndarray] = field(default_factory=dict)

    def cells(self, column: str) -> list[str]:
        """One column."""
        k = self.columns.index(column)
        return [row[k] for row in self.rows]

    def number(self, cell: str) -> float | None:
        """A cell's value, or None if it is no number."""
        return _as_number(cell.replace(",", ".") if self.decimal_comma else cell)

    def has_numbers(self, column: str) -> bool:
        """Whether any cell is a number: a column of names is no state, one with a typing error is."""
        cells = self.cells(column)
        return any(self.number(cell) is not None for cell in cells) or all(c.lower() in MISSING for c in cells)

    def lenient(self, column: str) -> np.ndarray | None:
        """One column as float64, NaN where a cell is no number; None for a column of text."""
        return self._values(column) if self.has_numbers(column) else None

    def _values(self, column: str) -> np.ndarray:
        """One column as float64, NaN where a cell is no number."""
        if column not in self.parsed:
            cells = self.cells(column)
            try:
                if any("_" in cell for cell in cells):  # float() would take 1_000
                    raise ValueError
                values = list(map(float, (c.replace(",", ".") for c in cells) if self.decimal_comma else cells))
            except ValueError:
                numbers = [self.number(cell) for cell in cells]
                values = [math.nan if number is None else number for number in numbers]
            self.parsed[column] = np.array(values)
        return self.parsed[column]

    def numbers(self, column: str, meant: str = "other columns with states=") -> np.ndarray:
        """One column as float64; a message says that others may be ``meant``."""
        values = self._values(column)
        bad = ~np.isfinite(values)
        if bad.any():
            row = int(np.argmax(bad))
            self.complain(row, column, self.cells(column)[row], "a number", meant)
        return values

    def stamps(self, column: str) -> np.ndarray:
        """Times as float64, or as datetime64 where the first is no number."""
        if self.number(self.rows[0][self.columns.index(column)]) is not None:
            return self.numbers(column, TIMES)
        if self.has_clock(column):
            return np.array([_as_clock(cell) for cell in self.cells(column)])
        clock = _as_clock(self.cells(column)[0]) is not None
        values = np.empty(len(self.rows), "datetime64[us]")
        rest = np.zeros(len(self.rows), "timedelta64[ns]")
        zoned, bare = False, False
        for k, cell in enumerate(self.cells(column)):
            stamp = _as_date(cell)
            if clock:
                if _as_clock(cell) is None:
                    self.complain(k, column, cell, "a time of day, as the first one is", TIMES)
            elif stamp is None and k and self.number(cell) is not None:
                self.complain(k, column, cell, "a date, as the first time is", TIMES)
            elif stamp is None:
                self.complain(k, column, cell, "a number or a date like 2026-03-31 or 2026-03-31T12:00:00", TIMES)
            else:
                zoned, bare = zoned or bool(stamp.utcoffset()), bare or stamp.tzinfo is None
                if zoned and bare:
                    wanted = "sure to be in the zone of the times above; give all of them a zone"
                    self.complain(k, column, cell, wanted, TIMES)
                values[k] = _in_utc(stamp)
                digits = re.search(r"\d[.,]\d{6}(\d{1,3})", cell)  # a datetime ends with microseconds
                rest[k] = 0 if digits is None else int(digits[1].ljust(3, "0"))
        if len(values) and (values.min() < np.datetime64("1678-01-01") or values.max() > np.datetime64("2262-01-01")):
            return values  # nanoseconds end there
        return values.astype("datetime64[ns]") + rest

    def has_clock(self, column: str) -> bool:
        """Whether all cells are times of day, 12:30:05.25, which are counted in seconds."""
        return all(_as_clock(cell) is not None for cell in self.cells(column))

    def place(self, row: int) -> str:
        """How to call a row in a message."""
        return f"line {self.lines[row]}"

    def labels(self, column: str, *, lenient: bool = False) -> np.ndarray:
        """Names or numbers of trajectories."""
        cells = self.cells(column)
        for k, cell in enumerate(cells):
            if not cell and not lenient:
                self.complain(k, column, cell, "the name of a trajectory")
        values = self._values(column)
        if np.all(values == np.round(values)) and np.all(np.abs(values) < 2**53):
            return values.astype(np.int64)
        return np.array(cells)

    def complain(self, row: int, column: str, cell: str, wanted: str, meant: str = "") -> None:
        """Name line and column."""
        place = f"{self.name}, line {self.lines[row]}, column {quoted(column)}"
        if cell.lower() in MISSING:
            found = (
                f"the cell is {'empty' if not cell else repr(cell)}, expected {wanted}; fill the gap or drop the row"
            )
        elif math.isinf(self.number(cell) or 0.0) and any(map(str.isdigit, cell)):
            found = f"{quoted(cell)} is beyond the largest number; correct it or drop the row"
        else:
            found = f"{quoted(cell)} is not {wanted}; correct it, or choose {meant}"
        raise ValueError(f"{place}: {found}")


def _as_number(cell: str) -> float | None:
    """A cell as a number, None if it is none."""
    try:
        return None if "_" in cell else float(cell)  # float() would take 1_000
    except ValueError:
        return None


def _as_clock(cell: str) -> float | None:
    """A cell as a time of day in seconds, None if it is none."""
    match = re.fullmatch(r"(\d{1,3}):([0-5]\d):([0-5]\d(?:[.,]\d*)?)", cell)
    return None if match is None else 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3].replace(",", "."))


def _as_date(cell: str) -> datetime | None:
    """A cell as a date, None if it is none."""
    try:
        stamp = datetime.fromisoformat(cell)
        _in_utc(stamp)
    except (ValueError, OverflowError):  # in UTC it may be before the year 1
        return None
    return stamp


def _in_utc(stamp: datetime) -> np.datetime64:
    return np.datetime64(stamp if stamp.tzinfo is None else stamp.astimezone(UTC).replace(tzinfo=None), "us")


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
        Text in UTF-8, or in UTF-16 with a byte order mark.
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
        do not increase; or if the file is no table.
    OSError
        If there is no such file, or it may not be read.
    """
    source = named(path)
    with understood(source, "table"):
        table = _read(source)
    try:
        return assemble(table, time, states, trajectory, time_unit, units, canonical)
    except ValueError as error:
        message = str(error)
        raise ValueError(message if message.startswith(table.name) else f"{table.name}: {message}") from None


def _read(path: Path) -> _Cells:
    name = shown(path.name)
    check_regular(path, "table")
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not text in UTF-8 (byte {error.start}); save it as CSV in UTF-8") from error
    if "\0" in text:
        raise ValueError(f"{name} is not a text file; export the table as CSV")
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    content = [(number, line) for number, line in numbered if not _is_comment(line)]
    if not content:
        raise ValueError(f"{name} has no rows; it is empty or all comments")
    separator = _separator([line for _, line in content[:50]], name)
    rows, lines = [], []
    for number, row in _split(content, separator, name):
        cells = [cell.strip() for cell in row]
        if any(cells):
            rows.append(cells)
            lines.append(number)
    if not rows:
        raise ValueError(f"{name} has no rows; it holds separators alone")
    usual = _usual([len(row) for row in rows])
    while len(rows) > 2 and len([cell for cell in rows[0] if cell]) == 1 < usual and len(rows[0]) != usual:
        rows, lines = rows[1:], lines[1:]  # a title above the header
    comma = separator != ","
    counted = len(rows) > 1 and _counts_columns(rows[0], rows[1])
    if not counted and all(_is_value(cell, comma) for cell in rows[0] if cell or len(rows) == 1):
        above = [line for number, line in numbered if number < lines[0] and _is_comment(line)]
        columns = _commented(above[-1], separator, len(rows[0])) if above else []
        columns = columns or ["time", *(f"x{k}" for k in range(1, len(rows[0])))]
    else:
        columns, rows, lines = rows[0], rows[1:], lines[1:]
        below = [cell.strip("()[] ") for cell in rows[0]] if len(rows) > 1 else []
        if len(below) == len(columns) and any(below) and all(not c or _is_unit(c) for c in below):
            columns = [f"{c} [{unit}]" if unit else c for c, unit in zip(columns, below, strict=True)]
            rows, lines = rows[1:], lines[1:]  # the second line names units
    if not rows:
        raise ValueError(f"{name} has a header ({listed(columns)}) but no rows")
    if columns[-1] == "" and all(len(row) == len(columns) and row[-1] == "" for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]  # each line ends with a separator
    for number, row in zip(lines, rows, strict=True):
        if len(row) != len(columns):
            raise ValueError(
                f"{name}, line {number}: {len(row)} cells, but there are {len(columns)} columns ({listed(columns)});"
                f" cells are separated by {_called(separator)}, mark missing ones or quote text that contains it"
            )
    if len(columns) == 1:
        raise ValueError(
            f"{name} has only the column {quoted(columns[0])}; a time and a state are needed, separated by commas"
        )
    if len(columns) > WIDEST:
        raise ValueError(
            f"{name} has {len(columns)} columns, more than {WIDEST}; give a field over many places to from_arrays,"
            " as one state with dims"
        )
    longest = max(columns, key=len)
    if len(longest) > LONGEST:
        raise ValueError(
            f"{name}: the name of column {1 + columns.index(longest)} has {len(longest)} characters, more than"
            f" {LONGEST}; shorten it"
        )
    # the index that pandas writes has no name
    unnamed = time_column(columns) == ""
    columns = [column or (f"column_{k}" if k or unnamed else "") for k, column in enumerate(columns)]
    comma = comma and any("," in cell for row in rows for cell in row)
    if comma:
        _check_decimals(name, rows, lines)
    return _Cells(name, columns, rows, lines, comma)


def _check_decimals(name: str, rows: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
    """Refuse a file in which a comma and a point both look like the decimal sign: one of them stands for thousands."""
    found: dict[str, tuple[str, int]] = {}
    for row, line in zip(rows, lines, strict=True):
        for cell in row:
            match = re.fullmatch(r"[-+]?\d*([.,])\d+(?:[eE][-+]?\d+)?", cell)
            if match is not None:
                found.setdefault(match[1], (cell, line))
    if len(found) > 1:
        (first, line), (second, other) = found.values()
        raise ValueError(
            f"{name}: {quoted(first)} in line {line} and {quoted(second)} in line {other} have different decimal"
            " signs; use one of them, and no sign between thousands"
        )


def _is_comment(line: str) -> bool:
    """Whether a line is none of the table; a spreadsheet's "#N/A" is a cell that is missing."""
    text = line.lstrip()
    return text[0] in COMMENT and not text.lower().startswith(SPREADSHEET)


def _commented(line: str, separator: str | None, count: int) -> list[str]:
    """The names in a comment above the first row, if it names as many columns as there are."""
    text = line.strip().lstrip("".join(COMMENT)).strip()
    for cells in (next(csv.reader([text], delimiter=separator or " ")), re.split(r"\s{2,}|\t", text), text.split()):
        names = [cell.strip() for cell in cells]
        if len(names) == count == len(set(names)) and all(re.match(r"[^\W\d_].*[^:]$|[^\W\d_]$", n) for n in names):
            return names
    return []


def _counts_columns(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a row of 0, 1, 2, ... above fractions is the header that pandas gives to an array."""
    own = first[1:] if first[0] == "" else first
    plain = own == [str(k) for k in range(len(own))] and len(first) > 1
    return plain and not any(re.fullmatch(r"[-+]?\d*", cell) for cell in second[1:])


def _usual(counts: Sequence[int]) -> int:
    """The most common number of cells."""
    return max(set(counts), key=counts.count)


def _is_unit(cell: str) -> bool:
    return _as_number(cell) is None and unit_of(cell) is not None


def _is_value(cell: str, comma: bool) -> bool:
    return (
        _as_number(cell.replace(",", ".") if comma else cell) is not None
        or _as_date(cell) is not None
        or _as_clock(cell) is not None
    )


def _called(separator: str | None) -> str:
    return {None: "blanks", ",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[separator]


def _separator(lines: Sequence[str], name: str) -> str | None:
    """The separator that most lines agree on; None for blanks."""
    best, votes, problem = None, 0, None
    for candidate in SEPARATORS:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        except csv.Error as error:  # a cell that is longer than any number
            problem = error
            continue
        wide = [count for count in counts if count > 1]
        agreement = max((wide.count(count) for count in set(wide)), default=0)
        # a decimal comma loses against the semicolons or tabs around it
        if agreement > votes or (agreement == votes and votes and candidate in (";", "\t")):
            best, votes = candidate, agreement
    blanks = [line.split() for line in lines]
    if best is None and problem is not None and len(blanks[-1]) < 2:
        raise ValueError(f"{name}: {shown(problem)}; it is no table of numbers")
    if best == "," and sum(len(cells) > 1 and all(_is_value(c, True) for c in cells) for cells in blanks) > votes / 2:
        return None  # numbers with decimal commas between blanks
    return best


def _split(content: Sequence[tuple[int, str]], separator: str | None, name: str) -> Iterator[tuple[int, list[str]]]:
    """Cells of each line, and its number in the file."""
    if separator is None:
        yield from ((number, line.split()) for number, line in content)
        return
    current = begin = 0

    def feed() -> Iterator[str]:
        nonlocal current, begin
        for number, line in content:
            current, begin = number, begin or number
            yield line + "\n"

    try:
        for row in csv.reader(feed(), delimiter=separator, skipinitialspace=True):
            for cell in row if current > begin else ():
                if "\n" in cell and any(_is_value(part, True) for part in re.split(rf"[\n{separator}]", cell) if part):
                    raise ValueError(
                        f"{name}, line {begin}: a quoted cell goes on over lines that hold numbers; close its quote, or"
                        ' write "" for a quote inside a cell'
                    )
            yield current, row
            begin = 0
    except csv.Error as error:
        raise ValueError(f"{name}, line {current}: {shown(error)}; it is no table of numbers") from error
