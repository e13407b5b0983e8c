"""The verb `evaluate`: a forecast against the truth, as scores."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset, plugins
from dynsamp.metrics.base import Metric, Record, Score
from dynsamp.metrics.errors import THRESHOLD, starts_apart
from dynsamp.models.base import HasDissipatedPower, Model
from dynsamp.system import System
from dynsamp.words import QUOTED, quoted, shown, suggestion
from dynsamp.workflow.completing import at_times_of, completed_truth

_log = logging.getLogger("dynsamp")

_OF_KIND = {
    "hamiltonian": (
        "nrmse",
        "valid_prediction_time",
        "energy_error",
        "truth_energy_error",
        "energy_drift",
        "hamiltonian_error",
        "gradient_error",
    ),
    "ode": ("nrmse", "valid_prediction_time"),
    "map": ("nrmse", "valid_prediction_time"),
    "sde": ("nrmse", "crps", "spread_skill", "drift_error", "diffusion_error"),
}


def evaluate(
    forecast: xr.Dataset,
    truth: xr.Dataset,
    *,
    model: Model | None = None,
    system: str | System | None = None,
    metrics: Sequence[str | Metric] | None = None,
) -> xr.Dataset:
    """Score a forecast against the truth.

    Parameters
    ----------
    forecast : Dataset
        From `forecast`; trajectories are matched by id, times by lead time.
    truth : Dataset
        Truth over at least the forecast's times, from the same starts: others are refused or, where they may be those
        states observed with noise, told by a warning and the attribute ``starts``. Where the model took velocities
        from positions, a truth of
        positions gets them in the same way; a recording at other times is interpolated. The attributes
        ``truth_velocities`` and ``truth_times`` say so.
    model : Model, optional
        For the scores that look inside it, such as the error of the learned Hamiltonian.
    system : str or System, optional
        Default: the one that the truth names, if it is registered.
    metrics : sequence of str or Metric, optional
        Default: the system's, else those of its kind, its invariants' and, of a model of dissipation, its power
        balance.

    Returns
    -------
    Dataset
        Scores over trajectory, member and lead_time; norms and thresholds in their attributes; what was left out,
        and why, in the attribute ``skipped``. A failed trajectory scores as failed, never as missing. Of a forecast
        that knows the domain of its training data, ``left_domain`` (0 or 1) flags the trajectories that left it, from
        ``left_domain_time`` on: their scores count, but are those of an extrapolation.
    """
    _check(forecast, truth)
    if isinstance(model, Number | str | bytes | PathLike | Sequence | Mapping):  # whatever has an energy will do
        raise TypeError(f"model must be a fitted model, got {quoted(model)}; load_model() reads one from a file")
    law = plugins.system_of(truth, system)
    truth, velocities = _turning_alike(forecast, truth), None
    measured = None  # all states
    if dataset.facts(forecast).velocities:
        measured = [state for state in dataset.state_list(forecast) if state.name in truth]
        forecast, truth, velocities = completed_truth(forecast, truth)
    forecast, truth, times = _aligned(forecast, truth)
    records: dict[str, Any] = {
        "forecast": dataset.record(forecast),
        "truth": dataset.record(truth),
        "model": model,
        "system": law,
    }
    pair = (records["forecast"], records["truth"])
    starts = _starts_apart(*(pair if measured is None else (dataset.record(d, measured) for d in (forecast, truth))))
    results: dict[str, tuple[Metric, Score]] = {}
    skipped: dict[str, str] = {}
    for chosen in _metrics(metrics, law, records):
        missing = [need for need in chosen.needs if records[need] is None]
        if missing:
            skipped[chosen.name] = f"needs {' and '.join(missing)}"
            continue
        try:
            results[chosen.name] = (chosen, chosen(*(records[need] for need in chosen.needs)))
        except (ValueError, TypeError, AttributeError) as error:
            if metrics is not None:  # asked for by name: the reason is an error
                raise ValueError(f"metric {chosen.name!r} cannot be computed: {error}") from error
            skipped[chosen.name] = str(error)
    record = records["forecast"]
    return dataset.scores(
        results,
        lead_time=record.t,
        ids=forecast["trajectory"].values,
        states=record.states,
        time_unit=record.facts.time_unit,
        skipped=skipped,
        left=_left_domain(forecast),
        attrs={
            "title": "Scores of a forecast",
            "system": "" if law is None else law.name,
            "estimator": forecast.attrs.get("estimator", ""),
            "truth_velocities": velocities,
            "truth_times": times,
            "starts": starts,
            "history": dataset.history("evaluate"),
        },
    )


def _metrics(given: Sequence[str | Metric] | None, law: System | None, records: dict[str, Any]) -> list[Metric]:
    known = plugins.metrics()
    if given is not None and (isinstance(given, str | bytes) or not isinstance(given, Iterable)):
        raise TypeError(f"metrics must be a list of names or Metric, got {quoted(given)}")
    names: Sequence[str | Metric]
    if given is not None:
        names = given
    elif law is not None and law.metrics is not None:
        names = law.metrics
    else:
        kind = "ode" if law is None else law.kind
        stochastic = records["forecast"].y.shape[1] > 1
        names = _OF_KIND["sde" if stochastic and kind == "map" else kind]
        if law is None and stochastic:
            names = ("nrmse", "crps", "spread_skill")
        elif law is not None and law.invariants:
            names = (*names, "invariant_drift")
        if isinstance(records["model"], HasDissipatedPower):
            learned = () if law is None or law.energy is None else ("hamiltonian_error", "gradient_error")
            names = (*names, *(name for name in (*learned, "power_balance") if name not in names))
    chosen = []
    for name in names:
        if isinstance(name, Metric):
            chosen.append(name)
            continue
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"unknown metric {quoted(name)}; {suggestion(str(name), sorted(known))}")
        chosen.append(known[name])
    return chosen


def _left_domain(forecast: xr.Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Whether and when (trajectory, member) the training domain was left; None where nobody has watched."""
    if "left_domain_time" not in forecast:
        return None
    when = np.asarray(forecast["left_domain_time"].values, dtype=float).reshape(forecast.sizes["trajectory"], -1)
    return np.isfinite(when), when


