"""Which times are saved: `duration` and `dt`, or `times`, never both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["saved_times"]

MAX_TIMES = 2**31


def saved_times(
    duration: float | None,
    dt: float | None,
    times: Sequence[float] | np.ndarray | None,
    *,
    default_duration: float,
    default_dt: float,
) -> np.ndarray:
    """Times relative to the start (time,), the start included.

    Raises
    ------
    ValueError
        Where ``times`` come with ``duration`` or ``dt``, do not increase, or ``duration`` is not a whole number of
        ``dt``.
    """
    if times is not None:
        return _explicit(times, duration, dt)
    given = duration is not None
    duration = _positive("duration", default_duration if duration is None else duration)
    dt = _positive("dt", default_dt if dt is None else dt)
    steps = round(duration / dt)
    if steps >= MAX_TIMES:
        raise ValueError(f"duration={duration:g} with dt={dt:g} means {duration / dt:.3g} saved times; increase dt")
    if steps < 1 or abs(steps * dt - duration) > 1e-6 * dt:
        if not given:  # only dt was asked for: keep it, and end at the last whole step
            steps = max(1, int(duration / dt))
        else:
            below, above = max(1, int(duration / dt)) * dt, (int(duration / dt) + 1) * dt
            raise ValueError(
                f"duration={duration:g} is not a whole number of dt={dt:g};"
                f" try duration={below:g} or duration={above:g}, or another dt"
            )
    return np.arange(steps + 1) * dt


def _positive(name: str, value: float) -> float:
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, got {value}")
    return value


def _explicit(times: Sequence[float] | np.ndarray, duration: float | None, dt: float | None) -> np.ndarray:
    array = np.asarray(times, dtype=float)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"times must be a non-empty 1-d array, got shape {array.shape}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"times must be finite, but times[{np.flatnonzero(~np.isfinite(array))[0]}] is not")
    falls = np.flatnonzero(np.diff(array) <= 0)
    if falls.size:
        n = falls[0] + 1
        raise ValueError(
            f"times must increase, but times[{n}] = {array[n]:g} follows {array[n - 1]:g};"
            " sort them or pass duration= and dt="
        )
    span = array[-1] - array[0]
    if duration is not None and not np.isclose(span, duration, rtol=1e-9, atol=0):
        raise ValueError(f"times span {span:g}, but duration={duration:g}; give times=, or duration= and dt=, not both")
    if dt is not None and not np.allclose(np.diff(array), dt, rtol=1e-6, atol=0):
        raise ValueError(f"times are not spaced by dt={dt:g}; give times=, or duration= and dt=, not both")
    return array
