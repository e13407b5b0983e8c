"""Time series: one panel a state variable, the forecast above the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynsamp.plot.canvas import COLOURS, FAINT, RASTER, TRUTH_LINE, axis_label, figure_of, key, new_figure, panels
from dynsamp.plot.reading import called, component, components, matching, positions, series

__all__ = ["time_series"]

PANELS = 4  # unless names are given
PATHS = 20  # members drawn


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
