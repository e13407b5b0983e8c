"""CF contiguous ragged arrays: all trajectories one after the other, with their numbers of samples.

CF Conventions, sections 9.3.3 (contiguous ragged array) and H.4 (trajectory data).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from dynsamp.dataset.schema import Variables, text
from dynsamp.words import listed, quoted

__all__ = ["from_ragged", "is_ragged"]

MOSTLY = 1000  # padded samples for one of the file: a table that is nearly all padding does not fit into memory


def _rowsize(ds: xr.Dataset) -> str | None:
    found = [str(name) for name, variable in ds.variables.items() if "sample_dimension" in variable.attrs]
    return found[0] if found else None


def is_ragged(ds: xr.Dataset) -> bool:
    """Whether a variable has the attribute ``sample_dimension``."""
    return _rowsize(ds) is not None


def from_ragged(ds: xr.Dataset) -> xr.Dataset:
    """The same data with dims (trajectory, time), shorter trajectories padded at their end.

    Raises
    ------
    ValueError
        If the numbers of samples do not add up, or no variable holds the times.
    """
    rowsize = _rowsize(ds)
    if rowsize is None:
        return ds
    sample = text(ds[rowsize].attrs, "sample_dimension")
    counts = ds[rowsize].values
    if counts.ndim != 1 or counts.dtype.kind not in "iuf" or not np.all((counts >= 0) & (counts < 2.0**53)):
        raise ValueError(f"{quoted(rowsize)} does not hold the numbers of samples of trajectories; the file is damaged")
    instance = str(ds[rowsize].dims[0])
    sizes = counts.astype(np.int64)
    if sample not in ds.dims or int(sizes.sum()) != ds.sizes[sample]:
        raise ValueError(
            f"{quoted(rowsize)} adds up to {int(sizes.sum())} samples, but its sample dimension {quoted(sample)} has"
            f" {ds.sizes.get(sample, 0)}; the file is damaged"
        )
    padded_size = len(sizes) * int(sizes.max(initial=0))
    if padded_size > MOSTLY * max(int(sizes.sum()), 2**16):
        raise ValueError(
            f"{len(sizes)} trajectories, the longest of {int(sizes.max())} samples, would be {padded_size} with their"
            f" padding in place of {int(sizes.sum())}; split the file by length"
        )
    time = _time_name(ds, sample)
    inside = np.arange(sizes.max(initial=0)) < sizes[:, None]
    variables: Variables = {}
    coords: Variables = {}
    ids: np.ndarray = np.arange(len(sizes), dtype=np.int64)
    for key, variable in ds.variables.items():
        name = str(key)
        if name == rowsize:
            continue
        values, attrs = variable.values, dict(variable.attrs)
        if variable.dims[:1] == (sample,):
            padded = _pad(values, inside)
            if name == time:
                coords["time"] = _shared(padded, attrs)
            else:
                variables[name] = (("trajectory", "time", *map(str, variable.dims[1:])), padded, attrs)
        elif attrs.get("cf_role") == "trajectory_id" or name == "trajectory":
            if values.dtype.kind in "iu":
                ids = values.astype(np.int64)
            else:
                coords["trajectory_name"] = (("trajectory",), values.astype(str), {})
        else:
            dims = tuple("trajectory" if dim == instance else str(dim) for dim in variable.dims)
            (coords if key in ds.coords else variables)[name] = (dims, values, attrs)
    coords["trajectory"] = (("trajectory",), ids, {"long_name": "trajectory id", "cf_role": "trajectory_id"})
    for name, (dims, *_) in list(variables.items()):
        if dims[:2] == ("trajectory", "time") and name in ds.coords:
            coords[name] = variables.pop(name)
    return xr.Dataset(variables, coords, {k: v for k, v in ds.attrs.items() if k != "featureType"})


def _time_name(ds: xr.Dataset, sample: str) -> str:
    candidates = [str(name) for name, variable in ds.variables.items() if variable.dims == (sample,)]
    marked = [name for name in candidates if ds[name].attrs.get("standard_name") == "time" or name == "time"]
    marked += [name for name in candidates if ds[name].dtype.kind == "M"]
    if not marked:
        raise ValueError(
            f"no variable over {quoted(sample)} holds the times ({listed(candidates)}); name it 'time' or set its"
            " standard_name"
        )
    return marked[0]


def _pad(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)  # NaN is the padding
    missing = "NaT" if values.dtype.kind in "mM" else np.nan
    padded = np.full((*inside.shape, *values.shape[1:]), missing, values.dtype)
    padded[inside] = values
    return padded


def _shared(time: np.ndarray, attrs: Mapping[str, object]) -> tuple[tuple[str, ...], np.ndarray, Mapping[str, object]]:
    if len(time) and all(np.array_equal(time[0], row) for row in time[1:]):
        return ("time",), time[0], attrs
    return ("trajectory", "time"), time, attrs
