"""The pictures that suit a run, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dynsamp.files import explained, replaced
from dynsamp.plot.canvas import COLOURS, SIZE, TRUTH, figure_of, lay_out, panels
from dynsamp.plot.extracts import components
from dynsamp.plot.skill import energy_error, growth, valid_prediction_time
from dynsamp.plot.trajectories import PANELS, draw_portrait, fan, phase, portrait_pair, time_series

if TYPE_CHECKING:
    from dynsamp.dataset.results import Run

DPI = 130


def figures(run: Run) -> dict[str, Figure]:
    """The pictures that suit a run: what its forecast and scores can show.

    Parameters
    ----------
    run : Run
        From `run`; only ``truth``, ``forecast`` and ``scores`` are read.

    Returns
    -------
    dict of str to Figure
        By name, the most telling first: "phase", "fan", "time_series", "energy_error", "valid_prediction_time",
        "nrmse", "crps".
    """
    forecast, truth, scores = run.forecast, run.truth, run.scores
    stochastic = "member" in forecast.dims
    album: dict[str, Figure] = {}
    if stochastic:
        album["fan"] = figure_of(fan(forecast, truth, ax=_axes()))
    elif len(components(forecast)) > 1:
        chaotic = "truth_valid_until" in truth
        album["phase"] = _portraits(run) if chaotic else figure_of(phase(forecast, truth, ax=_axes()))
    shown = components(forecast)[:PANELS]
    tall = Figure(figsize=(7.2, 1.0 + 1.6 * len(shown)), layout="constrained")
    album["time_series"] = time_series(forecast, truth, names=shown, ax=panels(tall, len(shown), sharex=True))
    for name, picture in (("energy_error", energy_error), ("valid_prediction_time", valid_prediction_time)):
        if name in scores:
            album[name] = figure_of(picture(scores, ax=_axes()))
    name = "crps" if stochastic else "nrmse"
    if name in scores and "lead_time" in scores[name].dims and "energy_error" not in scores:
        album[name] = figure_of(growth(scores, name, ax=_axes()))
    for figure in album.values():
        lay_out(figure)
    return album


def _portraits(run: Run) -> Figure:
    """Truth and forecast of a chaotic system side by side: on top of each other they would hide each other."""
    figure = Figure(figsize=(1.5 * SIZE[0], SIZE[1]), layout="constrained")
    left, right = panels(figure, 2, columns=2)
    pair = portrait_pair(run.forecast)
    draw_portrait(left, run.truth, pair, color=TRUTH, linewidth=0.6)
    draw_portrait(right, run.forecast, pair, color=COLOURS[0], linewidth=0.6)
    left.set_title("truth")
    right.set_title("forecast")
    right.set(xlim=left.get_xlim(), ylim=left.get_ylim())
    return figure


def _axes() -> Axes:
    """New axes that no window and no notebook knows of: these figures go into files."""
    return panels(Figure(figsize=SIZE, layout="constrained"), 1)[0]


def save_figures(figures: Mapping[str, Figure], folder: str | Path) -> list[Path]:
    """Write each figure as ``<name>.png``; returns the paths.

    Parameters
    ----------
    figures : mapping of str to Figure
        By name.
    folder : path
        Made if it is not there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures.items():
        path = folder / f"{name}.png"
        with explained("write", path), replaced(path) as part:
            _write_png(figure, part)
        paths.append(path)
    return paths


def _write_png(figure: Figure, path: Path) -> None:
    """Draw once; savefig draws a second time for a layout that `figures` has made already."""
    shown, dpi = figure.canvas, figure.dpi
    canvas = FigureCanvasAgg(figure)  # takes the figure from the canvas that may show it
    try:
        figure.set_dpi(DPI)
        canvas.print_png(path, metadata={"Software": None})  # type: ignore[no-untyped-call] # has no stub
    finally:
        figure.set_dpi(dpi)
        figure.set_canvas(shown)
