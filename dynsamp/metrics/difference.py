"""What all scores of states share: differences, the truth's spread, and where there is no truth."""

from __future__ import annotations

import math

import numpy as np

from dynsamp.metrics.base import Record

__all__ = ["NORM", "difference", "known", "periods", "spread"]

NORM = "standard deviation of each component of the truth over its trajectories and times"


def periods(record: Record) -> np.ndarray:
    """Period of each component (component,); inf where it has none."""
    values = [math.inf if state.period is None else state.period for state in record.states for _ in range(state.size)]
    return np.array(values)


def known(truth: Record) -> np.ndarray:
    """Where there is a truth to compare with (trajectory, lead_time): finite, and not beyond ``valid_until``."""
    limit = truth.valid_until[:, None] * (1 + 1e-12)  # the last valid time itself counts
    return np.asarray(np.isfinite(truth.y[:, 0]).all(axis=-1) & (truth.t <= limit))


def spread(truth: Record) -> np.ndarray:
    """Climatological standard deviation (component,).

    An angle is at most as spread as the uniform distribution on its circle; a constant component counts as 1.
    """
    y = truth.y[:, 0][known(truth)]
    if not len(y):
        raise ValueError("the truth has no valid state at all, so nothing can be scored; generate it anew")
    scale = np.minimum(y.std(axis=0), periods(truth) / math.sqrt(12))
    return np.where(scale > 1e-12 * np.abs(y).max(axis=0, initial=0.0), scale, 1.0)


def difference(forecast: Record, truth: Record) -> np.ndarray:
    """Forecast minus truth (trajectory, member, lead_time, component), the short way round on circles."""
    if forecast.y.shape[::2] != truth.y.shape[::2] or forecast.y.shape[3] != truth.y.shape[3]:
        raise ValueError(
            f"forecast {forecast.y.shape} and truth {truth.y.shape} differ in trajectories, times or components;"
            " forecast from this truth, over its times"
        )
    gap = forecast.y - truth.y[:, :1]
    period = periods(truth)
    angles = np.flatnonzero(np.isfinite(period))
    gap[..., angles] -= period[angles] * np.round(gap[..., angles] / period[angles])
    return np.asarray(gap)
