"""Pictures that are there completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynsamp.dataset.atomic import explained, temporary

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """A path beside the given one to write to; takes its place at the end, is removed on an error.

    It keeps the suffix, from which matplotlib knows the format.
    """
    path = Path(path)
    part = temporary(path)
    part = part.with_name(part.name + path.suffix)
    try:
        with explained("write", path):
            yield part
            os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
