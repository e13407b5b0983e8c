"""Whether a store is all there, from its headers and the sizes of its files, before anything of it is used.

Zarr itself takes a chunk that is missing for one full of the fill value: a lost file would read as data.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dynsamp.dataset import zarrstore
from dynsamp.dataset.zarrstore import HEADER, Json
from dynsamp.files import check_regular

__all__ = ["check_store"]

HEADERS = (HEADER, ".zgroup", ".zarray", ".zattrs", ".zmetadata")  # of both versions
LARGE = 2**30  # bytes from which an array must have something on the disk ...
DENSE = 2**16  # ... at least one byte for so many that it declares: more than any codec saves


def check_store(folder: Path) -> None:
    """Complain about a store of which something is missing, cut off, or not what was written.

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
        _check(folder)
    except ValueError as error:
        mends = folder.with_name(f"{folder.name}.run").is_dir()
        advice = "the command that wrote it mends it" if mends else "take a whole copy, or write it again"
        raise ValueError(f"{error}; {advice}") from None


def _check(folder: Path) -> None:
    group = zarrstore.read_header_json(folder / HEADER)
    attrs = group.get("attributes", {})
    if not isinstance(attrs, dict):
        raise ValueError(f"{folder / HEADER} has attributes that are no object; the store is damaged")
    for name in zarrstore.members(folder):
        header = zarrstore.read_header_json(folder / name / HEADER)
        _check_array(folder / name, header, zarrstore.ORDER in attrs and _own(folder / name / HEADER, header))
    lost = zarrstore.ORDER not in attrs or (zarrstore.CHECK in attrs and not zarrstore.sealed(folder, attrs))
    if lost and _own(folder / HEADER, group):
        raise ValueError(f"a header in {folder} is not what was written; the store is damaged")


def _own(path: Path, header: Json) -> bool:
    """Whether we wrote a header: others, who may leave chunks out, arrange it in another way."""
    return path.read_bytes() == zarrstore.text_of(header)


def _check_array(folder: Path, header: Json, own: bool) -> None:
    if header.get("node_type") != "array":
        return
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
        return
    array = zarrstore.parsed(header, folder)
    grid = [math.ceil(size / chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)]
    expected = math.prod(array.chunks) * array.dtype.itemsize
    for number in range(min(math.prod(grid), len(files) + 1)):  # one of so many is missing at the latest
        name = "/".join(["c", *map(str, _place(number, grid))])
        if name not in files:
            raise ValueError(f"{folder / name} is missing; the store is damaged")
        if files[name] != expected:
            raise ValueError(f"{folder / name} has {files[name]} bytes, expected {expected}; the store is damaged")
    if len(files) > math.prod(grid):
        raise ValueError(
            f"{folder} has {len(files)} chunks, but its header means {math.prod(grid)}; the store is damaged"
        )


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
