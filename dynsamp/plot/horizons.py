"""Valid prediction time: how many forecasts are still good after a given time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from dynsamp.plot.canvas import COLOURS, axis_label, key, new_axes
from dynsamp.plot.reading import Scores, named_scores, samples

__all__ = ["valid_prediction_time"]


def valid_prediction_time(scores: Scores, *, ax: Axes | None = None) -> Axes:
    """Share of forecasts that are valid for longer than a time, with the median.

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
        score = each["valid_prediction_time"]
        longest = max(longest, _draw(ax, score, label if len(named) > 1 else "", COLOURS[k % len(COLOURS)]))
    ax.set_xlim(0, 1.05 * longest if longest > 0 else 1)
    ax.set_ylim(0, 1.06)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel(axis_label(next(iter(named.values()))["valid_prediction_time"]))
    ax.set_ylabel("forecasts still valid")
    key(ax, always=True)
    return ax


def _draw(ax: Axes, score: xr.DataArray, label: str, colour: str) -> float:
    """One curve with a mark for each forecast; returns the longest time."""
    times = np.sort(samples(score))
    times = times[np.isfinite(times)]
    if not times.size:
        ax.plot([], [], color=colour, label=f"{label} (none)".strip())
        return 0.0
    longest = float(times[-1])
    # forecasts that were still valid when the truth ended: the curve must not fall there
    still = min(int(score.attrs.get("censored", 0)), int(np.sum(times == longest)))
    ended = times[: times.size - still]
    share = 1 - np.arange(ended.size + 1) / times.size
    steps = np.concatenate([[0.0], ended, [longest] * bool(still)])
    ax.step(steps, np.append(share, share[-1:] if still else []), where="post", color=colour, linewidth=1.6)
    (marks,) = ax.plot(ended, np.full(ended.size, 0.012), "|", color=colour, markersize=7, alpha=0.6, clip_on=False)
    marks.set_in_layout(False)  # not clipped: a layout that made room for them would squeeze the axes
    if still:
        ax.plot(longest, share[-1], ">", color=colour, markersize=6)
    median = float(np.median(times))
    more = "more than " if still and median == longest else ""
    ax.axvline(median, color=colour, linewidth=1, linestyle="--", label=f"{label} median {more}{median:.3g}".strip())
    return longest
