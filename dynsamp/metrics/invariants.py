"""Drift of what the system conserves besides its energy: angular momenta, Lax spectra, mode energies."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import known
from dynsamp.solve import scalar_values
from dynsamp.streams import generator

__all__ = ["invariant_drift"]

POINTS = 2000  # states that say how large an invariant usually is


@metric("invariant_drift", ("trajectory", "member", "invariant"), needs=("forecast", "truth", "system"))
def invariant_drift(forecast: Record, truth: Record, system: Any) -> Score:
    """Largest change of each invariant along the forecast.

    max |I(t) - I(start)| over the typical size of I: its root mean square over the starts or, where that is larger, the
    median of |I| over states made of components of the truth's states that do not belong together. So an invariant
    which is zero on all orbits, such as the total momentum, has a size too. Infinite from a failure on.
    """
    functions = getattr(system, "invariants", None)
    if not functions:
        raise ValueError(f"system {system.name!r} declares no invariants besides its energy")
    count, members, steps, size = forecast.y.shape
    y = forecast.y.reshape(-1, size)
    finite = np.isfinite(y).all(axis=1)
    t = np.repeat(forecast.clock, members, axis=0).ravel()
    theta = np.repeat(forecast.theta, members * steps, axis=0)[finite] if forecast.theta.shape[1] else system.theta()
    mixed, own = _mixed(truth, system)
    drift = np.full((count, members, len(functions)), np.inf)
    typical = {}
    for k, (name, function) in enumerate(functions.items()):
        values = np.full(len(y), np.nan)
        values[finite] = scalar_values(function, t[finite], y[finite], theta)
        paths = values.reshape(count, members, steps)
        start = paths[..., :1]
        among = np.median(np.abs(scalar_values(function, np.zeros(len(mixed)), mixed, own)))
        here = float(np.sqrt(np.mean(start[np.isfinite(start)] ** 2))) if np.isfinite(start).any() else 0.0
        typical[name] = max(float(among), here)
        change = np.abs(paths - start).max(axis=-1) / (typical[name] or 1.0)
        drift[..., k] = np.where(np.isfinite(change), change, np.inf)
    attrs = {
        "norm": "root mean square over the starts, or median of |I| over mixed states of the truth, the larger",
        "typical_size": typical,
        "largest": {name: float(drift[..., k].max()) for k, name in enumerate(functions)},
        "failed": "inf",
    }
    return Score(drift, attrs, {"invariant": list(functions)})


def _mixed(truth: Record, system: Any) -> tuple[np.ndarray, np.ndarray]:
    """States whose components come from different states of the truth, and parameters."""
    trajectory, step = np.nonzero(known(truth))
    if not len(step):
        raise ValueError("the truth has no valid state at all, so nothing can be scored; generate it anew")
    picked = generator(0, "mixtures").integers(len(step), size=(POINTS, truth.y.shape[-1]))
    columns = [truth.y[trajectory[rows], 0, step[rows], k] for k, rows in enumerate(picked.T)]
    theta = truth.theta[trajectory[picked[:, 0]]] if truth.theta.shape[1] else system.theta()
    return np.stack(columns, axis=1), theta
