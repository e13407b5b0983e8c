"""Blocks of trajectories on a pool of threads; kernels release the interpreter lock.

The blocks are the same for any number of threads, and no result depends on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import numpy as np

__all__ = ["default_threads", "over_blocks"]


def default_threads() -> int:
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
) -> None:
    """Call ``work(stop, begin, end)`` for blocks of [0, count).

    ``stop`` (1,) becomes nonzero when the others should give up: after an error or an interrupt, to which only a
    thread that waits for others can listen. So a single block has its own thread, too, unless it is ``small``.
    """
    stop = np.zeros(1, dtype=np.int64)
    ranges = [(begin, min(begin + block, count)) for begin in range(0, count, block)]
    if small or not ranges:
        for begin, end in ranges:
            work(stop, begin, end)
        return
    threads = max(1, min(default_threads() if threads is None else threads, len(ranges)))
    with ThreadPoolExecutor(threads, thread_name_prefix="dynsamp") as pool:
        futures = [pool.submit(work, stop, begin, end) for begin, end in ranges]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            stop[0] = 1
            pool.shutdown(wait=False, cancel_futures=True)
            raise
