"""Arrays in, Dataset out: dims, units and names for what users have, and for what solvers and models return."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp.dataset.schema import (
    CALENDAR_UNITS,
    CONVENTIONS,
    PARAMETER,
    STATUS_ATTRS,
    TENDENCY,
    Variables,
    encode,
    realisation_attrs,
    state_attrs,
    validate,
    versions,
)
from dynsamp.words import LONGEST, State, components, listed, nearest, no_list, quoted, rate_units, spans

Canonical = Sequence[tuple[str, str]] | bool | None


def build(  # noqa: PLR0913 - what a Dataset is made of
    *,
    t: np.ndarray,
    y: np.ndarray,
    states: Sequence[State],
    time_unit: str = "1",
    ids: np.ndarray | None = None,
    dy: np.ndarray | None = None,
    status: np.ndarray | None = None,
    diagnostics: Mapping[str, Sequence[Any]] | None = None,
    inputs: Mapping[str, Sequence[Any]] | None = None,
    swept: Mapping[str, Any] | None = None,
    valid_until: np.ndarray | None = None,
    left_domain_time: np.ndarray | None = None,
    lead: bool = False,
    attrs: Mapping[str, object] | None = None,
) -> xr.Dataset:
    """A Dataset in the schema.

    Parameters
    ----------
    t : ndarray (time,) or (trajectory, time)
        Floats in ``time_unit``, or datetime64.
    y : ndarray (trajectory, time, component) or (trajectory, member, time, component)
        A state with own dims takes as many components as it has elements, in C order.
    states : sequence of State
        In the order of the components.
    time_unit : str
        UDUNITS spelling; "1" where time is nondimensional.
    ids : ndarray (trajectory,), optional
        Ids of the trajectories; 0, 1, ... without.
    dy : ndarray like y, optional
        Derivatives.
    status : ndarray (trajectory,) or (trajectory, member), optional
        Codes of ``words.Status``.
    diagnostics : mapping of str to (values, units[, long_name])
        values (trajectory, [member,] time).
    inputs : mapping of str to (values, units[, long_name[, hold]])
        values (trajectory, time) or (time,).
    swept : mapping of str to (trajectory,) values, or to (values, units)
        Parameters that differ between trajectories.
    valid_until : ndarray (trajectory,), optional
        Time until which a chaotic truth is one.
    left_domain_time : ndarray (trajectory,) or (trajectory, member), optional
        When a forecast left the box of its training data; NaN where it did not.
    lead : bool
        Add the coordinate ``lead_time``, the time since the first one.
    attrs : mapping, optional
        Of the Dataset; nested values become JSON text, None is left out.

    Raises
    ------
    ValueError
        If shapes contradict each other.
    """
    if not isinstance(time_unit, str) or not time_unit.isprintable() or len(time_unit) > LONGEST:
        raise TypeError(f"time_unit must be a short text such as 's', got {quoted(time_unit)}")
    t, y = np.asarray(t), np.asarray(y)
    sizes = [state.size for state in states]
    if y.ndim not in (3, 4) or y.shape[-1] != sum(sizes):
        raise ValueError(
            f"y has shape {y.shape}, expected (trajectory, [member,] time, component) with {sum(sizes)} components"
            f" for the states {listed(state.name for state in states)}"
        )
    dims = ("trajectory", "member", "time") if y.ndim == 4 else ("trajectory", "time")
    count, steps = y.shape[0], y.shape[-2]
    if t.shape not in ((steps,), (count, steps)):
        raise ValueError(f"t has shape {t.shape}, but y has {count} trajectories with {steps} times")
    if dy is not None and np.shape(dy) != y.shape:
        raise ValueError(f"dy has shape {np.shape(dy)}, but y has {y.shape}; they must agree")

    variables: Variables = {}
    for state, part in zip(states, spans(states).values(), strict=True):
        own = tuple(state.dims)
        shape = (*y.shape[:-1], *state.dims.values())
        variables[state.name] = ((*dims, *own), y[..., part].reshape(shape), state_attrs(state))
        if dy is not None:
            tendency = np.asarray(dy)[..., part].reshape(shape)
            variables[TENDENCY + state.name] = ((*dims, *own), tendency, _tendency_attrs(state, time_unit))
    for name, (values, units, *rest) in (diagnostics or {}).items():
        about = {"units": units, "long_name": rest[0] if rest and rest[0] else name, "role": "diagnostic"}
        variables[name] = (dims, np.asarray(values), about)
    for name, (values, units, *rest) in (inputs or {}).items():
        about = {"units": units, "long_name": rest[0] if rest and rest[0] else name, "role": "input"}
        if len(rest) > 1 and rest[1]:
            about["interpolation"] = "hold"
        values = np.asarray(values)
        variables[name] = (("trajectory", "time")[2 - values.ndim :], values, about)
    for name, value in (swept or {}).items():
        values, units = value if isinstance(value, tuple) else (value, "1")
        about = {"units": units, "long_name": f"parameter {name}"}
        variables[PARAMETER + name] = (("trajectory",), np.asarray(values, float), about)
    for name, record, long_name in (
        ("left_domain_time", left_domain_time, "time when the training domain was left"),
        ("truth_valid_until", valid_until, "time until which the truth is one"),
    ):
        if record is not None:
            record = np.asarray(record, float)
            variables[name] = (dims[: record.ndim], record, {"units": time_unit, "long_name": long_name})
    if status is not None:
        codes = np.asarray(status, np.int8)
        variables["status"] = (dims[: codes.ndim], codes, dict(STATUS_ATTRS))

    coords = _coordinates(t, count, y.shape[1] if y.ndim == 4 else None, time_unit, ids, lead)
    header = {"Conventions": CONVENTIONS, "states": " ".join(state.name for state in states)}
    if inputs:
        header["inputs"] = " ".join(inputs)
    if t.dtype.kind in "mM" and time_unit != "1":
        header["time_unit"] = time_unit
    return xr.Dataset(variables, coords, {**header, **versions(), **encode(attrs or {})})


def _tendency_attrs(state: State, time_unit: str) -> dict[str, str]:
    about = f"tendency of {state.long_name or state.name}"
    return {"units": rate_units(state.units, time_unit), "long_name": about}


def _coordinates(
    t: np.ndarray, count: int, members: int | None, time_unit: str, ids: np.ndarray | None, lead: bool
) -> Variables:
    calendar, unit = t.dtype.kind in "mM", time_unit
    about = {"long_name": "time"} if calendar else {"units": time_unit, "long_name": "time"}
    labels = np.arange(count, dtype=np.int64) if ids is None else np.asarray(ids)
    if labels.shape != (count,):
        raise ValueError(f"ids has shape {labels.shape}, but there are {count} trajectories")
    shape = ("trajectory", "time")[2 - t.ndim :]
    coords: Variables = {
        "trajectory": (("trajectory",), labels, {"long_name": "trajectory id", "cf_role": "trajectory_id"}),
        "time": (shape, t if calendar else np.asarray(t, float), about),
    }
    if members is not None:
        coords["member"] = (("member",), np.arange(members), realisation_attrs())
    if lead:
        since = t - t[..., :1]
        if calendar:
            unit = "d" if time_unit == "1" else time_unit
            since = since / np.timedelta64(CALENDAR_UNITS[unit], "ns")  # NaT becomes NaN
        if since.ndim == 2 and np.array_equal(since, np.broadcast_to(since[:1], since.shape), equal_nan=True):
            since = since[0]
        about = {"standard_name": "forecast_period", "long_name": "lead time", "units": unit}
        coords["lead_time"] = (("trajectory", "time")[2 - since.ndim :], since, about)
    return coords


def declare(
    labels: Sequence[str | State], units: Mapping[str, str] | Sequence[str] | None, canonical: Canonical
) -> tuple[State, ...]:
    """States from their names, units and conjugate pairs."""
    states = [label if isinstance(label, State) else State(label) for label in labels]
    order = [state.name for state in states]
    if len(set(order)) < len(order):
        twice = next(name for name in order if order.count(name) > 1)
        raise ValueError(f"the state {quoted(twice)} is named twice; give each state its own name")
    if units is not None:
        if wrong := no_list(units):
            raise TypeError(f"units must be a sequence or a mapping by state, {wrong}")
        if not isinstance(units, Mapping):
            units = list(units)
            if len(units) != len(states):
                raise ValueError(f"units has {len(units)} entries, but there are {len(states)} states")
            units = dict(zip(order, units, strict=True))
        for name in units:
            if name not in order:
                raise ValueError(f"units names {quoted(name)}, which is not a state{nearest(name, order)}")
        states = [replace(state, units=units.get(state.name, state.units)) for state in states]
    if not canonical:
        return tuple(states)
    if isinstance(canonical, bool):
        if len(order) % 2:
            raise ValueError(
                f"canonical states come in pairs (q, p), but there are {len(order)} states: {listed(order)}"
            )
        pairs = dict(zip(order[: len(order) // 2], order[len(order) // 2 :], strict=True))
    else:
        pairs = checked_pairs(canonical)
        for name in (*pairs, *pairs.values()):
            if name not in order:
                raise ValueError(f"canonical names {quoted(name)}, which is not a state{nearest(name, order)}")
    return tuple(replace(state, conjugate=pairs.get(state.name, state.conjugate)) for state in states)


def checked_pairs(canonical: Any) -> dict[str, str]:
    """Momenta by their coordinates."""
    given = (
        list(canonical.items() if isinstance(canonical, Mapping) else canonical) if _many(canonical) else [canonical]
    )
    if not all(_many(pair) and len(pair) == 2 and all(isinstance(name, str) for name in pair) for pair in given):
        raise TypeError(f"canonical must be pairs of states such as [('q', 'p')], or True, got {quoted(canonical)}")
    if len({q for q, _ in given}) < len(given):
        raise ValueError(f"canonical pairs a coordinate twice, got {quoted(canonical)}; each has one momentum")
    return dict(given)


def _many(value: object) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes)


def _real(values: ArrayLike, label: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise TypeError(
            f"{label} must be an array of real numbers, got dtype {array.dtype}; convert it with astype(float)"
        )
    return array.astype(np.float64)


def from_arrays(
    states: ArrayLike,
    times: ArrayLike,
    *,
    names: Sequence[str | State],
    units: Mapping[str, str] | Sequence[str] | None = None,
    tendencies: ArrayLike | None = None,
    canonical: Canonical = None,
    time_unit: str = "1",
) -> xr.Dataset:
    """A Dataset from arrays.

    Parameters
    ----------
    states : array_like (trajectory, time, state) or (time, state)
        Values; two dimensions are one trajectory. Shorter trajectories are padded with NaN at their end.
    times : array_like (time,) or (trajectory, time)
        Increasing; floats in ``time_unit`` or datetime64.
    names : sequence of str or State
        In the order of the last axis of ``states``.
    units : sequence of str, or mapping of str to str, optional
        Units by state; "1" without.
    tendencies : array_like like states, optional
        Time derivatives.
    canonical : sequence of (q, p), or True, optional
        Pairs of conjugate states; True takes the first half of ``names`` as q, the second as p.
    time_unit : str
        UDUNITS spelling; "1" where time is nondimensional.

    Returns
    -------
    xarray.Dataset
        In the schema.

    Raises
    ------
    ValueError, TypeError
        If shapes, names or times contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.linspace(0, 1, 11)
    >>> y = np.stack([np.cos(t), -np.sin(t)], axis=-1)
    >>> from_arrays(y, t, names=["q", "p"], canonical=True).sizes["trajectory"]
    1
    """
    if wrong := no_list(names):
        raise TypeError(f"names must be a sequence of names, {wrong}")
    y = _real(states, "states")
    if y.ndim == 2:
        y = y[None]
    if y.ndim != 3:
        raise ValueError(f"states has shape {y.shape}, expected (trajectory, time, state) or (time, state)")
    declared = declare(names, units, canonical)
    if y.shape[2] != components(declared):
        raise ValueError(
            f"states has {y.shape[2]} entries along its last axis, but {len(declared)} names are given"
            f" ({listed(state.name for state in declared)}); one name for each state"
        )
    t = np.asarray(times)
    if t.dtype.kind not in "iufM":
        raise TypeError(f"times must be numbers or datetime64, got dtype {t.dtype}; convert them with astype")
    if t.ndim == 2 and t.shape[0] == 1:
        t = t[0]
    if t.shape not in (y.shape[1:2], y.shape[:2]):
        raise ValueError(
            f"times has shape {np.shape(times)}, but states has {y.shape[0]} trajectories with {y.shape[1]} times;"
            " give (time,) or (trajectory, time)"
        )
    dy = None
    if tendencies is not None:
        dy = _real(tendencies, "tendencies")
        dy = dy[None] if dy.ndim == 2 else dy
        if dy.shape != y.shape:
            raise ValueError(f"tendencies has shape {np.shape(tendencies)}, but states has {np.shape(states)}")
    return validate(build(t=t, y=y, dy=dy, states=declared, time_unit=time_unit))


def from_points(
    states: ArrayLike,
    tendencies: ArrayLike,
    *,
    names: Sequence[str | State],
    units: Mapping[str, str] | Sequence[str] | None = None,
    canonical: Canonical = None,
    time_unit: str = "1",
) -> xr.Dataset:
    """A Dataset from scattered states and their derivatives: trajectories with one time.

    Parameters
    ----------
    states, tendencies : array_like (point, state)
        Values and time derivatives.
    names, units, canonical, time_unit
        As in ``from_arrays``.

    Returns
    -------
    xarray.Dataset
        In the schema; as many trajectories as points, at time 0.
    """
    y, dy = _real(states, "states"), _real(tendencies, "tendencies")
    if y.ndim != 2 or dy.shape != y.shape:
        raise ValueError(f"states and tendencies have shapes {y.shape} and {dy.shape}; both must be (point, state)")
    return from_arrays(
        y[:, None],
        np.zeros(1),
        names=names,
        units=units,
        tendencies=dy[:, None],
        canonical=canonical,
        time_unit=time_unit,
    )
