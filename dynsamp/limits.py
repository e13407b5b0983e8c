"""What a machine holds and a run can reach: work beyond it is refused before it starts, with the figure.

One home of both figures: bytes that are free to this process, and steps that end.
"""

import os
import sys
from pathlib import Path
from typing import Any

MOST_STEPS = 10**12
"""Of all trajectories of a call together: hours on many cores for the cheapest of systems, so a slip, not a plan. The
counters of random numbers tell 2^40 steps apart, a little more."""

SURE = 2**26  # bytes that every machine has: less is not worth a look at how many are free

_GROUPS, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def free_memory() -> int | None:
    """Bytes that this process may still take, swap apart: of the machine, or of its container if that allows less.

    None where the system does not say.
    """
    figures = [_of_machine(), _of_container(), _of_limits()]
    known = [figure for figure in figures if figure is not None]
    return max(min(known), 0) if known else None


def check_bytes(needed: float, what: str, remedy: str) -> None:
    """Refuse what memory cannot hold.

    Raises
    ------
    ValueError
        With the sentence: ``what`` need so much, so much is free, and ``remedy``.
    """
    if needed <= SURE:
        return
    free = free_memory()
    if free is not None and not needed <= free:  # NaN, too
        raise ValueError(f"{what} need {spoken_bytes(needed)} of memory, but {spoken_bytes(free)} are free; {remedy}")


def check_steps(steps: float, what: str, remedy: str) -> None:
    """Refuse a run that does not end.

    Raises
    ------
    ValueError
        With the sentence: ``what`` mean so many steps, and ``remedy``.
    """
    if not steps <= MOST_STEPS:  # NaN, too
        raise ValueError(
            f"{what} mean {_spoken(steps)} steps, more than the {MOST_STEPS:.0e} that a run may take; {remedy}"
        )


def spoken_bytes(count: float) -> str:
    """Bytes as people say them."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def _spoken(number: float) -> str:
    return f"{number:.6g}" if number < float("inf") else "more than 1e308"


def _of_machine() -> int | None:
    if sys.platform == "win32":
        return _of_windows()
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:  # elsewhere the whole memory: what is in use is given up for caches and cannot be told from them
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _of_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", "pages", "free_pages", "address", "room")),
            ("extended", ctypes.c_ulonglong),
        )

    status = Status(length=ctypes.sizeof(Status))
    library: Any = ctypes
    return int(status.available) if library.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _of_container() -> int | None:
    """The tightest of the control groups around this process, of version 1 or 2."""
    own: dict[str, str] = {}  # path by controller, of version 2 under no name
    for line in _text(_OWN_GROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path.strip("/")))
    found = []
    second = (_GROUPS, "", "memory.max", "memory.current", "inactive_file")
    first = (_GROUPS / "memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    for root, controller, limit, usage, files in (second, first):
        place = root / own.get(controller, "")
        for group in (place, *place.parents):  # in a container, the path may be that of the host: its root is the own
            if group != root and root not in group.parents:
                break
            most, used = _text(group / limit).strip(), _text(group / usage).strip()
            if most.isdigit() and used.isdigit():
                lines = [line.split() for line in _text(group / "memory.stat").splitlines()]
                dropped = sum(int(number) for name, number in lines if name == files)  # files that may be read again
                found.append(int(most) - int(used) + dropped)
    return min(found, default=None)


def _of_limits() -> int | None:
    """What ``ulimit -v`` leaves."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most == resource.RLIM_INFINITY:
        return None
    used = _text(Path("/proc/self/statm")).split()
    return most - (int(used[0]) * resource.getpagesize() if used else 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
