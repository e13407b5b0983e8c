"""Statistics of trajectories whose states are never kept: over trajectories at each time, or over time for each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from dynsamp.arguments import whole_number
from dynsamp.limits import check_bytes
from dynsamp.solve.door import advance
from dynsamp.solve.kernel import InitialValueProblem, Inputs, Kernel, posed
from dynsamp.solve.options import Options, asked
from dynsamp.words import Status, quoted

Bounds = tuple[np.ndarray, np.ndarray]  # lowest and highest states (trajectory, component)

_AT_ONCE = 1 << 22  # numbers of states that are kept at a time where they change before they count


@dataclass(frozen=True)
class Statistics:
    """Over trajectories: (group, time, state). Over time: (trajectory, state)."""

    mean: np.ndarray
    std: np.ndarray  # of the population: divided by the number
    low: np.ndarray
    high: np.ndarray
    last: np.ndarray | None  # states at the last time; over time only
    number: np.ndarray  # of finite values, like ``mean``
    status: np.ndarray  # (trajectory,)
    method: str
    reason: str
    options: Mapping[str, float]


def strayed(states: np.ndarray, status: np.ndarray, bounds: Bounds | None = None) -> tuple[np.ndarray, np.ndarray]:
    """States (trajectory, time, component) and status: diverged, NaN from where it is infinite or out of bounds."""
    low, high = (np.array(-np.inf), np.array(np.inf)) if bounds is None else (bound[:, None] for bound in bounds)
    sound = (np.isfinite(states) & (states >= low) & (states <= high)).all(axis=2)
    gone = np.where(sound.all(axis=1), states.shape[1], sound.argmin(axis=1))[:, None] <= np.arange(states.shape[1])
    fresh = gone.any(axis=1) & (status == Status.OK)
    return np.where(gone[..., None], np.nan, states), np.where(fresh, np.int8(Status.DIVERGED), status).astype(np.int8)


def statistics(  # noqa: PLR0913 - a verb
    kernel: Kernel,
    times: ArrayLike,
    y0: ArrayLike,
    *,
    over: Literal["trajectory", "time"] = "trajectory",
    group: int | None = None,
    ids: ArrayLike | None = None,
    seed: int = 0,
    inputs: Inputs | None = None,
    bounds: Bounds | None = None,
    options: Options | None = None,
    **given: Any,
) -> Statistics:
    """Mean, standard deviation, smallest and largest value without the states themselves.

    Parameters
    ----------
    kernel, times, y0, ids, seed, inputs, options, **given
        As for ``solve``, without ``events``.
    over : {"trajectory", "time"}
        Over trajectories, memory holds one trajectory's worth of numbers a group, and a block of trajectories a
        thread; over time, five numbers a state and trajectory, whatever the number of times.
    group : int, optional
        Over trajectories: so many consecutive ones make a group, such as the members of a forecast; by default all.

    bounds : (ndarray, ndarray), optional
        Lowest and highest states (trajectory, component), beyond which a trajectory has diverged.

    Returns
    -------
    Statistics
        Over trajectories, a failed one counts up to its failure, and ``number`` says how many there were. Over time,
        one that fails has NaN. The bits do not depend on the number of threads.

    Raises
    ------
    ValueError
        For arguments that contradict each other; otherwise as ``solve``.
    """
    from dynsamp.kernels.blocks import Fold
    from dynsamp.kernels.parts import over_time

    options = asked(options, given)
    task = posed(kernel, times, y0, ids=ids, seed=seed, inputs=inputs)
    count, dim = task.y0.shape
    steps = len(task.times)
    if not isinstance(over, str) or over not in ("trajectory", "time"):
        raise ValueError(f"statistics are over 'trajectory' or 'time', got over={quoted(over)}")
    if over == "time" and group is not None:
        raise ValueError("group= belongs to statistics over trajectories; leave it out over time")
    group = max(count, 1) if group is None else whole_number("group", group)
    if count % group:
        raise ValueError(f"group must divide the number of trajectories, {count}, got {group}")
    if options.events:
        raise ValueError("statistics keep no trajectory on which events could be found; leave events= out, or solve()")
    numbers = 5.0 * dim * (count if over == "time" else steps * (count // group))
    check_bytes(16 * numbers, f"statistics of {numbers:.3g} numbers", "take fewer times, or larger groups")
    beyond = np.zeros(count, dtype=bool)

    class Within(Fold):
        """Trajectories up to where they leave the bounds."""

        def add(self, begin: int, end: int) -> None:
            if kernel.chart is not None:
                kernel.chart.outward(self.place(begin, end))
            if bounds is not None:
                room, rows = self.place(begin, end), slice(begin, end)
                room[:], status = strayed(room, np.zeros(end - begin, np.int8), (bounds[0][rows], bounds[1][rows]))
                beyond[rows] = status != Status.OK
            super().add(begin, end)

    if over == "time" and kernel.chart is not None:
        return _over_time(task, options, bounds)
    kept = np.empty((count, over_time.ROWS, dim)) if over == "time" else Within(count, group, (steps, dim))
    solution = advance(task, options, kept, over_time if over == "time" else None)
    if isinstance(kept, np.ndarray) and bounds is not None:
        with np.errstate(invalid="ignore"):
            outside = (kept[:, over_time.LOW] < bounds[0]) | (kept[:, over_time.HIGH] > bounds[1])
        beyond |= outside.any(axis=1)
        kept[beyond] = np.nan
    status = np.where((solution.status == Status.OK) & beyond, np.int8(Status.DIVERGED), solution.status)
    about = (status, solution.method, solution.reason, solution.options)
    if isinstance(kept, Fold):
        number, mean, squares, low, high = np.moveaxis(kept.totals.reshape(-1, 5, steps, dim), 1, 0)
        good = number > 0
        mean, low, high = (np.where(good, value, np.nan) for value in (mean, low, high))
        std = np.sqrt(np.where(good, squares, np.nan) / np.maximum(number, 1))
        return Statistics(mean, std, low, high, None, number.astype(np.int64), *about)
    mean, squares, low, high, last = np.moveaxis(kept, 1, 0)
    number = np.where(np.isfinite(mean), steps, 0)
    return Statistics(mean, np.sqrt(squares / steps), low, high, last, number, *about)


def _over_time(task: InitialValueProblem, options: Options, bounds: Bounds | None) -> Statistics:
    """Over time, of a kernel that steps in other coordinates: from the states of some trajectories at a time."""
    assert task.kernel.chart is not None
    (count, dim), steps = task.y0.shape, len(task.times)
    found, status = np.empty((5, count, dim)), np.empty(count, np.int8)
    block = max(1, _AT_ONCE // (steps * dim))
    for start in range(0, count, block):
        part = slice(start, start + block)
        states = np.empty((len(task.y0[part]), steps, dim))
        solution = advance(replace(task, y0=task.y0[part], ids=task.ids[part]), options, states)
        limits = None if bounds is None else (bounds[0][part], bounds[1][part])
        states, status[part] = strayed(task.kernel.chart.outward(states), solution.status, limits)
        found[:, part] = states.mean(1), states.std(1), states.min(1), states.max(1), states[:, -1]
    number = np.where(np.isfinite(found[0]), steps, 0)
    mean, std, low, high, last = found
    return Statistics(mean, std, low, high, last, number, status, solution.method, solution.reason, solution.options)
