"""Work in threads that can be given up: by Ctrl-C, or by whoever started the thread that waits for it.

Python runs signal handlers in the main thread alone, and only between its own instructions. So what takes long is done
by other threads while the main one waits, and is told through a flag that it reads now and then.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["heard", "obey", "obeying", "waited"]

POLL = 0.1  # seconds between two looks, where a wait cannot be interrupted
AGAIN = 0.05  # seconds after which an interrupt that was dropped is sent once more
_own = threading.local()


@contextmanager
def heard() -> Iterator[None]:
    """Ctrl-C is heard wherever it comes: what a callback from foreign code raises is dropped, so it is raised again.

    LLVM calls back while it compiles, and it may be a long way to the next call.
    """
    before = sys.unraisablehook
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def again(dropped: UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            timer = threading.Timer(AGAIN, _thread.interrupt_main)  # not from here: it would be dropped, too
            timer.daemon = True
            timer.start()
        else:
            before(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def obeying(order: threading.Event) -> Iterator[None]:
    """Whatever this thread waits for is given up when ``order`` is set: a KeyboardInterrupt ends the wait."""
    before = getattr(_own, "order", None)
    _own.order = order
    try:
        yield
    finally:
        _own.order = before


def obey() -> None:
    """Give up here, where this thread was ordered to."""
    order: threading.Event | None = getattr(_own, "order", None)
    if order is not None and order.is_set():
        raise KeyboardInterrupt


def waited(futures: Collection[Future[Any]], return_when: str = FIRST_EXCEPTION) -> set[Future[Any]]:
    """Futures that are done, as ``concurrent.futures.wait``; Ctrl-C and the order to this thread end the wait."""
    deaf = sys.platform == "win32"  # there a signal waits until the wait ends
    while True:
        done, left = wait(futures, POLL if deaf or getattr(_own, "order", None) else None, return_when)
        obey()
        enough = bool(done) if return_when == FIRST_COMPLETED else any(future.exception() for future in done)
        if not left or (enough and return_when in (FIRST_COMPLETED, FIRST_EXCEPTION)):
            return done
