"""All scores of a forecast at a glance."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynsamp.plot.canvas import COLOURS, axis_label, new_figure, panels
from dynsamp.plot.growth import energy_error, growth
from dynsamp.plot.horizons import valid_prediction_time
from dynsamp.plot.reading import samples

__all__ = ["scores"]

BESIDE = {"truth_energy_error": "energy_error"}  # drawn in the panel of the other
COLUMNS = 2


def scores(scores: xr.Dataset) -> Figure:
    """Overview of whatever scores there are, one panel each, single numbers as text above.

    Parameters
    ----------
    scores : Dataset
        From `evaluate`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        If there are none.
    """
    known = [str(name) for name in scores.data_vars if scores[name].attrs.get("role") != "flag"]
    if not known:
        raise ValueError("there are no scores to draw; pass the Dataset that evaluate() returns")
    drawn = [name for name in known if scores[name].ndim and BESIDE.get(name) not in known]
    numbers = [_sentence(scores[name]) for name in known if not scores[name].ndim]
    columns = min(COLUMNS, max(len(drawn), 1))
    rows = -(-len(drawn) // columns)
    figure = new_figure(5.2 * columns, 3.2 * rows + 0.3 * len(numbers) + 0.2, value=True)
    if numbers:
        figure.suptitle("\n".join(numbers), x=0.01, horizontalalignment="left", fontsize="medium")
    if drawn:
        for ax, name in zip(panels(figure, len(drawn), columns=columns), drawn, strict=True):
            _panel(ax, scores, name)
    return figure


def _sentence(score: xr.DataArray) -> str:
    units = str(score.attrs.get("units", "1"))
    value = f"{float(score):.3g}" + ("" if units == "1" else f" {units}")
    return f"{score.attrs.get('long_name', score.name)}: {value}"


def _panel(ax: Axes, scores: xr.Dataset, name: str) -> None:
    if name == "energy_error":
        energy_error(scores, ax=ax)
    elif name == "valid_prediction_time":
        valid_prediction_time(scores, ax=ax)
    elif "lead_time" in scores[name].dims:
        growth(scores, name, ax=ax)
    elif "state" in scores[name].dims:
        _by_state(ax, scores[name])
    else:
        _distribution(ax, scores[name])


def _distribution(ax: Axes, score: xr.DataArray) -> None:
    """One mark a forecast, sorted: with few forecasts a histogram would show its bins."""
    values = np.sort(samples(score))
    finite = values[np.isfinite(values)]
    ax.plot(finite, (np.arange(finite.size) + 0.5) / max(finite.size, 1), "o", color=COLOURS[0], markersize=3.5)
    if finite.size and finite[0] > 0 and finite[-1] / finite[0] > 100:
        ax.set_xscale("log")
    ax.set_ylim(0, 1)
    ax.set_xlabel(axis_label(score))
    ax.set_ylabel("share of forecasts below")


def _by_state(ax: Axes, score: xr.DataArray) -> None:
    values = score.mean([dim for dim in score.dims if dim != "state"])
    labels = [str(name) for name in score["state"].values] if "state" in score.coords else None
    ax.barh(np.arange(values.size), values.values, color=COLOURS[0], tick_label=labels)
    ax.set_xlabel(axis_label(score))
