"""Datasets from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from dynsamp.dataset.building import build
from dynsamp.dataset.schema import validate
from dynsamp.words import State, nearest

__all__ = ["Canonical", "declare", "from_arrays", "from_points"]

Canonical = Sequence[tuple[str, str]] | bool | None


def declare(
    labels: Sequence[str | State], units: Mapping[str, str] | Sequence[str] | None, canonical: Canonical
) -> tuple[State, ...]:
    """States from their names, units and conjugate pairs."""
    states = [label if isinstance(label, State) else State(str(label)) for label in labels]
    order = [state.name for state in states]
    if len(set(order)) < len(order):
        twice = next(name for name in order if order.count(name) > 1)
        raise ValueError(f"the state {twice!r} is named twice; give each state its own name")
    if isinstance(units, str):
        raise TypeError(
            f"units must be a sequence or a mapping by state, got the string {units!r}; try [{units!r}, ...]"
        )
    if units is not None:
        if not isinstance(units, Mapping):
            if len(units) != len(states):
                raise ValueError(f"units has {len(units)} entries, but there are {len(states)} states")
            units = dict(zip(order, units, strict=True))
        for name in units:
            if name not in order:
                raise ValueError(f"units names {name!r}, which is not a state{nearest(name, order)}")
        states = [replace(state, units=units.get(state.name, state.units)) for state in states]
    if not canonical:
        return tuple(states)
    if isinstance(canonical, bool):
        if len(order) % 2:
            raise ValueError(
                f"canonical states come in pairs (q, p), but there are {len(order)} states: {', '.join(order)}"
            )
        pairs = dict(zip(order[: len(order) // 2], order[len(order) // 2 :], strict=True))
    else:
        pairs = dict(canonical)
        for name in (*pairs, *pairs.values()):
            if name not in order:
                raise ValueError(f"canonical names {name!r}, which is not a state{nearest(name, order)}")
    return tuple(replace(state, conjugate=pairs.get(state.name, state.conjugate)) for state in states)


def _real(values: Any, label: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iufb":
        raise TypeError(
            f"{label} must be an array of real numbers, got dtype {array.dtype}; convert it with astype(float)"
        )
    return array.astype(np.float64)


def from_arrays(
    states: Any,
    times: Any,
    *,
    names: Sequence[str | State],
    units: Mapping[str, str] | Sequence[str] | None = None,
    tendencies: Any = None,
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
    if isinstance(names, str):
        raise TypeError(f"names must be a sequence of names, got the string {names!r}; try [{names!r}]")
    y = _real(states, "states")
    if y.ndim == 2:
        y = y[None]
    if y.ndim != 3:
        raise ValueError(f"states has shape {y.shape}, expected (trajectory, time, state) or (time, state)")
    declared = declare(names, units, canonical)
    if y.shape[2] != sum(state.size for state in declared):
        raise ValueError(
            f"states has {y.shape[2]} entries along its last axis, but {len(declared)} names are given"
            f" ({', '.join(state.name for state in declared)}); one name for each state"
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
    states: Any,
    tendencies: Any,
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
