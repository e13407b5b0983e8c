"""Samples that a fit can use: finite, in the order of time, with something in them that changes.

One-step models learn from what changes between consecutive samples, their increments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.base import Samples
from dynsamp.words import State

__all__ = ["Increments", "box", "check_finite", "check_order", "component_name", "increments", "median_step"]


def check_finite(samples: Samples, cure: str, *, derivatives: bool = False) -> None:
    """Complain of the first value within a trajectory that is missing or infinite.

    Parameters
    ----------
    samples : Samples
    cure : str
        What to do about it, for the message.
    derivatives : bool
        Whether to look at the derivatives too.
    """
    given = [("", samples.y), *([("the derivative of ", samples.dy)] if derivatives else [])]
    for label, values in given:
        if values is None:
            continue
        bad = samples.inside[..., None] & ~np.isfinite(values)
        if bad.any():
            trajectory, step, component = map(int, np.unravel_index(int(bad.argmax()), bad.shape))
            raise ValueError(
                f"{label}{component_name(samples.states, component)!r} is {values[trajectory, step, component]} in"
                f" trajectory {samples.ids[trajectory]} at sample {step}; {cure}"
            )


def check_order(samples: Samples) -> None:
    """Complain of the first trajectory whose times do not increase."""
    step = np.diff(samples.t, axis=1)
    with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
        late = samples.inside[:, 1:] & ~(step > 0)
    if late.any():
        trajectory, at = map(int, np.argwhere(late)[0])
        raise ValueError(
            f"the times of trajectory {samples.ids[trajectory]} do not increase (a spacing is"
            f" {step[trajectory, at]:g}); sort them and drop duplicates"
        )


def median_step(samples: Samples) -> float | None:
    """Median spacing of consecutive samples; None where no trajectory has two."""
    steps = np.diff(samples.t, axis=1)[samples.inside[:, 1:]]
    return float(np.median(steps)) if steps.size else None


@dataclass(frozen=True)
class Increments:
    """Pairs of consecutive samples of all trajectories, in the order of trajectory and time."""

    y: np.ndarray  # (row, component)
    dy: np.ndarray  # (row, component): next state minus this one
    spacing: np.ndarray  # (row,)
    trajectory: np.ndarray  # (row,) index into the samples

    @property
    def dt(self) -> float:
        """Median spacing."""
        return float(np.median(self.spacing))


def increments(samples: Samples, learner: str, *, even: bool = True) -> Increments:
    """Increments of the training data, checked.

    Parameters
    ----------
    samples : Samples
        Trajectories of any lengths.
    learner : str
        Who asks, for error messages: "a flow map".
    even : bool
        Whether the spacing must be the same everywhere.

    Raises
    ------
    ValueError
        If no trajectory has two samples, a value is not finite, nothing changes, or the spacing differs.
    """
    check_finite(samples, "fill the gap or split the trajectory there")
    pair = samples.inside[:, 1:]
    if not pair.any():
        raise ValueError(
            f"{learner} learns from consecutive samples, but none of the {len(pair)} trajectories has two; give"
            " trajectories with at least two times"
        )
    check_order(samples)
    dy, spacing = np.diff(samples.y, axis=1)[pair], np.diff(samples.t, axis=1)[pair]
    trajectory_of, _ = np.nonzero(pair)
    found = Increments(np.ascontiguousarray(samples.y[:, :-1][pair]), dy, spacing, trajectory_of)
    deviation = np.abs(spacing - found.dt)
    if even and deviation.max() > tuning.EVEN_SPACING * found.dt:
        row = int(deviation.argmax())
        raise ValueError(
            f"{learner} needs evenly sampled data, but trajectory {samples.ids[trajectory_of[row]]} has a spacing of"
            f" {spacing[row]:g} where the median is {found.dt:g}; interpolate to even times, ds.interp(time=...)"
        )
    if not dy.any():
        raise ValueError(f"the data never change, so {learner} has nothing to learn; check which column is which")
    return found


def component_name(states: Iterable[State], component: int) -> str:
    """Name of the state variable that a component belongs to."""
    for state in states:
        if component < state.size:
            return state.name
        component -= state.size
    raise IndexError(f"there is no component {component} beyond the last state")


def box(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Smallest box around the training data: low and high (component,)."""
    y = samples.y[samples.inside]
    return y.min(axis=0), y.max(axis=0)
