"""The verb `fit`: data in, fitted model out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from dynsamp import dataset, plugins
from dynsamp.dataset.schema import LARGEST, PARAMETER, names, versions
from dynsamp.dataset.variables import open_rows, regression_rows
from dynsamp.models import DriftDiffusion, FlowMap, HamiltonianNetwork, SampledNetwork, SampledNetworkModel
from dynsamp.models.base import Estimator, Model, Samples
from dynsamp.progress import Progress, logged
from dynsamp.streams import checked_seed
from dynsamp.system import HamiltonianSystem, System
from dynsamp.words import listed, shown, suggestion
from dynsamp.workflow.verdict import verdict


def fit(
    data: xr.Dataset | str | Path | Any,
    estimator: Estimator | type[Estimator] | str | None = None,
    *,
    system: str | System | None = None,
    seed: int = 0,
    memory: int | None = None,
    progress: bool | None = None,
) -> Model:
    """Learn a model from data.

    Parameters
    ----------
    data : Dataset, DataFrame or path
        Data in the schema, or a file (.nc, .zarr, .csv). Variables that a SampledNetwork names may be in any Dataset;
        of a Zarr store they are read in blocks.
    estimator : Estimator, its class or its name, optional
        Default: the system's own; without a system, a Hamiltonian network where the data name conjugate pairs and
        carry derivatives, else a flow map.
    system : str or System, optional
        What the data come from; default: the system that the data name, if it is registered.
    seed : int
        Seed of the sampled weights.
    memory : int, optional
        Bytes that the fit may take at its peak.
    progress : bool, optional
        Show progress; default: on a terminal.

    Returns
    -------
    Model
        Frozen; ``model.summary()`` says what was chosen and what it cost.

    Raises
    ------
    ValueError
        Data that are too few, not finite, too large to square, constant or unevenly sampled for the estimator; an
        unknown estimator.
    """
    if isinstance(estimator, SampledNetwork) and (estimator.inputs is not None or estimator.targets is not None):
        return _regression(data, estimator, checked_seed(seed), memory, progress)
    data = as_dataset(data)
    law = plugins.system_of(data, system)
    samples = dataset.pack(data)
    _check_one_law(data, samples.facts.swept, "")
    _check_sizes(samples)
    if law is not None:
        samples = _declared(samples, law)
    chosen = _estimator(estimator, law, samples)
    label = f"fitting {chosen.name}"
    with Progress(label, 1, enabled=progress), logged(label), threadpool_limits(1, "blas"):
        # one BLAS thread: the same bits on every machine, and the many small fits of a selection do not spin
        model = _finite(chosen, samples, checked_seed(seed), memory)
        said = model.report.get("verdict") or verdict(model, samples)
    dt = samples.median_step if model.facts.dt is None else model.facts.dt
    facts = replace(model.facts, seed=seed, dt=dt, versions=versions())
    return replace(model, facts=facts, report={"verdict": said, **model.report})


def _regression(
    data: Any, estimator: SampledNetwork, seed: int, memory: int | None, progress: bool | None
) -> SampledNetworkModel:
    """Learn some variables from others; they are read in blocks."""
    if estimator.inputs is None or estimator.targets is None:
        missing = "inputs" if estimator.inputs is None else "targets"
        raise ValueError(f"a regression of variables needs both inputs=[...] and targets=[...], {missing} is missing")
    data = open_rows(data) if isinstance(data, str | Path) else as_dataset(data)
    rows = regression_rows(data, estimator.inputs, estimator.targets)
    unused = [name for name in names(data, "parameter") if name not in estimator.inputs]
    swept = [name.removeprefix(PARAMETER) for name in unused if len(np.unique(data[name].values)) > 1]
    _check_one_law(data, swept, f"name {listed(unused)} in inputs, or ")
    label = f"fitting {estimator.name}"
    with Progress(label, 1, enabled=progress), logged(label), threadpool_limits(1, "blas"):
        model = estimator.fit(rows.x, rows.y, seed=seed, memory=memory)
    facts = replace(rows.facts, seed=seed, versions=versions())
    return replace(model, states=rows.inputs, targets=rows.targets, facts=facts)


def as_dataset(data: Any) -> xr.Dataset:
    """A Dataset as it is; a path or DataFrame read."""
    if isinstance(data, xr.Dataset):
        return data
    if isinstance(data, str | Path):
        return dataset.open_dataset(data, verify=True)  # all of it is read anyway
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return dataset.from_dataframe(data)
    raise TypeError(
        f"data must be a Dataset, a DataFrame or a path, got {type(data).__name__}; for arrays use"
        " dynsamp.from_arrays(states, times, names=...)"
    )


def _finite(chosen: Estimator, samples: Samples, seed: int, memory: int | None) -> Model:
    """Fit, and refuse what products of very large or small numbers have made of it."""
    try:
        model = chosen.fit(samples, seed=seed, memory=memory)
        bad = next((f"{key} is {v}" for key, v in model.report.items() if isinstance(v, float) and v != v), "")
    except ValueError as error:
        if "should be finite, got" not in str(error):
            raise
        bad = shown(str(error).rpartition(": ")[2])
    if bad:
        low, high = samples.box
        raise ValueError(
            f"the fit of {chosen.name} is not finite ({bad}): values from {low.min():g} to {high.max():g} in steps of"
            f" {samples.median_step or 0.0:g} are too large or too small to be multiplied; use other units"
        )
    return model


def _check_one_law(data: xr.Dataset, swept: Sequence[str], remedy: str) -> None:
    """Refuse trajectories of several laws: none of them would be learned."""
    if swept:
        columns = np.stack([data[PARAMETER + name].values.ravel() for name in swept], axis=1)
        values, counts = np.unique(columns, axis=0, return_counts=True)
        most = values[counts.argmax()].tolist()
        chosen = " & ".join(f"(data.{PARAMETER}{name} == {value!r})" for name, value in zip(swept, most, strict=True))
        raise ValueError(
            f"the trajectories differ in {listed(swept)}, but a fit learns one law; {remedy}select one value:"
            f" data.isel(trajectory={chosen})"
        )


def _check_sizes(samples: Samples) -> None:
    """Refuse values whose squares overflow."""
    for what, values in (("values", samples.y), ("derivatives", samples.dy), ("inputs", samples.u)):
        if values is not None:
            largest = max(np.nanmax(values, initial=0.0), -np.nanmin(values, initial=0.0))
            if largest > LARGEST:
                raise ValueError(
                    f"the {what} of the data reach {largest:g}, but a fit squares them and numbers beyond {LARGEST:g}"
                    " overflow then; use another unit"
                )


def _declared(samples: Samples, law: System) -> Samples:
    """Samples with what the system declares: facts and, for equal names, the states."""
    names = [state.name for state in samples.states]
    if names != [state.name for state in law.states]:
        expected = ", ".join(state.name for state in law.states)
        raise ValueError(
            f"the data have the states {listed(names)}, but system {law.name!r} has {expected}; rename them, or"
            " fit without system="
        )
    return replace(samples, states=tuple(law.states), facts=samples.facts.over(law.facts()))


def _estimator(given: Estimator | type[Estimator] | str | None, law: System | None, samples: Samples) -> Estimator:
    if isinstance(given, Estimator):
        return given
    if isinstance(given, type) and issubclass(given, Estimator):
        return given()
    if isinstance(given, str):
        known = plugins.estimators()
        if given not in known:
            raise ValueError(f"unknown estimator {given!r}; {suggestion(given, sorted(known))}")
        return known[given]()
    if given is not None:
        raise TypeError(f"estimator must be an Estimator, its class or its name, got {given!r}")
    if law is not None and law.estimator is not None:
        return law.estimator
    return _default(law, samples)


def _default(law: System | None, samples: Samples) -> Estimator:
    if law is not None:
        if law.kind == "sde":
            return DriftDiffusion()
        if isinstance(law, HamiltonianSystem):
            return HamiltonianNetwork()
        return FlowMap()
    if samples.dy is not None and any(state.conjugate for state in samples.states):
        return HamiltonianNetwork()
    return FlowMap()
