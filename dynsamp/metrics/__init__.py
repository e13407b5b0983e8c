"""Scores on plain arrays; `METRICS` are the built-in ones, in the order of listings."""

from __future__ import annotations

from dynsamp.metrics.base import Metric, Record, Score, metric
from dynsamp.metrics.diffusions import diffusion_error, drift_error
from dynsamp.metrics.errors import crps, nrmse, spread_skill, valid_prediction_time
from dynsamp.metrics.mechanics import (
    energy_drift,
    energy_error,
    gradient_error,
    hamiltonian_error,
    invariant_drift,
    model_energy_drift,
    power_balance,
    symplecticity_defect,
    truth_energy_error,
)
from dynsamp.metrics.returns import amplitude, period_error, section_distance

__all__ = ["METRICS", "Metric", "Record", "Score", "metric"]

METRICS: tuple[Metric, ...] = (
    nrmse,
    valid_prediction_time,
    energy_error,
    truth_energy_error,
    energy_drift,
    model_energy_drift,
    hamiltonian_error,
    gradient_error,
    invariant_drift,
    power_balance,
    symplecticity_defect,
    period_error,
    amplitude,
    section_distance,
    crps,
    spread_skill,
    drift_error,
    diffusion_error,
)
