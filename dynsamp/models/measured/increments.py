"""Increments between consecutive samples: what one-step models learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.base import Samples

__all__ = ["Increments", "increments"]


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
    samples.check_finite("fill the gap or split the trajectory there")
    pair = samples.inside[:, 1:]
    if not pair.any():
        raise ValueError(
            f"{learner} learns from consecutive samples, but none of the {len(pair)} trajectories has two; give"
            " trajectories with at least two times"
        )
    samples.check_order()
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
