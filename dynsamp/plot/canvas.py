"""Figures, axes, colours and labels that all pictures share."""

import os
import re
import sys
import textwrap

import matplotlib
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from dynsamp.dataset.schema import text

# Okabe and Ito (2008), Color universal design: told apart with every common colour blindness
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRUTH = "#1a1a1a"
TRUTH_LINE = {"color": "#a8a8a8", "linewidth": 3.2, "solid_capstyle": "round"}  # wide, so that it shows beneath
FAINT = "#767676"
RASTER = 20_000  # points of a line beyond which a vector file stores it as pixels
SIZE = (6.4, 4.0)  # inches
ROW = 52  # letters of a legend that fit above the axes
FILE_BACKENDS = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}
UNBROKEN = "\N{NO-BREAK SPACE}"  # keeps "kg m² s⁻¹" in one line
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def new_figure(width: float = SIZE[0], height: float = SIZE[1], *, value: bool = False) -> Figure:
    """An empty figure that appears where the user expects it.

    In a notebook and with ``%matplotlib`` or ``plt.ion()`` it belongs to pyplot, as people expect; elsewhere it is a
    plain Figure without global state. ``value`` says that the figure itself is returned: a notebook then shows it as
    the value of its cell, and pyplot must not show it a second time.
    """
    asked = "matplotlib.pyplot" in sys.modules or "MPLBACKEND" in os.environ  # else the question starts a window system
    backend = matplotlib.get_backend().lower() if asked else "agg"
    if backend in FILE_BACKENDS:
        return Figure(figsize=(width, height), layout="constrained")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(width, height), layout="constrained")
    if value and "inline" in backend:
        pyplot.close(figure)
    return figure


def new_axes(ax: Axes | None) -> Axes:
    """The given axes as they are, or new ones."""
    return panels(new_figure(), 1)[0] if ax is None else ax


def panels(figure: Figure, count: int, *, columns: int = 1, sharex: bool = False) -> list[Axes]:
    """Axes of a figure, row by row, in the house style."""
    rows = -(-count // columns)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=sharex)
    for spare in grid.flat[count:]:
        spare.remove()
    axes = list(grid.flat[:count])
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#e4e4e4", linewidth=0.6)
        ax.set_axisbelow(True)
    return axes


def figure_of(ax: Axes) -> Figure:
    """The figure that holds the axes."""
    figure = ax.figure
    while isinstance(figure, SubFigure):
        figure = figure.figure
    return figure


def lay_out(figure: Figure) -> None:
    """Place everything now and for good: each file would do it again, at the price of a drawing, and differently."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def axis_label(variable: xr.DataArray, name: str | None = None, *, width: int = 44) -> str:
    """Long name and units: "angle from rest [rad]", in lines of at most ``width`` characters."""
    label = text(variable.attrs, "long_name") or str(variable.name)
    if name is not None and "[" in name:  # one element of a field
        label += " " + name[name.index("[") :]
    units = text(variable.attrs, "units", "1")
    if units not in ("1", ""):
        label += f" [{_typeset(units)}]".replace(" ", UNBROKEN).replace(UNBROKEN, " ", 1)
    lines = -(-len(label) // width)
    even = -(-len(label) // lines) + 6 * (lines > 1)  # no line with a single word
    # a price in $ is not the start of a formula
    return textwrap.fill(label.replace("$", r"\$"), min(even, width), break_on_hyphens=False)


def _typeset(units: str) -> str:
    """UDUNITS exponents as superscripts: "kg m2 s-1" becomes "kg m² s⁻¹"."""
    return re.sub(r"(?<=[A-Za-z)])-?\d+\b", lambda match: match[0].translate(SUPERSCRIPTS), units)


def key(ax: Axes, *, always: bool = False) -> None:
    """Legend in a row or two above the axes, where it hides nothing; none for a single label, unless ``always``."""
    handles, labels = ax.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    if len(found) > (not always):
        ax.legend(
            found.values(),
            found.keys(),
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=len(found) if sum(map(len, found)) <= ROW else -(-len(found) // 2),
            frameon=False,
            fontsize="small",
            borderaxespad=0.2,
            columnspacing=1.4,
        )
