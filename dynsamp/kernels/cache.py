"""Where compiled functions are kept: one file each, in the user's cache directory, never beside data.

What is kept is a pickle of machine code: whoever can write it can do anything here, and a flipped bit ends the
process. So a file is unpacked only where it, its folder and all folders above belong to the user or to the system and
nobody else may write them, and only if the checksum in its first bytes is that of its content and of its name.
Anything else is removed, and the function is compiled again. Files are written whole or not at all, so that processes
share them; those that have not been used for longest go where they take more than ``DYNSAMP_CACHE_SIZE``.
"""

import hashlib
import logging
import os
import re
import shutil
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dynsamp.files import TEMPORARY, write_bytes

_log = logging.getLogger("dynsamp")
_MAGIC = b"dynsamp kernel 2\n"  # and 32 bytes of SHA-256; the older layout had a folder a function
_ENTRY = "kernel-*"
SIZE = 2 * 2**30
"""Bytes that are kept, unless asked for: 13 000 functions of the usual 150 kB; the whole test suite makes 3000."""
_KEPT = 0.9  # of the limit that is left when files are removed: not one removal a function from then on
_SCANS = 64  # looks at the whole folder while as much is written as may be kept: one takes 2 ms a thousand files
_STALE = 3600.0  # seconds after which what a killed process was writing is removed
_LOCK = threading.Lock()
_said: set[str] = set()  # what was warned of
_unseen: dict[Path, int] = {}  # bytes that were written into a folder since it was last looked at


class Contents(NamedTuple):
    """What a cache holds."""

    functions: int
    size: int  # bytes


def cache_dir() -> Path:
    """Directory of compiled functions; ``DYNSAMP_CACHE_DIR`` overrides the platform's choice."""
    override = os.environ.get("DYNSAMP_CACHE_DIR")
    if override:
        return Path(override).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "dynsamp" / "kernels"


def size_limit() -> int:
    """Bytes that may be kept; ``DYNSAMP_CACHE_SIZE``, such as 500MB or 2GB, overrides it, and 0 keeps nothing."""
    given = os.environ.get("DYNSAMP_CACHE_SIZE", "").strip()
    if not given:
        return SIZE
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?) ?([kmgt]?)i?b?", given.lower())
    if found is None:
        _warn(f"DYNSAMP_CACHE_SIZE is {given[:40]!r}, no size; {SIZE / 2**30:g} GB are kept: try 500MB, 2GB or 0")
        return SIZE
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2] or " "))


def contents(folder: Path) -> Contents:
    """How many functions a folder holds, and their size."""
    found = _files(folder)
    return Contents(len(found), sum(size for _, size, _ in found))


def clear_cache() -> int:
    """Delete all compiled functions; returns how many there were."""
    folder = cache_dir()
    entries = [path for path, _, _ in _files(folder)]
    for path in [*entries, *_unfinished(folder)]:
        _delete(path)
    return len(entries)


def read(name: str) -> bytes | None:
    """What is kept under a name; None where there is nothing, or nothing that may be believed."""
    folder = _usable()
    if folder is None:
        return None
    path = folder / f"kernel-{name}"
    try:
        reason, content = _opened(path)
    except FileNotFoundError:
        return None
    except OSError as error:  # a link, or a disk that fails
        reason, content = error.strerror or "it cannot be read", b""
    head = len(_MAGIC) + hashlib.sha256().digest_size
    if not reason and content[:head] != _MAGIC + _checksum(name, content[head:]):
        reason = "its checksum is wrong"
    if reason:
        _log.info("the compiled function %s is not used: %s", path, reason)
        _delete(path)
        return None
    with suppress(OSError):  # a folder that can only be read
        os.utime(path)  # used now
    return content[head:]


def _opened(path: Path) -> tuple[str, bytes]:
    """Why a file may not be believed, or else what is in it."""
    handle = os.open(path, os.O_RDONLY | _FLAGS)  # from here on it is the file that was looked at
    try:
        status = os.fstat(handle)
        reason = _exposed(status) if stat.S_ISREG(status.st_mode) else "is no file"
        if reason:
            return f"it {reason}", b""
        with open(handle, "rb", closefd=False) as file:
            return "", file.read()
    finally:
        os.close(handle)


def write(name: str, content: bytes) -> None:
    """Keep something under a name, where that is possible."""
    folder, limit = _usable(), size_limit()
    if folder is None or len(content) > limit:
        return
    try:
        head = _MAGIC + _checksum(name, content)
        write_bytes(folder / f"kernel-{name}", head, content, durable=False, mode=0o600)
    except OSError as error:
        _warn(f"compiled functions cannot be kept in {folder} ({error.strerror}): every process compiles anew")
        return
    with _LOCK:
        unseen = _unseen.get(folder, limit) + len(content)
        look = unseen >= limit // _SCANS
        _unseen[folder] = 0 if look else unseen
    if look:
        _trim(folder, limit)


