"""netCDF: version 4 where h5netcdf is installed, else version 3 through SciPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset import extras
from dynsamp.files import reserve, sync

__all__ = ["attrs_of", "read_netcdf", "write_netcdf"]


def attrs_of(path: Path) -> dict[Any, Any]:
    """Attributes of the Dataset in a file."""
    with xr.open_dataset(path, engine=_engine(path), decode_times=False) as ds:
        return dict(ds.attrs)


def _engine(path: Path) -> str:
    """The reader for a file, from its first bytes."""
    with open(path, "rb") as file:
        magic = file.read(8)
    if magic.startswith(b"CDF"):
        return "scipy"
    if magic == b"\x89HDF\r\n\x1a\n":
        for engine, modules in (("h5netcdf", ("h5netcdf", "h5py")), ("netcdf4", ("netCDF4",))):
            if extras.installed(*modules):
                return engine
        raise ValueError(f"{path.name} is a netCDF-4 file; install dynsamp[netcdf] to read it")
    raise ValueError(f"{path.name} is not a netCDF file; it is damaged or of another kind")


def read_netcdf(path: Path) -> xr.Dataset:
    """All of a file, in memory."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a netCDF file")
    engine = _engine(path)
    try:
        try:
            ds = xr.load_dataset(path, engine=engine, decode_timedelta=False)
        except (ImportError, ValueError):  # a calendar of a climate model, say
            ds = None
        if ds is None or ("time" in ds.variables and ds["time"].dtype.kind == "O"):
            ds = _plain_time(xr.load_dataset(path, engine=engine, decode_times=False))
        return ds
    except (OSError, MemoryError):
        raise
    except Exception as error:  # readers raise whatever a broken file makes them raise
        raise ValueError(f"{path.name} cannot be read; it is cut off or damaged ({error})") from error


def _plain_time(ds: xr.Dataset) -> xr.Dataset:
    """Times of a calendar that pandas does not know, as floats in their unit."""
    for name in ("time", "lead_time"):
        units = str(ds[name].attrs.get("units", "")) if name in ds.variables else ""
        if " since " in units:
            unit, reference = units.split(" since ", 1)
            about = {**ds[name].attrs, "units": unit, "reference": reference}
            ds = ds.assign_coords({name: (ds[name].dims, ds[name].values.astype(float), about)})
    return ds


def write_netcdf(ds: xr.Dataset, path: Path) -> None:
    """Write and sync a file."""
    classic = not extras.installed("h5netcdf", "h5py")
    encoding: dict[str, dict[str, Any]] = {}
    if classic:
        ds, encoding = _classic(ds)
    # HDF5 can bring the process down where the disk is full, so the room is taken beforehand
    reserve(path, ds.nbytes + 2**16 * (1 + len(ds.variables)))
    try:
        ds.to_netcdf(path, engine="scipy" if classic else "h5netcdf", encoding=encoding)
    except RuntimeError as error:  # what HDF5 makes of a full disk
        raise OSError(str(error)) from error
    sync(path)


def _classic(ds: xr.Dataset) -> tuple[xr.Dataset, dict[str, dict[str, Any]]]:
    """What netCDF-3 can hold: 32 bits for integers, no unsigned ones; dates as seconds since the first."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in ds.variables.items():
        kind = variable.dtype.kind
        if kind == "M":
            present = variable.values[~np.isnat(variable.values)]
            first = str(present.min().astype("datetime64[s]")) if present.size else "1970-01-01"
            encoding[str(name)] = {"units": f"seconds since {first}", "dtype": "float64"}
        elif kind in "iu" and variable.size and int(np.abs(variable.values.astype(object)).max()) >= 2**31:
            raise ValueError(
                f"{name!r} holds integers beyond 32 bits, which netCDF-3 cannot keep; save as .zarr, or install"
                " dynsamp[netcdf] for netCDF-4"
            )
        elif kind == "c":
            raise ValueError(f"{name!r} is complex, which netCDF-3 cannot keep; save as .zarr")
    wide = {key: str(value) for key, value in ds.attrs.items() if isinstance(value, int) and abs(value) >= 2**31}
    return ds.assign_attrs(wide), encoding
