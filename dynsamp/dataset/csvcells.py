"""Cells of a CSV file: text that becomes numbers, times, dates or labels, with the line that each comes from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

__all__ = ["Table", "as_clock", "as_date", "as_number"]

MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "--", "?", "."}


@dataclass(frozen=True)
class Table:
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
        return as_number(cell.replace(",", ".") if self.decimal_comma else cell)

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

    def numbers(self, column: str) -> np.ndarray:
        """One column as float64."""
        values = self._values(column)
        bad = ~np.isfinite(values)
        if bad.any():
            row = int(np.argmax(bad))
            self.complain(row, column, self.cells(column)[row], "a number")
        return values

    def stamps(self, column: str) -> np.ndarray:
        """Times as float64, or as datetime64 where the first is no number."""
        if self.number(self.rows[0][self.columns.index(column)]) is not None:
            return self.numbers(column)
        if self.has_clock(column):
            return np.array([as_clock(cell) for cell in self.cells(column)])
        values = np.empty(len(self.rows), "datetime64[us]")
        for k, cell in enumerate(self.cells(column)):
            stamp = as_date(cell)
            if stamp is None:
                self.complain(k, column, cell, "a number or a date like 2026-03-31 or 2026-03-31T12:00:00")
            else:
                values[k] = stamp
        if len(values) and (values.min() < np.datetime64("1678-01-01") or values.max() > np.datetime64("2262-01-01")):
            return values  # nanoseconds end there
        return values.astype("datetime64[ns]")

    def has_clock(self, column: str) -> bool:
        """Whether all cells are times of day, 12:30:05.25, which are counted in seconds."""
        return all(as_clock(cell) is not None for cell in self.cells(column))

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

    def complain(self, row: int, column: str, cell: str, wanted: str) -> None:
        """Name line and column."""
        place = f"{self.name}, line {self.lines[row]}, column {column!r}"
        if cell.lower() in MISSING:
            found = (
                f"the cell is {'empty' if not cell else repr(cell)}, expected {wanted}; fill the gap or drop the row"
            )
        else:
            found = f"{cell!r} is not {wanted}; correct it, or choose other columns with states="
        raise ValueError(f"{place}: {found}")


def as_number(cell: str) -> float | None:
    """A cell as a number, None if it is none."""
    try:
        return None if "_" in cell else float(cell)  # float() would take 1_000
    except ValueError:
        return None


def as_clock(cell: str) -> float | None:
    """A cell as a time of day in seconds, None if it is none."""
    match = re.fullmatch(r"(\d{1,3}):([0-5]\d):([0-5]\d(?:[.,]\d*)?)", cell)
    return None if match is None else 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3].replace(",", "."))


def as_date(cell: str) -> np.datetime64 | None:
    """A cell as a date, None if it is none."""
    try:
        stamp = datetime.fromisoformat(cell)
    except ValueError:
        return None
    if stamp.tzinfo is not None:
        stamp = stamp.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(stamp, "us")
