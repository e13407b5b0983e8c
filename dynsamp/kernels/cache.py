"""Where compiled kernels live: the user's cache directory, never beside data."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from dynsamp.files import write_bytes

__all__ = [
    "PREFIX",
    "cache_dir",
    "clear_cache",
    "failure",
    "note_failure",
    "remove",
    "store",
]

PREFIX = "dynsamp_kernel_"  # of module names


def cache_dir() -> Path:
    """Directory of compiled kernels; ``DYNSAMP_CACHE_DIR`` overrides the platform's choice."""
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


def clear_cache() -> int:
    """Delete all compiled kernels; returns how many there were."""
    entries = [path for path in _entries(cache_dir()) if path.is_dir()]
    for path in entries:
        shutil.rmtree(path, ignore_errors=True)
    return len(entries)


def store(name: str, source: str) -> Path | None:
    """Path of a file with this source, written once; None where nothing can be kept.

    Every kernel has its own directory, which also holds what Numba writes.
    """
    try:
        base = cache_dir()
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(base):
            return None
        folder = base / f"kernel-{name}"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{PREFIX}{name.replace('-', '_')}.py"
        if not path.exists():
            write_bytes(path, source.encode(), durable=False)
        with tempfile.TemporaryFile(dir=folder):  # a read-only entry would make Numba write elsewhere
            pass
        return path
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None


def note_failure(path: Path, message: str) -> None:
    """Remember that this kernel does not compile."""
    with suppress(OSError):
        write_bytes(path.with_suffix(".txt"), message.encode(), durable=False)


def failure(path: Path) -> str | None:
    """Why this kernel does not compile, if that is known."""
    with suppress(OSError, UnicodeDecodeError):
        return path.with_suffix(".txt").read_text(encoding="utf-8") or None
    return None


def remove(path: Path) -> None:
    """Forget one kernel."""
    shutil.rmtree(path.parent, ignore_errors=True)


def _entries(base: Path) -> list[Path]:
    return sorted(base.glob("kernel-*")) if base.is_dir() else []


def _private(path: Path) -> bool:
    # compiled code is loaded from here: nobody else may be able to write it
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
