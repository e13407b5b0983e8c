"""Work in threads that can be given up: by Ctrl-C, or by whoever started the thread that waits for it.

Python runs signal handlers in the main thread alone, and only between its own instructions. So what takes long is done
by other threads while the main one waits, and is told through a flag that it reads now and then. What may not be
interrupted half-way, such as LLVM, whose objects would be freed twice, is done there as well, and goes on to its end.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager
from typing import Any, TypeVar

POLL = 0.1  # seconds between two looks: on some systems a wait, or the thread that got the signal, is deaf to it
Result = TypeVar("Result")
_own = threading.local()


def background(work: Callable[..., Result], *arguments: Any, **named: Any) -> Future[Result]:
    """Begin work in a thread of its own, which ends with the process: whoever waits for it may give it up."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(*arguments, **named))
        except BaseException as error:  # SystemExit, too: it belongs to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, name="dynsamp", daemon=True).start()
    return future


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
    while True:
        done, left = wait(futures, POLL, return_when)
        obey()
        enough = bool(done) if return_when == FIRST_COMPLETED else any(future.exception() for future in done)
        if not left or (enough and return_when in (FIRST_COMPLETED, FIRST_EXCEPTION)):
            return done
