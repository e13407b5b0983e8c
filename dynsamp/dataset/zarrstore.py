"""Datasets in Zarr version 3 stores with the `bytes` codec: one raw little-endian file a chunk, written atomically.

Any Zarr library reads them; writing and reading them here needs none. An unwritten chunk never looks finished, which
libraries that skip chunks of fill values cannot promise.
Zarr core specification, version 3: https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html
"""

import itertools
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset import schema
from dynsamp.dataset.schema import plain
from dynsamp.files import write_bytes
from dynsamp.words import quoted, shown

Json = dict[str, Any]
HEADER = "zarr.json"
MAX_HEADER = 64 * 2**20
NAMES = {
    np.dtype(name).newbyteorder("<"): name
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float32", "float64", "complex64", "complex128"),
    )
}
DTYPES = {name: dtype for dtype, name in NAMES.items()}
CHUNK = 32 * 2**20
AT_ONCE = 1 << 18  # bytes that are read and summed up: they stay in the cache of a core
KEYS = {"name": "default", "configuration": {"separator": "/"}}  # how the files of chunks are called
ORDER = "variable_order"  # a folder does not keep it
PLAN = "run_plan"  # hash of the plan of the run that made a store
CHECK = "header_check"  # CRC-32 of all headers
VALUES = "values_check"  # of the chunks of each array, by name, as text: other libraries carry it along


