"""Energies along trajectories and on grids, of a system and of a fitted model: what pictures of energy are made of."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset, plugins
from dynsamp.metrics.mechanics import learned_energy, true_energy
from dynsamp.models.base import Model
from dynsamp.solve import scalar_values
from dynsamp.system import System
from dynsamp.words import Box, State, listed, nearest, quoted

MARGIN = 0.05  # of the range of data, around it

Axis = str | tuple[str, float, float] | None


def energies(data: xr.Dataset, *, model: Model | None = None, system: str | System | None = None) -> xr.Dataset:
    """Trajectories with their energies beside them.

    Parameters
    ----------
    data : Dataset
        A forecast, a truth, or any other trajectories.
    model : Model, optional
        With a learned energy.
    system : str or System, optional
        Default: the one that the data name, if it is registered.

    Returns
    -------
    Dataset
        The data, with ``true_energy`` where the system has a Hamiltonian and ``learned_energy`` where a model is given,
        over their trajectories, members and times. The learned energy has the mean of the true one: a Hamiltonian
        learned from motion is known up to a constant.

    Raises
    ------
    ValueError
        If there is neither.
    """
    law: Any = plugins.system_of(data, system)
    record = dataset.record(data)
    found: dict[str, tuple[np.ndarray, str]] = {}
    units = "1" if model is None else model.facts.energy_units
    if "energy" in data:
        units = str(data["energy"].attrs.get("units", units))
    if law is not None and law.energy is not None:
        units = law.energy_units
        found["true_energy"] = (true_energy(law, record), "true energy")
    if model is not None:
        learned = learned_energy(model, record.y)
        if "true_energy" in found:
            apart = learned - found["true_energy"][0]
            learned = learned - (np.nanmean(apart) if np.isfinite(apart).any() else 0.0)
        found["learned_energy"] = (learned, "learned energy")
    if not found:
        raise ValueError("there is no energy: the data name no system with a Hamiltonian; give system= or model=")
    dims = ("trajectory", "member", "time")
    result = data.copy()
    for name, (values, label) in found.items():
        about = {"units": units, "long_name": label, "role": "diagnostic"}
        if "member" in data.dims:
            result[name] = (dims, values, about)
        else:
            result[name] = ((dims[0], dims[2]), values[:, 0], about)
    return result


def energy_map(
    source: str | System | Model,
    *,
    x: Axis = None,
    y: Axis = None,
    at: Mapping[str, float] | None = None,
    over: xr.Dataset | None = None,
    points: int = 121,
    time: float = 0.0,
) -> xr.Dataset:
    """Energy in a plane of the phase space, on a grid.

    Parameters
    ----------
    source : str, System or Model
        Name of a system with a Hamiltonian, the object, or a model with a learned energy.
    x, y : str or (str, low, high), optional
        State variables along the axes, and from where to where; by default the first coordinate and its momentum.
    at : mapping of str to float, optional
        The other state variables; 0 unless given.
    over : Dataset, optional
        Trajectories whose range the grid covers, where no limits are given; otherwise an angle takes a turn, a model
        the box of its training data, a system its Box of starts.
    points : int
        On each axis.
    time : float
        For a Hamiltonian that depends on it.

    Returns
    -------
    Dataset
        ``energy`` over (y, x), with the two state variables as coordinates; ``ds.plot.phase(..., energy=)`` draws it.

    Raises
    ------
    ValueError
        For a source without an energy, unknown state variables, or an axis whose limits nobody knows.
    """
    if isinstance(source, Model):
        states: tuple[State, ...] = source.states
        function, name = partial(learned_energy, source), source.name
        units = source.facts.energy_units
        box = None if not source.low.size else (source.low, source.high)
    else:
        law = plugins.system(source)
        states, name = tuple(law.states), law.name
        if law.energy is None:
            raise ValueError(f"system {name!r} has no Hamiltonian, so there is no energy to map")
        sizes = law.size, len(law.parameters)
        function = partial(scalar_values, law.energy, time, theta=law.theta(), sizes=sizes)
        units = law.energy_units
        box = None
        if isinstance(law.initial, Box) and len(law.initial) == law.size:
            box = (np.asarray(law.initial.low, dtype=float), np.asarray(law.initial.high, dtype=float))
    axes = [_axis(axis, states, box, over, points) for axis in _named(x, y, states)]
    known = dataset.component_names(states)
    state = np.zeros(len(known))
    for key, value in (at or {}).items():
        if key not in known:
            raise ValueError(f"at names {key!r}, which is not a state{nearest(key, known)}")
        state[known.index(key)] = value
    (first, along), (second, across) = axes
    grid = np.tile(state, (points * points, 1))
    grid[:, known.index(first)] = np.tile(along, points)
    grid[:, known.index(second)] = np.repeat(across, points)
    values = function(grid)
    about = {label: _about(label, states) for label in (first, second)}
    others = {label: float(state[k]) for k, label in enumerate(known) if label not in (first, second)}
    return xr.Dataset(
        {"energy": ((second, first), values.reshape(points, points), {"units": units, "long_name": "energy"})},
        {first: ((first,), along, about[first]), second: ((second,), across, about[second])},
        {"title": f"energy of {name}", **dataset.encode({"at": others}), "history": dataset.history("energy_map")},
    )


def _named(x: Axis, y: Axis, states: tuple[State, ...]) -> list[tuple[str, tuple[float, float] | None]]:
    """Names of the two axes, with their limits where they are given."""
    given: list[tuple[str, tuple[float, float] | None] | None] = [
        (axis, None) if isinstance(axis, str) else axis and (axis[0], axis[1:]) for axis in (x, y)
    ]
    known = dataset.component_names(states)
    partners = {state.name: state.conjugate for state in states if state.conjugate and not state.dims}
    first = given[0] or (next(iter(partners), known[0]), None)
    other = partners.get(first[0]) or next((name for name in reversed(known) if name != first[0]), first[0])
    second = given[1] or (other, None)
    for name, _ in (first, second):
        if name not in known:
            raise ValueError(f"there is no state {quoted(name)} (states: {listed(known)}){nearest(name, known)}")
    if first[0] == second[0]:
        raise ValueError(f"a map needs two state variables, got {first[0]!r} twice")
    return [first, second]


def _axis(
    axis: tuple[str, tuple[float, float] | None],
    states: tuple[State, ...],
    box: tuple[np.ndarray, np.ndarray] | None,
    over: xr.Dataset | None,
    points: int,
) -> tuple[str, np.ndarray]:
    name, limits = axis
    at = dataset.component_names(states).index(name)
    period = [state.period for state in states for _ in range(state.size)][at]
    if limits is None and period is not None:
        limits = (-period / 2, period / 2)
    elif limits is None and over is not None:
        values = dataset.record(over, states).y[..., at]
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        limits = (low - MARGIN * (high - low), high + MARGIN * (high - low))
    elif limits is None and box is not None:
        limits = (float(box[0][at]), float(box[1][at]))
    if limits is None or not limits[0] < limits[1]:
        raise ValueError(f"from where to where is not known for {name!r}; give ({name!r}, low, high), or over= data")
    return name, np.linspace(*limits, points)


def _about(label: str, states: tuple[State, ...]) -> dict[str, str]:
    state = next(each for each in states if each.name == label.partition("[")[0])
    long_name = state.long_name or state.name
    return {"units": state.units, "long_name": long_name + label.removeprefix(state.name)}
