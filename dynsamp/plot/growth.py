"""Errors that grow with lead time: median over all trajectories and members, and where most of them lie."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from dynsamp.plot.canvas import COLOURS, FAINT, TRUTH, axis_label, key, new_axes
from dynsamp.plot.reading import Scores, named_scores, quantiles, samples, variable

__all__ = ["energy_error", "growth", "nrmse"]

LEVELS = (0.1, 0.5, 0.9)
WIDE = 30.0  # ratio of largest to smallest median beyond which the axis is logarithmic


def energy_error(scores: Scores, *, ax: Axes | None = None) -> Axes:
    """Error of the true energy along forecasts, beside that of the truth itself.

    Lines are medians over trajectories, bands hold the middle 80 %.

    Parameters
    ----------
    scores : Dataset, or mapping of str to Dataset
        From `evaluate`, with ``energy_error`` and, if there is one, ``truth_energy_error``; several by label to
        compare models.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes
        Logarithmic.

    Raises
    ------
    ValueError
        If a score is missing.
    """
    named = named_scores(scores, "energy_error")
    ax = new_axes(ax)
    reference = next((each for each in named.values() if "truth_energy_error" in each), None)
    if reference is not None:
        _draw(ax, reference["truth_energy_error"], "truth", TRUTH, log=True)
    for k, (label, each) in enumerate(named.items()):
        _draw(ax, each["energy_error"], label, COLOURS[k % len(COLOURS)], log=True)
    _finish(ax, next(iter(named.values()))["energy_error"], log=True)
    return ax


def nrmse(scores: Scores, *, ax: Axes | None = None) -> Axes:
    """Normalised root mean square error over lead time.

    Parameters
    ----------
    scores : Dataset, or mapping of str to Dataset
        From `evaluate`, with ``nrmse``; the threshold of ``valid_prediction_time`` is drawn where that is there too.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes
    """
    return growth(scores, "nrmse", ax=ax)


def growth(scores: Scores, name: str, *, ax: Axes | None = None) -> Axes:
    """Any score over lead time, logarithmic where it spans decades."""
    named = named_scores(scores, name)
    for each in named.values():
        if "lead_time" not in variable(each, name).dims:
            raise ValueError(f"score {name!r} has dims {each[name].dims}, so it does not change with lead time")
    ax = new_axes(ax)
    log = all(_spans_decades(each[name]) for each in named.values())
    for k, (label, each) in enumerate(named.items()):
        _draw(ax, each[name], label, COLOURS[k % len(COLOURS)], log=log)
    limits = {limit for each in named.values() if (limit := _limit(each)) is not None}
    if name == "nrmse" and len(limits) == 1:
        (limit,) = limits
        ax.axhline(limit, color=FAINT, linewidth=1, linestyle="--", label=f"threshold {limit:g}")
    _finish(ax, next(iter(named.values()))[name], log=log)
    return ax


def _draw(ax: Axes, score: xr.DataArray, label: str, colour: str, *, log: bool) -> None:
    """Median line, and a band where there is more than one sample."""
    time, values = np.asarray(score["lead_time"].values), samples(score)
    if log:
        values = np.where(values > 0, values, np.nan)  # an error of exactly 0, as at the start, has no logarithm
    low, middle, high = quantiles(values, LEVELS)
    if len(time) < 2:
        ax.plot(time, middle, "o", color=colour, label=label)
        return
    if len(values) > 1:
        finite = high[np.isfinite(high)]
        high = np.minimum(high, finite.max(initial=0.0))  # where forecasts have failed it is infinite
        ax.fill_between(time, low, high, color=colour, alpha=0.18, linewidth=0)
    ax.plot(time, middle, color=colour, linewidth=1.4, label=label)


def _finish(ax: Axes, score: xr.DataArray, *, log: bool) -> None:
    if log and any(np.isfinite(line.get_ydata()).any() for line in ax.lines):  # an empty log axis would complain
        ax.set_yscale("log")
        ax.minorticks_off()  # nine a decade
    ax.set_xlabel(axis_label(score["lead_time"]))
    ax.set_ylabel(axis_label(score))
    ax.margins(x=0.01)
    key(ax)


def _spans_decades(score: xr.DataArray) -> bool:
    (middle,) = quantiles(samples(score), (0.5,))
    middle = middle[np.isfinite(middle)]
    positive = middle[middle > 0]
    return bool((middle >= 0).all() and positive.size > 1 and positive.max() > WIDE * positive.min())


def _limit(scores: xr.Dataset) -> float | None:
    """Threshold of the valid prediction time."""
    if "valid_prediction_time" not in scores:
        return None
    limit = scores["valid_prediction_time"].attrs.get("threshold")
    return None if limit is None else float(limit)
