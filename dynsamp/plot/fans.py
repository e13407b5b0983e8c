"""Fan chart: quantiles of a stochastic forecast over its members."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from dynsamp.plot.canvas import COLOURS, TRUTH, axis_label, key, new_axes
from dynsamp.plot.reading import component, components, matching, positions, quantiles, series

__all__ = ["fan"]

BANDS = ((0.05, 0.95, 0.2), (0.25, 0.75, 0.4))  # low, high, opacity


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
        inside = _around(then, time)
        ax.plot(then[inside], values[0][inside], color=TRUTH, linewidth=1.1, marker=marker, label="truth")
    ax.set_xlabel(axis_label(forecast["time"]))
    ax.set_ylabel(axis_label(variable, name))
    ax.margins(x=0.01)
    key(ax)
    return ax


def _around(then: np.ndarray, time: np.ndarray) -> np.ndarray:
    """The truth during the forecast, and as long before it."""
    start, end = time[0], time[-1]
    return np.asarray((then >= start - (end - start)) & (then <= end))
