"""What each column of a table is: the time, the label of a trajectory, a state, a parameter, or none of these.

Names decide where they can, values where names say nothing; what was decided is said in notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dynsamp.dataset.headers import bare, is_counter, is_frame, is_label, time_rank
from dynsamp.dataset.recordings import MANY, SHORT, ticks, trials
from dynsamp.models.naming import derived

__all__ = ["Columns", "Roles", "roles", "time_column"]

TENDENCY = "tendency_of_"
COUNTS = ("counts the rows", "count the rows")  # of one column, of several
CLOCK = ("is another clock", "are other clocks")
DERIVED = ("follows from the states", "follow from the states")
CONSTANT = ("never changes", "never change")


@dataclass(frozen=True)
class Columns:
    """A table as its columns."""

    names: Sequence[str]
    numbers: Callable[[str], np.ndarray | None]  # float64, NaN where a cell is no number; None for text
    labels: Callable[[str], np.ndarray]  # ints or text


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
    ranks = {column: rank for column in columns if (rank := time_rank(column)) is not None}
    if ranks:
        return min(ranks, key=lambda column: ranks[column])
    frames = [column for column in columns if is_frame(column)]
    others = [column for column in columns if is_label(column) in (None, is_label("sample"))]
    return (frames or others or list(columns))[0]


def roles(
    table: Columns, stamps: np.ndarray, *, time: str, states: Sequence[str] | None, trajectory: str | None
) -> Roles:
    """What the columns besides the time are; what was asked for stays as it is."""
    others = [column for column in table.names if column and column not in (time, trajectory)]
    named = set(states or ())
    notes: list[str] = []
    label: str | None = trajectory
    labels: np.ndarray | None = None
    used: list[str] = []
    if trajectory is None:
        label, labels, used = _labels(table, [c for c in others if c not in named], stamps, time, notes)
    else:
        labels = table.labels(trajectory)
    if states is not None:
        return Roles(list(states), [], label, labels, notes)
    groups = np.zeros(len(stamps), np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    candidates = [column for column in others if column not in used and table.numbers(column) is not None]
    if any(column.startswith(TENDENCY) for column in candidates):  # written by a program that knows the schema
        return Roles(candidates, [], label, labels, notes)
    values = {column: table.numbers(column) for column in candidates}
    idle, parameters = _idle({c: v for c, v in values.items() if v is not None}, groups, stamps)
    kept = [column for column in candidates if column not in idle and column not in parameters]
    plain = {column: re.sub(r"\W+", "_", bare(column)[0]) for column in kept}
    extra = derived(list(plain.values()))
    idle |= {column: DERIVED for column, name in plain.items() if name in extra}
    kept = [column for column in kept if column not in idle]
    if not kept:
        return Roles(candidates, [], label, labels, notes)
    for reason in dict.fromkeys(idle.values()):
        found = [column for column in idle if idle[column] == reason]
        one, many = reason
        said = f"{many}, so they are no states" if len(found) > 1 else f"{one}, so it is no state"
        notes.append(f"{_listed(found)} {said}")
    for column in parameters:
        notes.append(f"column '{column}' changes only between trajectories: a parameter, no state")
    return Roles(kept, parameters, label, labels, notes)


def _listed(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return f"column{'s' if len(names) > 1 else ''} {' and '.join(quoted)}"


def _labels(
    table: Columns, columns: Sequence[str], stamps: np.ndarray, time: str, notes: list[str]
) -> tuple[str | None, np.ndarray | None, list[str]]:
    """Name of what tells trajectories apart, its values (row,), and the columns used."""
    ranked = sorted((rank, k, c) for k, c in enumerate(columns) if (rank := is_label(c)) is not None)
    used: list[str] = []
    joint: np.ndarray | None = None
    for _, _, column in ranked:
        if not _may_label(table, column, stamps):
            continue
        labels = table.labels(column)
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
    notes.append(f"column '{time}' restarts {len(begins) - 1} times; each restart begins a trajectory")
    for column in columns:
        numbers = table.numbers(column)
        if numbers is not None and not np.array_equal(numbers, np.round(numbers)):
            continue
        labels = table.labels(column)
        if np.array_equal(labels[begins][block], labels) and len(np.unique(labels[begins])) == len(begins):
            notes.append(f"column '{column}' labels them")
            return column, labels, [column]
    return None, block, []


def _may_label(table: Columns, column: str, stamps: np.ndarray) -> bool:
    """Whether the values of a column with such a name are labels: text or whole numbers that do not count rows."""
    numbers = table.numbers(column)
    if numbers is None:
        if any(not str(label).strip() for label in table.labels(column)):
            return False
    elif not np.array_equal(numbers, np.round(numbers)):
        return False
    labels = table.labels(column)
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
        plain = is_counter(column) or is_frame(column)
        if rising and whole and plain and (is_frame(column) or np.all(np.diff(numbers) == 1) or np.all(steps == 1)):
            idle[column] = COUNTS
        elif rising and time_rank(column) is not None:
            idle[column] = CLOCK
        elif many and numbers[0] in (0, 1) and np.all(np.diff(numbers) == 1):
            idle[column] = COUNTS
        elif many and np.all(numbers == numbers[0]):
            idle[column] = CONSTANT
        elif many and len(steps) >= 2 * (len(order) - len(steps)) and not steps.any():
            parameters.append(column)
    return idle, parameters
