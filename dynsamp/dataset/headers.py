"""What the header of a column says: a name, units in brackets, and whether it is a time, a label or a counter."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["bare", "is_counter", "is_frame", "is_label", "resolved", "time_rank", "time_units", "unit_of", "words"]

SPELLINGS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "msec": "ms", "mins": "min", "minute": "min",
    "minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d",
    "deg": "degree", "degs": "degree", "degrees": "degree", "°": "degree", "radian": "rad", "radians": "rad",
    "rev": "turn", "revs": "turn", "revolution": "turn", "revolutions": "turn", "turns": "turn",
    "px": "pixel", "pixels": "pixel", "metre": "m", "metres": "m", "meter": "m", "meters": "m", "µ": "u",
}  # fmt: skip
SYMBOLS = {
    "m", "s", "min", "h", "d", "rad", "degree", "turn", "g", "N", "J", "W", "V", "A", "K", "C", "T", "Hz", "Pa", "F",
    "bar", "mol", "Ohm", "pixel", "degC", "%", "rpm", "inch", "ft", "L", "eV", "arb",
}  # fmt: skip
PREFIXED = {"m", "s", "rad", "g", "N", "J", "W", "V", "A", "K", "T", "Hz", "Pa", "F", "bar", "mol", "L", "eV", "C"}
PREFIXES = ("k", "M", "G", "c", "m", "u", "µ", "n", "h")
TIMES = {"s", "ms", "us", "ns", "min", "h", "d"}

CLOCKS = ("time", "times", "t", "elapsed", "timestamp", "timestamps", "datetime", "date")  # best first
BESIDE_TIME = {"elapsed", "stamp", "relative", "rel", "since", "start", "video", "sample", "the", "local", "utc", "of"}
FRAMES = {"frame", "frames"}
LABELS = (
    "trajectory", "trajectories", "traj", "trial", "trials", "run", "runs", "experiment", "exp", "recording",
    "realization", "realisation", "episode", "replicate", "repetition", "rep", "series", "sequence", "seq", "session",
    "subject", "track", "particle", "video", "clip", "file", "filename", "case", "test", "id", "group", "sample",
)  # fmt: skip
BESIDE_LABEL = {"id", "no", "nr", "num", "number", "name", "index", "idx", "label", "code"}
COUNTERS = {
    "index", "idx", "row", "rows", "no", "nr", "num", "number", "line", "count", "counter", "step", "point", "n", "i",
    "k", "sample", "samples", "id", "unnamed", "column", "obs", "observation", *FRAMES,
}  # fmt: skip
SQUARE = re.compile(r"(.*\S)\s*\[([^\[\]]*)\]")
OTHERS = (re.compile(r"(.*\S)\s+in\s+(\S+)"), re.compile(r"(.*\S)\s*\(([^()]*(?:\([^()]*\))?[^()]*)\)"))
QUOTIENT = re.compile(r"([^/]*[^/\s])\s*/\s*(\S.*)")


def words(text: str) -> list[str]:
    """Lower-case words of a name: "TrialID", "trial_id" and "trial id" say the same."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]


def _symbol(text: str) -> str | None:
    text = SPELLINGS.get(text, SPELLINGS.get(text.lower(), text) if len(text) > 2 else text)
    if text in SYMBOLS:
        return text
    for prefix in PREFIXES:
        if text.startswith(prefix) and text[len(prefix) :] in PREFIXED:
            return ("u" if prefix == "µ" else prefix) + text[len(prefix) :]
    return None


def unit_of(text: str) -> str | None:
    """UDUNITS spelling of units as people write them ("deg/s", "m s^-2", "m/s²"), or None where they are none."""
    text = text.strip()
    for sign, plain in (("²", "2"), ("³", "3"), ("⁻", "-"), ("¹", "1"), ("−", "-"), ("**", "^"), ("μ", "µ")):
        text = text.replace(sign, plain)
    text = re.sub(r"[·⋅*.()]", " ", text).strip()
    if text in ("", "1", "-"):
        return "1" if text else None
    found = []
    for k, part in enumerate(text.split("/")):
        for token in part.split():
            match = re.fullmatch(r"([^\W\d_]+|[°%])\^?([-+]?\d)?", token)
            symbol = _symbol(match[1]) if match else None
            if token == "1" and k == 0:
                continue
            if match is None or symbol is None:
                return None
            power = int(match[2] or 1) * (1 if k == 0 else -1)
            found.append(symbol if power == 1 else f"{symbol}{power}")
    return " ".join(found) or None


def bare(column: str) -> tuple[str, str | None]:
    """A header without its units, and the units: "omega (deg/s)" is ("omega", "degree s-1")."""
    text = column.strip()
    for pattern in (SQUARE, *OTHERS, QUOTIENT):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        unit, inside = unit_of(match[2]), match[2].strip()
        if unit is None and pattern is SQUARE and inside and not inside.isdigit():
            unit = inside  # square brackets hold units, known or not
        if unit is not None:
            return match[1].rstrip("_ ,"), unit
    return text, None


def time_units(name: str) -> str | None:
    """Units at the end of a name of times: "time_ms"."""
    found = words(name)
    unit = unit_of(found[-1]) if len(found) > 1 and found[0] in CLOCKS else None
    return unit if unit in TIMES else None


def time_rank(column: str) -> int | None:
    """How well a header names a time, 0 best; None where it names none."""
    found = [word for word in words(bare(column)[0]) if word not in BESIDE_TIME] or words(bare(column)[0])
    if len(found) > 1 and found[0] in CLOCKS and unit_of(found[-1]) in TIMES:
        found = found[:-1]
    if found == ["date", "time"]:
        found = ["datetime"]
    return CLOCKS.index(found[0]) if len(found) == 1 and found[0] in CLOCKS else None


def is_frame(column: str) -> bool:
    """Whether a header names the frames of a camera."""
    found = words(bare(column)[0])
    return bool(found) and found[0] in FRAMES and set(found[1:]) <= BESIDE_LABEL


def is_label(column: str) -> int | None:
    """How well a header names trajectories, 0 best; None where it names none."""
    found = words(bare(column)[0])
    kept = [word for word in found if word not in BESIDE_LABEL] or found[:1]
    return LABELS.index(kept[0]) if len(kept) == 1 and kept[0] in LABELS else None


def is_counter(column: str) -> bool:
    """Whether a header may name a counter of rows."""
    found = [word for word in words(bare(column)[0]) if not word.isdigit()]
    return not found or set(found) <= COUNTERS


def resolved(name: str, columns: Sequence[str], identifiers: Sequence[str]) -> str:
    """The column that is meant: by its header, its header without units, or its name as a state."""
    if name in columns:
        return name
    for known in ([bare(column)[0] for column in columns], identifiers):
        if list(known).count(name) == 1:
            return columns[list(known).index(name)]
    return name
