"""Whether a store is all there and as it was written, before anything of it is used.

Zarr itself takes a chunk that is missing for one full of the fill value: a lost file would read as data.
"""

import json
import math
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NoReturn

import numpy as np

from dynsamp.dataset import zarrstore
from dynsamp.dataset.zarrstore import HEADER, Array, Json
from dynsamp.files import check_regular

HEADERS = (HEADER, ".zgroup", ".zarray", ".zattrs", ".zmetadata")  # of both versions
SMALL = 100_000_000  # bytes that are compared with their checksums in a tenth of a second
LARGE = 2**30  # bytes from which an array must have something on the disk ...
DENSE = 2**16  # ... at least one byte for so many that it declares: more than any codec saves


class _StrangerError(ValueError):
    """Somebody put it there: no command takes it away again."""


def check_store(folder: Path, verify: bool | None = None) -> None:
    """Complain about a store of which something is missing, cut off, or not what was written.

    ``verify`` compares values with their checksums; None those of a small store; False neither these nor the headers.

    Raises
    ------
    ValueError
        With the file that it is about.
    """
    if not folder.is_dir():
        check_regular(folder, "folder of a store")  # a link that leads nowhere, a pipe
        raise ValueError(f"{folder} is a file, not the folder of a store")
    for place in (folder, *(entry for entry in folder.iterdir() if entry.is_dir())):
        for name in HEADERS:
            if os.path.lexists(place / name):
                check_regular(place / name, "header of a store")
    if not (folder / HEADER).is_file():
        return  # of another version of the format, which the library reads
    try:
        _check(folder, verify)
    except _StrangerError:
        raise
    except ValueError as error:
        mends = folder.with_name(f"{folder.name}.run").is_dir()
        advice = "the command that wrote it mends it" if mends else "take a whole copy, or write it again"
        raise ValueError(f"{error}; {advice}") from None


def _check(folder: Path, verify: bool | None) -> None:
    group = zarrstore.read_header_json(folder / HEADER)
    attrs = group.get("attributes", {})
    if not isinstance(attrs, dict):
        raise ValueError(f"{folder / HEADER} has attributes that are no object; the store is damaged")
    own, size = [], 0
    for name in zarrstore.members(folder):
        header = zarrstore.read_header_json(folder / name / HEADER)
        own.append(_own(folder / name / HEADER, header))
        size += _check_array(folder / name, header, zarrstore.ORDER in attrs and own[-1])
    # a library that copies a store takes its checksums along, and writes all headers in its own way
    ours = _own(folder / HEADER, group)
    if verify is False or not (ours or (own and all(own))):
        return
    said = _said(attrs)
    for name in zarrstore.members(folder):
        if said and name not in said:
            refuse_stranger(folder / name)
    checked = zarrstore.CHECK in attrs or zarrstore.VALUES in attrs  # older ones have neither
    if (ours and zarrstore.ORDER not in attrs) or (checked and not zarrstore.sealed(folder, attrs)):
        raise ValueError(f"a header in {folder} is not what was written; open_dataset(..., verify=False) reads it")
    if all(own) and (verify or size <= SMALL):
        for name in said:
            if _values(folder / name) != said[name]:
                raise ValueError(f"values of {name!r} in {folder} are not what was written; the store is damaged")


def _said(attrs: Json) -> dict[str, str]:
    """Checksums of the values; none where a store has none, or what it has is no such list."""
    try:
        said = json.loads(attrs.get(zarrstore.VALUES, "{}"))
    except (ValueError, TypeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _values(folder: Path) -> str:
    """Checksum of the values of an array."""
    grid = _grid(zarrstore.read_header(folder))
    return zarrstore.combined(
        zarrstore.checksum(zarrstore.chunk_path(folder, index)) for index in product(*map(range, grid))
    )


def check_files(folder: Path, array: Array) -> None:
    """Refuse files in the folder of an array that are no chunks of it."""
    grid = _grid(array)
    for name in dict(_files(folder, "")):
        first, *index = name.split("/")
        fits = len(index) == len(grid) and all(map(_below, index, grid))
        if first != "c" or not fits:
            refuse_stranger(folder / name)


def _below(name: str, count: int) -> bool:
    return name.isdecimal() and name == str(int(name)) and int(name) < count


def refuse_stranger(path: Path) -> NoReturn:
    """Say that something does not belong to a store, and what to do."""
    raise _StrangerError(f"{path} is no part of the store that was written there; move it elsewhere")


def _grid(array: Array) -> list[int]:
    return [math.ceil(size / chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)]


def _own(path: Path, header: Json) -> bool:
    """Whether we wrote a header: others, who may leave chunks out, arrange it in another way."""
    return path.read_bytes() == zarrstore.text_of(header)


def _check_array(folder: Path, header: Json, own: bool) -> int:
    """Bytes of an array on the disk."""
    if header.get("node_type") != "array":
        return 0
    shape = header.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"{folder / HEADER} has the shape {str(shape)[:60]}; the store is damaged")
    files = dict(_files(folder, ""))
    try:
        itemsize = np.dtype(header.get("data_type")).itemsize or 1
    except TypeError:
        itemsize = 8
    declared, present = math.prod(shape) * itemsize, sum(files.values())
    if declared > LARGE and declared > DENSE * present:
        raise ValueError(
            f"{folder.name!r} in {folder.parent} declares {declared:.3g} bytes, but has {present}; the store is damaged"
        )
    if not own:
        return present
    array = zarrstore.parsed(header, folder)
    grid = _grid(array)
    expected = math.prod(array.chunks) * array.dtype.itemsize
    for number in range(min(math.prod(grid), len(files) + 1)):  # one of so many is missing at the latest
        name = "/".join(["c", *map(str, _place(number, grid))])
        if name not in files:
            raise ValueError(f"{folder / name} is missing; the store is damaged")
        if files[name] != expected:
            raise ValueError(f"{folder / name} has {files[name]} bytes, expected {expected}; the store is damaged")
    if len(files) > math.prod(grid):
        check_files(folder, array)
    return present


def _place(number: int, grid: list[int]) -> list[int]:
    """Index of a chunk from its number."""
    place = []
    for size in reversed(grid):
        number, index = divmod(number, size)
        place.append(index)
    return place[::-1]


def _files(folder: Path, under: str) -> Iterator[tuple[str, int]]:
    """Regular files below a folder that are neither headers nor half-written, with their sizes."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _files(folder / entry.name, f"{under}{entry.name}/")
            elif entry.is_file() and entry.name != HEADER and not entry.name.startswith("."):
                yield f"{under}{entry.name}", entry.stat().st_size
