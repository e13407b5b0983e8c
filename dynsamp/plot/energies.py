"""Energy along time: the true and the learned one, along the forecast and along the truth."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from dynsamp.plot.canvas import COLOURS, TRUTH, TRUTH_LINE, axis_label, key, new_axes
from dynsamp.plot.reading import called, matching, positions, series

__all__ = ["energy"]

KINDS = {"true_energy": "true H", "learned_energy": "learned H"}
DASHED = (0, (4, 2.5))
EXACT = {"true_energy": TRUTH_LINE, "learned_energy": {"color": TRUTH, "linestyle": DASHED, "linewidth": 1.2}}
FORECAST = {
    "true_energy": {"color": COLOURS[0], "linewidth": 1.4},
    "learned_energy": {"color": COLOURS[1], "linestyle": DASHED, "linewidth": 1.4},
}


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
