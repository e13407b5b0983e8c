"""Trajectories in blocks: threads that take them, and where their states go.

The blocks are the same for any number of threads, and no result depends on them. Kernels release the interpreter lock.
States go into one array, or into statistics over trajectories that nothing keeps.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import numpy as np

from dynsamp.interruption import background, waited

NUMBER, MEAN, SQUARES, LOW, HIGH = 0, 1, 2, 3, 4
CHUNK = 64  # trajectories of a group that are folded one after the other, before they are merged
GRACE = 0.5  # seconds that an interrupt waits for loops to see it: within one it is to be obeyed
_log = logging.getLogger("dynsamp")


def _default_threads() -> int:
    """``DYNSAMP_THREADS``, or the number of processors that this process may use."""
    given = os.environ.get("DYNSAMP_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def over_blocks(
    work: Callable[[np.ndarray, int, int], object],
    count: int,
    block: int,
    threads: int | None = None,
    *,
    small: bool = False,
    every: int = 1,
) -> None:
    """Call ``work(stop, begin, end)`` for blocks of [0, count).

    ``stop`` is (flag, ``every``): the flag becomes nonzero when the others should give up, after an error or an
    interrupt, to which only a thread that waits for others can listen. So a single block has its own thread, too,
    unless it is ``small``; a loop looks at the flag every so many steps. Nothing goes on when this returns, but for
    what an interrupt leaves behind because it never looks: a right-hand side with a loop of its own.
    """
    stop = np.array([0, every], dtype=np.int64)
    ranges = [(begin, min(begin + block, count)) for begin in range(0, count, block)]
    if small or not ranges:
        for begin, end in ranges:
            work(stop, begin, end)
        return
    threads = max(1, min(_default_threads() if threads is None else threads, len(ranges)))
    left = deque(ranges)

    def take() -> None:
        while left and not stop[0]:
            try:
                begin, end = left.popleft()
            except IndexError:  # another thread was faster
                return
            work(stop, begin, end)

    futures: list[Future[None]] = []
    try:
        futures.extend(background(take) for _ in range(threads))
        for future in waited(futures):
            future.result()
    except BaseException as error:
        stop[0] = 1
        if wait(futures, GRACE if isinstance(error, KeyboardInterrupt) else None).not_done:
            _log.warning("a function of the system does not come to its end; its thread goes on as long as the process")
        raise


class Whole:
    """All states in one array (trajectory, time, state); threads write their own rows."""

    def __init__(self, out: np.ndarray) -> None:
        self.out = out
        # large ones keep lanes full, many of them keep threads busy
        self.block = min(16, max(1, len(out) // (16 * CHUNK))) * CHUNK

    def place(self, begin: int, end: int) -> np.ndarray:
        """Array for the states of trajectories begin..end-1."""
        return self.out[begin:end]

    def add(self, begin: int, end: int) -> None:
        """States of trajectories begin..end-1 are there."""


class Fold:
    """Totals (group, 5, time * state) of ``group`` consecutive trajectories each.

    Blocks arrive from threads in any order; chunks of a group are merged in the order of their trajectories, so the
    result has the same bits for any number of threads, and whatever other groups there are.
    """

    def __init__(self, count: int, group: int, shape: tuple[int, int]) -> None:
        self.group = group
        self.shape = shape  # (time, state)
        self.block = CHUNK if group >= count else max(1, CHUNK // group) * group  # trajectories that come at a time
        self.totals = np.stack([_empty(shape[0] * shape[1]) for _ in range(-(-count // group))])
        self._next = [number * group for number in range(len(self.totals))]  # trajectory that each group waits for
        self._waiting: dict[int, tuple[int, np.ndarray]] = {}  # first trajectory: (one after the last, total)
        self._lock = threading.Lock()
        self._own = threading.local()

    def place(self, begin: int, end: int) -> np.ndarray:
        """As for ``Whole``: an array of the thread's own."""
        if not hasattr(self._own, "room"):
            self._own.room = np.empty((self.block, *self.shape))
        room: np.ndarray = self._own.room[: end - begin]
        return room

    def add(self, begin: int, end: int) -> None:
        """Fold the states of trajectories begin..end-1, which the thread has in its array."""
        rows = self._own.room[: end - begin].reshape(end - begin, -1)
        low = begin
        while low < end:
            start = low // self.group * self.group
            high = min(end, start + self.group, low + CHUNK - (low - start) % CHUNK)
            with np.errstate(over="ignore"):  # squares of states that are about to diverge
                total = _total(rows[low - begin : high - begin])
            with self._lock:
                self._waiting[low] = (high, total)
                self._drain(low // self.group)
            low = high

    def _drain(self, number: int) -> None:
        while self._next[number] in self._waiting:
            high, total = self._waiting.pop(self._next[number])
            with np.errstate(over="ignore", invalid="ignore"):
                self.totals[number] = merged(self.totals[number], total)
            self._next[number] = high


def merged(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Totals (5, value) of two sets of trajectories.

    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, The American Statistician 37, 242.
    """
    number = a[NUMBER] + b[NUMBER]
    share = b[NUMBER] / np.maximum(number, 1.0)
    change = b[MEAN] - a[MEAN]
    both = np.empty_like(a)
    both[NUMBER] = number
    both[MEAN] = a[MEAN] + change * share
    both[SQUARES] = a[SQUARES] + b[SQUARES] + change * change * a[NUMBER] * share
    both[LOW], both[HIGH] = np.minimum(a[LOW], b[LOW]), np.maximum(a[HIGH], b[HIGH])
    return both


def _total(rows: np.ndarray) -> np.ndarray:
    """Total (5, value) of rows (trajectory, value); a value that is not finite does not count."""
    good = np.isfinite(rows)
    if good.all():
        number: Any = float(len(rows))
        mean = rows.sum(axis=0, dtype=float) / number
        change, low, high = rows - mean, rows.min(axis=0), rows.max(axis=0)
    else:
        number = good.sum(axis=0, dtype=float)
        mean = np.where(good, rows, 0.0).sum(axis=0) / np.maximum(number, 1.0)
        change = np.where(good, rows - mean, 0.0)
        low, high = np.where(good, rows, np.inf).min(axis=0), np.where(good, rows, -np.inf).max(axis=0)
    total = np.empty((5, rows.shape[1]))
    total[NUMBER], total[MEAN], total[LOW], total[HIGH] = number, mean, low, high
    total[SQUARES] = np.multiply(change, change, out=change).sum(axis=0)
    return total


def _empty(values: int) -> np.ndarray:
    total = np.zeros((5, values))
    total[LOW], total[HIGH] = np.inf, -np.inf
    return total
