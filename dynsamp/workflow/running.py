"""All four verbs: `run`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from dynsamp import dataset, plugins
from dynsamp.dataset.results import Run
from dynsamp.files import named
from dynsamp.models.base import Estimator
from dynsamp.streams import checked_seed
from dynsamp.system import System
from dynsamp.workflow.fitting import fit
from dynsamp.workflow.forecasting import forecast as forecast_verb
from dynsamp.workflow.generation import generate as generate_verb
from dynsamp.workflow.scoring import evaluate as evaluate_verb


def run(  # noqa: PLR0913 - a verb
    system: str | System,
    *,
    generate: Mapping[str, Any] | None = None,
    truth: Mapping[str, Any] | None = None,
    estimator: Estimator | type[Estimator] | str | None = None,
    forecast: Mapping[str, Any] | None = None,
    evaluate: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Run:
    """Generate, fit, forecast and evaluate.

    Parameters
    ----------
    system : str or System
        What to learn.
    generate, truth, forecast, evaluate : mapping, optional
        Further arguments of the steps; ``truth`` is generated like the training data, with another seed, unless it
        says otherwise.
    estimator : optional
        As in `fit`.
    out : path, optional
        Folder for the datasets, the model, the pictures and a page ``index.html`` that shows them.
    seed : int
        The truth gets ``seed + 1``.
    progress : bool, optional
        Show progress; default: on a terminal.

    Returns
    -------
    Run
        train, model, truth, forecast, scores.
    """
    law = plugins.system(system)
    seed = checked_seed(seed)
    folder = None if out is None else named(out)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)

    def kept(name: str, data: xr.Dataset) -> xr.Dataset:
        if folder is not None:  # at once: an interruption loses only what was not yet made
            dataset.save_dataset(data, folder / f"{name}.nc")
        return data

    common = {"seed": seed, "progress": progress, **(generate or {})}
    train = kept("train", generate_verb(law, **common))
    model = fit(train, estimator, system=law, seed=seed, progress=progress)
    if folder is not None:
        plugins.save_model(model, folder / f"{law.name}.model")
    # the truth is observed without noise, whatever the training data were
    true = kept("truth", generate_verb(law, **{**common, "noise": 0.0, "seed": seed + 1, **(truth or {})}))
    options = {"seed": seed, "progress": progress, **(forecast or {})}
    predicted = kept("forecast", forecast_verb(model, true, **options))
    scores = kept("scores", evaluate_verb(predicted, true, model=model, system=law, **(evaluate or {})))
    result = Run(train, model, true, predicted, scores)
    if folder is not None:
        from dynsamp import report  # draws: loaded only where something is drawn

        report.write(result, folder)
    return result
