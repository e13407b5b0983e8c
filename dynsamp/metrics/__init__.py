"""Scores on plain arrays; `METRICS` are the built-in ones, in the order of listings."""

from dynsamp.metrics import errors, mechanics, returns
from dynsamp.metrics.base import Metric, Record, Score, metric

__all__ = ["METRICS", "Metric", "Record", "Score", "metric"]

METRICS: tuple[Metric, ...] = (
    errors.nrmse,
    errors.valid_prediction_time,
    mechanics.energy_error,
    mechanics.truth_energy_error,
    mechanics.energy_drift,
    mechanics.model_energy_drift,
    mechanics.hamiltonian_error,
    mechanics.gradient_error,
    mechanics.invariant_drift,
    mechanics.power_balance,
    mechanics.symplecticity_defect,
    returns.period_error,
    returns.amplitude,
    returns.section_distance,
    errors.crps,
    errors.spread_skill,
    errors.drift_error,
    errors.diffusion_error,
)
