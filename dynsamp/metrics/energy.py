"""Conservation of energy along a forecast, and the error of a learned Hamiltonian."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.models.base import HasEnergy
from dynsamp.solve import scalar_values

__all__ = ["energy_drift", "energy_error", "hamiltonian_error", "model_energy_drift", "truth_energy_error"]

FLOOR = 1e-2  # of the root mean square: a start with (almost) no energy does not divide by zero
NORM = "|H| at the start, at least a hundredth of its root mean square over all starts"
POINTS = 100_000  # more states than these do not change the error of a Hamiltonian


def _hamiltonian(system: Any, record: Record) -> np.ndarray:
    """True energy (trajectory, member, lead_time), NaN where there is no state."""
    if getattr(system, "hamiltonian", None) is None:
        raise TypeError(f"system {system.name!r} has no hamiltonian, so there is no energy to score")
    count, members, steps, size = record.y.shape
    y = record.y.reshape(-1, size)
    finite = np.isfinite(y).all(axis=1)
    t = np.repeat(record.clock, members, axis=0).ravel()
    theta = system.theta()
    if record.theta.shape[1]:
        theta = np.repeat(record.theta, members * steps, axis=0)[finite]
    energy = np.full(len(y), np.nan)
    energy[finite] = scalar_values(system.hamiltonian, t[finite], y[finite], theta)
    return energy.reshape(count, members, steps)


def _relative(energy: np.ndarray) -> np.ndarray:
    """|E - E(start)| over the start's energy; infinite from a failure on."""
    start = energy[..., :1]
    typical = np.sqrt(np.nanmean(start**2)) if np.isfinite(start).any() else 0.0
    scale = np.maximum(np.abs(start), FLOOR * typical)
    error = np.abs(energy - start) / np.where(scale > 0, scale, 1.0)
    return np.where(np.isfinite(error), error, np.inf)


@metric("energy_error", ("trajectory", "member", "lead_time"), needs=("forecast", "system"))
def energy_error(forecast: Record, system: Any) -> Score:
    """Relative error of the true energy along the forecast.

    Infinite from a failure on.
    """
    return Score(_relative(_hamiltonian(system, forecast)), {"norm": NORM, "failed": "inf"})


@metric("truth_energy_error", ("trajectory", "lead_time"), needs=("truth", "system"))
def truth_energy_error(truth: Record, system: Any) -> Score:
    """Relative error of the energy along the truth.

    What the solver of the truth adds; a forecast cannot be judged below it. NaN where there is no truth.
    """
    energy = _hamiltonian(system, truth)[:, 0]
    return Score(np.where(np.isfinite(energy), _relative(energy), np.nan), {"norm": NORM, "no_truth": "NaN"})


def _drift(energy: np.ndarray, t: np.ndarray) -> Score:
    """Largest relative error of each trajectory; the median slope in the attributes."""
    error = _relative(energy)
    attrs: dict[str, Any] = {"norm": NORM, "definition": "largest relative error along the forecast", "failed": "inf"}
    finite = np.isfinite(error).all(axis=-1)
    if finite.any() and np.ptp(t) > 0:
        scale = np.maximum(np.abs(energy[finite][:, :1]), np.finfo(float).tiny)
        slopes = np.polynomial.polynomial.polyfit(t, ((energy[finite] - energy[finite][:, :1]) / scale).T, 1)[1]
        attrs |= {"median_slope": float(np.median(slopes)), "slope": "of (E - E(start)) / |E(start)| over lead time"}
    return Score(error.max(axis=-1), attrs)


@metric("energy_drift", ("trajectory", "member"), needs=("forecast", "system"))
def energy_drift(forecast: Record, system: Any) -> Score:
    """Largest relative error of the true energy along the forecast.

    A learned H conserved and the true one not, or the reverse, means nothing: see ``model_energy_drift``.
    """
    return _drift(_hamiltonian(system, forecast), forecast.t)


@metric("model_energy_drift", ("trajectory", "member"), needs=("forecast", "model"))
def model_energy_drift(forecast: Record, model: Any) -> Score:
    """Largest relative error of the learned energy along the forecast."""
    return _drift(_learned(model, forecast.y), forecast.t)


@metric("hamiltonian_error", (), needs=("truth", "model", "system"))
def hamiltonian_error(truth: Record, model: Any, system: Any) -> Score:
    """Relative error of the learned Hamiltonian.

    In L2 over the states of the truth, up to an additive constant: both have their mean removed.
    """
    exact = _hamiltonian(system, truth).ravel()
    rows = np.flatnonzero(np.isfinite(exact))
    rows = rows[:: -(-len(rows) // POINTS) or 1]
    if not len(rows):
        raise ValueError("the truth has no valid state, so the learned Hamiltonian cannot be compared")
    learned = _learned(model, truth.y.reshape(-1, truth.y.shape[-1])[rows])
    exact = exact[rows] - exact[rows].mean()
    norm = float(np.linalg.norm(exact))
    error = float(np.linalg.norm(learned - learned.mean() - exact))
    attrs = {"norm": "L2 over the truth's states, both without their mean", "states": len(rows)}
    return Score(np.asarray(error / norm if norm > 0 else np.inf), attrs)


def _learned(model: Any, y: np.ndarray) -> np.ndarray:
    if not isinstance(model, HasEnergy):
        raise TypeError(f"a {type(model).__name__} has no energy(); this score is for learned Hamiltonians")
    return np.asarray(model.energy(y), dtype=float)
