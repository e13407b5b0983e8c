"""What stands beside a store: its plan, a journal of what is done, and a lock that lets one run write at a time.

The plan is what determines the numbers of a store, written down when it is begun and compared when it goes on. The
journal has one line of JSON for each finished chunk, on the disk before the next is counted. The system takes the lock
back when its holder dies.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, TypedDict, cast

from dynsamp.dataset.zarrstore import Json, as_json, read_json
from dynsamp.files import write_bytes

SHORT = 40  # characters of a value that a message shows
NAMED = 4  # differences that a message names
FOLLOW = ("variables", "first trajectory")  # they differ where other things do
LONGEST = 1 << 20  # bytes of a line, of thousands of variables
BYTE = 1 << 20  # the byte that Windows locks; beyond the text, which others may read


@dataclass(frozen=True)
class Saved:
    """What stands beside a store."""

    digest: str  # of the plan
    plan: Json
    chunk: int  # trajectories of a chunk
    attributes: Json  # of the store


def digest(plan: Mapping[str, object]) -> str:
    """Hash of a plan."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def write_plan(path: Path, saved: Saved) -> None:
    """Write a plan, with the hash of all that is said."""
    content = as_json(vars(saved))
    write_bytes(path, json.dumps({**content, "check": digest(content)}, indent=1).encode())


def read_plan(path: Path) -> Saved | None:
    """The plan that was written; None where there is none.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    if not path.exists():
        return None
    try:
        content = read_json(path)
        check = content.pop("check", None)
        saved = Saved(**content)
        whole = digest(saved.plan) == saved.digest and check in (None, digest(content))
        if not whole or type(saved.chunk) is not int or saved.chunk < 1 or not isinstance(saved.attributes, dict):
            raise ValueError
        if not isinstance(saved.plan.get("count"), int) or not isinstance(saved.plan.get("variables"), dict):
            raise ValueError
    except (ValueError, TypeError, AttributeError):
        raise ValueError(
            f"{path} is damaged, so nobody knows what its store holds; open_dataset() still reads one that is finished;"
            f" to write it anew, remove {path.parent.stem} and {path.parent.name}, or choose another name"
        ) from None
    return saved


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In what two plans differ, in words: names, with the values where they are short."""
    causes = ({key: value for key, value in plan.items() if key not in FOLLOW} for plan in (old, new))
    found = list(_differences(*causes)) or list(_differences(old, new))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in [*new, *(key for key in old if key not in new)]:
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from _differences(before, now)
        elif json.dumps(before, sort_keys=True) != json.dumps(now, sort_keys=True):
            shown = [_told(value) for value in (before, now)]
            told = all(shown) and shown[0] != shown[1]
            yield f"{key} {shown[0]}, now {shown[1]}" if told else f"other {key}"


def _told(value: Any) -> str:
    """A value for people; nothing where it is long, or a hash alone."""
    if value is None or value == "":
        return "not given"
    text = value.partition("#")[0].strip() if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHORT and text.isprintable() else ""


# --- what is done


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


# --- one run at a time


class Lock:
    """Context manager; refuses where another process holds the lock.

    Where the file system knows no locks, nothing is locked: two runs of one plan write the same bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Lock:
        file = open(self.path, "a+", encoding="ascii", errors="replace")  # held until __exit__
        try:
            _acquire(file)
        except OSError as error:
            holder = _read(file)
            file.close()
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise BlockingIOError(
                    f"another process ({holder or 'unknown'}) writes to {self.path.parent.stem}; wait for it or stop it"
                ) from None
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
            return self
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        self._file = file
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()  # releases; the file stays, since removing it could remove another's lock
            self._file = None


def _read(file: IO[str]) -> str:
    try:
        file.seek(0)
        return "".join(c for c in file.readline(100) if c.isprintable())
    except OSError:
        return ""


if sys.platform == "win32":
    import msvcrt

    def _acquire(file: IO[str]) -> None:
        file.seek(BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0, os.SEEK_END)

else:
    import fcntl

    def _acquire(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
