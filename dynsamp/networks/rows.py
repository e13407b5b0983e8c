"""Rows of a regression, read in blocks: arrays in memory, on disk or in a store, all alike.

A source is anything with a ``shape`` and row slices ``[a:b]`` that NumPy can convert: an array, a memory map, a zarr
or h5py array, a DataArray. It is read from the first row to the last, in slices of at most a few megabytes.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dynsamp.networks import tuning


@dataclass(frozen=True)
class Summary:
    """What one pass over all rows tells."""

    sample: np.ndarray  # (drawn,) increasing numbers of the drawn rows
    x: np.ndarray  # (drawn, input)
    y: np.ndarray  # (drawn, output)
    low: np.ndarray  # (input,) of all rows
    high: np.ndarray  # (input,)


class _Column:
    """One of the two sides, as float64 (row, column) blocks."""

    def __init__(self, source: Any, label: str) -> None:
        if not hasattr(source, "shape") or not hasattr(source, "__getitem__"):
            source = np.asarray(source)
        shape = tuple(int(size) for size in source.shape)
        if len(shape) not in (1, 2) or (label == "x" and len(shape) == 1):
            hint = "; reshape one input to x[:, None]" if label == "x" and len(shape) == 1 else ""
            raise ValueError(f"{label} must be a table (row, column), got shape {shape}{hint}")
        kind = np.dtype(getattr(source, "dtype", float))
        if kind.kind not in "fiub":
            advice = "take real and imaginary parts as two columns" if kind.kind == "c" else "convert it to float"
            raise TypeError(f"{label} must hold real numbers, got dtype {kind}; {advice}")
        self.source, self.label, self.rows = source, label, shape[0]
        self.columns = shape[1] if len(shape) == 2 else 1
        chunks = getattr(source, "chunks", None)  # zarr and h5py say how they store rows
        step = chunks[0] if isinstance(chunks, tuple) and chunks else None
        self.step = step if isinstance(step, int) and step * self.columns <= tuning.CHUNK_ENTRIES else None
        self._held: tuple[int, np.ndarray] | None = None

    def read(self, start: int, stop: int) -> np.ndarray:
        if self.step is None:
            return self._converted(start, stop)
        parts = []
        while start < stop:
            first = start // self.step * self.step
            if self._held is None or self._held[0] != first:
                self._held = None  # two chunks are never in memory at once
                self._held = first, self._converted(first, min(first + self.step, self.rows))
            last = min(stop, first + len(self._held[1]))
            parts.append(self._held[1][start - first : last - first])
            start = last
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _converted(self, start: int, stop: int) -> np.ndarray:
        # a copy in C order: sums over rows must not depend on how the source keeps them
        block = np.array(self.source[start:stop], dtype=np.float64, order="C").reshape(stop - start, self.columns)
        _forget(self.source)
        if not np.isfinite(block.sum()) and not np.all(np.isfinite(block)):
            row, column = map(int, np.unravel_index(int(np.argmin(np.isfinite(block))), block.shape))
            place = getattr(self.source, "place", None)  # tables of a Dataset know the names
            where = f"{self.label} is {block[row, column]} in row {start + row}, column {column}"
            if place is not None:
                where = f"{self.label} is {block[row, column]}: {place(start + row, column)}"
            raise ValueError(f"{where}; fill the gap or leave the row out")
        return block


def _forget(source: Any) -> None:
    """Give back the pages of a mapped file, which would otherwise pile up in the process."""
    if isinstance(source, np.memmap) and source.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        pages = getattr(source, "_mmap", None)
        if isinstance(pages, mmap.mmap):
            pages.madvise(mmap.MADV_DONTNEED)  # they stay in the cache of the system


@dataclass(frozen=True)
class Rows:
    """Inputs and targets of a regression.

    Parameters
    ----------
    x : array-like (row, input)
    y : array-like (row,) or (row, output)

    Raises
    ------
    ValueError
        If shapes do not fit together or there are no rows; when read, if a value is not finite.
    TypeError
        If the values are complex or objects.
    """

    x: Any
    y: Any
    _sides: tuple[_Column, _Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        x, y = _Column(self.x, "x"), _Column(self.y, "y")
        if x.rows != y.rows:
            raise ValueError(f"x has {x.rows} rows but y has {y.rows}; each row of x needs its row of y")
        if x.rows == 0 or x.columns == 0 or y.columns == 0:
            raise ValueError(
                f"x has shape {(x.rows, x.columns)} and y {(y.rows, y.columns)}; at least one row, one input and one"
                " target are needed"
            )
        object.__setattr__(self, "_sides", (x, y))

    @property
    def count(self) -> int:
        """Number of rows."""
        return self._sides[0].rows

    @property
    def inputs(self) -> int:
        """Columns of x."""
        return self._sides[0].columns

    @property
    def outputs(self) -> int:
        """Columns of y."""
        return self._sides[1].columns

    def read(self, start: int, stop: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows from ``start`` to ``stop`` in slices: their places after ``start``, x and y."""
        step = max(1, tuning.READ_ENTRIES // (self.inputs + self.outputs))
        x, y = self._sides
        for first in range(start, stop, step):
            last = min(first + step, stop)
            yield slice(first - start, last - start), x.read(first, last), y.read(first, last)

    def survey(self, most: int, rng: np.random.Generator) -> Summary:
        """Check all rows and draw ``most`` of them by their numbers."""
        sample = np.arange(self.count)
        if most < self.count:
            sample = np.sort(rng.choice(self.count, most, replace=False, shuffle=False))
        xs, ys = np.empty((len(sample), self.inputs)), np.empty((len(sample), self.outputs))
        low, high = np.full(self.inputs, np.inf), np.full(self.inputs, -np.inf)
        for place, x, y in self.read(0, self.count):
            first, last = np.searchsorted(sample, [place.start, place.stop])
            mine = sample[first:last] - place.start
            xs[first:last], ys[first:last] = x[mine], y[mine]
            low, high = np.minimum(low, x.min(axis=0)), np.maximum(high, x.max(axis=0))
        return Summary(sample, xs, ys, low, high)
