"""The safetensors layout: a u64 little-endian header length, a JSON header, raw little-endian buffers.

A strict reader: every size is checked before memory is taken, the arrays fill the file exactly, and the metadata's
entry "sha256" is the digest of the whole file with zeros in its own place.
https://huggingface.co/docs/safetensors (format section).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np

from dynsamp.words import quoted, shown

__all__ = [
    "DEEPEST",
    "DIGEST",
    "HEADER_LIMIT",
    "Header",
    "NotIntactError",
    "Span",
    "depth",
    "encode",
    "little_endian",
    "read_arrays",
    "read_header",
    "read_spans",
    "refuse",
    "strict_json",
]

_log = logging.getLogger("dynsamp")

HEADER_LIMIT = 4 << 20  # bytes; what a model says about itself is a few kilobytes
DEEPEST = 20  # lists and objects within one another: summaries walk through them, and reports have three
FREE_VALUES = 10_000  # of a header, which take a megabyte at most; ...
BYTES_A_VALUE = 16  # ... of more, each has so many bytes: [[],[],... is twenty times as large in memory
CHUNK = 1 << 18  # bytes that are read and looked at together: they stay in the second cache
DIGEST = "sha256"
UNKNOWN = 64 * "0"  # in place of the digest, while it is taken of the whole file

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
CODES = {np.dtype(layout): code for code, layout in DTYPES.items()}


def encode(metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """Everything that goes into the file, with its digest; arrays come from `little_endian`."""
    header: dict[str, Any] = {"__metadata__": {DIGEST: UNKNOWN, **metadata}}  # first, and found there
    offset = 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        header[name] = {"dtype": CODES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 8)  # buffers start aligned
    if len(text) > HEADER_LIMIT:
        raise ValueError(
            f"what the model says about itself takes {len(text)} bytes, more than the {HEADER_LIMIT} that a model file"
            " may use; keep large facts in array fields"
        )
    start = len(text).to_bytes(8, "little")
    buffers = [_bytes_of(array) for array in arrays.values()]
    found = hashlib.sha256(start + text)
    for buffer in buffers:
        found.update(buffer)
    return [start, text.replace(UNKNOWN.encode(), found.hexdigest().encode(), 1), *buffers]


def _bytes_of(array: np.ndarray) -> memoryview:
    """The memory of an array in C order."""
    return array.reshape(-1).view(np.uint8).data


def little_endian(name: str, array: np.ndarray) -> np.ndarray:
    """The array as it is written, or an error for types that a file cannot hold."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in CODES:
        raise TypeError(f"field {name!r} has data type {array.dtype}, which a model file cannot hold; use float64")
    return np.asarray(array, dtype=dtype, order="C")  # not ascontiguousarray, which makes 0-d arrays 1-d


class NotIntactError(ValueError):
    """A file that is not ours, or damaged."""


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise the one error of a file that is not ours or damaged."""
    raise NotIntactError(
        f"{shown(path)} is not an intact dynsamp model file: {shown(reason)}; save the model again with save_model()"
    )


class Header(NamedTuple):
    """What stands before the buffers of a file."""

    entries: dict[str, Any]
    start: int  # of the buffers
    size: int  # of the file
    digest: str | None  # of all of it, as the file says; older files say nothing
    beginning: bytes  # of the file, up to the buffers, without the digest


def read_header(file: BinaryIO, path: Path) -> Header:
    """The JSON header, and what of the file is read by then."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        refuse(path, f"it has {size} bytes, fewer than the length of a header takes")
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if not 2 <= length <= HEADER_LIMIT:
        raise ValueError(f"{shown(path)} is not a dynsamp model file; save_model() and `dynsamp fit` write such files")
    if 8 + length > size:
        refuse(path, f"it announces a header of {length} bytes, but has {size} bytes in all")
    text = file.read(length)
    entries = strict_json(text, "header", path)
    if not isinstance(entries, dict):
        refuse(path, "its header is not a JSON object")
    metadata = entries.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("dynsamp"), str):
        refuse(path, "its header has no entry 'dynsamp' (another program's file?)")
    digest = metadata.get(DIGEST)
    if digest is not None:
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest) or text.count(digest.encode()) != 1:
            refuse(path, "its digest is malformed")
        text = text.replace(digest.encode(), UNKNOWN.encode())
    return Header(entries, 8 + length, size, digest, first + text)


