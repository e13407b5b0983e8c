"""Increments between consecutive samples: what one-step models learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynsamp.models.base import Samples
from dynsamp.words import State

__all__ = ["Increments", "box", "component_name", "increments"]

EVEN = 1e-3  # largest deviation of a spacing from the median one, relative


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
    count, steps, _ = samples.y.shape
    inside = np.arange(steps) < samples.length[:, None]
    bad = inside[..., None] & ~np.isfinite(samples.y)
    if bad.any():
        trajectory, step, component = map(int, np.unravel_index(int(bad.argmax()), bad.shape))
        raise ValueError(
            f"{component_name(samples.states, component)!r} is {samples.y[trajectory, step, component]} in trajectory"
            f" {samples.ids[trajectory]} at sample {step}; fill the gap or split the trajectory there"
        )
    pair = inside[:, 1:]
    if not pair.any():
        raise ValueError(
            f"{learner} learns from consecutive samples, but none of the {count} trajectories has two; give"
            " trajectories with at least two times"
        )
    dy, spacing = np.diff(samples.y, axis=1)[pair], np.diff(samples.t, axis=1)[pair]
    trajectory_of, _ = np.nonzero(pair)
    found = Increments(np.ascontiguousarray(samples.y[:, :-1][pair]), dy, spacing, trajectory_of)
    if not np.all(spacing > 0):
        row = int(np.argmax(~(spacing > 0)))
        raise ValueError(
            f"times of trajectory {samples.ids[trajectory_of[row]]} do not increase (a spacing is {spacing[row]:g});"
            " sort them and drop duplicates"
        )
    deviation = np.abs(spacing - found.dt)
    if even and deviation.max() > EVEN * found.dt:
        row = int(deviation.argmax())
        raise ValueError(
            f"{learner} needs evenly sampled data, but trajectory {samples.ids[trajectory_of[row]]} has a spacing of"
            f" {spacing[row]:g} where the median is {found.dt:g}; interpolate to even times, ds.interp(time=...)"
        )
    if not dy.any():
        raise ValueError(f"the data never change, so {learner} has nothing to learn; check which column is which")
    return found


def component_name(states: tuple[State, ...], component: int) -> str:
    """Name of the state variable that a component belongs to."""
    for state in states:
        if component < state.size:
            return state.name
        component -= state.size
    raise IndexError(f"there is no component {component} beyond the last state")


def box(samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Smallest box around the training data: low and high (component,)."""
    inside = samples.inside
    y = samples.y[inside]
    return y.min(axis=0), y.max(axis=0)
