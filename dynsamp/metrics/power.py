"""Power balance: whether the learned energy, dissipation and drive explain how the energy of the true data changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import known
from dynsamp.models.base import HasDissipatedPower, HasDissipation, HasEnergy, HasSuppliedPower
from dynsamp.streams import generator

__all__ = ["power_balance"]

FLOOR = 1e-2  # of the range over mixed states: a single orbit that conserves H does not divide by rounding errors


@metric("power_balance", ("trajectory", "lead_time"), needs=("truth", "model"))
def power_balance(truth: Record, model: Any) -> Score:
    """Residual of the learned power balance along the truth.

    |H(t) - H(start) + ∫ dissipated - ∫ supplied power| over the range of the learned H along all of the truth. The
    powers are the model's ``dissipated_power(y)`` and ``supplied_power(y, t, u)``, zero of a model without them; their
    integrals are those of splines of degree 5 through the samples (degree 3 or 1 with few of them), which is also
    the error that remains of an exact model. The smallest eigenvalue of a learned dissipation matrix R, never negative
    in a passive system, is an attribute. NaN where there is no truth.
    """
    if not isinstance(model, HasEnergy):
        raise TypeError(f"a {type(model).__name__} has no energy(); this score is for learned Hamiltonians")
    there = np.logical_and.accumulate(known(truth), axis=1)  # an integral ends at a gap
    if not there.any():
        raise ValueError("the truth has no valid state at all, so nothing can be scored; generate it anew")
    y = truth.y[:, 0]
    values = np.full(there.shape, np.nan)
    for k, row in enumerate(there):
        if row.any():
            power = _net_power(model, y[k, row], truth.clock[k, row], None if truth.u is None else truth.u[k, row])
            h = np.asarray(model.energy(y[k, row]), dtype=float)
            values[k, row] = np.abs(h - h[0] + _integral(truth.t[row], power))
    flat = y[there]
    order = generator(0, "mixtures")
    mixed = np.stack([order.permutation(column) for column in flat.T], axis=1)
    scale = max(float(np.ptp(model.energy(flat))), FLOOR * float(np.ptp(model.energy(mixed))))
    attrs: dict[str, Any] = {
        "norm": "range of the learned H over the truth's states, at least a hundredth of that over mixed states",
        "quadrature": "splines of degree 5 through the samples",
        "no_truth": "NaN",
    }
    if isinstance(model, HasDissipation):
        r = np.asarray(model.dissipation)
        attrs["smallest_eigenvalue_of_R"] = float(np.linalg.eigvalsh(0.5 * (r + r.T)).min())
    return Score(values / (scale or 1.0), attrs)


def _net_power(model: Any, y: np.ndarray, t: np.ndarray, u: np.ndarray | None) -> np.ndarray:
    """Energy lost a unit of time (time,): dissipated minus supplied."""
    power = np.zeros(len(y))
    if isinstance(model, HasDissipatedPower):
        power = power + np.asarray(model.dissipated_power(y))
    if isinstance(model, HasSuppliedPower):
        power = power - np.asarray(model.supplied_power(y, t) if u is None else model.supplied_power(y, t, u))
    return power


def _integral(t: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Integral from the first time on (time,)."""
    from scipy.interpolate import make_interp_spline

    degree = min(5, len(t) - 1)
    if degree < 1 or not power.any():
        return np.zeros(len(t))
    spline = make_interp_spline(t, power, k=degree - (degree + 1) % 2).antiderivative()
    return np.asarray(spline(t) - spline(t[0]))
