"""Scores of ensembles: members are draws from a forecast distribution."""

from __future__ import annotations

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import NORM, difference, known, spread

__all__ = ["crps", "fair_crps", "spread_skill"]


def fair_crps(errors: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of the members' errors along axis 0.

    mean |x_i - y| - sum_ij |x_i - x_j| / (2 m (m - 1)); unbiased for any number m of members, where dividing by 2 m^2
    favours large ensembles. Of a single member: its absolute error.
    Ferro (2014), Q. J. R. Meteorol. Soc. 140, 1917; the sorted form of the double sum costs O(m log m).
    """
    m = len(errors)
    score = np.abs(errors).mean(axis=0)
    if m > 1:
        weights = (2 * np.arange(m) - m + 1) / (m * (m - 1))
        score = score - np.tensordot(weights, np.sort(errors, axis=0), axes=1)
    return np.asarray(score)


def _scaled(forecast: Record, truth: Record) -> tuple[np.ndarray, np.ndarray]:
    """Errors in standard deviations, members first, 0 where unknown; and where a member has failed."""
    errors = np.moveaxis(difference(forecast, truth) / spread(truth), 1, 0)
    finite = np.isfinite(errors).all(axis=(0, -1))  # (trajectory, lead_time)
    return np.where(finite[..., None], errors, 0.0), known(truth) & ~finite


@metric("crps", ("trajectory", "lead_time"))
def crps(forecast: Record, truth: Record) -> Score:
    """Continuous ranked probability score.

    The fair estimate from the members, in standard deviations, mean over components. Infinite where a member has
    failed; NaN where there is no truth.
    """
    errors, failed = _scaled(forecast, truth)
    score = np.where(failed, np.inf, fair_crps(errors).mean(axis=-1))
    attrs = {"norm": NORM, "members": len(errors), "estimator": "fair (Ferro 2014)", "failed": "inf", "no_truth": "NaN"}
    return Score(np.where(known(truth), score, np.nan), attrs)


@metric("spread_skill", ("lead_time",))
def spread_skill(forecast: Record, truth: Record) -> Score:
    """Ratio of the ensemble's spread to the error of its mean.

    sqrt((m + 1) / m * mean variance) over the root mean square error, means over trajectories and components: 1 for a
    calibrated ensemble of any size, less for an overconfident one. 0 where a member has failed, as the error is then
    infinite; NaN where there is no truth or no error. Fortin et al. (2014), J. Hydrometeorol. 15, 1708.
    """
    m = forecast.y.shape[1]
    if m < 2:
        raise ValueError("spread_skill needs at least two members; forecast with members=")
    errors, failed = _scaled(forecast, truth)
    there = known(truth)[..., None]
    count = np.maximum(there.sum(axis=(0, 2)), 1) * errors.shape[-1]
    variance = (np.where(there, errors.var(axis=0, ddof=1), 0.0)).sum(axis=(0, 2)) / count
    square = (np.where(there, errors.mean(axis=0) ** 2, 0.0)).sum(axis=(0, 2)) / count
    square[failed.any(axis=0)] = np.inf
    ratio = np.full(len(truth.t), np.nan)
    np.divide(np.sqrt((m + 1) / m * variance), np.sqrt(square), out=ratio, where=square > 0)
    return Score(ratio, {"reference": "1 for a calibrated ensemble", "members": m, "failed": 0.0, "no_truth": "NaN"})
