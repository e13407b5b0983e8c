"""External signals u(t) of systems that have inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dynsamp.system import System
from dynsamp.words import nearest

__all__ = ["resampled", "signal_values"]

Signals = tuple[np.ndarray, np.ndarray]


def resampled(law: System, inputs: Mapping[str, Any] | None, saved: np.ndarray) -> Signals | None:
    """All signals on one grid: times (n,), values (1 or trajectory, n, input).

    Each input is ``(times, values)`` with values (n,) or (trajectory, n), or a function of time, whose values are taken
    at the ``saved`` times (time,) and, at their spacing, before them as far as the spin-up goes. The grid is the union
    of all times, on which linear and held signals alike are reproduced exactly.
    """
    names = [signal.name for signal in law.inputs]
    inputs = dict(inputs or {})
    for key in inputs:
        if key not in names:
            raise ValueError(
                f"system {law.name!r} has no input {key!r} (it has: {', '.join(names) or 'none'}){nearest(key, names)}"
            )
    if not names:
        return None
    missing = [name for name in names if name not in inputs]
    if missing:
        raise ValueError(f"system {law.name!r} needs inputs={{{missing[0]!r}: (times, values)}}")
    pairs = [
        _sampled(name, inputs[name], _with_spin_up(saved, law.spin_up))
        if callable(inputs[name])
        else _pair(name, inputs[name])
        for name in names
    ]
    grid = pairs[0][0]
    for times, _ in pairs[1:]:
        grid = np.union1d(grid, times)
    low, high = max(times[0] for times, _ in pairs), min(times[-1] for times, _ in pairs)
    grid = grid[(grid >= low) & (grid <= high)]
    columns = []
    for signal, (times, values) in zip(law.inputs, pairs, strict=True):
        if signal.hold:
            columns.append(values[:, np.searchsorted(times, grid, side="right") - 1])
        else:
            columns.append(np.stack([np.interp(grid, times, row) for row in values]))
    counts = {len(column) for column in columns} - {1}
    if len(counts) > 1:
        raise ValueError(f"inputs have different numbers of trajectories: {sorted(counts)}")
    rows = counts.pop() if counts else 1
    return grid, np.ascontiguousarray(
        np.stack([np.broadcast_to(column, (rows, len(grid))) for column in columns], axis=-1)
    )


def signal_values(law: System, signals: Signals, times: np.ndarray, count: int) -> dict[str, tuple[np.ndarray, str]]:
    """Values at the saved times (trajectory, time) with units, by name, for the Dataset."""
    grid, values = signals
    result = {}
    for k, signal in enumerate(law.inputs):
        if signal.hold:
            column = values[:, np.searchsorted(grid, times, side="right") - 1, k]
        else:
            column = np.stack([np.interp(times, grid, row) for row in values[..., k]])
        result[signal.name] = (np.broadcast_to(column, (count, len(times))), signal.units)
    return result


def _pair(name: str, given: Any) -> Signals:
    try:
        times, values = (np.asarray(part, dtype=float) for part in given)
    except (TypeError, ValueError):
        raise TypeError(
            f"input {name!r} must be a pair (times, values) of arrays, or a function of time, got"
            f" {type(given).__name__}"
        ) from None
    values = np.atleast_2d(values)
    if times.ndim != 1 or values.ndim != 2 or values.shape[-1] != len(times):
        raise ValueError(f"input {name!r}: times {times.shape} and values {values.shape} do not belong together")
    if np.any(np.diff(times) <= 0) or not np.all(np.isfinite(times)) or not np.all(np.isfinite(values)):
        raise ValueError(f"input {name!r}: times must increase, and times and values be finite")
    return times, values


def _with_spin_up(saved: np.ndarray, spin_up: float) -> np.ndarray:
    """Saved times, and earlier ones at their first spacing that cover the spin-up."""
    if not spin_up:
        return saved
    spacing = float(saved[1] - saved[0]) if len(saved) > 1 else spin_up
    count = int(np.ceil(spin_up / spacing))
    return np.concatenate([saved[0] - spacing * np.arange(count, 0, -1), saved])


def _sampled(name: str, function: Callable[[Any], Any], times: np.ndarray) -> Signals:
    """A function of time: of all times at once where it can, else of one after the other."""
    try:
        values = np.asarray(function(times), dtype=float)
    except (TypeError, ValueError):  # such as math.sin, or a comparison of numbers
        values = np.empty(0)
    if values.ndim not in (1, 2) or values.shape[-1] != len(times):
        values = np.array([np.asarray(function(float(t)), dtype=float) for t in times])
        if values.shape != times.shape:
            raise ValueError(
                f"input {name!r}: the function must return a number for a time, or (time,) or (trajectory, time) for"
                f" all {len(times)} times at once; of one time it returned shape {values.shape[1:]}"
            )
    return _pair(name, (times, values))
