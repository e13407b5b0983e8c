"""What is done: one line of JSON for each finished chunk, on the disk before the next is counted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TypedDict, cast

__all__ = ["Finished", "Journal", "entries"]


class Finished(TypedDict, total=False):
    """What is said of a finished chunk."""

    chunk: int
    crc: dict[str, int]  # of the file of each variable
    trajectories: int
    cpu_seconds: float
    adopted: bool  # found on the disk


def _whole_lines(path: Path) -> Iterator[tuple[bytes, Finished]]:
    if not path.exists():
        return
    with open(path, "rb") as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                return
            if not line.endswith(b"\n") or not isinstance(entry, dict) or "chunk" not in entry:
                return  # torn by a crash, like all after it
            yield line, cast(Finished, entry)


def entries(path: Path) -> dict[int, Finished]:
    """The last entry of each chunk."""
    return {int(entry["chunk"]): entry for _, entry in _whole_lines(path)}


class Journal:
    """Context manager; ``done`` holds the entries by chunk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[int, Finished] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        whole = sum(len(line) for line, _ in _whole_lines(self.path))
        self.done = entries(self.path)
        self._file = open(self.path, "ab")  # held until __exit__
        self._file.truncate(whole)
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
        self.done[int(entry["chunk"])] = entry
