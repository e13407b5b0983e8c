"""Datasets in files: netCDF (.nc) and Zarr (.zarr) both ways, CSV (.csv) in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import xarray as xr

from dynsamp.dataset import zarrstore
from dynsamp.dataset.attributes import versions
from dynsamp.dataset.csvfile import from_csv
from dynsamp.dataset.netcdf import attrs_of, read_netcdf, write_netcdf
from dynsamp.dataset.ragged import from_ragged, is_ragged
from dynsamp.dataset.schema import Role, names, validate
from dynsamp.dataset.zarrfile import read_zarr, write_zarr
from dynsamp.files import explained, replaced
from dynsamp.words import nearest

__all__ = ["open_dataset", "save_dataset"]

NETCDF = (".nc", ".nc4", ".cdf")
TABLES = (".csv", ".tsv", ".txt", ".dat")
SUPPORTED = ".nc and .zarr (and .csv to read)"
ORDERED: tuple[Role, ...] = ("state", "input")
OURS = "dynsamp_version"
Path_ = str | os.PathLike[str]


def save_dataset(ds: xr.Dataset, path: Path_) -> Path:
    """Write a Dataset to a .nc or .zarr file.

    The file is there in full or not at all. netCDF-4 with ``dynsamp[netcdf]`` installed, else netCDF-3, which keeps
    integers up to 32 bits. Attributes that are lists or dicts should be JSON text.

    Parameters
    ----------
    ds : xarray.Dataset
        Any Dataset; those of dynsamp read back identical.
    path : path
        Ends with .nc or .zarr. A file that dynsamp wrote is replaced, any other one is not.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    ValueError
        If the suffix is not known, or the format cannot hold a value.
    FileExistsError
        If something is there that dynsamp did not write.
    OSError
        If the place cannot be written to, or is full.
    """
    if not isinstance(ds, xr.Dataset):
        raise TypeError(f"expected an xarray Dataset, got {type(ds).__name__}")
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in (*NETCDF, ".zarr"):
        hint = "save as .nc or .zarr instead" if suffix == ".csv" else f"use {SUPPORTED}"
        raise ValueError(f"cannot write {target.name!r}: {suffix or 'a name without suffix'} is not supported; {hint}")
    if target.exists() and not _ours(target):
        raise FileExistsError(f"{target} exists and was not written by dynsamp; remove it or choose another name")
    marked = _marked(ds)
    with explained("write", target), replaced(target) as beside:
        if suffix == ".zarr":
            write_zarr(marked, beside)
        else:
            write_netcdf(marked, beside)
    return target


def open_dataset(path: Path_) -> xr.Dataset:
    """Read a Dataset from a .nc, .zarr or .csv file.

    netCDF files are read whole, Zarr stores as they are used where ``dynsamp[zarr]`` is installed. Contiguous ragged
    arrays (CF) are brought into the schema. Open netCDF-4 files only from sources that you trust: the format can refer
    to other files of this machine.

    Parameters
    ----------
    path : path
        A file; of a .csv, .tsv, .txt or .dat the defaults of ``from_csv`` are used.

    Returns
    -------
    xarray.Dataset
        In the schema; a file that dynsamp wrote comes back as it was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, of another kind, or not in the schema.
    """
    source = Path(path)
    suffix = source.suffix.lower()
    if not source.exists():
        folder = source.parent
        others = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise FileNotFoundError(f"there is no file {source}{nearest(source.name, others)}")
    if suffix in TABLES:
        return from_csv(source)
    if suffix not in (*NETCDF, ".zarr"):
        raise ValueError(
            f"cannot read {source.name!r}: {suffix or 'a name without suffix'} is unknown; use {SUPPORTED}"
        )
    with explained("read", source):
        ds = read_zarr(source) if suffix == ".zarr" else read_netcdf(source)
    if is_ragged(ds):
        ds = from_ragged(ds)
    if OURS not in ds.attrs:
        try:
            validate(ds)
        except ValueError as error:
            raise ValueError(f"{source.name}: {error}") from None
    return ds


def _marked(ds: xr.Dataset) -> xr.Dataset:
    """With what the file must say: who wrote it, and the order of its states."""
    attrs: dict[str, Any] = dict(versions())
    if {"trajectory", "time"} <= set(ds.dims):
        attrs |= {f"{kind}s": " ".join(found) for kind in ORDERED if (found := names(ds, kind))}
    return ds.drop_encoding().assign_attrs({**attrs, **ds.attrs})


def _ours(path: Path) -> bool:
    """Whether dynsamp wrote it."""
    try:
        return OURS in (zarrstore.group_attrs(path) if path.suffix.lower() == ".zarr" else attrs_of(path))
    except Exception:  # readers raise whatever a broken file makes them raise
        return False
