"""Which variables a store has, in which chunks; everything that must agree between two runs of one plan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr

from dynsamp.dataset import zarrstore
from dynsamp.interruption import obey

TARGET = 32 * 2**20  # bytes of a chunk: the fixed cost of one vanishes, and a few fit into any memory
Chunk = xr.Dataset | Mapping[str, np.ndarray | xr.Variable]
COPIES = 3  # of a chunk in memory while it is computed and written


def chunk_rows(template: xr.Dataset, count: int, *, memory: int | None = None, in_flight: int = 2) -> int:
    """Trajectories of a chunk: about 32 MB, less where ``memory`` (bytes) demands it, at least one."""
    rows = max(template.sizes["trajectory"], 1)
    row = max(sum(v.nbytes for v in template.variables.values() if "trajectory" in v.dims) // rows, 1)
    target = TARGET if memory is None else min(TARGET, memory // (COPIES * in_flight))
    return int(min(max(target // row, 1), max(count, 1)))


@dataclass(frozen=True)
class ChunkStore:
    """The arrays of a store and the chunks of its trajectories."""

    store: Path
    count: int
    rows: int  # trajectories of a chunk
    arrays: Mapping[str, zarrstore.Array]  # over trajectories
    others: Mapping[str, str] = field(default_factory=dict)  # those that every trajectory shares, with checksums

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return math.ceil(self.count / self.rows)

    def bounds(self, chunk: int) -> tuple[int, int]:
        """Trajectories low..high-1 of a chunk."""
        return chunk * self.rows, min((chunk + 1) * self.rows, self.count)

    def path(self, name: str, chunk: int) -> Path:
        """File of a chunk of a variable."""
        return zarrstore.chunk_path(self.store / name, self._index(name, chunk))

    def _index(self, name: str, chunk: int) -> tuple[int, ...]:
        return (chunk, *[0] * (len(self.arrays[name].shape) - 1))

    def write(self, chunk: int, values: Chunk, durable: bool) -> dict[str, int]:
        """Write all variables of a chunk; returns their CRC-32.

        ``values`` is a Dataset, or a mapping of arrays (trajectory, ...).
        """
        low, high = self.bounds(chunk)
        if isinstance(values, xr.Dataset):
            values = {str(name): variable for name, variable in values.variables.items()}
        crcs = {}
        for name, array in self.arrays.items():
            obey()
            if name not in values:
                raise ValueError(f"chunk {chunk} lacks the variable {name!r}; every chunk needs those of the first")
            block = np.asarray(values[name])
            expected = (high - low, *array.shape[1:])
            if block.shape != expected:
                raise ValueError(f"{name!r} has shape {block.shape} in chunk {chunk}, expected {expected}")
            if block.dtype.kind == "M":
                block = zarrstore.stored(xr.Variable(array.dims, block)).values
            if not np.can_cast(block.dtype, array.dtype, "same_kind"):
                raise ValueError(f"{name!r} has dtype {block.dtype} in chunk {chunk}, expected {array.dtype}")
            folder = self.store / name
            crcs[name] = zarrstore.write_chunk(folder, array, self._index(name, chunk), block, durable=durable)
        return crcs

    def intact(self, chunk: int, said: Mapping[str, int], verify: bool = True) -> bool:
        """Whether the files of a chunk have their size and, to ``verify``, the CRC-32 that is ``said``."""
        for name, array in self.arrays.items():
            path = self.path(name, chunk)
            if (
                name not in said
                or not path.is_file()
                or path.stat().st_size != math.prod(array.chunks) * array.dtype.itemsize
            ):
                return False
            if verify and said[name] != zarrstore.checksum(path):
                return False
        return True


def described(template: xr.Dataset, count: int) -> dict[str, list[str | list[int]]]:
    """Names, types and shapes of the variables over trajectories, for the plan."""
    described: dict[str, list[str | list[int]]] = {}
    for name, variable in template.variables.items():
        if "trajectory" not in variable.dims:
            continue
        if variable.dims[0] != "trajectory":
            raise ValueError(f"{name!r} has dims {variable.dims}; a store is cut along trajectories, which come first")
        if variable.dtype.kind in "OTU":
            raise ValueError(f"{name!r} holds text, which cannot be written in chunks; use numbers")
        described[str(name)] = [str(variable.dtype), [count, *variable.shape[1:]]]
    return described


def create(template: xr.Dataset, store: Path, count: int, rows: int) -> ChunkStore:
    """Write the headers of all variables, and those that have no trajectories in full."""
    store.mkdir(exist_ok=True)
    arrays, others = {}, {}
    for key, variable in template.variables.items():
        name = str(key)
        if "trajectory" not in variable.dims:
            others[name] = zarrstore.write_variable(store, name, variable)
            continue
        variable = zarrstore.stored(variable) if variable.dtype.kind == "M" else variable
        shape = (count, *variable.shape[1:])
        arrays[name] = zarrstore.create_variable(store, name, variable, shape, (rows, *shape[1:]))
    return ChunkStore(store, count, rows, arrays, others)
