"""Pictures of trajectories: phase portraits, time series, fan charts of members, energies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dynsamp.dataset import state_list
from dynsamp.plot.canvas import (
    COLOURS,
    FAINT,
    RASTER,
    TRUTH,
    TRUTH_LINE,
    axis_label,
    figure_of,
    key,
    new_axes,
    new_figure,
    panels,
)
from dynsamp.plot.extracts import called, component, components, matching, positions, quantiles, series

LEVELS = 14  # of the energy
CONTOUR = "#d9c9a3"
PANELS = 4  # of a time series, unless names are given
PATHS = 20  # members drawn
BANDS = ((0.05, 0.95, 0.2), (0.25, 0.75, 0.4))  # of a fan: low, high, opacity
KINDS = {"true_energy": "true H", "learned_energy": "learned H"}
DASHED = (0, (4, 2.5))
EXACT = {"true_energy": TRUTH_LINE, "learned_energy": {"color": TRUTH, "linestyle": DASHED, "linewidth": 1.2}}
FORECAST = {
    "true_energy": {"color": COLOURS[0], "linewidth": 1.4},
    "learned_energy": {"color": COLOURS[1], "linestyle": DASHED, "linewidth": 1.4},
}


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


def time_series(
    forecast: xr.Dataset,
    truth: xr.Dataset | None = None,
    *,
    trajectory: int = 0,
    names: Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | None = None,
) -> Figure:
    """One trajectory over time.

    Parameters
    ----------
    forecast : Dataset
        Or any other trajectories. Of a stochastic forecast up to 20 members are drawn.
    truth : Dataset, optional
        Drawn beneath, wide and grey; also the history that a forecast continues.
    trajectory : int
        Which one, counted from 0.
    names : sequence of str, optional
        State variables, diagnostics or inputs, one panel each; default: the first four state variables.
    ax : matplotlib Axes or sequence of them, optional
        One for each name, instead of a new figure.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If a variable or the trajectory does not exist.
    """
    chosen = components(forecast)[:PANELS] if names is None else [names] if isinstance(names, str) else list(names)
    variables = [component(forecast, name) for name in chosen]
    (place,) = positions(forecast, [trajectory])
    other = None if truth is None else matching(truth, forecast, place)
    axes = _axes(ax, len(chosen))
    for panel, name, variable in zip(axes, chosen, variables, strict=True):
        if truth is not None and other is not None and name.partition("[")[0] in truth:
            time, values = series(truth, name, other)
            past = time[-1] <= np.min(forecast["time"].values)
            panel.plot(time, values[0], label="past" if past else "truth", **_marked(TRUTH_LINE, time))
        time, values = series(forecast, name, place)
        members = values[:PATHS]
        style = {"color": COLOURS[0], "linewidth": 1.2 if len(members) == 1 else 0.7}
        lines = panel.plot(time, members.T, alpha=1.0 if len(members) == 1 else 0.6, **_marked(style, time))
        lines[0].set_label(called(forecast) if len(members) == 1 else f"{len(members)} members")
        for line in panel.lines:
            line.set_rasterized(len(time) > RASTER)
        _limit_of_truth(panel, truth, other)
        panel.set_ylabel(axis_label(variable, name, width=22), fontsize="small")
        panel.margins(x=0.01)
    axes[-1].set_xlabel(axis_label(forecast["time"]))
    key(axes[0])
    return figure_of(axes[0])


def _axes(ax: Axes | Sequence[Axes] | None, count: int) -> list[Axes]:
    if ax is None:
        return panels(new_figure(7.2, 1.0 + 1.6 * count, value=True), count, sharex=True)
    given = [ax] if isinstance(ax, Axes) else list(ax)
    if len(given) != count:
        raise ValueError(f"ax holds {len(given)} axes for {count} panels; pass one for each, or choose names=")
    return given


def _marked(style: Mapping[str, Any], time: np.ndarray) -> dict[str, Any]:
    """A line of one point would be invisible."""
    return {**style, "marker": "o", "markersize": 4} if len(time) < 2 else dict(style)


def _limit_of_truth(ax: Axes, truth: xr.Dataset | None, place: int | None) -> None:
    """Where a chaotic truth ends to be one."""
    if truth is None or "truth_valid_until" not in truth:
        return
    limit = float(truth["truth_valid_until"].isel(trajectory=place))
    if np.isfinite(limit) and limit < float(truth["time"].max()):
        ax.axvline(limit, color=FAINT, linewidth=1, linestyle=":", label="limit of the truth")


def fan(
    forecast: xr.Dataset,
    truth: xr.Dataset | None = None,
    *,
    trajectory: int = 0,
    name: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Median and the bands that hold 50 % and 90 % of the members, with the truth.

    Parameters
    ----------
    forecast : Dataset
        With a dimension ``member``.
    truth : Dataset, optional
        Drawn on top; its trajectory is found by id.
    trajectory : int
        Which one, counted from 0.
    name : str, optional
        State variable; default: the first.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are no members, or the variable or trajectory does not exist.
    """
    if "member" not in forecast.dims:
        raise ValueError(
            "a fan chart needs members, but this forecast has none; forecast(model, ..., members=100) makes sample"
            " paths of a stochastic model"
        )
    name = components(forecast)[0] if name is None else name
    variable = component(forecast, name)
    (place,) = positions(forecast, [trajectory])
    other = None if truth is None else matching(truth, forecast, place)
    time, members = series(forecast, name, place)
    ax = new_axes(ax)
    for low, high, opacity in BANDS:
        bottom, top = quantiles(members, (low, high))
        label = f"{100 * (high - low):.0f} %"
        ax.fill_between(time, bottom, top, color=COLOURS[0], alpha=opacity, linewidth=0, label=label)
    (middle,) = quantiles(members, (0.5,))
    marker = "o" if len(time) < 2 else ""
    ax.plot(time, middle, color=COLOURS[0], linewidth=1.6, marker=marker, label=f"median of {len(members)} members")
    if truth is not None and other is not None:
        then, values = series(truth, name, other)
        start, end = time[0], time[-1]
        inside = (then >= start - (end - start)) & (then <= end)  # during the forecast, and as long before it
        ax.plot(then[inside], values[0][inside], color=TRUTH, linewidth=1.1, marker=marker, label="truth")
    ax.set_xlabel(axis_label(forecast["time"]))
    ax.set_ylabel(axis_label(variable, name))
    ax.margins(x=0.01)
    key(ax)
    return ax


