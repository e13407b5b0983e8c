"""Delays of a kernel: the segments of the method of steps, and the past before the first time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.limits import check_bytes, check_steps
from dynsamp.solve.kernel import History, Kernel

if TYPE_CHECKING:
    from dynsamp.kernels.problem import Schedule

_KINKS = 5  # delays after which a kink of the start is too smooth to matter to a method of order 4
_SAME = 1e-9  # relative distance at which two ends of segments are one
_KNOTS, _FINEST, _SMOOTH = 16, 4096, 1e-11  # of a history that is a function


def delayed_schedule(
    kernel: Kernel, times: np.ndarray, y0: np.ndarray, width: float, history: History
) -> tuple[Schedule, dict[str, float]]:
    """Segments, lags and history for the driver, and the options as used.

    Raises
    ------
    ValueError
        For delays that are not positive, and a history that is missing, too short, or of the wrong shape.
    """
    from dynsamp.kernels.problem import Schedule

    lags = _lags(kernel, len(y0))
    _check_ends(times, lags, width, y0.shape)
    given = kernel.history if history is None else history
    knots, past = _past(given, float(times[0]), float(lags.max()), y0)
    rows = [_segments(times, row, width) for row in lags]
    length = max(len(ends) for ends, _, _ in rows)
    ends, steps, saves = np.zeros((len(rows), length)), *np.zeros((2, len(rows), length), dtype=np.int64)
    for n, (row_ends, row_steps, row_saves) in enumerate(rows):
        ends[n, : len(row_ends)], steps[n, : len(row_ends)], saves[n, : len(row_ends)] = row_ends, row_steps, row_saves
    capacity = max(_capacity(knots, row[0], row[1], float(lag.max())) for row, lag in zip(rows, lags, strict=True))
    substeps = np.full(len(times) - 1, -(-int(steps.sum(axis=1).max()) // max(len(times) - 1, 1)), dtype=np.int64)
    arrays = {"segment_ends": ends, "segment_steps": steps, "segment_saves": saves, "lags": lags, "history": past}
    more = {"knots": knots, "capacity": capacity}
    schedule = Schedule(times, substeps, np.empty(2), 0, more=more, rows=arrays, alone=len(lags) > 1)
    return schedule, {"step": min(width, float(lags.min()))}


def _check_ends(times: np.ndarray, lags: np.ndarray, width: float, shape: tuple[int, ...]) -> None:
    """Refuse what does not end, and a past that memory does not hold."""
    span, longest = float(times[-1] - times[0]), min(width, float(lags.min()))
    steps = span / longest + len(times)
    what = f"{shape[0]} trajectories of length {span:g} in steps of {longest:g}, no longer than a delay,"
    check_steps(steps * max(shape[0], 1), what, "lengthen step, shorten the times, or take fewer trajectories")
    # plans of the steps, and cubics over the longest delay, in as many lanes as there are
    needed = 48.0 * steps * len(lags) + 256.0 * shape[1] * min(steps, float(lags.max()) / longest)
    check_bytes(needed, what.rstrip(","), "lengthen step, or shorten the times")


def _lags(kernel: Kernel, count: int) -> np.ndarray:
    """Delays (1 or trajectory, delay)."""
    columns = [np.atleast_1d(np.asarray(delay, dtype=float)) for delay in kernel.delays]
    length = max(len(column) for column in columns)
    if any(column.ndim > 1 or len(column) not in (1, count) for column in columns):
        raise ValueError(f"a delay must be a number, or an array of one a trajectory ({count}), got {kernel.delays}")
    lags = np.ascontiguousarray(np.stack([np.broadcast_to(column, length) for column in columns], axis=1))
    good = np.isfinite(lags) & (lags > 0)
    if not good.all():
        raise ValueError(f"delays must be positive and finite, got {lags[~good][0]:g}")
    return lags


def _segments(times: np.ndarray, lags: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends, numbers of steps, and indices of saved times (-1 where none) of the segments of one trajectory."""
    first, last = times[0], times[-1]
    sums = {
        sum(chosen)
        for many in range(1, _KINKS + 1)
        for chosen in combinations_with_replacement(np.unique(lags).tolist(), many)
    }
    kinks = first + np.array(sorted(total for total in sums if total < last - first))
    near = _SAME * max(abs(first), abs(last), 1e-300)
    ends: list[float] = []
    saves: list[int] = []
    pending = iter([*kinks.tolist(), float("inf")])
    kink = next(pending)
    for n in range(1, len(times)):
        while kink < times[n] - near:
            if kink > (ends[-1] if ends else first) + near:
                ends.append(kink)
                saves.append(-1)
            kink = next(pending)
        ends.append(float(times[n]))
        saves.append(n)
    borders = np.array([first, *ends])
    longest = min(width, float(lags.min()))
    steps = np.maximum(np.ceil(np.diff(borders) / longest * (1 - _SAME)), 1)
    return borders[1:], steps.astype(np.int64), np.array(saves, dtype=np.int64)


