"""Scores on plain arrays; `METRICS` are the built-in ones, in the order of listings."""

from __future__ import annotations

from dynsamp.metrics.base import Metric, Record, Score, metric
from dynsamp.metrics.energy import energy_drift, energy_error, hamiltonian_error, model_energy_drift, truth_energy_error
from dynsamp.metrics.ensemble import crps, spread_skill
from dynsamp.metrics.gradient import gradient_error
from dynsamp.metrics.invariants import invariant_drift
from dynsamp.metrics.period import amplitude, period_error
from dynsamp.metrics.power import power_balance
from dynsamp.metrics.section import section_distance
from dynsamp.metrics.stochastic import diffusion_error, drift_error
from dynsamp.metrics.symplectic import symplecticity_defect
from dynsamp.metrics.trajectory import nrmse, valid_prediction_time

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
