"""External signals u(t): of a system, of a fitted model, and on the times of a Dataset.

A signal is given as a pair (times, values), with values (time,) or (trajectory, time). All signals are put on one grid:
times (n,), values (1 or trajectory, n, input). The grid is the union of all times, on which linear and held signals
alike are reproduced exactly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from dynsamp import dataset
from dynsamp.arguments import as_mapping, real_array
from dynsamp.models.base import HasInputs, Model
from dynsamp.solve.options import usual_step
from dynsamp.system import System
from dynsamp.words import nearest

Signal = tuple[ArrayLike, ArrayLike] | Callable[..., ArrayLike]
Signals = tuple[np.ndarray, np.ndarray]
Rows = list[tuple[np.ndarray, np.ndarray]]  # times and values of each trajectory, or of all


def signals_of_system(law: System, inputs: Mapping[str, Signal] | None, saved: np.ndarray) -> Signals | None:
    """Signals of a system that has inputs.

    One may be a function of time, too, whose values are taken at the ``saved`` times (time,) and, at their spacing,
    before them as far as the spin-up goes.

    Raises
    ------
    TypeError, ValueError
        If a signal is missing or unknown, or its times and values do not belong together.
    """
    names, given = [signal.name for signal in law.inputs], as_mapping("inputs", inputs)
    _check_known(given, names, f"system {law.name!r}")
    if not names:
        return None
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"system {law.name!r} needs inputs={{{missing[0]!r}: (times, values)}}")
    columns = []
    for name in names:
        signal = given[name]
        timed = _sampled(name, signal, _with_spin_up(saved, law.spin_up)) if callable(signal) else _rows(name, signal)
        columns.append(timed)
    counts = {len(rows) for rows in columns} - {1}
    if len(counts) > 1:
        raise ValueError(f"inputs have different numbers of trajectories: {sorted(counts)}")
    return _on_one_grid(columns, [signal.hold for signal in law.inputs])


def signals_of_model(
    model: Model, initial: object, inputs: Mapping[str, Signal] | None, origin: np.ndarray
) -> Signals | None:
    """Signals of a model that has inputs, at times since the starts ``origin`` (trajectory,).

    Parameters
    ----------
    model : Model
    initial : Dataset or other starts
        A Dataset with the inputs of the model brings its own.
    inputs : mapping of str to (times, values), optional
        On the clock of the data.
    origin : ndarray (trajectory,)

    Raises
    ------
    TypeError, ValueError
        If a signal is missing or unknown, or its times and values do not belong together.
    """
    names = [str(name) for name in model.inputs] if isinstance(model, HasInputs) else []
    given = as_mapping("inputs", inputs)
    _check_known(given, names, "the model")
    if not names:
        return None
    own = _of_data(initial, names) if isinstance(initial, xr.Dataset) else {}
    columns = []
    for name in names:
        if name in given:
            rows = _rows(name, given[name], len(origin))
        elif name in own:
            rows = own[name]
        else:
            raise ValueError(
                f"the model needs the input {name!r}: give inputs={{{name!r}: (times, values)}}, on the clock of the"
                " data, or start from a Dataset that holds it"
            )
        columns.append([(t - start, v) for (t, v), start in zip(rows, origin, strict=True)])
    return _on_one_grid(columns, [False] * len(names))


def signal_values(law: System, signals: Signals, times: np.ndarray, count: int) -> dict[str, tuple[np.ndarray, str]]:
    """Values at the saved times (trajectory, time) with units, by name, for the Dataset."""
    grid, values = signals
    result = {}
    for k, signal in enumerate(law.inputs):
        column = np.stack([_at(times, grid, row, signal.hold) for row in values[..., k]])
        result[signal.name] = (np.broadcast_to(column, (count, len(times))), signal.units)
    return result


def _check_known(given: Iterable[str], names: Sequence[str], whose: str) -> None:
    for key in given:
        if key not in names:
            known = ", ".join(names) or "none"
            raise ValueError(f"{whose} has no input {key!r} (it has: {known}){nearest(key, names)}")


def _rows(name: str, given: Any, count: int | None = None) -> Rows:
    """One signal, for ``count`` trajectories where that is known."""
    try:
        times, values = (real_array("an input", part) for part in given)
    except (TypeError, ValueError):
        raise TypeError(
            f"input {name!r} must be a pair (times, values) of arrays{', or a function of time' * (count is None)}, got"
            f" {type(given).__name__}"
        ) from None
    values = np.atleast_2d(values)
    alike = times.ndim == 1 and values.ndim == 2 and values.shape[1] == len(times)
    if not alike or (count is not None and len(values) not in (1, count)):
        shapes = f"(time,) or ({'trajectory' if count is None else count}, time)"
        raise ValueError(
            f"input {name!r}: times {times.shape} and values {values.shape} do not belong together; values are {shapes}"
        )
    if np.any(np.diff(times) <= 0) or not np.isfinite(times).all() or not np.isfinite(values).all():
        raise ValueError(f"input {name!r}: times must increase, and times and values be finite")
    return [(times, row) for row in (values if count is None else np.broadcast_to(values, (count, len(times))))]


def _with_spin_up(saved: np.ndarray, spin_up: float) -> np.ndarray:
    """Saved times, and earlier ones at their first spacing that cover the spin-up."""
    if not spin_up:
        return saved
    spacing = float(saved[1] - saved[0]) if len(saved) > 1 else spin_up
    usual = usual_step(saved) if len(saved) > 1 else spin_up
    if usual > 2 * spacing:  # an uneven start says nothing of the signal
        spacing = usual
    count = int(np.ceil(spin_up / spacing))
    return np.concatenate([saved[0] - spacing * np.arange(count, 0, -1), saved])


def _sampled(name: str, function: Callable[..., ArrayLike], times: np.ndarray) -> Rows:
    """A function of time: of all times at once where it can, else of one after the other."""
    try:
        values = np.asarray(function(times), dtype=float)
    except (TypeError, ValueError):  # such as math.sin, or a comparison of numbers
        values = np.empty(0)
    if values.ndim not in (1, 2) or values.shape[-1] != len(times):
        from dynsamp.kernels.problem import running

        with running({"input": function}):
            values = np.array([np.asarray(function(float(t)), dtype=float) for t in times])
        if values.shape != times.shape:
            raise ValueError(
                f"input {name!r}: the function must return a number for a time, or (time,) or (trajectory, time) for"
                f" all {len(times)} times at once; of one time it returned shape {values.shape[1:]}"
            )
    return _rows(name, (times, values))


def _of_data(data: xr.Dataset, names: list[str]) -> dict[str, Rows]:
    """Signals of a Dataset by name."""
    samples, found = dataset.pack(data), dict[str, Rows]()
    for k, signal in enumerate(samples.facts.inputs):
        if signal.name in names and samples.u is not None:
            own = samples.u[..., k]
            found[signal.name] = [(samples.t[row, :n], own[row, :n]) for row, n in enumerate(samples.length)]
    return found


def _on_one_grid(columns: Sequence[Rows], held: Sequence[bool]) -> Signals:
    own = list({id(t): t for rows in columns for t, _ in rows}.values())  # trajectories may share their times
    grid = np.unique(np.concatenate(own))
    grid = grid[(grid >= max(t[0] for t in own)) & (grid <= min(t[-1] for t in own))]
    values = np.empty((max(len(rows) for rows in columns), len(grid), len(columns)))
    for k, (rows, hold) in enumerate(zip(columns, held, strict=True)):
        values[..., k] = np.stack([_at(grid, t, v, hold) for t, v in rows])
    return grid, values


def _at(times: np.ndarray, known: np.ndarray, values: np.ndarray, hold: bool) -> np.ndarray:
    """A signal at other times."""
    return values[np.searchsorted(known, times, side="right") - 1] if hold else np.interp(times, known, values)
