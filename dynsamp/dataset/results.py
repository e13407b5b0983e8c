"""What is made of trajectories: scores, statistics, crossings of surfaces, Lyapunov spectra; all of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from dynsamp.dataset.packing import component_names
from dynsamp.dataset.schema import (
    CONVENTIONS,
    STATUS_ATTRS,
    Variables,
    encode,
    realisation_attrs,
    state_attrs,
    versions,
)
from dynsamp.metrics.base import Metric, Score
from dynsamp.metrics.errors import survival_median
from dynsamp.models.base import Model
from dynsamp.words import State, rate_units, spans

CENSORED = "_censored"  # after the name of a score: its flag
# suffix: CF cell method, and how people say it
_METHODS = {
    "mean": ("mean", "mean"),
    "std": ("standard_deviation", "standard deviation"),
    "min": ("minimum", "smallest value"),
    "max": ("maximum", "largest value"),
    "last": ("point", "last value"),
}


@dataclass(frozen=True)
class Run:
    """What the four verbs made of one system."""

    train: xr.Dataset
    model: Model
    truth: xr.Dataset
    forecast: xr.Dataset
    scores: xr.Dataset


def scores(  # noqa: PLR0913 - what a Dataset is made of
    results: Mapping[str, tuple[Metric, Score]],
    *,
    lead_time: np.ndarray,
    ids: np.ndarray,
    states: Sequence[State],
    time_unit: str = "1",
    skipped: Mapping[str, str] | None = None,
    left: tuple[np.ndarray, np.ndarray] | None = None,
    attrs: Mapping[str, object] | None = None,
) -> xr.Dataset:
    """A Dataset of scores.

    Parameters
    ----------
    results : mapping of str to (Metric, Score)
        By name.
    lead_time : ndarray (lead_time,)
        In ``time_unit``.
    ids : ndarray (trajectory,)
        Ids of the trajectories.
    states : sequence of State
        For metrics over the dim "state": one value for each state, or for each component.
    time_unit : str
        Stands where a metric declares the units "time".
    skipped : mapping of str to str, optional
        Metrics that could not be computed, and why; the JSON attribute ``skipped``.
    left : (ndarray, ndarray), optional
        Whether and at which time (trajectory, member) a forecast left the domain of its training data: the flag
        ``left_domain`` beside the scores, and ``left_domain_time``.
    attrs : mapping, optional
        Of the Dataset.

    Raises
    ------
    ValueError
        If the values of a metric do not have its dims.
    """
    sizes: dict[str, int] = {"trajectory": len(ids), "lead_time": len(lead_time)}
    variables: Variables = {}
    for name, (metric, score) in results.items():
        values = np.asarray(score.values)
        if values.ndim != len(metric.dims):
            raise ValueError(
                f"metric {name!r} returned an array of shape {values.shape}, but declares the dims {metric.dims};"
                " return one axis for each"
            )
        for dim, size in zip(metric.dims, values.shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise ValueError(
                    f"metric {name!r} returned {size} values along {dim!r}, but there are {sizes[dim]}; compare its"
                    f" dims {metric.dims} with the axes of what it returns"
                )
        # xarray keeps units through arithmetic, so each score states its own
        about = {"units": time_unit if metric.units == "time" else metric.units, "long_name": metric.long_name or name}
        variables[name] = (metric.dims, values, {**about, **encode(score.attrs)})
        if score.censored is not None:
            said = _flag(f"whether the {about['long_name']} is a lower bound", "exact lower_bound")
            variables[f"{name}{CENSORED}"] = (metric.dims, score.censored.astype(np.int8), said)
    if left is not None:
        dims = ("trajectory", "member")
        sizes["member"] = left[0].shape[1]
        said = _flag("whether the forecast left the domain of its training data", "inside left_domain")
        variables["left_domain"] = (dims, left[0].astype(np.int8), said)
        about = {"units": time_unit, "long_name": "time when the training domain was left", "role": "flag"}
        variables["left_domain_time"] = (dims, left[1], about)

    coords: Variables = {}
    for _, score in results.values():
        for dim, labels in score.coords.items():
            coords[dim] = ((dim,), list(labels), {"long_name": dim})
    if "trajectory" in sizes:
        coords["trajectory"] = (("trajectory",), np.asarray(ids), {"long_name": "trajectory id"})
    if "lead_time" in sizes:
        about = {"units": time_unit, "standard_name": "forecast_period", "long_name": "lead time"}
        coords["lead_time"] = (("lead_time",), np.asarray(lead_time, float), about)
    if "member" in sizes:
        coords["member"] = (("member",), np.arange(sizes["member"]), realisation_attrs())
    if "state" in sizes:
        labels = [state.name for state in states]
        if sizes["state"] != len(labels):
            labels = component_names(states)
        if sizes["state"] == len(labels):
            coords["state"] = (("state",), labels, {"long_name": "state variable"})
    header = {"Conventions": CONVENTIONS, **versions(), **encode({"skipped": dict(skipped or {}), **(attrs or {})})}
    return xr.Dataset(variables, coords, header)


def _flag(label: str, meanings: str) -> dict[str, object]:
    """Attributes of a flag, 0 or 1, beside the scores."""
    values = np.array([0, 1], np.int8)
    return {"units": "1", "long_name": label, "role": "flag", "flag_values": values, "flag_meanings": meanings}


def counted(scores: xr.Dataset, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of a score that count, and which of them are lower bounds: no NaN, which is no truth, no lead time 0."""
    score = scores[name]
    if "lead_time" in score.dims and (score["lead_time"] > 0).any():
        score = score.where(score["lead_time"] > 0)
    values = np.asarray(score.values, dtype=float).ravel()
    if f"{name}{CENSORED}" in scores:
        censored = scores[f"{name}{CENSORED}"].values.ravel() > 0
    else:  # of a file that only has their number: the longest
        still = int(score.attrs.get("censored", 0))
        censored = values >= np.sort(values)[-still] if still else np.zeros(values.shape, dtype=bool)
    there = ~np.isnan(values)
    return values[there], censored[there]


