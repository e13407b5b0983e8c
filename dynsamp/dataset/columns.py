"""What each column of a table is: the time, the label of a trajectory, a state, a parameter, or none of these.

A header says a name, units in brackets, and whether it is a time, a label or a counter. Names decide where they can,
values where names say nothing; what was decided is said in notes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dynsamp.dataset.recordings import MANY, SHORT, ticks, trials
from dynsamp.dataset.schema import TENDENCY
from dynsamp.models.measured.names import derived
from dynsamp.words import quoted

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
ENOUGH = 1000  # cells of a column that tell what it holds
NAMED = 4  # columns that a note names
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
COUNTS = ("counts the rows", "count the rows")  # of one column, of several
CLOCK = ("is another clock", "are other clocks")
DERIVED = ("follows from the states", "follow from the states")
CONSTANT = ("never changes", "never change")
TEXT = ("holds no numbers", "hold no numbers")

# digits that people read as a number: in groups, with a decimal comma, a sign of currency, a unit; no dates, no codes
GROUPED = re.compile(
    r"\d{1,3}(?:[,'_ \u00a0\u202f]\d{3})+(?:[.,]\d*)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d*)?|\d[\d_]*_[\d_.]*\d"
)
DECIMAL = re.compile(r"(?:\d*[.,]\d+|\d+[.,]?)(?:[eEdD][-+]?\d+)?")
CODED = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+")


def _words(text: str) -> list[str]:
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
    found = _words(name)
    unit = unit_of(found[-1]) if len(found) > 1 and found[0] in CLOCKS else None
    return unit if unit in TIMES else None


def _time_rank(column: str) -> int | None:
    """How well a header names a time, 0 best; None where it names none."""
    found = [word for word in _words(bare(column)[0]) if word not in BESIDE_TIME] or _words(bare(column)[0])
    if len(found) > 1 and found[0] in CLOCKS and unit_of(found[-1]) in TIMES:
        found = found[:-1]
    if found == ["date", "time"]:
        found = ["datetime"]
    return CLOCKS.index(found[0]) if len(found) == 1 and found[0] in CLOCKS else None


def _is_frame(column: str) -> bool:
    """Whether a header names the frames of a camera."""
    found = _words(bare(column)[0])
    return bool(found) and found[0] in FRAMES and set(found[1:]) <= BESIDE_LABEL


def _is_label(column: str) -> int | None:
    """How well a header names trajectories, 0 best; None where it names none."""
    found = _words(bare(column)[0])
    kept = [word for word in found if word not in BESIDE_LABEL] or found[:1]
    return LABELS.index(kept[0]) if len(kept) == 1 and kept[0] in LABELS else None


def _is_counter(column: str) -> bool:
    """Whether a header may name a counter of rows."""
    found = [word for word in _words(bare(column)[0]) if not word.isdigit()]
    return not found or set(found) <= COUNTERS


def resolved(name: str, columns: Sequence[str], identifiers: Sequence[str]) -> str:
    """The column that is meant: by its header, its header without units, or its name as a state."""
    if name in columns:
        return name
    for known in ([bare(column)[0] for column in columns], identifiers):
        if list(known).count(name) == 1:
            return columns[list(known).index(name)]
    return name


class Table(Protocol):
    """A table as its columns, whatever it was read from."""

    @property
    def columns(self) -> Sequence[str]:
        """Their headers."""

    def stamps(self, column: str) -> np.ndarray:
        """Times (row,) as float64 or datetime64; complains where one is missing."""

    def has_clock(self, column: str) -> bool:
        """Whether the times are times of day, which are counted in seconds."""

    def numbers(self, column: str) -> np.ndarray:
        """Finite float64 (row,); complains where a cell is no number."""

    def lenient(self, column: str) -> np.ndarray | None:
        """Float64, NaN where a cell is no number; None for a column of text."""

    def labels(self, column: str, *, lenient: bool = False) -> np.ndarray:
        """Ints or text (row,); complains where one is missing, unless ``lenient``."""

    def place(self, row: int) -> str:
        """How to call a row in a message."""


@dataclass(frozen=True)
class Roles:
    """What was found."""

    states: list[str]
    parameters: list[str]  # one value for each trajectory
    label: str | None  # the column that tells trajectories apart, or its description
    labels: np.ndarray | None  # (row,)
    notes: list[str]


def time_column(columns: Sequence[str]) -> str:
    """The column of times by its name, else the first one of the camera's frames, else the first."""
    if not columns:
        raise ValueError("the table has no columns; there is nothing to read")
    ranks = {column: rank for column in columns if (rank := _time_rank(column)) is not None}
    if ranks:
        return min(ranks, key=lambda column: ranks[column])
    frames = [column for column in columns if _is_frame(column)]
    others = [column for column in columns if _is_label(column) in (None, _is_label("sample"))]
    return (frames or others or list(columns))[0]


