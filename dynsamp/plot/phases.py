"""Phase portrait: one state variable against another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from dynsamp.dataset import state_list
from dynsamp.plot.canvas import COLOURS, RASTER, TRUTH_LINE, axis_label, key, new_axes
from dynsamp.plot.reading import called, component, components, matching, positions, series

__all__ = ["draw_portrait", "phase", "portrait_pair"]

LEVELS = 14
CONTOUR = "#d9c9a3"


def phase(
    forecast: xr.Dataset,
    truth: xr.Dataset | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    trajectories: int | Sequence[int] = 6,
    energy: xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Phase portrait of a forecast above that of the truth.

    Angles are wrapped to one period. Of a stochastic forecast the first member is drawn.

    Parameters
    ----------
    forecast : Dataset
        Or any other trajectories.
    truth : Dataset, optional
        Drawn beneath, wide and grey; its trajectories are found by id.
    x, y : str, optional
        State variables ("theta", or "x[3]" for an element of a field). Default: a coordinate and its conjugate
        momentum; where there are none, the first and the last state variable.
    trajectories : int or sequence of int
        How many, from the first on, or which.
    energy : Dataset, optional
        From `energy_map` in the same plane: lines of equal energy beneath.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a state variable does not exist or there is only one, or the map of the energy shows another plane.
    """
    if energy is not None and x is None and y is None:
        y, x = (str(dim) for dim in _map_of(energy).dims)
    pair = portrait_pair(forecast, x, y)
    chosen = positions(forecast, trajectories)
    ax = new_axes(ax)
    if energy is not None:
        _contours(ax, _map_of(energy), pair)
    if truth is not None:
        places = [matching(truth, forecast, place) for place in chosen]
        draw_portrait(ax, truth, pair, places, label="truth", **TRUTH_LINE)
    draw_portrait(ax, forecast, pair, chosen, label=called(forecast), color=COLOURS[0], linewidth=1.1)
    if truth is not None:
        key(ax)
    return ax


def _map_of(energy: xr.Dataset) -> xr.DataArray:
    if not isinstance(energy, xr.Dataset) or "energy" not in energy or energy["energy"].ndim != 2:
        raise ValueError("energy= takes a map of the energy in a plane, energy_map(system or model)")
    return energy["energy"]


def _contours(ax: Axes, grid: xr.DataArray, pair: tuple[str, str]) -> None:
    """Lines of equal energy, faint."""
    x, y = pair
    if set(grid.dims) != {x, y}:
        across = " and ".join(sorted(str(dim) for dim in grid.dims))
        raise ValueError(f"the map of the energy is over {across}, the portrait over {x} and {y}; choose the same")
    values = np.ma.masked_invalid(grid.transpose(y, x).values)
    lines = ax.contour(grid[x].values, grid[y].values, values, levels=LEVELS, colors=CONTOUR, linewidths=0.7)
    lines.set_zorder(0.5)


def portrait_pair(data: xr.Dataset, x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """Which two components a phase portrait shows."""
    known = components(data)
    for name in (x, y):
        if name is not None:
            component(data, name)
    conjugates = {state.name: state.conjugate for state in state_list(data) if state.conjugate and not state.dims}
    if x is None and y is None and conjugates:
        q, p = next(iter(conjugates.items()))
        return q, str(p)
    if x is None:
        x = next((name for name in known if name != y), None)
    if y is None:
        y = conjugates.get(str(x)) or next((name for name in reversed(known) if name != x), None)
    if x is None or y is None:
        raise ValueError(f"a phase portrait needs two state variables, but there is only {known[0]!r}; try time_series")
    return x, y


def draw_portrait(
    ax: Axes, data: xr.Dataset, pair: tuple[str, str], places: Sequence[int] = (0,), **style: Any
) -> None:
    """Draw trajectories, and say what the axes are."""
    variables = [component(data, name) for name in pair]
    periods = [variable.attrs.get("period") for variable in variables]
    for place in places:
        values = np.stack([series(data, name, place)[1][0] for name in pair])
        if values.shape[1] < 2:  # a line of one point would be invisible
            style |= {"marker": "o", "markersize": 3}
        (line,) = ax.plot(*_wrapped(values, periods), **style)
        line.set_rasterized(values.shape[1] > RASTER)
    ax.set_xlabel(axis_label(variables[0], pair[0]))
    ax.set_ylabel(axis_label(variables[1], pair[1]))


def _wrapped(values: np.ndarray, periods: Sequence[float | None]) -> np.ndarray:
    """Values (2, time) with angles in [-period / 2, period / 2), and a gap in the line where one jumps."""
    values, jumps = values.copy(), np.zeros(max(values.shape[1] - 1, 0), dtype=bool)
    for row, period in zip(values, periods, strict=True):
        if period is not None:
            row[:] = (row + period / 2) % period - period / 2
            jumps |= np.abs(np.diff(row)) > period / 2
    return np.insert(values, np.flatnonzero(jumps) + 1, np.nan, axis=1)
