"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

__all__ = ["UsageError", "columns", "heading", "plain", "print_json", "say", "wrote"]


class UsageError(Exception):
    """A name or an option that makes no sense; exit code 2."""


def say(args: Namespace, text: str) -> None:
    """A remark for the person at the terminal; silent with -q."""
    if not args.quiet:
        print(text, file=sys.stderr)


def wrote(args: Namespace, *paths: str | os.PathLike[str]) -> None:
    """Say which files were written."""
    for path in paths:
        say(args, f"wrote {os.fspath(path)}")


def columns(rows: Iterable[Sequence[str]], headings: Sequence[str] = ()) -> str:
    """Text in aligned columns, two blanks apart."""
    table = [list(row) for row in rows]
    lines = ([list(headings)] if headings else []) + table
    if not lines:
        return ""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    if headings:
        text[0] = heading(text[0])
    return "\n".join(text)


def heading(text: str, stream: TextIO | None = None) -> str:
    """Bold, where the output is a terminal that takes colours."""
    stream = sys.stdout if stream is None else stream
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain_terminal or not stream.isatty() else f"\x1b[1m{text}\x1b[0m"


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """JSON values only: NumPy scalars and arrays converted, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)
