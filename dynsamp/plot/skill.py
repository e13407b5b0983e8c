"""Pictures of scores: errors that grow with lead time, how long forecasts are valid, all scores at a glance."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from dynsamp.dataset import counted, headline
from dynsamp.metrics.errors import survival
from dynsamp.plot.canvas import COLOURS, FAINT, TRUTH, axis_label, key, new_axes, new_figure, panels
from dynsamp.plot.extracts import Scores, named_scores, quantiles, samples, variable

__all__ = ["energy_error", "growth", "nrmse", "scores", "valid_prediction_time"]

LEVELS = (0.1, 0.5, 0.9)
WIDE = 30.0  # ratio of largest to smallest median beyond which the axis is logarithmic
BESIDE = {"truth_energy_error": "energy_error"}  # drawn in the panel of the other
COLUMNS = 2


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
        _draw_quantiles(ax, reference["truth_energy_error"], "truth", TRUTH, log=True)
    for k, (label, each) in enumerate(named.items()):
        _draw_quantiles(ax, each["energy_error"], label, COLOURS[k % len(COLOURS)], log=True)
    _label(ax, next(iter(named.values()))["energy_error"], log=True)
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
        _draw_quantiles(ax, each[name], label, COLOURS[k % len(COLOURS)], log=log)
    ends = [each["valid_prediction_time"] for each in named.values() if "valid_prediction_time" in each]
    limits = {float(end.attrs["threshold"]) for end in ends if end.attrs.get("threshold") is not None}
    if name == "nrmse" and len(limits) == 1:
        (limit,) = limits
        ax.axhline(limit, color=FAINT, linewidth=1, linestyle="--", label=f"threshold {limit:g}")
    _label(ax, next(iter(named.values()))[name], log=log)
    return ax


def _draw_quantiles(ax: Axes, score: xr.DataArray, label: str, colour: str, *, log: bool) -> None:
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


def _label(ax: Axes, score: xr.DataArray, *, log: bool) -> None:
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


def valid_prediction_time(scores: Scores, *, ax: Axes | None = None) -> Axes:
    """Share of forecasts that are valid for longer than a time, with the median.

    Forecasts that are still valid at their end, or that of the truth, do not lower it (Kaplan and Meier 1958).

    Parameters
    ----------
    scores : Dataset, or mapping of str to Dataset
        From `evaluate`, with ``valid_prediction_time``; several by label to compare models.
    ax : matplotlib Axes, optional
        Draw here instead of into a new figure.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the score is missing.
    """
    named = named_scores(scores, "valid_prediction_time")
    ax = new_axes(ax)
    longest = 0.0
    for k, (label, each) in enumerate(named.items()):
        longest = max(longest, _draw_share(ax, each, label if len(named) > 1 else "", COLOURS[k % len(COLOURS)]))
    ax.set_xlim(0, 1.05 * longest if longest > 0 else 1)
    ax.set_ylim(0, 1.06)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(axis_label(next(iter(named.values()))["valid_prediction_time"]))
    ax.set_ylabel("forecasts still valid")
    key(ax, always=True)
    return ax


def _draw_share(ax: Axes, scores: xr.Dataset, label: str, colour: str) -> float:
    """Kaplan and Meier's curve, a bar below for each end and a cross on it for each forecast that did not end."""
    times, censored = counted(scores, "valid_prediction_time")
    if not times.size:
        ax.plot([], [], color=colour, label=f"{label} (none)".strip())
        return 0.0
    longest = float(times.max())
    events, share = survival(times, censored)
    curve = np.append(1.0, share)
    still = np.unique(times[censored])
    after = [longest] if still.size and longest > events.max(initial=0.0) else []  # the last that ended
    heights = np.append(curve, curve[-1:]) if after else curve
    ax.step([0.0, *events, *after], heights, where="post", color=colour, linewidth=1.6)
    ended = times[~censored]
    (marks,) = ax.plot(ended, np.full(ended.size, 0.012), "|", color=colour, markersize=7, alpha=0.6, clip_on=False)
    marks.set_in_layout(False)  # not clipped: a layout that made room for them would squeeze the axes
    ax.plot(still, curve[np.searchsorted(events, still, side="right")], "+", color=colour, markersize=9)
    median, reached = headline(scores, "valid_prediction_time")
    text = f"{label} median {'' if reached else 'at least '}{median:.3g}".strip()
    ax.axvline(median, color=colour, linewidth=1, linestyle="--" if reached else ":", label=text)
    return longest


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
    values = score.median([dim for dim in score.dims if dim != "state"])
    labels = [str(name) for name in score["state"].values] if "state" in score.coords else None
    ax.barh(np.arange(values.size), values.values, color=COLOURS[0], tick_label=labels)
    ax.set_xlabel(axis_label(score))
