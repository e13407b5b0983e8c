"""Sampling against iterative training on one system: time, energy used, error; as table, sentence, picture, files."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset, plugins, workflow
from dynsamp.compare.losses import Training, task_of, train
from dynsamp.files import explained, tidy, write_bytes
from dynsamp.meter import Cost
from dynsamp.models import Estimator, Model
from dynsamp.models.base import HasEnergy
from dynsamp.models.storage import json_value
from dynsamp.system import MapSystem, System

OF_ENERGY = ("energy_error", "truth_energy_error", "energy_drift", "hamiltonian_error")
OF_STATES = ("nrmse", "valid_prediction_time")
SUBSTEPS = 50  # of a saved step, for symplectic forecasts: their error is of fourth order
SAMPLED, TRAINED = "sampled", "iteratively trained"


@dataclass(frozen=True)
class Side:
    """One of the two networks."""

    model: Model
    forecast: xr.Dataset
    scores: xr.Dataset
    cost: Cost
    error: float  # relative: of H up to a constant, or of the increments of the truth

    def median(self, score: str) -> float:
        """Headline of a score; infinite values, of failed forecasts, count."""
        return dataset.headline(self.scores, score)[0] if score in self.scores else float("nan")

    def spoken(self, score: str, unit: str) -> str:
        """The same in words, with its unit."""
        reached = dataset.headline(self.scores, score)[1]
        return f"{'' if reached else 'at least '}{_number(self.median(score))}{unit}"


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


def rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Label and values of both sides."""
    sampled, trained = comparison.sampled, comparison.trained
    measured = "measured" if sampled.cost.energy_source == "rapl" else sampled.cost.energy_source
    width = sampled.model.report.get("width")
    neurons = " + ".join(f"{n} ({part})" for part, n in width.items()) if isinstance(width, dict) else str(width)
    table = [
        ("neurons", neurons, neurons),
        ("fit time", *_both(comparison, lambda side: f"{side.cost.seconds:.3g} s")),
        ("CPU seconds", *_both(comparison, lambda side: f"{side.cost.cpu_seconds:.3g}")),
        (f"energy used, {measured}", *_both(comparison, lambda side: f"{side.cost.joules:.3g} J")),
        (comparison.error_name, _number(sampled.error), _number(trained.error)),
    ]
    for score, label in (("energy_drift", "energy drift"), ("nrmse", "NRMSE"), ("valid_prediction_time", "valid for")):
        if score in sampled.scores:
            units = sampled.scores[score].attrs.get("units", "1")
            unit = "" if units == "1" else f" {units}"
            table.append((f"{label}, median", *_both(comparison, lambda side, k=score, u=unit: side.spoken(k, u))))
    return table


def sentence(comparison: Comparison) -> str:
    """What the table says, in words."""
    sampled, trained = comparison.sampled, comparison.trained
    time = _ratio(trained.cost.seconds, sampled.cost.seconds, "less", "more")
    used = _ratio(trained.cost.joules, sampled.cost.joules, "less", "more")
    text = f"Sampling took {time} time and {used} energy used"
    if math.isfinite(sampled.error) and math.isfinite(trained.error):
        ratio = _ratio(trained.error, sampled.error, "smaller", "larger")
        text += f"; its {comparison.error_name} is {ratio}"
    evaluations, stopped = comparison.training.evaluations, comparison.training.stopped
    why = "the budget was spent" if stopped == "budget" else stopped.lower()
    return f"{text}. Training stopped after {evaluations} evaluations of the loss: {why}."


def save_comparison(comparison: Comparison, folder: str | Path) -> list[Path]:
    """Write the picture, both models and the numbers; returns the paths."""
    from matplotlib.figure import Figure

    from dynsamp import plot

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    named = {SAMPLED: comparison.sampled.scores, TRAINED: comparison.trained.scores}
    kind = "energy_error" if "energy_error" in comparison.sampled.scores else "nrmse"
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    getattr(plot, kind)(named, ax=axes)
    figure.suptitle(comparison.title)  # above the key of the axes
    paths = plot.save_figures({kind: figure}, folder)
    for name, side in (("sampled", comparison.sampled), ("trained", comparison.trained)):
        paths.append(folder / f"{name}.model")
        plugins.save_model(side.model, paths[-1])
    paths.append(folder / "comparison.json")
    document = json_value(comparison.as_dict(), "comparison", null_for_non_finite=True)
    with explained("write", paths[-1]):
        tidy(paths[-1])
        write_bytes(paths[-1], (json.dumps(document, indent=2) + "\n").encode())
    return paths


def _both(comparison: Comparison, value: Any) -> tuple[str, str]:
    return value(comparison.sampled), value(comparison.trained)


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3g}"


def _ratio(larger: float, smaller: float, less: str, more: str) -> str:
    """How many times less (or more) the smaller one is."""
    if not (smaller > 0 and larger > 0):
        return f"{smaller:.2g} against {larger:.2g}:"
    ratio, word = (larger / smaller, less) if larger >= smaller else (smaller / larger, more)
    return f"{ratio:.2g} times {word}" if ratio < 1000 else f"{ratio:.0e} times {word}".replace("e+0", "e")
