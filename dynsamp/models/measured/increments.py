"""Increments between consecutive samples: what one-step models learn from."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from dynsamp.models import tuning
from dynsamp.models.base import Samples
from dynsamp.networks.search.unseen import Judgement
from dynsamp.networks.stencil import Increments

_log = logging.getLogger("dynsamp")


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
    if samples.u is not None:
        _log.warning("%s does not use the inputs of the data: it knows the state alone", learner)
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


def judged(judgement: Judgement, samples: Samples, noise: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """First keys of a report: error, its interval, noise (output,) of states, and what is worse than the rest."""
    owners = samples.owners if len(noise) == samples.size else samples.states
    squares: dict[str, list[float]] = {}
    for state, level in zip(owners, noise, strict=True):
        squares.setdefault(state.name, []).append(float(level) ** 2)
    levels = [(name, float(np.sqrt(np.mean(each)))) for name, each in squares.items()]
    return judgement.said(levels, lambda k: f"trajectory {samples.ids[k]}") | unused(samples)


def unused(samples: Samples) -> dict[str, Any]:
    """A note for reports where the data have inputs, which one-step models do not use."""
    return {} if samples.u is None else {"note": "the inputs of the data were not used"}
