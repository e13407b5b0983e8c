"""What commands print: results on stdout, everything else on stderr; scores as a table for people and as JSON."""

from __future__ import annotations

import json
import math
import os
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from dynsamp.plugins.printed import result
from dynsamp.words import escaped

if TYPE_CHECKING:
    import xarray as xr


class UsageError(Exception):
    """A name or an option that makes no sense; exit code 2."""


BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def put(text: str, *, file: TextIO | None = None, flush: bool = False) -> None:
    """Print; what files and plugins say in it may be bold, but does not steer the terminal."""
    safe = escaped(text.expandtabs())
    for code in (BOLD, PLAIN):
        safe = safe.replace(escaped(code), code)
    print(safe, file=file, flush=flush)


def say(args: Namespace, text: str) -> None:
    """A remark for the person at the terminal; silent with -q."""
    if not args.quiet:
        put(text, file=sys.stderr)


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


def print_section(title: str, rows: Iterable[Sequence[str]], above: str = "") -> None:
    """Columns under a heading; nothing where there are none. ``above`` stands before the heading."""
    text = columns(rows)
    if text:
        put(f"{above}{heading(title)}\n{textwrap.indent(text, '  ')}")


def heading(text: str, stream: TextIO | None = None) -> str:
    """Bold, where the output is a terminal that takes colours."""
    stream = sys.stdout if stream is None else stream
    plain_terminal = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain_terminal or not stream.isatty() else f"{BOLD}{text}{PLAIN}"


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    # inside strings JSON names what is not printable by its code
    safe = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    print(safe, file=result(), flush=True)


def _plain(value: Any) -> Any:
    """JSON values only: NumPy scalars and arrays converted, NaN and infinities as null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)


def scores_document(scores: xr.Dataset) -> dict[str, Any]:
    """Median and extremes of every score, what was skipped, how many forecasts left the training domain."""
    shown = _scores(scores).items()
    summary = {name: {**_summary(scores, name), "units": array.attrs.get("units", "1")} for name, array in shown}
    left = {"left_domain": int(scores["left_domain"].sum())} if "left_domain" in scores else {}
    return {"scores": summary, "skipped": _skipped(scores), **left, "system": scores.attrs.get("system", "")}


def print_scores(scores: xr.Dataset, *, verbose: bool = False) -> None:
    """A table: median over everything but lead time 0, and the range."""
    rows = []
    for name, array in _scores(scores).items():
        found = _summary(scores, name)
        middle, low, high = (
            "nan" if found[key] is None else f"{found[key]:.3g}" for key in ("median", "minimum", "maximum")
        )
        middle = middle if found["reached"] else f"at least {middle}"
        extent = "" if array.size < 2 else f"{low} to {high}"
        units = array.attrs.get("units", "1")
        rows.append((str(name), middle, extent, "" if units == "1" else str(units)))
    put(columns(rows, ("score", "median", "range", "units")) if rows else "no scores")
    left = int(scores["left_domain"].sum()) if "left_domain" in scores else 0
    if left:
        put(f"\n{left} of {scores['left_domain'].size} forecasts left the domain of the training data")
    skipped = _skipped(scores)
    if skipped and (verbose or not rows):
        put("\n" + columns([(name, reason) for name, reason in skipped.items()], ("skipped", "why")))
    if scores.attrs.get("starts"):
        put(f"\n{scores.attrs['starts']}")


def _scores(scores: xr.Dataset) -> dict[str, xr.DataArray]:
    """By name, without the flags beside them."""
    return {str(name): array for name, array in scores.items() if array.attrs.get("role") != "flag"}


def _summary(scores: xr.Dataset, name: str) -> dict[str, Any]:
    """Of the values that are there; infinite ones, of failed forecasts, count. ``reached``: no lower bound."""
    import numpy as np

    from dynsamp import dataset

    there, _ = dataset.counted(scores, name)
    if not there.size:
        return {"median": None, "minimum": None, "maximum": None, "count": 0, "infinite": 0, "reached": True}
    median, reached = dataset.headline(scores, name)
    return {
        "median": median,
        "minimum": float(there.min()),
        "maximum": float(there.max()),
        "count": int(there.size),
        "infinite": int(np.isinf(there).sum()),
        "reached": reached,
    }


def _skipped(scores: xr.Dataset) -> dict[str, str]:
    from dynsamp import dataset

    return dict(dataset.decode(scores.attrs, "skipped", {}))