def energy(
    forecast: xr.Dataset, truth: xr.Dataset | None = None, *, trajectory: int = 0, ax: Axes | None = None
) -> Axes:
    """Change of the energy since the start, along a forecast and along the truth.

    Parameters
    ----------
    forecast : Dataset
        Or any other trajectories, with ``true_energy`` and ``learned_energy`` from `energies`; without these, the
        energy that forecasts and generated data carry. Of several members the first is drawn.
    truth : Dataset, optional
        The same; its trajectory is found by id.
    trajectory : int
        Which one, counted from 0.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes
        The true energy in solid lines, the learned one in dashes.

    Raises
    ------
    ValueError
        If there is no energy, or no such trajectory.
    """
    (place,) = positions(forecast, [trajectory])
    drawn = [(forecast, place, called(forecast), FORECAST)]
    if truth is not None:
        drawn.insert(0, (truth, matching(truth, forecast, place), "truth", EXACT))
    if not any(_present(data) for data, *_ in drawn):
        raise ValueError(
            "there is no energy in these data; energies(forecast, model=...) adds the true and the learned one"
        )
    ax = new_axes(ax)
    for data, at, label, styles in drawn:
        for name, kind in _present(data).items():
            time, values = series(data, name, at)
            line = values[0] - values[0][0]
            ax.plot(time, line, label=f"{KINDS[kind]}, {label}", **styles[kind])  # type: ignore[arg-type]
    data = next(each for each, *_ in drawn if _present(each))
    about = data[next(iter(_present(data)))].attrs
    ax.set_xlabel(axis_label(forecast["time"]))
    ax.set_ylabel(axis_label(xr.DataArray(0.0, name="energy", attrs={**about, "long_name": "energy since the start"})))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\N{MINUS SIGN}", 1)))
    ax.margins(x=0.01)
    key(ax)
    return ax


def _present(data: xr.Dataset) -> dict[str, str]:
    """Energies that the data carry, by name, and of which kind each is."""
    found = {name: name for name in KINDS if name in data}
    if "energy" in data and "time" in data["energy"].dims:
        learned = str(data["energy"].attrs.get("long_name", "")).startswith("learned")
        kind = "learned_energy" if learned else "true_energy"
        if kind not in found:
            found["energy"] = kind
    return {name: kind for name, kind in found.items() if np.isfinite(data[name].values).any()}
