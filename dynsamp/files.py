"""Files and folders that are either there in full or not at all: written beside, synced to disk, renamed."""

import contextlib
import errno
import functools
import hashlib
import os
import re
import shutil
import socket
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from dynsamp.words import quoted, shown

TEMPORARY = ".tmp"  # marks what a killed process left behind
ASIDE = ".old"  # ends the name of what stood in a place that is being taken
ABANDONED = 86400.0  # seconds: no write takes a day


def temporary(path: Path) -> Path:
    """A name beside ``path`` that no other process takes, and that says whose it is.

    The suffix stays last, since some writers know the format from it.
    """
    owner = f"{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    return path.with_name(f".{path.name}.{owner}{TEMPORARY}{path.suffix}")


def tidy(path: Path) -> None:
    """Remove what killed processes were writing to take the place of ``path``.

    What stood there, and was put aside just before one was killed, comes back.
    """
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\w{{8}})-(\d+)-\w{{12}}{re.escape(TEMPORARY)}")
    with contextlib.suppress(OSError):  # it can wait
        for entry in path.parent.iterdir():
            owner = pattern.match(entry.name)
            if owner is None or not _left(entry, owner[1], int(owner[2])):
                continue
            if entry.suffix == ASIDE and not path.exists():
                os.rename(entry, path)
            else:
                _remove(entry)


@functools.cache
def _machine() -> str:
    """Hash that tells machines, and containers, which share a disk apart: each has process ids of its own."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return hashlib.sha256(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]


def _left(entry: Path, machine: str, process: int) -> bool:
    """Whether nobody writes there any more: its process is gone, or on another machine nothing came for a day."""
    if machine == _machine():
        return not _alive(process)
    return time.time() - entry.stat().st_mtime > ABANDONED


if sys.platform == "win32":
    import ctypes

    def _alive(process: int) -> bool:
        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, process)  # to be asked about, no more
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)

else:

    def _alive(process: int) -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            return True  # of another user
        return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, where the system can: Windows cannot and need not."""
    if os.name == "posix":
        with contextlib.suppress(OSError):  # the file is in its place: it would be wrong to call it unwritten
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def reserve(path: Path, size: int) -> None:
    """Complain now if ``size`` bytes do not fit; leaves a file of that size where the system can reserve room."""
    free = shutil.disk_usage(path.parent).free
    if free < size:
        raise OSError(errno.ENOSPC, f"no space left on device ({free} bytes free, {size} needed)")
    if hasattr(os, "posix_fallocate"):  # knows of quotas and limits, too
        with open(path, "wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # not every disk can
                    raise


def write_bytes(path: Path, *parts: bytes | memoryview, durable: bool = True, mode: int = 0o666) -> None:
    """Write buffers one after the other as a whole file, or leave what was there.

    ``durable=False`` leaves out the wait for the disk; ``mode`` says who may read and write the file.
    """
    beside = temporary(path)
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            for part in parts:
                file.write(part)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A place to write a file or folder; on leaving, it takes the place of ``path``.

    What was at ``path`` stays until then, and stays for good if the block raises.
    """
    tidy(path)
    beside, old = temporary(path), None
    try:
        yield beside
        if path.is_dir() and beside.is_dir():  # a folder cannot be renamed over another
            old = path.with_name(temporary(path).name + ASIDE)
            os.rename(path, old)
            try:
                os.rename(beside, path)
            except BaseException:
                os.rename(old, path)
                raise
        else:
            os.replace(beside, path)
        sync_folder(path.parent)
    finally:
        _remove(beside)
        if old is not None and path.exists():
            _remove(old)


@contextlib.contextmanager
def explained(verb: str, path: Path) -> Iterator[None]:
    """Turn the errors of the operating system into one sentence, of the same type."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError | BlockingIOError) and error.errno is None:
            raise  # our own sentence
        place = Path(str(error.filename2 or error.filename or path))
        if place.is_relative_to(path) and TEMPORARY not in place.name:
            path = place  # which of the files in a folder
        elsewhere = "check the path" if verb == "read" else "choose another place"
        hint = {
            errno.ENOSPC: "free some space or choose another place",
            errno.EDQUOT: "free some space or choose another place",
            errno.EFBIG: "the limit on the size of files is lower; choose another place",
            errno.EACCES: "check the permissions or choose another place",
            errno.EISDIR: "remove the folder or choose another place",
            errno.ENOENT: "check the path" if verb == "read" else "create the folder first",
        }.get(error.errno or 0, elsewhere)
        reason = shown(error.strerror or error) or type(error).__name__
        # libraries derive errors whose constructors take other arguments
        kind = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
        clear = kind(f"cannot {verb} {shown(path)}: {reason[:1].lower()}{reason[1:]}; {hint}")
        clear.errno = error.errno  # without strerror, str() stays the sentence
        for note in getattr(error, "__notes__", []):
            clear.add_note(note)
        raise clear from error


def named(path: object) -> Path:
    """The path that a caller gives."""
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"a path must be text or a pathlib.Path, got {quoted(path)}")
    if not os.fspath(path) or "\0" in str(path):
        raise ValueError(f"{quoted(os.fspath(path))} is no path; give the name of a file")
    return Path(path)


def check_regular(path: Path | str, kind: str) -> None:
    """Refuse what cannot be read to its end: a pipe would be waited for, a device has none.

    Raises
    ------
    OSError
        If it is not there or its folder may not be entered.
    ValueError
        If it is a folder, a pipe, a socket or a device; ``kind`` says what it should be.
    """
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise ValueError(f"{shown(path)} is a folder, not a {kind}")
    raise ValueError(f"{shown(path)} is a pipe or a device, not a {kind}; write what it gives to a file first")


@contextlib.contextmanager
def understood(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a reader raises over a file of others into one sentence.

    What the operating system refuses stays an OSError, our own sentences stay as they are, and so does a lack of
    memory; anything else is a ValueError.
    """
    with explained("read", path):
        try:
            yield
        except (ValueError, MemoryError):
            raise
        except Exception as error:  # readers raise whatever a broken file makes them raise
            if isinstance(error, OSError) and error.errno is not None:
                raise
            about = shown(error) or type(error).__name__
            name = shown(path.name)
            raise ValueError(
                f"{name} cannot be read as a {kind}; it is damaged or of another kind ({about})"
            ) from error
