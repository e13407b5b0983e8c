"""Datasets in files: netCDF (.nc) and Zarr (.zarr) both ways, CSV (.csv) in.

netCDF is version 4 where h5netcdf is installed, else version 3 through SciPy.
"""

import io
import math
import os
import warnings
from collections.abc import Hashable, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from dynsamp.dataset import schema, zarrstore
from dynsamp.dataset.csvfile import from_csv
from dynsamp.dataset.schema import Role, Variables, names, text, validate, versions
from dynsamp.dataset.zarrcheck import check_store
from dynsamp.dataset.zarrstore import read_zarr, write_zarr
from dynsamp.files import check_regular, explained, named, replaced, reserve, sync, understood
from dynsamp.words import listed, nearest, quoted, shown

NETCDF = (".nc", ".nc4", ".cdf")
TABLES = (".csv", ".tsv", ".txt", ".dat")
SUPPORTED = ".nc and .zarr (and .csv to read)"
ORDERED: tuple[Role, ...] = ("state", "input")
OURS = "dynsamp_version"
Path_ = str | os.PathLike[str]
PACKED = 1100  # bytes of values a byte of an HDF5 file: deflate cannot do more than 1032
SPARSE = 2**26  # bytes of values that a file may declare without holding them: chunks that were never written
MOSTLY = 1000  # padded samples for one of the file: a table that is nearly all padding does not fit into memory


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
    target = named(path)
    suffix = target.suffix.lower()
    if suffix not in (*NETCDF, ".zarr"):
        hint = "save as .nc or .zarr instead" if suffix == ".csv" else f"use {SUPPORTED}"
        raise ValueError(
            f"cannot write {quoted(target.name)}: {shown(suffix) or 'a name without suffix'} is not supported; {hint}"
        )
    if target.exists() and not _ours(target):
        raise FileExistsError(
            f"{shown(target)} exists and was not written by dynsamp; remove it or choose another name"
        )
    marked = _marked(ds)
    with explained("write", target), replaced(target) as beside:
        try:
            if suffix == ".zarr":
                write_zarr(marked, beside)
            else:
                _write_netcdf(marked, beside)
        except (TypeError, ValueError, AttributeError, KeyError, OverflowError, NotImplementedError) as error:
            raise ValueError(f"cannot write {target.name}: {shown(error)}; attributes hold text or numbers") from error
    return target


