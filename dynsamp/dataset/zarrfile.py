"""Datasets in Zarr stores: headers, types and chunks of the variables."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset import extras, zarrstore

__all__ = ["chunked", "create_variable", "group_header", "read_zarr", "stored", "write_variable", "write_zarr"]

CHUNK = 32 * 2**20
ORDER = "variable_order"  # a folder does not keep it
PLAN = "run_plan"  # hash of the plan of the run that made a store


def chunked(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
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


def group_header(ds: xr.Dataset) -> dict[str, Any]:
    """Attributes of the group: those of the Dataset, which variables are coordinates, and their order."""
    coords = [str(name) for name in ds.coords if name not in ds.dims]
    attrs: dict[str, Any] = {str(key): value for key, value in ds.attrs.items()}
    return attrs | {ORDER: [str(name) for name in ds.data_vars]} | ({"coordinates": " ".join(coords)} if coords else {})


def create_variable(
    folder: Path, name: str, variable: xr.Variable, shape: Sequence[int], chunks: Sequence[int]
) -> zarrstore.Array:
    """Write the header of a variable."""
    dims = [str(dim) for dim in variable.dims]
    return zarrstore.create_array(folder / name, shape, chunks, variable.dtype, dims, dict(variable.attrs))


def write_variable(folder: Path, name: str, variable: xr.Variable) -> None:
    """Write all of a variable; a lazy one is never in memory as a whole."""
    variable = stored(variable) if variable.dtype.kind in "MOTU" else variable
    chunks = chunked(variable.shape, variable.dtype.itemsize)
    array = create_variable(folder, name, variable, variable.shape, chunks)
    if not variable.ndim:
        zarrstore.write_chunk(folder / name, array, (), variable.values)
    elif variable.size:
        for k, low in enumerate(range(0, variable.shape[0], array.chunks[0])):
            block = variable[low : low + array.chunks[0]].values
            zarrstore.write_chunk(folder / name, array, (k, *[0] * (variable.ndim - 1)), block)


def write_zarr(ds: xr.Dataset, folder: Path) -> None:
    """Write a store."""
    folder.mkdir()
    for name, variable in ds.variables.items():
        write_variable(folder, str(name), variable)
    zarrstore.create_group(folder, group_header(ds))  # last: without it there is no store


def read_zarr(folder: Path) -> xr.Dataset:
    """A store: lazy with the Zarr library, else read whole."""
    run = folder.with_name(folder.name + ".run")
    if run.is_dir() and not zarrstore.is_group(folder):
        raise ValueError(f"{folder.name} is not finished; give the command that began it again and it will resume")
    if extras.installed("zarr"):
        try:
            ds = xr.open_dataset(
                folder,
                engine="zarr",
                consolidated=False,
                chunks=None,
                decode_timedelta=False,
                backend_kwargs={"use_zarr_fill_value_as_mask": False},
            )
        except (OSError, MemoryError):
            raise
        except Exception as error:  # the library raises whatever a broken store makes it raise
            raise ValueError(f"{folder.name} cannot be read as a Zarr store; it is damaged ({error})") from error
    else:
        if not zarrstore.is_group(folder):
            raise ValueError(f"{folder.name} is not a Zarr version 3 group; install dynsamp[zarr] to read other kinds")
        arrays = {name: zarrstore.read_header(folder / name) for name in zarrstore.members(folder)}
        variables = {
            name: (array.dims, zarrstore.read_array(folder / name, array), array.attrs)
            for name, array in arrays.items()
        }
        attrs = zarrstore.group_attrs(folder)
        raw = xr.Dataset(
            {name: value for name, value in variables.items() if name != "time"},
            {"time": variables["time"]} if "time" in variables else {},
            attrs,
        )
        ds = xr.decode_cf(raw, decode_timedelta=False)
    return _restored(ds)


def _restored(ds: xr.Dataset) -> xr.Dataset:
    """Text, flag values and the order of the variables as they were before the store."""
    order = [name for name in ds.attrs.get(ORDER, []) if name in ds.data_vars]
    ds = ds.drop_vars(order).assign({name: ds[name] for name in order})
    for key in (ORDER, PLAN):  # of the store, not of the data
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
