"""How far a forecast is from the truth, and for how long it is a forecast."""

from __future__ import annotations

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import NORM, difference, known, spread

__all__ = ["nrmse", "valid_prediction_time"]

THRESHOLD = 0.4  # Pathak et al. (2018), Phys. Rev. Lett. 120, 024102


def _nrmse(forecast: Record, truth: Record) -> np.ndarray:
    scaled = difference(forecast, truth) / spread(truth)
    with np.errstate(over="ignore"):  # a diverging forecast is infinitely wrong
        error = np.sqrt((scaled**2).mean(axis=-1))
    error[~np.isfinite(error)] = np.inf
    return np.where(known(truth)[:, None], error, np.nan)


@metric("nrmse", ("trajectory", "member", "lead_time"))
def nrmse(forecast: Record, truth: Record) -> Score:
    """Normalised root mean square error.

    The square root of the mean over components of (difference / standard deviation)^2. Infinite from a failure on;
    NaN where there is no truth.
    """
    return Score(_nrmse(forecast, truth), {"norm": NORM, "failed": "inf", "no_truth": "NaN"})


@metric("valid_prediction_time", ("trajectory", "member"), units="time")
def valid_prediction_time(forecast: Record, truth: Record) -> Score:
    """Valid prediction time.

    The last time before the normalised root mean square error first exceeds 0.4; a failure exceeds it. Where it never
    does, the last time with a truth, and the score is censored. In Lyapunov times where the largest Lyapunov exponent
    is known and positive.
    """
    there = known(truth)
    error = _nrmse(forecast, truth)
    wrong = there[:, None] & ~(error <= THRESHOLD)
    ended = ~there  # (trajectory, lead_time): nothing is known of the time after a gap either
    horizon = np.where(ended.any(axis=1), ended.argmax(axis=1), len(truth.t))  # number of times with a truth
    crossed = np.where(wrong.any(axis=-1), wrong.argmax(axis=-1), len(truth.t))
    first = np.minimum(crossed, horizon[:, None])
    values = truth.t[np.maximum(first - 1, 0)].astype(float)
    values[horizon == 0] = np.nan  # no truth, no score
    censored = (crossed >= horizon[:, None]) & (horizon[:, None] > 0)

    exponent = truth.facts.lyapunov_exponent or forecast.facts.lyapunov_exponent
    attrs = {
        "threshold": THRESHOLD,
        "norm": NORM,
        "definition": "last time before the normalised root mean square error first exceeds the threshold",
        "censored": int(censored.sum()),
        "censored_because": "no crossing up to the end of the forecast or of the truth; the value is a lower bound",
    }
    if exponent is not None and exponent > 0:
        values = values * float(exponent)
        attrs |= {
            "units": "1",
            "lyapunov_exponent": float(exponent),
            "long_name": "valid prediction time (Lyapunov times)",
        }
    return Score(values, attrs)
