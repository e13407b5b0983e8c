"""One run at a time: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path
from typing import IO

__all__ = ["Lock"]

BYTE = 1 << 20  # the byte that Windows locks; beyond the text, which others may read


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
