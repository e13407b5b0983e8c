"""One line on a terminal that says how far the work has come; silence in a pipe, and a word in the log."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_log = logging.getLogger("dynsamp")

REFRESH = 0.1  # seconds between two updates of the line
SETTLE = 1.0  # seconds before an estimate, or a wait, is worth a word


class Progress:
    """Context manager around a piece of work; its methods may be called from any thread.

    Parameters
    ----------
    label : str
        What is being done, for example ``"forecasting"``.
    total : int
        Number of units of work; with one unit, only the label is shown.
    stream : text stream, optional
        Default: standard error, as it is on entry.
    enabled : bool, optional
        Default: whether the stream is a terminal.

    Examples
    --------
    >>> with Progress("solving", 1000) as progress:
    ...     for low in range(0, 1000, 100):
    ...         progress.update(low + 100)
    """

    def __init__(self, label: str, total: int, stream: TextIO | None = None, *, enabled: bool | None = None) -> None:
        self.label, self.total = label, total
        self.done = 0
        self._stream, self._enabled = stream, enabled
        self._lock = threading.Lock()
        self._width = 0  # of what stands on the line now
        self._shown = self._start = 0.0

    def __enter__(self) -> Progress:
        self._stream = self._stream or sys.stderr
        if self._enabled is None:
            self._enabled = self._stream is not None and self._stream.isatty()  # None under pythonw
        self._start = time.monotonic()
        with self._lock:
            self._draw()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._write("")  # what follows starts on a clean line

    def update(self, done: int) -> None:
        """Say how many units are done so far."""
        with self._lock:
            self._advance_to(done)

    def advance(self, count: int = 1) -> None:
        """Say that so many more units are done."""
        with self._lock:
            self._advance_to(self.done + count)

    def _advance_to(self, done: int) -> None:
        self.done = done
        if time.monotonic() - self._shown >= REFRESH:
            self._draw()

    def _draw(self) -> None:
        self._shown = time.monotonic()
        self._write(self._line(self._shown - self._start))

    def _line(self, elapsed: float) -> str:
        if self.total <= 1:
            return f"{self.label} ..."
        line = f"{self.label}  {self.done}/{self.total}  {100 * self.done // self.total} %"
        if 0 < self.done < self.total and elapsed >= SETTLE:
            line += f"  about {_spoken(elapsed * (self.total - self.done) / self.done)} left"
        return line

    def _write(self, line: str) -> None:
        if not self._enabled or self._stream is None:
            return
        line = line[: max(shutil.get_terminal_size().columns - 1, 20)]  # a wrapped line could not be taken back
        try:
            self._stream.write(f"\r{line.ljust(self._width)}" + ("" if line else "\r"))
            self._stream.flush()
        except (OSError, ValueError):  # the terminal has gone: the work matters more than its progress
            self._enabled = False
        self._width = len(line)


class Notice:
    """Context manager around a wait: on a terminal, one that is longer than a second says what for."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._bar, self._timer = Progress(label, 1, stream), threading.Timer(SETTLE, self._say)
        self._said = False
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        stream = self._bar._stream or sys.stderr
        if stream is not None and stream.isatty():
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._said:
                self._bar.__exit__()
            self._said = True  # too late to begin

    def _say(self) -> None:
        with self._lock:
            if not self._said:
                self._said = True
                self._bar.__enter__()


@contextmanager
def logged(label: str) -> Iterator[None]:
    """Work that is longer than a second is named in the log, while it is done."""
    timer = threading.Timer(SETTLE, _log.info, ("%s ...", label))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _spoken(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    if seconds < 6000:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
