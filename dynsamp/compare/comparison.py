"""Sampling against iterative training on one system: time, energy used, error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset, plugins, workflow
from dynsamp.compare.losses import Training, train
from dynsamp.compare.tasks import task_of
from dynsamp.meter import Cost
from dynsamp.models import Estimator, Model
from dynsamp.models.base import HasEnergy
from dynsamp.system import MapSystem, System

__all__ = ["Comparison", "check_comparable", "compare"]

OF_ENERGY = ("energy_error", "truth_energy_error", "energy_drift", "hamiltonian_error")
OF_STATES = ("nrmse", "valid_prediction_time")
SUBSTEPS = 50  # of a saved step, for symplectic forecasts: their error is of fourth order


@dataclass(frozen=True)
class Side:
    """One of the two networks."""

    model: Model
    forecast: xr.Dataset
    scores: xr.Dataset
    cost: Cost
    error: float  # relative: of H up to a constant, or of the increments of the truth

    def median(self, score: str) -> float:
        """Median of a score over everything; infinite ones, of failed forecasts, count."""
        values = self.scores[score].values.ravel() if score in self.scores else np.empty(0)
        values = np.sort(values[~np.isnan(values)])
        return float(values[values.size // 2]) if values.size else float("nan")


@dataclass(frozen=True)
class Comparison:
    """Two networks of the same shape on the same data."""

    system: str
    title: str
    error_name: str  # of Side.error: "error of H" or "one-step error"
    rows_seen: int  # data points in the loss of the iterative training
    sampled: Side
    trained: Side
    training: Training
    truth: xr.Dataset

    def as_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON values."""
        sides = {
            name: {
                **asdict(side.cost),
                "error": side.error,
                **{
                    f"median_{score}": side.median(score)
                    for score in ("energy_drift", "valid_prediction_time", "nrmse")
                },
            }
            for name, side in (("sampled", self.sampled), ("trained", self.trained))
        }
        training = {key: getattr(self.training, key) for key in ("loss", "first_loss", "evaluations", "stopped")}
        network = {key: self.sampled.model.report.get(key) for key in ("width", "activation")}
        head = {"system": self.system, "error": self.error_name, "rows": self.rows_seen, "network": network}
        return {**head, **sides, "training": training}


def check_comparable(law: System) -> None:
    """Complain about systems that no deterministic network learns.

    Raises
    ------
    ValueError
        For systems with noise or inputs.
    """
    if law.kind == "sde" or (isinstance(law, MapSystem) and law.noise) or law.inputs:
        reason = "external inputs" if law.inputs else "noise"
        raise ValueError(
            f"compare serves Hamiltonian systems and flow maps, but {law.name!r} has {reason}; try `dynsamp run"
            f" {law.name}`"
        )


def compare(
    system: str | System,
    *,
    budget: float = 10.0,
    seed: int = 0,
    generate: Mapping[str, Any] | None = None,
    truth: Mapping[str, Any] | None = None,
    estimator: Estimator | type[Estimator] | str | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Fit a sampled network, train the same network iteratively, and score both on the same truth.

    The iteratively trained network has the shape, activation and standardisation of the sampled one and sees as many
    data points; all its weights start from Glorot's random values and are trained by L-BFGS with exact gradients on
    the same loss, in float64.

    Parameters
    ----------
    system : str or System
        Hamiltonian, or deterministic with a flow map as its model.
    budget : float
        Seconds of iterative training.
    seed : int
        The truth gets ``seed + 1``.
    generate, truth : mapping, optional
        Further arguments of `generate` for the training data; what differs for the truth.
    estimator : optional
        As in `fit`: a HamiltonianNetwork or a FlowMap.
    progress : bool, optional
        Show progress; default: on a terminal.

    Raises
    ------
    ValueError
        A system with noise or inputs, another kind of model, a budget that is not positive.
    """
    law = plugins.system(system)
    check_comparable(law)
    if not 0 < budget < np.inf:
        raise ValueError(f"budget must be a positive number of seconds, got {budget}")
    common = {"seed": seed, "progress": progress, **(generate or {})}
    data = workflow.generate(law, **common)
    model = workflow.fit(data, estimator, system=law, seed=seed, progress=progress)
    task = task_of(model, dataset.pack(data), seed)
    training = train(task.loss, budget=budget, seed=seed, progress=progress)
    trained = task.model(training.weights)
    about = {"chosen": f"all weights trained by L-BFGS, {training.evaluations} evaluations", **asdict(training.cost)}
    kept = {key: model.report[key] for key in ("width", "activation") if key in model.report}
    trained = replace(trained, report={**kept, "rows": task.rows, **about})
    true = workflow.generate(law, **{**common, "noise": 0.0, "seed": seed + 1, **(truth or {})})
    sampled_cost = Cost(**{key: model.report[key] for key in Cost.__dataclass_fields__})
    return Comparison(
        system=law.name,
        title=law.title or law.name,
        error_name="error of H" if _energetic(law, model) else "one-step error",
        rows_seen=task.rows,
        sampled=_scored(law, model, true, sampled_cost, seed, progress),
        trained=_scored(law, trained, true, training.cost, seed, progress),
        training=training,
        truth=true,
    )


def _energetic(law: System, model: Model) -> bool:
    return law.kind == "hamiltonian" and isinstance(model, HasEnergy)


def _scored(law: System, model: Model, truth: xr.Dataset, cost: Cost, seed: int, progress: bool | None) -> Side:
    forecast = workflow.forecast(model, truth, seed=seed, progress=progress, **_accurate(model, truth))
    metrics = list(OF_STATES)
    if law.kind == "hamiltonian":
        metrics += [name for name in OF_ENERGY if name != "hamiltonian_error" or _energetic(law, model)]
    scores = workflow.evaluate(forecast, truth, model=model, system=law, metrics=metrics)
    error = float(scores["hamiltonian_error"]) if "hamiltonian_error" in scores else _step_error(model, truth)
    return Side(model, forecast, scores, cost, error)


def _accurate(model: Model, truth: xr.Dataset) -> dict[str, Any]:
    """Solver options with which the error of a forecast is that of the model."""
    kind = model.kernel().kind
    if kind == "separable":
        times = dataset.pack(truth).t[0]
        return {"method": "yoshida4", "step": float(times[1] - times[0]) / SUBSTEPS}
    return {} if kind == "map" else {"method": "dop853"}


def _step_error(model: Any, truth: xr.Dataset) -> float:
    """Error of the increments that the flow map predicts along the truth, relative to theirs; NaN at another dt."""
    samples = dataset.pack(truth)
    spacing = np.diff(samples.t, axis=1)
    if not spacing.size or not np.allclose(spacing, model.facts.dt, rtol=1e-6, atol=0):
        return float("nan")
    now, then = samples.y[:, :-1], samples.y[:, 1:]
    there = np.isfinite(now).all(axis=-1) & np.isfinite(then).all(axis=-1)
    error = model.step(now[there]) - then[there]
    return float(np.linalg.norm(error) / np.linalg.norm(then[there] - now[there]))