def headline(scores: xr.Dataset, name: str) -> tuple[float, bool]:
    """Median of a score, infinite values of failed forecasts included, and whether it is more than a lower bound."""
    values, censored = counted(scores, name)
    if censored.any():
        return survival_median(values, censored)
    middle = np.sort(values)[(values.size - 1) // 2 : values.size // 2 + 1]  # np.median warns of infinite values
    return float(middle.mean()) if values.size else float("nan"), True


def statistics(  # noqa: PLR0913 - what a Dataset is made of
    values: Mapping[str, np.ndarray],
    *,
    over: str,
    dims: Sequence[str],
    number: np.ndarray,
    status: np.ndarray,
    states: Sequence[State],
    times: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, object],
) -> xr.Dataset:
    """A Dataset with ``<state>_mean`` and so on.

    Parameters
    ----------
    values : mapping of str to ndarray (dims..., component)
        By suffix: mean, std, min, max, last.
    over : str
        The dim that is gone.
    dims : sequence of str
        Those that are left: of trajectory, member and time.
    number : ndarray (dims...)
        Finite values behind each statistic.
    status : ndarray (trajectory,) or (trajectory, member)
        What became of each.
    states, times, ids, time_unit, attrs
        As for ``build``.
    """
    variables: Variables = {}
    for state, part in zip(states, spans(states).values(), strict=True):
        for suffix, array in values.items():
            method, words = _METHODS[suffix]
            shape = (*array.shape[:-1], *state.dims.values())
            about = {
                "units": state.units,
                "long_name": f"{words} of {state.long_name or state.name} over {over}",
                "cell_methods": f"{over}: {method}",
            }
            variables[f"{state.name}_{suffix}"] = ((*dims, *state.dims), array[..., part].reshape(shape), about)
    variables["number"] = (tuple(dims), number, {"units": "1", "long_name": f"values over {over}"})
    codes = np.asarray(status, np.int8)
    own = ("trajectory", "member")[: codes.ndim]
    variables["status"] = (own, codes, dict(STATUS_ATTRS))
    coords: Variables = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id", "cf_role": "trajectory_id"})
    }
    if "time" in dims:
        coords["time"] = (("time",), times, {"units": time_unit, "long_name": "time since the start"})
    if "member" in own:
        coords["member"] = (("member",), np.arange(codes.shape[1]), realisation_attrs())
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})


