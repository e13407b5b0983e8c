"""Dataset in, arrays out: what estimators (`Samples`) and metrics (`Record`) work on."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from dynsamp.dataset.schema import (
    PARAMETER,
    TENDENCY,
    facts,
    names,
    state_list,
    text,
    time_origin,
    time_values,
    validate,
)
from dynsamp.metrics.base import Record
from dynsamp.models.base import Samples
from dynsamp.words import FAILURES, QUOTED, Input, State, Status, listed, nearest, quoted, shown, spans

_log = logging.getLogger("dynsamp")


def component_names(states: Sequence[State]) -> list[str]:
    """Labels of the components: "theta", or "x[3]" for an element of a state with own dims."""
    labels = []
    for state in states:
        shape = tuple(state.dims.values())
        indices = np.ndindex(*shape)
        labels += [f"{state.name}[{','.join(map(str, index))}]" if shape else state.name for index in indices]
    return labels


def _flat(ds: xr.Dataset, variables: Sequence[str], lead: tuple[str, ...]) -> np.ndarray:
    """Variables side by side as (*lead, component); own dims in C order, a missing member dim is added."""
    columns = []
    for name in variables:
        variable = ds[name]
        for dim in lead:
            if dim not in variable.dims:
                variable = variable.expand_dims({dim: ds.sizes.get(dim, 1)})
        values = variable.transpose(*lead, ...).values
        columns.append(values.reshape(*values.shape[: len(lead)], -1))
    return np.ascontiguousarray(np.concatenate(columns, axis=-1), dtype=np.float64)


def _stacked(ds: xr.Dataset) -> xr.Dataset:
    """Members as trajectories of their own."""
    if "member" not in ds.dims:
        return ds
    bare = ds.drop_vars(["trajectory", "member"], errors="ignore")
    paths = bare.stack(path=("trajectory", "member"), create_index=False).transpose("path", ...)
    renamed = paths.rename(path="trajectory")
    return renamed.assign_coords(trajectory=np.arange(renamed.sizes["trajectory"]))


def _statuses(ds: xr.Dataset) -> np.ndarray:
    """Status codes (trajectory, member)."""
    count, members = ds.sizes["trajectory"], ds.sizes.get("member", 1)
    if "status" not in ds:
        return np.zeros((count, members), np.int8)
    codes = ds["status"].values.astype(np.int8)
    return np.ascontiguousarray(np.broadcast_to(codes if codes.ndim == 2 else codes[:, None], (count, members)))


def _label(ds: xr.Dataset, trajectory: int) -> str:
    """How to call a trajectory in a message."""
    return shown(ds["trajectory"].values[trajectory], QUOTED)


def _ids(ds: xr.Dataset) -> np.ndarray:
    ids = ds["trajectory"].values
    return ids.astype(np.int64) if ids.dtype.kind in "iu" else np.arange(len(ids), dtype=np.int64)


def pack(ds: xr.Dataset) -> Samples:
    """Training data as float64 arrays.

    Dates become floats: days (or ``attrs["time_unit"]``: s, min, h, d) since the first of them. Members become
    trajectories of their own. Of a failed trajectory the part before the failure is kept.

    Parameters
    ----------
    ds : xarray.Dataset
        In the schema.

    Returns
    -------
    Samples
        t (trajectory, time), y and dy (trajectory, time, component), u (trajectory, time, input). ``facts`` are those
        of the Dataset, with ``failed``, ``left_domain``, ``inputs``, ``swept`` and ``time_origin``.

    Raises
    ------
    ValueError
        If the Dataset is not in the schema, or a value inside a trajectory is missing or infinite.
    """
    ds = _stacked(validate(ds))
    states = state_list(ds)
    present = [state.name for state in states]
    lead = ("trajectory", "time")
    y = _flat(ds, present, lead)
    t = np.ascontiguousarray(np.broadcast_to(time_values(ds), y.shape[:2]))
    tendencies = set(names(ds, "tendency"))
    dy = _flat(ds, [TENDENCY + name for name in present], lead) if tendencies else None
    inputs = names(ds, "input")
    u = _flat(ds, inputs, lead) if inputs else None
    codes = _statuses(ds)[:, 0]
    failed = np.isin(codes, [int(code) for code in FAILURES])

    length = _lengths(t, y, failed)
    inside = np.arange(y.shape[1]) < length[:, None]
    labels = component_names(states)
    _complain(ds, y, inside, labels)
    if dy is not None:
        _complain(ds, dy, inside, [TENDENCY + label for label in labels])
        dy[~inside] = np.nan
    if u is not None:
        _complain(ds, u, inside, component_names([State(name) for name in inputs]))
        u[~inside] = np.nan
    y[~inside] = np.nan

    keep = length > 0
    lost = np.flatnonzero(~keep & ~failed)
    if len(lost):
        raise ValueError(f"trajectory {_label(ds, int(lost[0]))} has no values at all; drop it")
    if not keep.any():
        raise ValueError(
            f"all {len(length)} trajectories failed at their start; check the initial states and parameters"
        )
    known = facts(ds)
    swept = {name.removeprefix(PARAMETER): ds[name].values for name in names(ds, "parameter")}
    one = {name: column.flat[0].item() for name, column in swept.items() if len(np.unique(column)) == 1}
    about = replace(
        known,
        parameters={**known.parameters, **one},
        failed=int(failed.sum()),
        left_domain=int((codes == Status.LEFT_DOMAIN).sum()),
        inputs=tuple(
            Input(name, text(ds[name].attrs, "units", "1"), hold=text(ds[name].attrs, "interpolation") == "hold")
            for name in inputs
        ),
        swept=tuple(name for name in swept if name not in one),
        time_origin=time_origin(ds),
    )
    rows = np.flatnonzero(keep) if not keep.all() else slice(None)
    return Samples(
        t=t[rows],
        y=y[rows],
        states=_kept_bounds(states, y),
        dy=None if dy is None else dy[rows],
        u=None if u is None else u[rows],
        length=length[rows],
        ids=_ids(ds)[rows],
        facts=about,
    )


def _kept_bounds(states: tuple[State, ...], y: np.ndarray) -> tuple[State, ...]:
    """States without bounds that the data cross: noise does, and attributes stay behind when values are changed."""
    found = []
    for state, own in zip(states, spans(states).values(), strict=True):
        low, high = state.bounds
        if low is not None or high is not None:
            least, largest = np.nanmin(y[..., own]), np.nanmax(y[..., own])
        crossed = (low is not None and least < low) or (high is not None and largest > high)
        if crossed:
            _log.warning(
                "%s reaches from %.4g to %.4g, beyond its bounds (%s, %s), which are not used",
                *(state.name, least, largest, low, high),
            )
        found.append(replace(state, bounds=(None, None)) if crossed else state)
    return tuple(found)


def _lengths(t: np.ndarray, y: np.ndarray, failed: np.ndarray) -> np.ndarray:
    """Valid times of each trajectory: up to its padding, or to the failure."""
    timed = np.isfinite(t)
    finite = np.isfinite(y).all(axis=2) & timed
    present = ~np.isnan(y).all(axis=2) & timed
    steps = y.shape[1]
    before_failure = np.where(finite.all(axis=1), steps, np.argmin(finite, axis=1))
    before_padding = np.where(present.any(axis=1), steps - np.argmax(present[:, ::-1], axis=1), 0)
    return np.where(failed, before_failure, before_padding).astype(np.int64)


def _complain(ds: xr.Dataset, values: np.ndarray, inside: np.ndarray, labels: Sequence[str]) -> None:
    """Say where the first value is that is missing or infinite."""
    bad = ~np.isfinite(values) & inside[..., None]
    if not bad.any():
        return
    trajectory, step, component = map(int, np.unravel_index(int(np.argmax(bad)), bad.shape))
    time = ds["time"].values
    when = time[trajectory, step] if time.ndim == 2 else time[step]
    value = values[trajectory, step, component]
    raise ValueError(
        f"{quoted(labels[component])} is {'missing' if np.isnan(value) else value} in trajectory"
        f" {_label(ds, trajectory)} at time {when} ({int(bad.sum())} such values in all);"
        " fill the gaps with ds.interpolate_na('time'), or split the trajectory there"
    )


def record(ds: xr.Dataset, states: Sequence[State] | None = None) -> Record:
    """A forecast or a truth for the metrics.

    Parameters
    ----------
    ds : xarray.Dataset
        In the schema; NaN after a failure stays.
    states : sequence of State, optional
        Which states, in which order; all of the Dataset without.

    Returns
    -------
    Record
        t (time,) since each trajectory's first time; y (trajectory, member, time, component).

    Raises
    ------
    ValueError
        If a state is not in the Dataset, or the trajectories do not share their lead times.
    """
    validate(ds)
    present = state_list(ds)
    chosen = tuple(states) if states is not None else present
    known = {state.name: state for state in present}
    for state in chosen:
        if state.name not in known:
            name = quoted(state.name)
            raise ValueError(f"the Dataset has no state {name} (it has: {listed(known)}){nearest(state.name, known)}")
        if known[state.name].size != state.size:
            raise ValueError(
                f"state {state.name!r} has {known[state.name].size} components here, but {state.size} are expected;"
                " compare Datasets of the same system"
            )
    start, lead = _lead_times(ds)
    y = _flat(ds, [state.name for state in chosen], ("trajectory", "member", "time"))
    valid_until = np.full(y.shape[0], np.inf)
    if "truth_valid_until" in ds:
        until = ds["truth_valid_until"].values.astype(float)
        valid_until = np.where(np.isnan(until), np.inf, until - start)
    inputs = names(ds, "input")
    u = _flat(ds, inputs, ("trajectory", "time")) if inputs else None
    return Record(lead, y, _statuses(ds), chosen, _theta(ds), valid_until, facts(ds), start, u)


def _lead_times(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """First time of each trajectory, and the lead times that all of them share."""
    t = time_values(ds)
    if t.ndim == 1:
        return np.full(ds.sizes["trajectory"], t[0]), t - t[0]
    start = t[:, 0]
    leads = t - start[:, None]
    longest = leads[int(np.argmax(np.isfinite(leads).sum(axis=1)))]
    scale = np.nanmax(np.abs(leads)) if leads.size else 0.0
    apart = np.abs(leads - longest) > 1e-9 * scale + 1e-12 * np.nanmax(np.abs(t))
    if apart.any():
        trajectory, step = map(int, np.unravel_index(int(np.argmax(apart)), apart.shape))
        raise ValueError(
            f"trajectory {_label(ds, trajectory)} has lead time {leads[trajectory, step]:g} where others"
            f" have {longest[step]:g}; scores need the same lead times for all, interpolate to common ones first"
        )
    return start, longest


def _theta(ds: xr.Dataset) -> np.ndarray:
    """Parameters of the system (trajectory, parameter) in the order of the attribute ``parameters``."""
    count = ds.sizes["trajectory"]
    values: dict[str, float | np.ndarray] = dict(facts(ds).parameters)
    for name in names(ds, "parameter"):
        values[name.removeprefix(PARAMETER)] = ds[name].values
    columns = []
    for name, value in values.items():
        try:
            columns.append(np.broadcast_to(np.asarray(value, float), (count,)))
        except (ValueError, TypeError, OverflowError):
            raise ValueError(
                f"the parameter {quoted(name)} is {quoted(value)}, expected a number, or one for each of {count}"
                " trajectories; correct the attribute 'parameters'"
            ) from None
    return np.ascontiguousarray(np.stack(columns, axis=1)) if columns else np.empty((count, 0))
