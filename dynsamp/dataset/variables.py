"""Variables of a Dataset as the rows of a regression, read in blocks and never whole.

The rows are the samples: (trajectory, [member,] time) in a Dataset of dynsamp, the dims that all variables share in
any other. A variable with more dims has a column for each of their elements. Rows come in C order of their dims;
where a store keeps chunks too large to hold that cut across that order, chunk by chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import xarray as xr

from dynsamp.dataset.formats import open_dataset
from dynsamp.dataset.packing import component_names
from dynsamp.dataset.schema import facts, text
from dynsamp.dataset.zarrcheck import check_store
from dynsamp.dataset.zarrstore import read_zarr
from dynsamp.files import understood
from dynsamp.words import Facts, State, listed, quoted, suggestion

TILE = 1 << 19  # entries that are read at once where nothing else is given: four megabytes
HOLD = 1 << 22  # entries of a chunk that may be held
SAMPLES = ("trajectory", "member", "time")


@dataclass(frozen=True)
class RegressionRows:
    """Two tables with the same rows, and what their columns are."""

    x: VariableRows
    y: VariableRows
    inputs: tuple[State, ...]
    targets: list[str]  # a label for each column of y
    facts: Facts


class VariableRows:
    """Columns of a Dataset with row slices ``[a:b]``, like an array (row, column)."""

    def __init__(self, ds: xr.Dataset, names: Sequence[str], order: _Order, kept: np.ndarray | None = None) -> None:
        self._ds, self._names, self._order, self._kept = ds, list(names), order, kept
        self.labels = component_names([_state(ds, name, order.dims) for name in names])
        self.shape = (order.rows if kept is None else len(kept), len(self.labels))
        self.dtype = np.dtype(np.float64)
        self._held: tuple[int, np.ndarray] | None = None

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        if stop <= start:
            return np.empty((0, self.shape[1]))
        if self._kept is None:
            return self._read(start, stop)
        wanted = self._kept[start:stop]
        block = self._read(int(wanted[0]), int(wanted[-1]) + 1)
        return block if len(block) == len(wanted) else block[wanted - wanted[0]]

    def place(self, row: int, column: int) -> str:
        """Where an entry is, for messages."""
        number = row if self._kept is None else int(self._kept[row])
        where = ", ".join(f"{dim} {index}" for dim, index in self._order.position(number).items())
        return f"{self.labels[column]!r} at {where} (counted from 0)"

    def _read(self, start: int, stop: int) -> np.ndarray:
        parts = []
        for tile in self._order.tiles(start, stop):
            first = self._order.starts[tile]
            if self._held is None or self._held[0] != tile:
                self._held = None  # two tiles are never in memory at once
                self._held = tile, self._tile(tile)
            parts.append(self._held[1][max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _tile(self, tile: int) -> np.ndarray:
        box = self._order.boxes[tile]
        columns = []
        for name in self._names:
            part = self._ds[name].variable.isel({dim: at for dim, at in box.items() if dim in self._ds[name].dims})
            missing = {dim: at.stop - at.start for dim, at in box.items() if dim not in part.dims}
            values = np.asarray(part.transpose(*box, ..., missing_dims="ignore").values, dtype=np.float64)
            for axis, dim in enumerate(box):
                if dim in missing:  # one value for all samples along it
                    values = np.repeat(np.expand_dims(values, axis), missing[dim], axis)
            columns.append(values.reshape(math.prod(values.shape[: len(box)]), -1))
        return columns[0] if len(columns) == 1 else np.concatenate(columns, axis=1)


class _Order:
    """The order of the rows: boxes of samples, in C order within each and among them."""

    def __init__(self, sizes: dict[str, int], chunks: Sequence[int], columns: int) -> None:
        self.dims = tuple(sizes)
        self.sizes = sizes
        self.rows = math.prod(sizes.values())
        step = _steps(list(sizes.values()), list(chunks), columns)
        ranges = [
            [slice(low, min(low + width, size)) for low in range(0, size, width)]
            for size, width in zip(sizes.values(), step, strict=True)
        ]
        self.boxes = [dict(zip(sizes, box, strict=True)) for box in product(*ranges)]
        lengths = [math.prod(at.stop - at.start for at in box.values()) for box in self.boxes]
        self.starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def tiles(self, start: int, stop: int) -> range:
        """Numbers of the boxes that hold these rows."""
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        return range(first, int(np.searchsorted(self.starts, stop, side="left")))

    def position(self, row: int) -> dict[str, int]:
        """Index along each dim."""
        tile = self.tiles(row, row + 1)[0]
        box = self.boxes[tile]
        inside = np.unravel_index(row - int(self.starts[tile]), [at.stop - at.start for at in box.values()])
        return {dim: at.start + int(k) for (dim, at), k in zip(box.items(), inside, strict=True)}

    def numbers(self, mask: np.ndarray) -> np.ndarray:
        """Row numbers of the samples where ``mask`` (in the order of the dims) holds."""
        flat = np.concatenate([mask[tuple(box.values())].ravel() for box in self.boxes])
        return np.flatnonzero(flat)


def _steps(sizes: list[int], chunks: list[int], columns: int) -> list[int]:
    """Box of rows to read at once: whole rows of an outer dim where they can be held, else a chunk of the store."""
    for k, chunk in enumerate(chunks):
        inner = math.prod(sizes[k + 1 :]) * columns
        if chunk * inner <= HOLD:
            step = chunk * max(1, TILE // max(1, chunk * inner))
            return [1] * k + [min(step, sizes[k])] + sizes[k + 1 :]
        if chunk > 1:
            break
    return chunks


def regression_rows(ds: xr.Dataset, inputs: Sequence[str], targets: Sequence[str]) -> RegressionRows:
    """Rows to learn ``targets`` from ``inputs``, both names of variables or coordinates.

    The padding at the end of shorter or failed trajectories is left out.

    Raises
    ------
    ValueError
        If a name is not in the Dataset, a variable is no number, or the variables share no dims.
    """
    for label, names in (("inputs", inputs), ("targets", targets)):
        for name in names:
            if name not in ds.variables:
                hint = suggestion(name, map(str, ds.variables))
                raise ValueError(f"{label} names {quoted(name)}, which is not in the data; {hint}")
            if ds[name].dtype.kind not in "fiub":
                kind = ds[name].dtype
                raise ValueError(f"{label} names {quoted(name)}, which holds {kind}, not numbers; convert it first")
    everything = [*inputs, *targets]
    dims = _row_dims(ds, everything)
    sizes = {dim: ds.sizes[dim] for dim in dims}
    columns = sum(_state(ds, name, dims).size for name in everything)
    order = _Order(sizes, _chunks(ds, everything, sizes), columns)
    kept = _kept(ds, targets[0], order)
    x, y = VariableRows(ds, inputs, order, kept), VariableRows(ds, targets, order, kept)
    about = facts(ds) if "time" in ds.variables else Facts()
    return RegressionRows(x, y, tuple(_state(ds, name, dims) for name in inputs), y.labels, about)


def open_rows(path: str | Path) -> xr.Dataset:
    """A file to take variables from: a Zarr store need not be in the schema, and stays on disk."""
    source = Path(path)
    if source.suffix.lower() != ".zarr":
        return open_dataset(source)
    with understood(source, ".zarr file"):
        check_store(source, verify=True)
        return read_zarr(source)


def _row_dims(ds: xr.Dataset, names: Sequence[str]) -> tuple[str, ...]:
    """Dims whose combinations are the samples."""
    found = [str(dim) for name in names for dim in ds[name].dims]
    if "trajectory" in found and "time" in found:
        return tuple(dim for dim in SAMPLES if dim in found)
    shared = [str(dim) for dim in ds[names[0]].dims if all(dim in ds[name].dims for name in names)]
    if not shared:
        those = listed(f"{name}{tuple(ds[name].dims)}" for name in names)
        raise ValueError(f"the variables share no dimension that could be the samples: {those}; choose others")
    return tuple(shared)


def _state(ds: xr.Dataset, name: str, dims: Sequence[str]) -> State:
    attrs = ds[name].attrs
    own = {str(dim): size for dim, size in ds[name].sizes.items() if dim not in dims}
    return State(name, text(attrs, "units", "1"), text(attrs, "long_name"), dims=own)


def _chunks(ds: xr.Dataset, names: Sequence[str], sizes: dict[str, int]) -> list[int]:
    """Along each row dim the largest chunk in which a variable is stored; 1 where nothing is said."""
    step = dict.fromkeys(sizes, 1)
    for name in names:
        variable = ds[name].variable
        stored = variable.encoding.get("chunks") or variable.encoding.get("chunksizes") or ()
        if variable.chunks:  # dask
            stored = tuple(max(parts) for parts in variable.chunks)
        for dim, size in zip(variable.dims, stored, strict=False):
            if dim in step:
                step[str(dim)] = min(max(step[str(dim)], int(size)), sizes[str(dim)])
    return list(step.values())


def _kept(ds: xr.Dataset, target: str, order: _Order) -> np.ndarray | None:
    """Rows before the padding of their trajectory; None for all rows.

    Padding is where the first target is missing up to the last time.
    """
    if order.dims[-1] != "time" or "trajectory" not in order.dims or ds[target].dtype.kind != "f":
        return None
    table = VariableRows(ds, [target], order)
    missing = np.empty(tuple(order.sizes.values()), bool)
    for tile, box in enumerate(order.boxes):
        part = np.isnan(table[int(order.starts[tile]) : int(order.starts[tile + 1])]).all(axis=1)
        missing[tuple(box.values())] = part.reshape(missing[tuple(box.values())].shape)
    padding = np.logical_and.accumulate(missing[..., ::-1], axis=-1)[..., ::-1]
    return order.numbers(~padding) if padding.any() else None