def crossings(  # noqa: PLR0913 - what a Dataset is made of
    *,
    names: Sequence[str] | None,
    times: np.ndarray,
    values: np.ndarray,
    counts: np.ndarray,
    states: Sequence[State],
    status: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, object],
) -> xr.Dataset:
    """A Dataset of the crossings of events.

    times (trajectory, event, crossing), values (trajectory, event, crossing, component), counts (trajectory, event);
    where ``names`` is None, there is one event and no dimension of that name.
    """
    own = ("trajectory",) if names is None else ("trajectory", "event")
    if names is None:
        times, values, counts = times[:, 0], values[:, 0], counts[:, 0]
    dims = (*own, "crossing")
    variables: Variables = {}
    for state, part in zip(states, spans(states).values(), strict=True):
        found = values[..., part].reshape(*times.shape, *state.dims.values())
        variables[state.name] = ((*dims, *state.dims), found, state_attrs(state))
    variables["crossing_time"] = (dims, times, {"units": time_unit, "long_name": "time of the crossing"})
    variables["count"] = (own, counts, {"units": "1", "long_name": "number of crossings, recorded or not"})
    variables["status"] = (("trajectory",), np.asarray(status, np.int8), dict(STATUS_ATTRS))
    coords: Variables = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id"}),
        "crossing": (("crossing",), np.arange(times.shape[-1]), {"long_name": "number of the crossing"}),
    }
    if names is not None:
        coords["event"] = (("event",), list(names), {"long_name": "event"})
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})


def spectra(  # noqa: PLR0913 - what a Dataset is made of
    *,
    exponents: np.ndarray,
    errors: np.ndarray,
    running: np.ndarray,
    times: np.ndarray,
    divergence: np.ndarray,
    dimension: np.ndarray,
    status: np.ndarray,
    ids: np.ndarray,
    time_unit: str,
    attrs: Mapping[str, object],
) -> xr.Dataset:
    """A Dataset of exponents (trajectory, exponent), their standard errors and how they have settled.

    running (trajectory, time, exponent) averages up to ``times`` (time,), divergence (trajectory,) the mean trace of
    the Jacobian, dimension (trajectory,).
    """
    rate = rate_units("1", time_unit)
    own, run = ("trajectory", "exponent"), ("trajectory", "time", "exponent")
    variables = {
        "lyapunov_exponent": (own, exponents, {"units": rate, "long_name": "Lyapunov exponent"}),
        "standard_error": (own, errors, {"units": rate, "long_name": "standard error of the Lyapunov exponent"}),
        "running_exponent": (run, running, {"units": rate, "long_name": "Lyapunov exponent up to a time"}),
        "mean_divergence": (
            ("trajectory",),
            divergence,
            {"units": rate, "long_name": "mean trace of the Jacobian: the sum of all exponents"},
        ),
        "kaplan_yorke_dimension": (
            ("trajectory",),
            dimension,
            {"units": "1", "long_name": "Kaplan-Yorke dimension; NaN where too few exponents are known"},
        ),
        "status": (("trajectory",), np.asarray(status, np.int8), dict(STATUS_ATTRS)),
    }
    coords = {
        "trajectory": (("trajectory",), ids, {"long_name": "trajectory id"}),
        "exponent": (("exponent",), np.arange(1, exponents.shape[1] + 1), {"long_name": "number, largest first"}),
        "time": (("time",), times, {"units": time_unit, "long_name": "time"}),
    }
    return xr.Dataset(variables, coords, {"Conventions": CONVENTIONS, **versions(), **encode(attrs)})