def _check(forecast: xr.Dataset, truth: xr.Dataset) -> None:
    for label, data in (("forecast", forecast), ("truth", truth)):
        if not isinstance(data, xr.Dataset):
            raise TypeError(
                f"{label} must be a Dataset, got {type(data).__name__}; open a file with open_dataset(path)"
            )
        try:
            dataset.validate(data)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from None


def _starts_apart(forecast: Record, truth: Record) -> str | None:
    """How far forecasts start from the truth, in a few words, where they do; refused where that is no error of a start.

    Forecasts of noisy observations may start beside a truth without noise. Where half of them start so far away that
    none would count as valid, the two do not belong together.
    """
    count, middle, largest = starts_apart(forecast, truth)
    if not count:
        return None
    what = f"{count} of {len(forecast.y)} forecasts start at other states than the truth"
    if middle > THRESHOLD:
        raise ValueError(
            f"{what}, half of them more than {middle:.2g} standard deviations away; forecast from this truth:"
            " forecast(model, truth)"
        )
    _log.warning("%s, up to %.2g standard deviations away: right for noisy starts only", what, largest)
    return f"{what}, up to {largest:.2g} standard deviations away"


def _turning_alike(forecast: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """The truth, in which an angle is periodic that is so in the forecast: it may be recorded within one turn."""
    periods = {state.name: state.period for state in dataset.state_list(forecast) if state.period is not None}
    turning = [name for name in periods if name in truth and "period" not in truth[name].attrs]
    if turning:
        truth = truth.copy()
        for name in turning:
            truth[name].attrs["period"] = periods[name]
    return truth


def _aligned(forecast: xr.Dataset, truth: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset, str | None]:
    """Both over the forecast's trajectories and, in the truth, the forecast's times; how, where not as they were."""
    dataset.check_time_units(forecast["time"].attrs.get("units"), truth["time"].attrs.get("units"))
    wanted, there = forecast["trajectory"].values, truth["trajectory"].values
    missing = np.setdiff1d(wanted, there)
    if missing.size:
        first = shown(missing[0], QUOTED)
        raise ValueError(
            f"the truth lacks trajectory {first} of the forecast ({missing.size} of {wanted.size} in all);"
            " forecast from this truth, or generate more of it"
        )
    truth = truth.isel(trajectory=[int(np.flatnonzero(there == k)[0]) for k in wanted])
    times, own = forecast["time"].values, truth["time"].values
    dated = times.dtype.kind in "mM"
    if dated != (own.dtype.kind in "mM"):
        kinds = ("dates", "numbers") if dated else ("numbers", "dates")
        raise ValueError("the forecast's times are {}, but those of the truth are {}; give both alike".format(*kinds))
    if times.ndim != 1 or own.ndim != 1:
        if dated:
            if times.shape != own.shape or not np.array_equal(times, own, equal_nan=True):
                raise ValueError("forecast and truth have different dates per trajectory; forecast from this truth")
            return forecast, truth, None
        if times.shape != own.shape or not np.allclose(times, own, equal_nan=True):
            return forecast, *at_times_of(forecast, truth)
        return forecast, truth, None
    if dated:
        index = np.searchsorted(own, times)
    else:
        right = np.clip(np.searchsorted(own, times), 1, max(own.size - 1, 1))
        index = np.where(times - own[right - 1] <= own[np.minimum(right, own.size - 1)] - times, right - 1, right)
    index = np.minimum(index, own.size - 1)
    gap = np.abs(own[index] - times)
    close = gap <= 1e-9 * max(float(np.abs(times).max()), 1.0) if not dated else own[index] == times
    if not np.all(close) and not truth.attrs.get("system") and dataset.uneven(truth) and not dated:
        return forecast, *at_times_of(forecast, truth)  # a recording
    if not np.all(close):
        n = int(np.flatnonzero(~np.asarray(close))[0])
        raise ValueError(
            f"the forecast's time {times[n]} is not a time of the truth, which runs from {own[0]} to {own[-1]};"
            " generate the truth with the forecast's duration= and dt="
        )
    return forecast, truth.isel(time=index), None
