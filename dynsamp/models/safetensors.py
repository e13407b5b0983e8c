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
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np

from dynsamp.words import quoted, shown

_log = logging.getLogger("dynsamp")

HEADER_LIMIT = 4 << 20  # bytes; what a model says about itself is a few kilobytes
DEEPEST = 20  # lists and objects within one another: summaries walk through them, and reports have three
FREE_VALUES = 10_000  # of a header, which take a megabyte at most; ...
BYTES_A_VALUE = 16  # ... of more, each has so many bytes: [[],[],... is twenty times as large in memory
SMALL = 1 << 20  # bytes of a file that is read at once
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
KINDS = {code: np.dtype(layout) for code, layout in DTYPES.items()}
CODES = {kind: code for code, kind in KINDS.items()}
FLOAT = np.dtype(np.float64)
NESTS = frozenset({dict, list})


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


def refuse(path: Path | str, reason: str) -> NoReturn:
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
    taken: bytearray  # what has been read: all of a small file; zeros in place of the digest


def read_header(file: BinaryIO, path: Path | str) -> Header:
    """The JSON header, and what of the file is read by then."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        refuse(path, f"it has {size} bytes, fewer than the length of a header takes")
    taken = _taken(file, size if size <= SMALL else 8, path)
    length = int.from_bytes(taken[:8], "little")
    if not 2 <= length <= HEADER_LIMIT:
        raise ValueError(f"{shown(path)} is not a dynsamp model file; save_model() and `dynsamp fit` write such files")
    if 8 + length > size:
        refuse(path, f"it announces a header of {length} bytes, but has {size} bytes in all")
    start = 8 + length
    if size > SMALL:
        taken += _taken(file, length, path)
    entries = _parsed(taken[8:start], "header", path)  # where it is deep, an entry is malformed
    if not isinstance(entries, dict):
        refuse(path, "its header is not a JSON object")
    metadata = entries.get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("dynsamp"), str):
        refuse(path, "its header has no entry 'dynsamp' (another program's file?)")
    digest = metadata.get(DIGEST)
    if digest is not None:
        known = isinstance(digest, str) and len(digest) == len(UNKNOWN) and digest.isascii() and digest.isalnum()
        at = taken.find(digest.encode(), 0, start) if known else -1
        if at < 0 or taken.find(digest.encode(), at + 1, start) >= 0:
            refuse(path, "its digest is malformed")
        taken[at : at + len(UNKNOWN)] = UNKNOWN.encode()
    return Header(entries, start, size, digest, taken)


def _taken(file: BinaryIO, count: int, path: Path | str) -> bytearray:
    """So many bytes of a file."""
    found = bytearray(count)
    if not _filled(file, memoryview(found)):
        refuse(path, "it is cut short")
    return found


def _filled(file: BinaryIO, room: memoryview) -> bool:
    """Whether the file had as many bytes as there is room for."""
    taken = file.readinto(room)  # type: ignore[attr-defined]
    while 0 < taken < len(room):  # a file on another machine may come in pieces
        room = room[taken:]
        taken = file.readinto(room)  # type: ignore[attr-defined]
    return bool(taken == len(room))


def _finite(digits: str) -> float:
    value = float(digits)
    if value - value != 0.0:
        raise ValueError(f"the number {digits} is not finite")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_finite, object_pairs_hook=_unique)


def strict_json(text: str, where: str, path: Path | str) -> Any:
    """Parse JSON as the standard has it: finite numbers, no key twice; not deep, and not much larger in memory."""
    found = _parsed(text, where, path)
    if depth(found) > DEEPEST:
        refuse(path, f"its {where} has more than {DEEPEST} lists and objects within one another")
    return found


def _parsed(text: bytearray | str, where: str, path: Path | str) -> Any:
    if len(text) > FREE_VALUES:  # as many values take more bytes
        count = sum(text.count(mark) if isinstance(text, str) else text.count(mark.encode()) for mark in "[{,")
        if count > FREE_VALUES and len(text) < BYTES_A_VALUE * count:
            refuse(path, f"its {where} has {count} values in {len(text)} bytes, which is no description of a model")
    try:
        return _decoder.decode(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        refuse(path, f"its {where} is not plain JSON ({error})")


def depth(value: Any) -> int:
    """How many lists and objects are within one another, up to one more than `DEEPEST`."""
    found = 0
    level: list[Any] = [value] if type(value) in NESTS else []
    while level and found <= DEEPEST:  # no recursion
        found += 1
        inner: list[Any] = []
        for nest in level:
            inner += nest.values() if type(nest) is dict else nest
        level = [item for item in inner if type(item) in NESTS]
    return found


def read_arrays(file: BinaryIO, header: Header, spans: Mapping[str, Span], path: Path | str) -> dict[str, np.ndarray]:
    """The arrays of a file, which is refused where its digest is another than that of its content."""
    found = hashlib.sha256(header.taken)
    arrays = _views(header, spans) if len(header.taken) == header.size else _read(file, spans, found, path)
    for name, array in arrays.items():
        dtype = array.dtype
        if dtype is FLOAT:  # as almost all
            continue
        if dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            refuse(path, f"array {quoted(name)} has entries that are neither true nor false")
        if not dtype.isnative:
            arrays[name] = array.astype(dtype.newbyteorder("="))
    if header.digest is None:
        _log.warning(
            "%s was written without a digest, by an older dynsamp: damage would not show; save_model() adds one", path
        )
    elif found.hexdigest() != header.digest:
        refuse(path, "it is damaged: its content does not have the digest that it says")
    return arrays


def _views(header: Header, spans: Mapping[str, Span]) -> dict[str, np.ndarray]:
    """Arrays of a file that is in memory, as it lies there."""
    place, places, arrays = header.start, 0, {}
    for name, (dtype, shape) in spans.items():
        arrays[name] = array = np.ndarray(shape, dtype, header.taken, place)
        places |= place
        place += array.nbytes
    if places % 8:  # after short numbers, long ones may lie where compiled code does not look for them
        return {name: array.copy() for name, array in arrays.items()}
    return arrays


def _read(file: BinaryIO, spans: Mapping[str, Span], found: hashlib._Hash, path: Path | str) -> dict[str, np.ndarray]:
    """Arrays of a large file, whose digest a thread takes while the next part is read."""
    arrays = {}
    parts: SimpleQueue[memoryview | None] = SimpleQueue()
    worker = Thread(target=_digest, args=(found, parts), daemon=True)
    with suppress(RuntimeError):  # where no more threads are to be had, the digest is taken in the end
        worker.start()
    try:
        for name, (dtype, shape) in spans.items():  # in turn: they fill the file
            try:
                arrays[name] = array = np.empty(shape, dtype)
            except (MemoryError, ValueError):
                refuse(path, f"array {quoted(name)} of shape {shape} is larger than memory")
            buffer = _bytes_of(array)
            for begin in range(0, len(buffer), CHUNK):
                part = buffer[begin : begin + CHUNK]
                if not _filled(file, part):
                    refuse(path, f"array {quoted(name)} is cut short")
                parts.put(part)
    finally:
        parts.put(None)
        if worker.ident is not None:
            worker.join()
    if worker.ident is None:
        _digest(found, parts)
    return arrays


def _digest(found: hashlib._Hash, parts: SimpleQueue[memoryview | None]) -> None:
    for part in iter(parts.get, None):
        found.update(part)


Span = tuple[np.dtype[Any], tuple[int, ...]]  # data type and shape of an array


def read_spans(header: Header, path: Path | str) -> dict[str, Span]:
    """Data type and shape of each array, as they lie in the file; together they fill the rest of it exactly."""
    spans: dict[str, Span] = {}
    begins, position, ordered = [], 0, True
    for name, entry in header.entries.items():
        if name == "__metadata__":
            continue
        if type(entry) is not dict or len(entry) != 3 or not ("dtype" in entry and "shape" in entry):
            refuse(path, f"the entry of array {quoted(name)} is malformed")
        code: Any = entry["dtype"]
        shape: Any = entry["shape"]
        offsets: Any = entry.get("data_offsets")
        if type(code) is not str or code not in KINDS:
            refuse(path, f"array {quoted(name)} has data type {quoted(code)} (known: {', '.join(KINDS)})")
        good = type(shape) is type(offsets) is list and len(shape) <= 8 and len(offsets) == 2
        for number in shape + offsets if good else ():
            if type(number) is not int or number < 0:
                good = False
        if not good:
            refuse(path, f"array {quoted(name)} has a malformed shape or position")
        dtype, (begin, end) = KINDS[code], offsets
        if math.prod(shape, start=dtype.itemsize) != end - begin:  # exact: Python's integers do not overflow
            refuse(path, f"array {quoted(name)} of shape {shape} does not fill its {end - begin} bytes")
        spans[name] = dtype, tuple(shape)
        begins.append((begin, end, name))
        if begin != position:
            ordered = False
        position = end
    if not ordered:
        position = 0
        for begin, end, name in sorted(begins):
            if begin != position:
                refuse(path, f"array {quoted(name)} starts at byte {begin}, but the one before it ends at {position}")
            position = end
        spans = {name: spans[name] for _, _, name in sorted(begins)}
    total = header.size - header.start
    if position != total:
        refuse(path, f"its arrays take {position} bytes, but {total} follow the header (cut short?)")
    return spans