@dataclass(frozen=True)
class Array:
    """The header of an array."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    dims: tuple[str, ...]
    attrs: Json
    fill: complex | str | bool


def as_json(values: Mapping[str, object]) -> Json:
    """Values in the types that they have when they are read back."""
    found: Json = json.loads(json.dumps(dict(values), default=plain))
    return found


def text_of(value: Json) -> bytes:
    """A header as it is written."""
    return json.dumps(value, indent=1, default=plain).encode()


def _write_json(path: Path, value: Json) -> None:
    text = text_of(value)
    if not path.is_file() or path.read_bytes() != text:  # a finished store stays as it is
        write_bytes(path, text)


def read_json(path: Path) -> Json:
    """A JSON object from a file.

    Raises
    ------
    ValueError
        If it is none, or larger than any header.
    """
    if path.stat().st_size > MAX_HEADER or not path.is_file():
        raise ValueError(f"{path} is larger than any header, or no file; it is damaged")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not JSON; the store is damaged") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} does not hold a JSON object; the store is damaged")
    return value


def read_header_json(path: Path) -> Json:
    """The header of a group or an array."""
    value = read_json(path)
    if value.get("zarr_format") != 3:
        raise ValueError(f"{path} is not the header of a Zarr version 3 store")
    return value


def create_group(folder: Path, attrs: Mapping[str, object], values: Mapping[str, str] | None = None) -> None:
    """Write the header of a group; last, since it seals those of the arrays, and their values where they are given."""
    folder.mkdir(exist_ok=True)
    attrs = {key: value for key, value in attrs.items() if key not in (CHECK, VALUES)}
    known = as_json(attrs | ({VALUES: json.dumps(values)} if values else {}))
    sealing = known | {CHECK: _check(folder, known)}
    _write_json(folder / HEADER, {"zarr_format": 3, "node_type": "group", "attributes": sealing})


def sealed(folder: Path, attrs: Json) -> bool:
    """Whether the headers are those that a group was written with."""
    return bool(attrs.get(CHECK) == _check(folder, {key: value for key, value in attrs.items() if key != CHECK}))


def _check(folder: Path, attrs: Json) -> str:
    value = zlib.crc32(json.dumps(attrs, sort_keys=True).encode())
    for name in members(folder):
        value = zlib.crc32(name.encode() + (folder / name / HEADER).read_bytes(), value)
    return f"{value:08x}"


def is_group(folder: Path) -> bool:
    """Whether there is a Zarr version 3 group."""
    try:
        return read_header_json(folder / HEADER).get("node_type") == "group"
    except (OSError, ValueError):
        return False


def group_attrs(folder: Path) -> Json:
    """Attributes of a group."""
    attrs = read_header_json(folder / HEADER).get("attributes", {})
    return attrs if isinstance(attrs, dict) else {}


def members(folder: Path) -> list[str]:
    """Names of the arrays in a group."""
    return sorted(entry.name for entry in folder.iterdir() if (entry / HEADER).is_file())


def create_array(
    folder: Path,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: np.dtype[Any] | type[object],
    dims: Sequence[str],
    attrs: Mapping[str, object],
) -> Array:
    """Write the header of an array, in a folder of its own inside the group."""
    kind = np.dtype(dtype).newbyteorder("<")
    if kind not in NAMES:
        raise ValueError(f"{folder.name!r} has dtype {np.dtype(dtype)}, which a Zarr store cannot hold; convert it")
    fill: object = {"f": "NaN", "c": ["NaN", "NaN"], "b": False}.get(kind.kind, 0)
    codec: Json = {"name": "bytes"}
    if kind.itemsize > 1:
        codec["configuration"] = {"endian": "little"}
    header = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": NAMES[kind],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(size, 1) for size in chunks]}},
        "chunk_key_encoding": KEYS,
        "fill_value": fill,
        "codecs": [codec],
        "dimension_names": list(dims),
        "attributes": dict(attrs),
    }
    folder.mkdir(exist_ok=True)
    _write_json(folder / HEADER, header)
    return parsed(header, folder)


def parsed(header: Json, folder: Path) -> Array:
    """The header of an array, checked."""
    try:
        codecs = [str(codec["name"]) for codec in header["codecs"]]
        data_type = str(header["data_type"])
        shape = tuple(int(size) for size in header["shape"])
        chunks = tuple(int(size) for size in header["chunk_grid"]["configuration"]["chunk_shape"])
        dims = tuple(map(str, header.get("dimension_names") or [f"dim_{k}" for k in range(len(shape))]))
        attrs = dict(header.get("attributes", {}))
        fill = _fill(header["fill_value"], DTYPES[data_type]) if data_type in DTYPES else 0
        kept = header["codecs"][0].get("configuration", {}).get("endian", "little"), header["chunk_key_encoding"]
        if not all(type(size) is int for size in (*header["shape"], *chunks)):
            raise ValueError
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"{folder / HEADER} is not the header of an array; the store is damaged") from None
    if codecs != ["bytes"] or data_type not in DTYPES or kept != ("little", KEYS):
        raise ValueError(
            f"{folder} has data type {data_type[:60]} and codecs {str(codecs)[:60]}; install dynsamp[zarr] to read it"
        )
    if len(chunks) != len(shape) or len(dims) != len(shape) or min((*shape, 0)) < 0 or min((*chunks, 1)) < 1:
        raise ValueError(f"{folder / HEADER} has shape {shape} in chunks {chunks}; the store is damaged")
    return Array(shape, chunks, DTYPES[data_type], dims, attrs, fill)


def _fill(value: Any, dtype: np.dtype[Any]) -> complex | str | bool:
    if dtype.kind == "c":
        return complex(*map(float, value))
    return float(value) if dtype.kind == "f" else np.array(value, dtype).item()


def read_header(folder: Path) -> Array:
    """The header of an array."""
    return parsed(read_header_json(folder / HEADER), folder)


def chunk_path(folder: Path, index: Sequence[int]) -> Path:
    """File of a chunk."""
    return folder.joinpath("c", *map(str, index))


def checksum(path: Path) -> int:
    """CRC-32 of a file."""
    value, room = 0, memoryview(bytearray(AT_ONCE))
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(room):
            value = zlib.crc32(room[:count], value)
    return value


def combined(checksums: Iterable[int]) -> str:
    """One checksum from those of the chunks of an array, in their order."""
    return f"{zlib.crc32(b''.join(value.to_bytes(4, 'little') for value in checksums)):08x}"


def write_chunk(folder: Path, array: Array, index: Sequence[int], block: np.ndarray, *, durable: bool = True) -> int:
    """Write one chunk and return its CRC-32; chunks at the edge are padded to full size, as the format demands."""
    path = chunk_path(folder, index)
    if block.shape != array.chunks:
        padded = np.full(array.chunks, array.fill, array.dtype)
        padded[tuple(slice(size) for size in block.shape)] = block
        block = padded
    data = np.ascontiguousarray(block, array.dtype).reshape(-1).view(np.uint8).data
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != data:  # a finished store stays as it is
        write_bytes(path, data, durable=durable)
    return zlib.crc32(data)


def read_array(folder: Path, array: Array | None = None) -> np.ndarray:
    """All of an array; sizes are checked before anything is read."""
    array = array or read_header(folder)
    grid = [range(math.ceil(size / chunk)) for size, chunk in zip(array.shape, array.chunks, strict=True)]
    expected = math.prod(array.chunks) * array.dtype.itemsize
    indices = list(itertools.product(*grid))
    if indices and len(indices) * expected > 4 * max(math.prod(array.shape) * array.dtype.itemsize, 1 << 20):
        raise ValueError(f"{folder} declares chunks {array.chunks} for the shape {array.shape}; install dynsamp[zarr]")
    present = {index: chunk_path(folder, index) for index in indices if chunk_path(folder, index).is_file()}
    for path in present.values():
        if path.stat().st_size != expected:
            raise ValueError(f"{path} has {path.stat().st_size} bytes, expected {expected}; the store is damaged")
    if not present:
        return np.full(array.shape, array.fill, array.dtype.newbyteorder("="))
    values = np.empty(array.shape, array.dtype.newbyteorder("="))
    for index in indices:
        low = [k * chunk for k, chunk in zip(index, array.chunks, strict=True)]
        window = tuple(slice(a, min(a + c, n)) for a, c, n in zip(low, array.chunks, array.shape, strict=True))
        if index in present:
            block = np.fromfile(present[index], array.dtype).reshape(array.chunks)
            values[window] = block[tuple(slice(part.stop - part.start) for part in window)]
        else:
            values[window] = array.fill
    return values


def _chunked(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Whole rows of the first axis, up to CHUNK bytes."""
    if not shape:
        return ()
    row = max(math.prod(shape[1:]) * itemsize, 1)
    return (max(min(shape[0], CHUNK // row), 1), *shape[1:])


def stored(variable: xr.Variable) -> xr.Variable:
    """In types that the format has: dates as CF times, text as positions in a list of labels."""
    values, attrs = variable.values, variable.attrs
    if variable.dtype.kind == "M":
        resolution = str(np.datetime_data(variable.dtype)[0])
        units = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[resolution]
        about = {**attrs, "units": f"{units} since 1970-01-01", "calendar": "proleptic_gregorian"}
        return xr.Variable(variable.dims, values.astype(np.int64), about)
    labels, index = np.unique(values.astype(str), return_inverse=True)
    about = {**attrs, "labels": json.dumps(labels.tolist())}
    return xr.Variable(variable.dims, index.reshape(values.shape).astype(np.int32), about)


def group_header(ds: xr.Dataset) -> Json:
    """Attributes of the group: those of the Dataset, which variables are coordinates, and their order."""
    coords = [str(name) for name in ds.coords if name not in ds.dims]
    attrs: Json = {str(key): value for key, value in ds.attrs.items()}
    return attrs | {ORDER: [str(name) for name in ds.data_vars]} | ({"coordinates": " ".join(coords)} if coords else {})


def create_variable(
    folder: Path, name: str, variable: xr.Variable, shape: Sequence[int], chunks: Sequence[int]
) -> Array:
    """Write the header of a variable."""
    dims = [str(dim) for dim in variable.dims]
    return create_array(folder / name, shape, chunks, variable.dtype, dims, dict(variable.attrs))


def write_variable(folder: Path, name: str, variable: xr.Variable) -> str:
    """Write all of a variable and return its checksum; a lazy one is never in memory as a whole."""
    variable = stored(variable) if variable.dtype.kind in "MOTU" else variable
    chunks = _chunked(variable.shape, variable.dtype.itemsize)
    array = create_variable(folder, name, variable, variable.shape, chunks)
    written = []
    if not variable.ndim:
        written.append(write_chunk(folder / name, array, (), variable.values))
    elif variable.size:
        for k, low in enumerate(range(0, variable.shape[0], array.chunks[0])):
            block = variable[low : low + array.chunks[0]].values
            written.append(write_chunk(folder / name, array, (k, *[0] * (variable.ndim - 1)), block))
    return combined(written)


def write_zarr(ds: xr.Dataset, folder: Path) -> None:
    """Write a store."""
    folder.mkdir()
    values = {str(name): write_variable(folder, str(name), variable) for name, variable in ds.variables.items()}
    create_group(folder, group_header(ds), values)  # last: without it there is no store


def read_zarr(folder: Path) -> xr.Dataset:
    """A store: lazy with the Zarr library, else read whole."""
    run = folder.with_name(folder.name + ".run")
    if run.is_dir() and not is_group(folder):
        raise ValueError(f"{folder.name} is not finished; give the command that began it again and it will resume")
    if (folder / HEADER).is_file():
        read_header_json(folder / HEADER)  # the library takes any JSON for an empty group
    try:
        return _restored(_opened(folder) if schema.installed("zarr") else _read(folder))
    except (OSError, MemoryError):
        raise
    except Exception as error:  # the library raises whatever a broken store makes it raise
        raise ValueError(f"{folder.name} cannot be read as a Zarr store; it is damaged ({shown(error)})") from error


def _opened(folder: Path) -> xr.Dataset:
    """Lazy, by the library."""
    return xr.open_dataset(
        folder,
        engine="zarr",
        consolidated=False,
        chunks=None,
        decode_timedelta=False,
        backend_kwargs={"use_zarr_fill_value_as_mask": False},
    )


def _read(folder: Path) -> xr.Dataset:
    """All of it."""
    if not is_group(folder):
        raise ValueError(f"{folder.name} is not a Zarr version 3 group; install dynsamp[zarr] to read other kinds")
    arrays = {name: read_header(folder / name) for name in members(folder)}
    variables = {name: (array.dims, read_array(folder / name, array), array.attrs) for name, array in arrays.items()}
    raw = xr.Dataset(
        {name: value for name, value in variables.items() if name != "time"},
        {"time": variables["time"]} if "time" in variables else {},
        group_attrs(folder),
    )
    return xr.decode_cf(raw, decode_timedelta=False)


def _restored(ds: xr.Dataset) -> xr.Dataset:
    """Text, flag values and the order of the variables as they were before the store."""
    order = ds.attrs.get(ORDER, [])
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        raise ValueError(f"the store has {quoted(order)} for the order of its variables; it is damaged")
    lost = [name for name in order if name not in ds.data_vars]
    if lost:
        raise ValueError(f"the store lacks {quoted(lost[0])}, which its header names; it is damaged")
    ds = ds.drop_vars(order).assign({name: ds[name] for name in order})
    for key in (ORDER, PLAN, CHECK, VALUES):  # of the store, not of the data
        ds.attrs.pop(key, None)
    for name in list(ds.variables):
        variable = ds[name].variable
        attrs = dict(variable.attrs)
        if "flag_values" in attrs:
            attrs["flag_values"] = np.asarray(attrs["flag_values"], variable.dtype)
            ds[name].attrs.update(attrs)
        if "labels" in attrs:
            labels = np.array(json.loads(attrs.pop("labels")))
            ds = ds.assign({name: xr.Variable(variable.dims, labels[variable.values], attrs)})
    return ds
