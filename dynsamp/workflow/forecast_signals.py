"""External signals along a forecast, counted from its starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.models.base import HasInputs, Model
from dynsamp.words import nearest

__all__ = ["Signals", "forecast_signals"]

Signals = tuple[np.ndarray, np.ndarray]  # times (n,), values (1 or trajectory, n, input)


def forecast_signals(
    model: Model, initial: Any, inputs: Mapping[str, Any] | None, origin: np.ndarray
) -> Signals | None:
    """Signals of a model that has inputs, at times since the starts ``origin`` (trajectory,).

    Parameters
    ----------
    model : Model
    initial : Any
        A Dataset with the inputs of the model brings its own.
    inputs : mapping of str to (times, values), optional
        On the clock of the data.
    origin : ndarray (trajectory,)

    Raises
    ------
    ValueError
        If a signal is missing or unknown, or its times and values do not belong together.
    """
    names = [str(name) for name in model.inputs] if isinstance(model, HasInputs) else []
    given = dict(inputs or {})
    for key in given:
        if key not in names:
            known = ", ".join(names) or "none"
            raise ValueError(f"the model has no input {key!r} (it has: {known}){nearest(key, names)}")
    if not names:
        return None
    own = _of_data(initial, names) if isinstance(initial, xr.Dataset) else {}
    columns = []
    for name in names:
        if name in given:
            columns.append(_rows(name, given[name], len(origin)))
        elif name in own:
            columns.append(own[name])
        else:
            raise ValueError(
                f"the model needs the input {name!r}: give inputs={{{name!r}: (times, values)}}, on the clock of the"
                " data, or start from a Dataset that holds it"
            )
    relative = [[(t - start, v) for (t, v), start in zip(rows, origin, strict=True)] for rows in columns]
    low = max(t[0] for rows in relative for t, _ in rows)
    high = min(t[-1] for rows in relative for t, _ in rows)
    grid = np.unique(np.concatenate([t for rows in relative for t, _ in rows]))
    grid = grid[(grid >= low) & (grid <= high)]
    values = np.stack([np.stack([np.interp(grid, t, v) for t, v in rows]) for rows in relative], axis=-1)
    return grid, np.ascontiguousarray(values)


Rows = list[tuple[np.ndarray, np.ndarray]]  # times and values of each trajectory


def _of_data(data: xr.Dataset, names: list[str]) -> dict[str, Rows]:
    """Signals of a Dataset by name."""
    samples = dataset.pack(data)
    known = [signal.name for signal in samples.facts.inputs]
    if samples.u is None:
        return {}
    found = {}
    for name in names:
        if name in known:
            k = known.index(name)
            found[name] = [(samples.t[row, :stop], samples.u[row, :stop, k]) for row, stop in enumerate(samples.length)]
    return found


def _rows(name: str, given: Any, count: int) -> Rows:
    try:
        times, values = (np.asarray(part, dtype=float) for part in given)
    except (TypeError, ValueError):
        raise TypeError(
            f"input {name!r} must be a pair (times, values) of arrays, got {type(given).__name__}"
        ) from None
    values = np.atleast_2d(values)
    if times.ndim != 1 or values.ndim != 2 or values.shape[1] != len(times) or len(values) not in (1, count):
        raise ValueError(
            f"input {name!r}: times {times.shape} and values {values.shape} do not belong together; values are (time,)"
            f" or ({count}, time)"
        )
    if np.any(np.diff(times) <= 0) or not np.isfinite(times).all() or not np.isfinite(values).all():
        raise ValueError(f"input {name!r}: times must increase, and times and values be finite")
    return [(times, row) for row in np.broadcast_to(values, (count, len(times)))]
