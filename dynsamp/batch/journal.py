"""What is done: one line of JSON for each finished chunk, on the disk before the next is counted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TypedDict, cast

from dynsamp.files import write_bytes

__all__ = ["Finished", "Journal", "entries"]

LONGEST = 1 << 20  # bytes of a line, of thousands of variables


class Finished(TypedDict, total=False):
    """What is said of a finished chunk."""

    chunk: int
    crc: dict[str, int]  # of the file of each variable
    trajectories: int
    cpu_seconds: float


def _lines(path: Path) -> Iterator[tuple[bytes, Finished | None]]:
    """Lines and what they say: nothing where one is torn by a crash, or damaged."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        while line := file.readline(LONGEST):
            yield line, _entry(line) if line.endswith(b"\n") else None


def _entry(line: bytes) -> Finished | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or type(entry.get("chunk")) is not int or not isinstance(entry.get("crc"), dict):
        return None
    whole = all(type(value) is int and 0 <= value < 1 << 32 for value in entry["crc"].values())
    return cast(Finished, entry) if whole else None


def entries(path: Path, chunks: int) -> dict[int, Finished]:
    """The last entry of each of ``chunks`` chunks."""
    said = (entry for _, entry in _lines(path) if entry is not None)
    return {entry["chunk"]: entry for entry in said if 0 <= entry["chunk"] < chunks}


class Journal:
    """Context manager; ``done`` holds the entries by chunk. Lines that say nothing are left out for good."""

    def __init__(self, path: Path, chunks: int) -> None:
        self.path = path
        self.chunks = chunks
        self.done: dict[int, Finished] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        self.done = entries(self.path, self.chunks)
        if any(entry is None for _, entry in _lines(self.path)):
            write_bytes(self.path, *(json.dumps(entry).encode() + b"\n" for entry in self.done.values()))
        self._file = open(self.path, "ab")  # held until __exit__
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, entry: Finished) -> None:
        """Write an entry; on return it is on the disk."""
        assert self._file is not None
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done[entry["chunk"]] = entry