def remove(name: str) -> None:
    """Forget what is kept under a name."""
    folder = _usable()
    if folder is not None:
        _delete(folder / f"kernel-{name}")


def trouble(folder: Path) -> str:
    """Why nothing is kept in a folder, in words that go on from its name; "" where it is fine."""
    try:
        found = next(path for path in (folder, *folder.parents) if path.exists())
        if not found.is_dir():
            return "is not a folder" if found == folder else f"cannot be made, because {found} is a file"
        reason = _untrusted(found)
    except (OSError, StopIteration) as error:
        return f"cannot be looked at ({getattr(error, 'strerror', None) or error})"
    if reason:
        return reason
    if not os.access(found, os.W_OK | os.X_OK):
        return "is not writable"
    return "" if size_limit() else "is switched off by DYNSAMP_CACHE_SIZE=0"


def _usable() -> Path | None:
    """The folder, made where it is missing, without links on the way; None where it may not be believed."""
    if not size_limit():
        return None
    try:
        folder = cache_dir()
        try:
            status = os.stat(folder)
        except FileNotFoundError:
            _make(folder)
            status = os.stat(folder)
        # looked at once a process, and again where anything about it has changed
        seen = (str(folder), status.st_dev, status.st_ino, status.st_uid, status.st_mode)
        if seen not in _trusted:
            place = folder.resolve()
            reason = _untrusted(place)
            if reason:
                _warn(f"the folder of compiled functions {folder} {reason}: every process compiles anew")
                return None
            _trusted[seen] = place
        return _trusted[seen]
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        reason = getattr(error, "strerror", None) or str(error)
        _warn(f"there is no folder for compiled functions ({reason}): every process compiles anew")
        return None


def _make(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


_trusted: dict[tuple[str, int, int, int, int], Path] = {}
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _untrusted(folder: Path) -> str:
    """Why a folder may not be believed: others could write it, or put another in its place; "" where they cannot."""
    if not folder.is_dir():
        return "is not a folder"
    place = folder.resolve()
    for path in (place, *place.parents):
        status = os.stat(path)
        # in a folder like /tmp everybody may write, but only the owner of an entry may rename it
        shared = path != place and status.st_mode & stat.S_ISVTX
        reason = _exposed(status, shared=bool(shared))
        if reason:
            return f"is not safe, because {path} {reason}" if path != place else f"is not safe: it {reason}"
    return ""


def _exposed(status: os.stat_result, *, shared: bool = False) -> str:
    """Who else could have written something, as the end of a sentence; "" where nobody."""
    if not hasattr(os, "getuid"):  # Windows: the folders of a profile are its user's
        return ""
    # the owner of / is the system, also where a container shows it under another number
    if status.st_uid not in (os.getuid(), 0, os.stat("/").st_uid):
        return "belongs to another user"
    if shared:
        return ""
    if status.st_mode & stat.S_IWOTH:
        return "can be written by others (chmod o-w)"
    if status.st_mode & stat.S_IWGRP and not _own_group(status.st_gid):
        return "can be written by a group (chmod g-w)"
    return ""


def _own_group(gid: int) -> bool:
    """Whether a group is that of this user alone: where every user has one, their folders are open to it."""
    import grp
    import pwd

    try:
        group, name = grp.getgrgid(gid), pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return False
    return group.gr_name == name and set(group.gr_mem) <= {name}


def _checksum(name: str, content: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + content).digest()


def _trim(folder: Path, limit: int) -> None:
    """Remove what has not been used for longest, where there is too much, and what killed processes left."""
    for path in _unfinished(folder):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _STALE:
                _delete(path)
    found = _files(folder)
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return
    for path, size, _ in sorted(found, key=lambda entry: entry[2])[:-1]:  # what was written last stays
        if total <= _KEPT * limit:
            break
        _delete(path)
        total -= size


def _files(folder: Path) -> list[tuple[Path, int, float]]:
    """Entries of a folder: path, size, time of the last use."""
    found = []
    for path in folder.glob(_ENTRY):
        with suppress(OSError):  # another process may have removed it
            status = path.lstat()
            found.append((path, _size(path) if stat.S_ISDIR(status.st_mode) else status.st_size, status.st_mtime))
    return found


def _size(folder: Path) -> int:
    # an entry of the older layout
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)


def _unfinished(folder: Path) -> list[Path]:
    return list(folder.glob(f".{_ENTRY}{TEMPORARY}*"))


def _delete(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _warn(sentence: str) -> None:
    if sentence not in _said:
        _said.add(sentence)
        _log.warning("%s", sentence)
