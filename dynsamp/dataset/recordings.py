"""Rows of a table as recordings: which belong together, in which order, and which say the same twice."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from dynsamp.words import QUOTED, quoted, shown

MANY = 10  # rows: with fewer, values alone do not tell what a table is
SHORT = 3  # rows of a recording, at least, that restarts may cut off
FALL = 0.5  # of the length of the recording so far: a time that falls back by more begins another one
EXCHANGED = 0.05  # of the rows may be out of order where nothing tells trajectories apart


def ticks(stamps: np.ndarray) -> np.ndarray:
    """Times that can be subtracted, as float64."""
    if stamps.dtype.kind == "M":
        return (stamps - stamps.min()).astype(np.float64) if len(stamps) else np.empty(0)
    return stamps


def trials(stamps: np.ndarray) -> np.ndarray:
    """Rows at which a recording begins, (trajectory,): where the time falls back, not where two rows are exchanged."""
    t = ticks(stamps)
    falls = np.flatnonzero(np.diff(t) < 0) + 1
    if not len(falls) or len(falls) == len(t) - 1:
        return np.zeros(1, np.int64)
    if np.ptp(t[[0, *falls]]) <= 1e-9 * np.ptp(t):
        return np.array([0, *falls])
    if len(falls) > len(t) / SHORT:
        return np.zeros(1, np.int64)  # shuffled
    begins, latest = [0], t[0]
    for k in range(1, len(t)):
        length = latest - t[begins[-1]]
        if latest - t[k] >= FALL * length > 0 and k - begins[-1] >= SHORT:
            begins.append(k)
            latest = t[k]
        else:
            latest = max(latest, t[k])
    if len(t) - begins[-1] < SHORT and len(begins) == 2:
        begins.pop()  # one or two rows after a fall are a mistake of typing rather than a recording
    exchanged = len(falls) + 1 - len(begins)
    return np.array(begins if exchanged <= EXCHANGED * len(t) else [0])


def recordings(
    stamps: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray | None,
    label: str | None,
    time: str,
    notes: list[str],
    place: Callable[[int], str],
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray | None]:
    """Rows of each trajectory in the order of time, ids (trajectory,), and names (trajectory,) where they are text.

    Parameters
    ----------
    stamps : ndarray (row,)
    values : ndarray (row, column)
        Rows of the same time must agree in them.
    labels : ndarray (row,), optional
        Which trajectory a row belongs to: ints or text.
    label, time : str
        Names of the columns, for messages.
    notes : list of str
        What was decided is appended.
    place : callable
        How to call a row in a message.
    """
    ids, groups, named = _groups(labels, len(stamps))
    parts: list[np.ndarray] = []
    owner: list[int] = []
    resorted = repeated = 0
    together = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups, minlength=len(ids)))
    for k, rows in enumerate(np.split(together, ends[:-1])):
        where = "" if label is None else f" of {shown(label, QUOTED)} {shown(named[k], QUOTED)}"
        begins = trials(stamps[rows])
        for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True):
            part = rows[begin:end]
            falls = np.flatnonzero(stamps[part][1:] < stamps[part][:-1])
            few = len(falls) in (0, len(part) - 1) or len(falls) <= EXCHANGED * len(part)
            if len(falls) and labels is None and (not few or len(part) < MANY):
                raise ValueError(
                    _out_of_order(stamps, part[falls[0]], part[falls[0] + 1], time, where, place)
                    + "; if the table holds several trajectories, name their column with trajectory=, else sort it"
                )
            if len(falls):
                part = part[np.argsort(stamps[part], kind="stable")]
                resorted += 1
            same = np.flatnonzero(stamps[part][1:] == stamps[part][:-1])
            different = same[np.any(values[part][same + 1] != values[part][same], axis=1)]
            if len(different):
                hint = "keep one row for each time"
                if labels is None:
                    hint = "give times with more digits, or name the column of trajectories with trajectory="
                first, second = sorted(part[different[0] + k] for k in (0, 1))
                raise ValueError(
                    _out_of_order(stamps, first, second, time, where, place) + f", with other values; {hint}"
                )
            repeated += len(same)
            parts.append(np.delete(part, same + 1))
            owner.append(k)
    if resorted:
        notes.append(f"the rows of {resorted} trajector{'ies' if resorted > 1 else 'y'} are sorted by {quoted(time)}")
    if repeated:
        notes.append(f"{repeated} row{'s' if repeated > 1 else ''} that repeated another one left out")
    if len(parts) == len(ids):
        return parts, ids, named if named.dtype.kind == "U" else None
    notes.append(f"{quoted(time)} restarts within a trajectory; each restart begins one of its own")
    pieces, begun = Counter(owner), Counter[int]()
    text: list[str] = []
    for k in owner:
        begun[k] += 1
        text.append(str(named[k]) if pieces[k] == 1 else f"{named[k]}/{begun[k]}")
    return parts, np.arange(len(parts), dtype=np.int64), np.array(text)


def _out_of_order(
    stamps: np.ndarray, first: int, second: int, time: str, where: str, place: Callable[[int], str]
) -> str:
    return (
        f"{quoted(time)} must increase, but {place(second)}{where} has {stamps[second]} after {stamps[first]} in"
        f" {place(first)}"
    )


def _groups(labels: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (trajectory,), the position in them of each row (row,), and labels (trajectory,)."""
    if labels is None:
        ids = np.zeros(1, np.int64)
        return ids, np.zeros(count, np.int64), ids
    names, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)  # trajectories in the order of the table
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    names = names[order]
    ids = names.astype(np.int64) if names.dtype.kind in "iu" else np.arange(len(names), dtype=np.int64)
    return ids, rank[inverse], names