def strict_json(text: bytes | str, where: str, path: Path) -> Any:
    """Parse JSON as the standard has it: finite numbers, no key twice; not deep, and not much larger in memory."""

    def finite(digits: str) -> float:
        value = float(digits)
        if not math.isfinite(value):
            raise ValueError(f"the number {digits} is not finite")
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a key is given twice")
        return result

    count = sum(text.count(mark) if isinstance(text, str) else text.count(mark.encode()) for mark in "[{,")
    if count > FREE_VALUES and len(text) < BYTES_A_VALUE * count:
        refuse(path, f"its {where} has {count} values in {len(text)} bytes, which is no description of a model")
    try:
        found = json.loads(text, parse_float=finite, parse_constant=finite, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        refuse(path, f"its {where} is not plain JSON ({error})")
    if depth(found) > DEEPEST:
        refuse(path, f"its {where} has more than {DEEPEST} lists and objects within one another")
    return found


def depth(value: Any) -> int:
    """How many lists and objects are within one another, up to one more than `DEEPEST`."""
    found, level = 0, [value]
    while level and found <= DEEPEST:  # no recursion
        nested = [item for item in level if type(item) is dict or type(item) is list]
        level = [inner for item in nested for inner in (item.values() if type(item) is dict else item)]
        found += bool(nested)
    return found


def read_arrays(file: BinaryIO, header: Header, spans: Mapping[str, Span], path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file, which is refused where its digest is another than that of its content."""
    arrays = {}
    found = hashlib.sha256(header.beginning)
    for name, span in sorted(spans.items(), key=lambda item: item[1].begin):  # one after the other: they fill the file
        try:
            array = np.empty(span.shape, span.dtype)
        except (MemoryError, ValueError):
            refuse(path, f"array {quoted(name)} of shape {span.shape} is larger than memory")
        buffer = _bytes_of(array)
        for begin in range(0, len(buffer), CHUNK):
            part = buffer[begin : begin + CHUNK]
            if file.readinto(part) != len(part):  # type: ignore[attr-defined]
                refuse(path, f"array {quoted(name)} is cut short")
            found.update(part)  # while it is in the cache
        if span.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            refuse(path, f"array {quoted(name)} has entries that are neither true nor false")
        arrays[name] = array.astype(span.dtype.newbyteorder("="), copy=False)
    if header.digest is None:
        _log.warning(
            "%s was written without a digest, by an older dynsamp: damage would not show; save_model() adds one", path
        )
    elif found.hexdigest() != header.digest:
        refuse(path, "it is damaged: its content does not have the digest that it says")
    return arrays


class Span(NamedTuple):
    """An array as it lies in the file: from byte ``begin`` to ``end`` behind the header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def read_spans(header: Header, path: Path) -> dict[str, Span]:
    """Data type, shape and bytes of each array; together they cover the rest of the file exactly."""
    spans = {}
    for name, entry in header.entries.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            refuse(path, f"the entry of array {quoted(name)} is malformed")
        code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(code, str) or code not in DTYPES:
            refuse(path, f"array {quoted(name)} has data type {quoted(code)} (known: {', '.join(DTYPES)})")
        if not _naturals(shape) or len(shape) > 8 or not _naturals(offsets) or len(offsets) != 2:
            refuse(path, f"array {quoted(name)} has a malformed shape or position")
        dtype, (begin, end) = np.dtype(DTYPES[code]), offsets
        if math.prod(shape) * dtype.itemsize != end - begin:  # exact: Python's integers do not overflow
            refuse(path, f"array {quoted(name)} of shape {shape} does not fill its {end - begin} bytes")
        spans[name] = Span(dtype, tuple(shape), begin, end)
    position, total = 0, header.size - header.start
    for name, (_, _, begin, end) in sorted(spans.items(), key=lambda span: span[1][2:]):
        if begin != position:
            refuse(path, f"array {quoted(name)} starts at byte {begin}, but the one before it ends at {position}")
        position = end
    if position != total:
        refuse(path, f"its arrays take {position} bytes, but {total} follow the header (cut short?)")
    return spans


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
