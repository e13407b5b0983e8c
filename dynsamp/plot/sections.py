"""Poincaré sections: those of the truth above those of the model."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynsamp.plot.canvas import COLOURS, TRUTH, axis_label, figure_of, new_figure, panels
from dynsamp.words import listed, quoted

Crossings = xr.Dataset | Sequence[xr.Dataset]
NAMES = ("truth", "model", "another model")
COLOURED = 12  # trajectories that still have colours of their own
MANY = 3000  # points, beyond which they become pixels


def section(
    sections: Crossings | Mapping[str, Crossings],
    *,
    x: str | None = None,
    y: str | None = None,
    names: Sequence[str] = NAMES,
    ax: Axes | None = None,
) -> Figure:
    """Poincaré sections, a column for each and the model's below the truth's.

    Parameters
    ----------
    sections : Dataset, pair of Datasets, or mapping of str to these
        From `crossings` of one surface: a section, or those of truth and model, or several by label, such as one for
        each energy.
    x, y : str, optional
        State variables; by default the two that remain without that of the surface and its momentum.
    names : sequence of str
        What the rows are called.
    ax : matplotlib Axes, optional
        Draw a single section here instead of into a new figure.

    Returns
    -------
    matplotlib Figure
        One colour for each trajectory, the same for truth and model, where there are few.

    Raises
    ------
    ValueError
        If there is nothing to draw, there are several surfaces, or a state variable does not exist.
    """
    named = dict(sections) if isinstance(sections, Mapping) and not isinstance(sections, xr.Dataset) else {"": sections}
    columns = {label: [one] if isinstance(one, xr.Dataset) else list(one) for label, one in named.items()}
    rows = max((len(column) for column in columns.values()), default=0)
    if not rows or any(len(column) != rows for column in columns.values()):
        raise ValueError("there must be as many sections in each column, at least one: (truth, model), or one Dataset")
    for one in chain.from_iterable(columns.values()):
        if not isinstance(one, xr.Dataset) or "crossing" not in one.dims:
            raise ValueError('a section is a Dataset from crossings(source, events="x = 0 rising", ...)')
        if "event" in one.dims:
            raise ValueError("there are crossings of several surfaces; choose one, section.isel(event=0)")
    if ax is None:
        across = len(columns) if len(columns) > 1 else rows
        figure = new_figure(1.2 + 2.6 * across, 0.8 + 2.5 * (rows if len(columns) > 1 else 1), value=True)
        axes = panels(figure, rows * len(columns), columns=across)
    else:
        if rows * len(columns) > 1:
            raise ValueError(f"ax takes one section, but there are {rows * len(columns)}; leave ax out")
        axes = [ax]
    for k, (label, column) in enumerate(columns.items()):
        for row, one in enumerate(column):
            title = ", ".join(part for part in (names[row] if rows > 1 else "", label) if part)
            _draw(axes[row * len(columns) + k], one, x, y, title)
        for below in axes[k + len(columns) :: len(columns)]:  # at the scale of the truth, which stands first
            below.set(xlim=axes[k].get_xlim(), ylim=axes[k].get_ylim())
    for k, panel in enumerate(axes if len(columns) > 1 else []):  # what the row below and the first column say too
        if k < len(axes) - len(columns):
            panel.set_xlabel("")
        if k % len(columns):
            panel.set_ylabel("")
    return figure_of(axes[0])


def _pair(data: xr.Dataset, x: str | None, y: str | None) -> tuple[str, str]:
    """The two state variables that are drawn."""
    known = [str(name) for name in data.data_vars if "crossing" in data[name].dims and name != "crossing_time"]
    for name in (x, y):
        if name is not None and name not in known:
            raise ValueError(f"there is no state variable {quoted(name)}; there are: {listed(known)}")
    surface = str(data.attrs.get("events", "")).partition("=")[0].strip()
    left = [name for name in known if name not in (surface, x, y)]
    if surface in data:
        momentum = data[surface].attrs.get("conjugate")
        left = [name for name in left if momentum != name and data[name].attrs.get("conjugate") != surface] or left
    if x is None:
        x = left.pop(0) if left else known[0]
    if y is None:
        partner = data[x].attrs.get("conjugate")
        y = str(partner) if partner in left else left[-1] if left else known[-1]
    return x, y


def _draw(ax: Axes, data: xr.Dataset, x: str | None, y: str | None, title: str) -> None:
    pair = _pair(data, x, y)
    count = data.sizes["trajectory"]
    for place in range(count):
        values = [np.asarray(data[name].isel(trajectory=place).values, dtype=float) for name in pair]
        for row, name in zip(values, pair, strict=True):
            period = data[name].attrs.get("period") or (2 * np.pi if data[name].attrs.get("units") == "rad" else None)
            if period:
                row[:] = (row + period / 2) % period - period / 2
        colour = COLOURS[place % len(COLOURS)] if count <= COLOURED else TRUTH
        (points,) = ax.plot(*values, ".", color=colour, markersize=2.0, markeredgewidth=0)
        points.set_rasterized(count * values[0].size > MANY)
    ax.set_xlabel(axis_label(data[pair[0]], width=24))
    ax.set_ylabel(axis_label(data[pair[1]], width=24))
    ax.set_title(title, fontsize="medium")
