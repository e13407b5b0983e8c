"""The safetensors layout: a u64 little-endian header length, a JSON header, raw little-endian buffers.

A strict reader: every size is checked before memory is taken, and the arrays fill the file exactly.
https://huggingface.co/docs/safetensors (format section).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

__all__ = [
    "HEADER_LIMIT",
    "encode",
    "little_endian",
    "read_arrays",
    "read_header",
    "refuse",
    "strict_json",
]

HEADER_LIMIT = 4 << 20  # bytes; what a model says about itself is a few kilobytes

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


def encode(metadata: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> list[bytes]:
    """Everything that goes into the file; arrays come from `little_endian`."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
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
    return [len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays.values())]


def little_endian(name: str, array: np.ndarray) -> np.ndarray:
    """The array as it is written, or an error for types that a file cannot hold."""
    dtype = array.dtype.newbyteorder("<")
    if dtype not in CODES:
        raise TypeError(f"field {name!r} has data type {array.dtype}, which a model file cannot hold; use float64")
    return np.asarray(array, dtype=dtype, order="C")  # not ascontiguousarray, which makes 0-d arrays 1-d


def refuse(path: Path, reason: str) -> NoReturn:
    """Raise the one error of a file that is not ours or damaged."""
    raise ValueError(f"{path} is not an intact dynsamp model file: {reason}; save the model again with save_model()")


def read_header(file: BinaryIO, path: Path) -> tuple[dict[str, Any], int, int]:
    """The JSON header, where the buffers start, and the size of the file."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        refuse(path, f"it has {size} bytes, fewer than the length of a header takes")
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= HEADER_LIMIT:
        raise ValueError(f"{path} is not a dynsamp model file; save_model() and `dynsamp fit` write such files")
    if 8 + length > size:
        refuse(path, f"it announces a header of {length} bytes, but has {size} bytes in all")
    header = strict_json(file.read(length), "header", path)
    if not isinstance(header, dict):
        refuse(path, "its header is not a JSON object")
    return header, 8 + length, size


def strict_json(text: bytes | str, where: str, path: Path) -> Any:
    """Parse JSON as the standard has it: finite numbers, no key twice."""

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

    try:
        return json.loads(text, parse_float=finite, parse_constant=finite, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        refuse(path, f"its {where} is not plain JSON ({error})")


def read_arrays(file: BinaryIO, header: Mapping[str, Any], start: int, size: int, path: Path) -> dict[str, np.ndarray]:
    """Arrays of a file of ``size`` bytes whose buffers begin at ``start``."""
    arrays = {}
    for name, (dtype, shape, begin, end) in _spans(header, size - start, path).items():
        file.seek(start + begin)
        buffer = file.read(end - begin)
        if len(buffer) != end - begin:
            refuse(path, f"array {name!r} is cut short")
        array = np.frombuffer(bytearray(buffer), dtype).reshape(shape)  # a bytearray: arrays stay writable
        arrays[name] = array.astype(dtype.newbyteorder("="), copy=False)
    return arrays


def _spans(
    header: Mapping[str, Any], total: int, path: Path
) -> dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]]:
    """Data type, shape and bytes of each array; together they cover the rest of the file exactly."""
    spans = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            refuse(path, f"the entry of array {name!r} is malformed")
        code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(code, str) or code not in DTYPES:
            refuse(path, f"array {name!r} has data type {code!r:.40} (known: {', '.join(DTYPES)})")
        if not _naturals(shape) or len(shape) > 8 or not _naturals(offsets) or len(offsets) != 2:
            refuse(path, f"array {name!r} has a malformed shape or position")
        dtype, (begin, end) = np.dtype(DTYPES[code]), offsets
        if math.prod(shape) * dtype.itemsize != end - begin:  # exact: Python's integers do not overflow
            refuse(path, f"array {name!r} of shape {shape} does not fill its {end - begin} bytes")
        spans[name] = (dtype, tuple(shape), begin, end)
    position = 0
    for name, (_, _, begin, end) in sorted(spans.items(), key=lambda span: span[1][2:]):
        if begin != position:
            refuse(path, f"array {name!r} starts at byte {begin}, but the one before it ends at {position}")
        position = end
    if position != total:
        refuse(path, f"its arrays take {position} bytes, but {total} follow the header (cut short?)")
    return spans


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)
