"""Standard output belongs to results: what a plugin prints goes to standard error, from Python or from C."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

OUT, ERR = 1, 2  # descriptors

_result: TextIO | None = None  # where results go while everything else is put aside


def result() -> TextIO:
    """Where results are printed."""
    return sys.stdout if _result is None else _result


class _Aside:
    """Standard error, as it is at the time, for those who may close what they got as standard output."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)

    def close(self) -> None:
        """Nothing is lost."""


@contextlib.contextmanager
def aside(*, for_good: bool = False) -> Iterator[None]:
    """While this lasts, only what is printed to ``result()`` goes to standard output.

    ``for_good`` leaves it so, for the end of a process, where functions that were registered for it may print.
    """
    global _result
    before, outer = sys.stdout, _result
    descriptor = _turned()
    if outer is None:
        _result = before
        if descriptor is not None and _number(before) == OUT:
            _result = open(descriptor, "w", encoding=before.encoding, errors=before.errors, closefd=False)  # noqa: SIM115 - closed below
    try:
        with contextlib.redirect_stdout(cast(TextIO, _Aside())):
            yield
    finally:
        if _result is not before and _result is not None:
            with contextlib.suppress(OSError):  # a reader that has had enough
                _result.flush()
        _result = outer
        if descriptor is not None and not for_good:
            _flush_c()
            os.dup2(descriptor, OUT)
            os.close(descriptor)


def _turned() -> int | None:
    """A copy of the descriptor of standard output, which leads to standard error from now on."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        _flush_c()
        copy = os.dup(OUT)
        os.dup2(ERR, OUT)
    except (OSError, ValueError):  # one of them is closed
        return None
    return copy


def _number(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _flush_c() -> None:
    """What C code printed waits in a buffer of its own."""
    if os.name == "posix":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)