def open_dataset(path: Path_, *, verify: bool | None = None) -> xr.Dataset:
    """Read a Dataset from a .nc, .zarr or .csv file.

    netCDF files are read whole, Zarr stores as they are used where ``dynsamp[zarr]`` is installed. A store with missing
    or truncated chunks is refused, while ``xarray.open_zarr`` takes them for NaN and zeros. Contiguous ragged arrays
    (CF) are brought into the schema. Open netCDF-4 files only from sources that you trust: the format can refer
    to other files of this machine.

    Parameters
    ----------
    path : path
        A file; of a .csv, .tsv, .txt or .dat the defaults of ``from_csv`` are used.
    verify : bool, optional
        Compare the values of a store that dynsamp wrote with their checksums, which reads all of it; default: of one
        up to 100 MB. False reads a store whose headers or values were changed on purpose, too.

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
    source = named(path)
    suffix = source.suffix.lower()
    if not os.path.lexists(source):
        folder = source.parent
        others = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise FileNotFoundError(f"there is no file {shown(source)}{nearest(source.name, others)}")
    if is_table(source):
        return from_csv(source)
    if suffix not in (*NETCDF, ".zarr"):
        raise ValueError(
            f"cannot read {quoted(source.name)}: {shown(suffix) or 'a name without suffix'} is unknown; use {SUPPORTED}"
        )
    with understood(source, f"{suffix} file"):
        if suffix == ".zarr":
            check_store(source, verify)
        ds = read_zarr(source) if suffix == ".zarr" else _read_netcdf(source)
        try:
            if is_ragged(ds):
                ds = from_ragged(ds)
            if OURS not in ds.attrs:
                validate(ds)
        except ValueError as error:
            raise ValueError(f"{shown(source.name)}: {error}") from None
    return ds


def is_table(path: Path) -> bool:
    """Whether a file is a table of text, by its name."""
    return path.suffix.lower() in TABLES


def _marked(ds: xr.Dataset) -> xr.Dataset:
    """With what the file must say: who wrote it, and the order of its states."""
    attrs: dict[str, object] = {**versions()}
    if {"trajectory", "time"} <= set(ds.dims):
        attrs |= {f"{kind}s": " ".join(found) for kind in ORDERED if (found := names(ds, kind))}
    return ds.drop_encoding().assign_attrs({**attrs, **ds.attrs})


def _ours(path: Path) -> bool:
    """Whether dynsamp wrote it."""
    try:
        return OURS in (zarrstore.group_attrs(path) if path.suffix.lower() == ".zarr" else _attrs_of(path))
    except Exception:  # readers raise whatever a broken file makes them raise
        return False


def _attrs_of(path: Path) -> dict[Hashable, object]:
    """Attributes of the Dataset in a file."""
    with xr.open_dataset(path, engine=_engine(path), decode_times=False) as ds:
        return dict(ds.attrs)


def _engine(path: Path) -> str:
    """The reader for a file, from its first bytes."""
    check_regular(path, "netCDF file")
    with open(path, "rb") as file:
        magic = file.read(8)
    if magic.startswith(b"CDF"):
        return "scipy"
    if magic == b"\x89HDF\r\n\x1a\n":
        for engine, modules in (("h5netcdf", ("h5netcdf", "h5py")), ("netcdf4", ("netCDF4",))):
            if schema.installed(*modules):
                return engine
        raise ValueError(f"{path.name} is a netCDF-4 file; install dynsamp[netcdf] to read it")
    raise ValueError(f"{path.name} is not a netCDF file; it is damaged or of another kind")


def _read_netcdf(path: Path) -> xr.Dataset:
    """All of a file, in memory."""
    from scipy.io import netcdf_file

    engine = _engine(path)
    try:
        if engine == "h5netcdf":
            _check_links(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about encodings: what they make of the values is checked
            if engine == "scipy":
                with _Bounded(open(path, "rb", buffering=0)) as file:
                    netcdf_file(file, mmap=True).close()
            with xr.open_dataset(path, engine=engine, decode_cf=False) as raw:
                _check_declared(raw, path, PACKED if engine != "scipy" else 1)
                return _decoded(raw)
    except MemoryError:
        raise
    except _RefusedError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # readers raise whatever a broken file makes them raise
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{path.name} cannot be read; it is cut off or damaged ({shown(error)})") from error


class _Bounded(io.BufferedReader):
    """A file of which no more may be read than it has: SciPy makes a buffer of any size that a header declares."""

    def read(self, size: int | None = -1, /) -> bytes:
        """``size`` bytes; all without."""
        rest = os.fstat(self.fileno()).st_size - self.tell()
        if size is not None and size > max(rest, 0):
            raise ValueError(f"{size} bytes are declared where {rest} are left")
        return super().read(size)


def _decoded(raw: xr.Dataset) -> xr.Dataset:
    """The values that a file means, in memory; times of a calendar that pandas does not know as floats."""
    try:
        ds = xr.decode_cf(raw, decode_timedelta=False).load()
        if "time" not in ds.variables or ds["time"].dtype.kind != "O":
            return ds
    except (ImportError, ValueError, OverflowError):  # a calendar of a climate model, say
        pass
    return _floats_for_dates(xr.decode_cf(raw, decode_times=False).load())


class _RefusedError(ValueError):
    """What a file says is understood, and not done."""


def _check_links(path: Path) -> None:
    """Refuse an HDF5 file that takes its data from other files of this machine; netCDF-4 has no such links."""
    import h5py

    with h5py.File(path, "r") as file:
        groups, seen = [file], set()
        while groups:
            group = groups.pop()
            for name in group:
                link = group.get(name, getlink=True)
                other = link.filename if isinstance(link, h5py.ExternalLink) else None
                item = group[name] if isinstance(link, h5py.HardLink) else None
                if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                    other = item.external[0][0] if item.external else item.virtual_sources()[0].file_name
                if other is not None:
                    raise _RefusedError(
                        f"{shown(path.name)} takes {quoted(name)} from another file, {quoted(other)}; ask for one that"
                        " holds its data itself"
                    )
                if isinstance(item, h5py.Group) and (where := h5py.h5o.get_info(item.id).addr) not in seen:
                    seen.add(where)
                    groups.append(item)


def _check_declared(ds: xr.Dataset, path: Path, packed: int) -> None:
    """Refuse sizes that the file cannot hold, before anything is allocated, and scales that lose the values."""
    held = path.stat().st_size
    declared = sum(math.prod(variable.shape) * variable.dtype.itemsize for variable in ds.variables.values())
    if declared > packed * held + SPARSE:
        raise _RefusedError(
            f"{shown(path.name)} declares {declared:.3g} bytes of values, but has {held} bytes in all; it is damaged"
        )
    for name, variable in ds.variables.items():
        for key, neutral in (("scale_factor", 1.0), ("add_offset", 0.0)):
            value = variable.attrs.get(key, neutral)
            number = isinstance(value, int | float | np.number) and math.isfinite(value)
            if not number or (key == "scale_factor" and value == 0):
                raise _RefusedError(
                    f"{shown(path.name)}: the {key} of {quoted(name)} is {quoted(value)}, which loses its values;"
                    " correct the attribute"
                )


def _floats_for_dates(ds: xr.Dataset) -> xr.Dataset:
    """Times of a calendar that pandas does not know, as floats in their unit."""
    for name in ("time", "lead_time"):
        units = str(ds[name].attrs.get("units", "")) if name in ds.variables else ""
        if " since " in units:
            unit, reference = units.split(" since ", 1)
            about = {**ds[name].attrs, "units": unit, "reference": reference}
            ds = ds.assign_coords({name: (ds[name].dims, ds[name].values.astype(float), about)})
    return ds


def _write_netcdf(ds: xr.Dataset, path: Path) -> None:
    """Write and sync a file."""
    classic = not schema.installed("h5netcdf", "h5py")
    encoding: dict[str, dict[str, str]] = {}
    if classic:
        ds, encoding = _classic(ds)
    # HDF5 can bring the process down where the disk is full, so the room is taken beforehand
    reserve(path, ds.nbytes + 2**16 * (1 + len(ds.variables)))
    try:
        ds.to_netcdf(path, engine="scipy" if classic else "h5netcdf", encoding=encoding)
    except RuntimeError as error:  # what HDF5 makes of a full disk
        raise OSError(str(error)) from error
    sync(path)


def _classic(ds: xr.Dataset) -> tuple[xr.Dataset, dict[str, dict[str, str]]]:
    """What netCDF-3 can hold: 32 bits for integers, no unsigned ones; dates as seconds since the first."""
    encoding: dict[str, dict[str, str]] = {}
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