def roles(
    table: Table, stamps: np.ndarray, *, time: str, states: Sequence[str] | None, trajectory: str | None
) -> Roles:
    """What the columns besides the time are; what was asked for stays as it is."""
    others = [column for column in table.columns if column and column not in (time, trajectory)]
    named = set(states or ())
    notes: list[str] = []
    label: str | None = trajectory
    labels: np.ndarray | None = None
    used: list[str] = []
    if trajectory is None:
        label, labels, used = _labels(table, [c for c in others if c not in named], stamps, time, notes)
    else:
        labels = table.labels(trajectory, lenient=True)
    if states is not None:
        return Roles(list(states), [], label, labels, notes)
    groups = np.zeros(len(stamps), np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    unused = [column for column in others if column not in used]
    candidates = [column for column in unused if table.lenient(column) is not None]
    texts = [column for column in unused if column not in set(candidates)]
    for column in texts:
        _check_text(table, column)
    if any(column.startswith(TENDENCY) for column in candidates):  # written by a program that knows the schema
        return Roles(candidates, [], label, labels, notes)
    values = {column: table.lenient(column) for column in candidates}
    with np.errstate(over="ignore", invalid="ignore"):  # steps between the largest numbers; what is infinite is refused
        idle, parameters = _idle({c: v for c, v in values.items() if v is not None}, groups, stamps)
    kept = [column for column in candidates if column not in idle and column not in parameters]
    plain = {column: re.sub(r"\W+", "_", bare(column)[0]) for column in kept}
    extra = derived(list(plain.values()))
    idle |= {column: DERIVED for column, name in plain.items() if name in extra}
    idle |= dict.fromkeys(texts, TEXT)
    kept = [column for column in kept if column not in idle]
    if not kept:
        return Roles(candidates, [], label, labels, notes)
    for reason in dict.fromkeys(idle.values()):
        found = [column for column in idle if idle[column] == reason]
        one, many = reason
        said = f"{many}, so they are no states" if len(found) > 1 else f"{one}, so it is no state"
        notes.append(f"{_listed(found)} {said}")
    for column in parameters:
        notes.append(f"column {quoted(column)} changes only between trajectories: a parameter, no state")
    return Roles(kept, parameters, label, labels, notes)


def _listed(names: Sequence[str]) -> str:
    said = [quoted(name) for name in names]
    if len(said) > NAMED:
        said = [*said[: NAMED - 1], f"{len(said) - NAMED + 1} others"]
    return f"column{'s' if len(names) > 1 else ''} {' and '.join(said)}"


def _reads_as_number(text: str) -> bool:
    """Whether people would take a cell for a number that ``float`` does not."""
    text = text.strip().replace("\u2212", "-")
    if CODED.fullmatch(text):
        return True
    text = text.strip("()").lstrip("+-$€£¥ ")  # (5.00) is what accountants lack
    match = GROUPED.match(text) or DECIMAL.match(text)
    if match is None:
        return False
    unit = text[match.end() :]
    alone = len(unit) == 1 and match[0].isdigit() and unit.isalpha()  # 2D, 1A: labels
    return not unit.strip() or (not alone and (unit.strip() == "%" or unit_of(unit) is not None))


def _check_text(table: Table, column: str) -> None:
    """Complain about a column of numbers that are written so that they would be taken for text."""
    cells = [str(cell) for cell in table.labels(column, lenient=True)]
    there = [cell for cell in cells if cell.strip()]
    there = there[:: 1 + len(there) // ENOUGH]
    if 2 * sum(map(_reads_as_number, there)) > len(there):
        table.numbers(column)


def _labels(
    table: Table, columns: Sequence[str], stamps: np.ndarray, time: str, notes: list[str]
) -> tuple[str | None, np.ndarray | None, list[str]]:
    """Name of what tells trajectories apart, its values (row,), and the columns used."""
    ranked = sorted((rank, k, c) for k, c in enumerate(columns) if (rank := _is_label(c)) is not None)
    used: list[str] = []
    joint: np.ndarray | None = None
    for _, _, column in ranked:
        if not _may_label(table, column, stamps):
            continue
        labels = table.labels(column, lenient=True)
        both = labels if joint is None else _joined(joint, labels)
        count = len(np.unique(both))
        if joint is None or count <= len(both) / SHORT:
            used.append(column)
            if joint is None or count > len(np.unique(joint)):
                joint = labels if count == len(np.unique(labels)) else both
    if joint is not None:
        label = " and ".join(used)
        if len(np.unique(joint)) > 1:
            notes.append(f"{_listed(used)} {'tell' if len(used) > 1 else 'tells'} the trajectories apart")
        return label, joint, used
    begins = trials(stamps)
    if len(begins) == 1:
        return None, None, []
    block = np.zeros(len(stamps), np.int64)
    block[begins[1:]] = 1
    block = np.cumsum(block)
    notes.append(f"column {quoted(time)} restarts {len(begins) - 1} times; each restart begins a trajectory")
    for column in columns:
        numbers = table.lenient(column)
        if numbers is not None and not np.array_equal(numbers, np.round(numbers)):
            continue
        labels = table.labels(column, lenient=True)
        if np.array_equal(labels[begins][block], labels) and len(np.unique(labels[begins])) == len(begins):
            notes.append(f"column {quoted(column)} labels them")
            return column, labels, [column]
    return None, block, []


def _may_label(table: Table, column: str, stamps: np.ndarray) -> bool:
    """Whether the values of a column with such a name are labels: text or whole numbers that do not count rows."""
    numbers = table.lenient(column)
    if numbers is None:
        if any(not str(label).strip() for label in table.labels(column, lenient=True)):
            return False
    elif not np.array_equal(numbers, np.round(numbers)):
        return False
    labels = table.labels(column, lenient=True)
    rising = bool(np.all(np.diff(ticks(stamps)) > 0))
    if len(np.unique(labels)) == len(labels):
        return len(labels) == 1 or not rising
    if numbers is not None:
        steps = np.diff(numbers)[np.diff(ticks(stamps)) > 0]
        if len(steps) > 1 and np.all(steps == steps[0]) and steps[0] > 0 and not rising:
            return False  # counts the samples of each recording
    return True


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.array([f"{a}/{b}" for a, b in zip(first.tolist(), second.tolist(), strict=True)])


def _idle(
    values: dict[str, np.ndarray], groups: np.ndarray, stamps: np.ndarray
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Columns that are no states, with the reason, and those that change between trajectories only."""
    idle: dict[str, tuple[str, str]] = {}
    parameters: list[str] = []
    order = np.lexsort((ticks(stamps), groups))
    inside = np.diff(groups[order]) == 0
    many = len(order) >= MANY
    for column, numbers in values.items():
        if np.isnan(numbers).any():
            continue
        steps = np.diff(numbers[order])[inside]
        rising = bool(len(steps)) and bool(np.all(steps > 0))
        whole = np.array_equal(numbers, np.round(numbers))
        plain = _is_counter(column) or _is_frame(column)
        if rising and whole and plain and (_is_frame(column) or np.all(np.diff(numbers) == 1) or np.all(steps == 1)):
            idle[column] = COUNTS
        elif rising and _time_rank(column) is not None:
            idle[column] = CLOCK
        elif many and numbers[0] in (0, 1) and np.all(np.diff(numbers) == 1):
            idle[column] = COUNTS
        elif many and np.all(numbers == numbers[0]):
            idle[column] = CONSTANT
        elif many and len(steps) >= 2 * (len(order) - len(steps)) and not steps.any():
            parameters.append(column)
    return idle, parameters
