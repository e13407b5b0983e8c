"""Periods of oscillations, and their amplitudes: systems of one degree of freedom."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import known
from dynsamp.metrics.pairs import pairs_of, turns
from dynsamp.metrics.passages import SOURCE, passages

__all__ = ["amplitude", "period_error"]


@metric("period_error", ("trajectory", "member"))
def period_error(forecast: Record, truth: Record) -> Score:
    """Relative error of the period.

    (T - T_truth) / T_truth of each trajectory, signed; of one degree of freedom. T is the mean time between upward
    passages of the coordinate through the middle of the truth's range; of a rotation, the time of a full turn.
    Passages lie between samples, on polynomials of degree 7 through the eight nearest. NaN where the truth passes less
    than twice; infinite where only the forecast does, or has failed. ``amplitude`` is the score beside it.
    """
    q = _coordinate(truth)
    there = known(truth)
    turn = turns(truth.states)[q]
    values = np.full(forecast.y.shape[:2], np.nan)
    for k, row in enumerate(there):
        exact = np.where(row[:, None], truth.y[k, 0], np.nan)
        angle = exact[row, q]
        if len(angle) < 2:
            continue
        change = np.diff(angle)
        rotates = bool(np.all(change > 0) or np.all(change < 0)) and np.ptp(angle) > turn
        level = 0.5 * (angle.min() + angle.max())
        how = (q, level, int(np.sign(change[0])) if rotates else 1, turn if rotates else math.inf)
        period = _period(truth.t, exact, *how)
        if np.isfinite(period):
            found = np.array([_period(forecast.t, path, *how) for path in forecast.y[k]])
            failed = ~(np.isfinite(found) & np.isfinite(forecast.y[k]).all(axis=(1, 2)))
            values[k] = np.where(failed, np.inf, found / period - 1)
    attrs = {
        "definition": "T / T of the truth - 1, T from the first to the last upward passage through the middle of the"
        " truth's range",
        "interpolation": SOURCE,
        "failed": "inf",
        "no_period": "NaN",
    }
    return Score(values, attrs)


@metric("amplitude", ("trajectory",), needs=("truth",))
def amplitude(truth: Record) -> Score:
    """Amplitude of the coordinate along the truth.

    Half the range of q, of one degree of freedom; what ``period_error`` is drawn over. NaN where there is no truth.
    """
    q = _coordinate(truth)
    values = np.array(
        [
            0.5 * np.ptp(path[row, q]) if row.any() else np.nan
            for path, row in zip(truth.y[:, 0], known(truth), strict=True)
        ]
    )
    attrs: dict[str, Any] = {"definition": "half the range of the coordinate at the samples", "no_truth": "NaN"}
    units = [state.units for state in truth.states for _ in range(state.size)][q]
    return Score(values, {**attrs, "units": units})


def _coordinate(truth: Record) -> int:
    """Component of the only coordinate."""
    pairs = pairs_of(truth.states)
    if pairs.shape[1] != 1:
        raise ValueError(
            f"a period belongs to one degree of freedom, but there are {pairs.shape[1]}; compare Poincare sections"
            " with section_distance"
        )
    return int(pairs[0, 0])


def _period(t: np.ndarray, y: np.ndarray, component: int, level: float, direction: int, turn: float) -> float:
    times, _ = passages(t, y, component, level, direction, turn)
    return float((times[-1] - times[0]) / (len(times) - 1)) if len(times) > 1 else math.nan