def _capacity(knots: np.ndarray, ends: np.ndarray, steps: np.ndarray, longest: float) -> int:
    """Most pieces that cover the longest delay behind any time, and two to spare."""
    begins = np.concatenate([knots[-1:], ends[:-1]])
    own = [b + (e - b) / n * np.arange(n) for b, e, n in zip(begins, ends, steps, strict=False)]
    starts = np.concatenate([knots[:-1], *own])
    oldest = np.searchsorted(starts, starts - longest * (1 + _SAME))
    return int((np.arange(len(starts)) - oldest).max(initial=0)) + 4


def _past(given: History, first: float, longest: float, y0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots (n,), and states with derivatives (1 or trajectory, n, 2 state) there."""
    size, begin = y0.shape[1], first - longest
    if given is None:
        raise ValueError(
            f"a kernel with delays needs its past from {begin:g} to {first:g}; pass history=: 'start' (held constant),"
            " a state, a function of t, or (times, values)"
        )
    if isinstance(given, str):
        if given != "start":
            raise ValueError(f"history must be 'start', a state, a function of t, or (times, values), got {given!r}")
        return np.array([begin, first]), _held(y0)
    if callable(given):
        return _sampled(given, begin, first, size)
    if isinstance(given, tuple):
        if len(given) != 2:
            raise ValueError(f"history as samples is a pair (times, values), got {len(given)} entries")
        return _interpolated(given, begin, first, y0.shape)
    state = np.asarray(given, dtype=float)
    if state.shape != (size,):
        raise ValueError(f"a constant history must have the shape ({size},) of the state, got {state.shape}")
    return np.array([begin, first]), _held(state[None])


def _held(states: np.ndarray) -> np.ndarray:
    values = np.concatenate([states, np.zeros_like(states)], axis=1)
    return np.ascontiguousarray(np.repeat(values[:, None], 2, axis=1))


def _sampled(
    function: Callable[[float], ArrayLike], begin: float, first: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Knots of a function of t: twice as many until cubics between them follow it."""
    from scipy.interpolate import CubicSpline

    from dynsamp.kernels.problem import running

    count = _KNOTS
    while True:
        fine = np.linspace(begin, first, 2 * count + 1)
        with running({"history": function}):
            returned = [np.asarray(function(float(t)), dtype=float) for t in fine]
        if any(value.shape != (size,) for value in returned):
            wrong = next(value.shape for value in returned if value.shape != (size,))
            raise ValueError(f"history(t) must return a finite state ({size},), got one of shape {wrong}")
        values = np.array(returned)
        if not np.all(np.isfinite(values)):
            raise ValueError(f"history(t) must return a finite state ({size},), got {values[0]} at t = {begin:g}")
        spline = CubicSpline(fine[::2], values[::2])
        error = np.abs(spline(fine[1::2]) - values[1::2]).max()
        if error <= _SMOOTH * max(np.abs(values).max(), 1e-300) or count >= _FINEST:
            spline = CubicSpline(fine, values)
            return fine, np.concatenate([spline(fine), spline(fine, 1)], axis=1)[None]
        count *= 2


def _interpolated(
    samples: tuple[ArrayLike, ArrayLike], begin: float, first: float, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Knots of samples: a cubic spline through them."""
    from scipy.interpolate import CubicSpline

    count, size = shape
    times, values = np.asarray(samples[0], dtype=float), np.asarray(samples[1], dtype=float)
    if values.ndim == 2:
        values = values[None]
    if times.ndim != 1 or len(times) < 2 or values.shape not in ((1, len(times), size), (count, len(times), size)):
        raise ValueError(
            f"history must be times (n,) with n >= 2 and values (n, {size}) or ({count}, n, {size}), got"
            f" {times.shape} and {values.shape}"
        )
    if not np.all(np.diff(times) > 0) or not np.all(np.isfinite(values)):
        raise ValueError("times of the history must increase, and its values must be finite")
    near = 1e-6 * (first - begin)
    if times[0] > begin + near or times[-1] < first - near:
        raise ValueError(
            f"the history runs from {times[0]:g} to {times[-1]:g}, but the delays need it from {begin:g} to {first:g}"
        )
    spline = CubicSpline(times, values, axis=1)
    inside = times[(times > begin + near) & (times < first - near)]
    knots = np.concatenate([[begin], inside, [first]])
    return knots, np.ascontiguousarray(np.concatenate([spline(knots), spline(knots, 1)], axis=2))
