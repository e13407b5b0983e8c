"""A comparison as a table, a sentence, a picture and files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from dynsamp import plugins
from dynsamp.compare.comparison import Comparison
from dynsamp.files import explained, tidy, write_bytes
from dynsamp.models.storage import json_value

__all__ = ["rows", "save_comparison", "sentence"]

SAMPLED, TRAINED = "sampled", "iteratively trained"


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
            table.append((f"{label}, median", *_both(comparison, lambda s, k=score, u=unit: _number(s.median(k)) + u)))
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
