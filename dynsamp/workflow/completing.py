"""Velocities for models of recorded positions: their data and truths name positions only."""

from __future__ import annotations

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.models.base import Model, Samples
from dynsamp.models.velocities import velocity_name, with_velocities
from dynsamp.words import State

__all__ = ["completed", "completed_truth", "recorded"]


def recorded(model: Model) -> tuple[State, ...]:
    """The states that the data of a model have: all, or the positions where it took velocities from them."""
    if not model.facts.get("velocities"):
        return model.states
    return _positions(model.states)


def _positions(states: tuple[State, ...]) -> tuple[State, ...]:
    return tuple(state for state in states if state.conjugate == velocity_name(state.name))


def completed(model: Model, samples: Samples) -> Samples:
    """Samples in the states of the model, with velocities as they were obtained for its fit."""
    given = [state.name for state in samples.states]
    if given == [state.name for state in model.states] or given != [state.name for state in recorded(model)]:
        return samples
    return with_velocities(samples)[0]


def completed_truth(forecast: xr.Dataset, truth: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset, str | None]:
    """A forecast and its truth over the same states, and what was done to the truth, in a few words.

    A truth of positions gets velocities from them; where it is too short for that, the forecast loses its own. An
    angle that is periodic in the forecast is so in the truth, which may be recorded within one turn.
    """
    periods = {state.name: state.period for state in dataset.state_list(forecast) if state.period is not None}
    turning = [name for name in periods if name in truth and "period" not in truth[name].attrs]
    if turning:
        truth = truth.copy()
        for name in turning:
            truth[name].attrs["period"] = periods[name]
    if not dataset.facts(forecast).get("velocities"):
        return forecast, truth, None
    expected, there = dataset.state_list(forecast), [state.name for state in dataset.state_list(truth)]
    missing = [state.name for state in expected if state.name not in there]
    velocities = {state.name: velocity_name(state.name) for state in _positions(expected)}
    if not missing or not set(missing) <= set(velocities.values()):
        return forecast, truth, None
    names = [name for name, velocity in velocities.items() if velocity in missing]
    try:
        samples, phrase = with_velocities(dataset.pack(truth), names, smooth=False)
    except ValueError as error:
        left = forecast.drop_vars(missing)
        left.attrs["states"] = " ".join(state.name for state in expected if state.name not in missing)
        return left, truth, f"{', '.join(missing)} not scored: {error}"
    rows = np.flatnonzero(np.isin(truth["trajectory"].values, samples.ids))
    filled = truth.copy()
    for k, name in enumerate(missing):
        values = np.full(truth[names[0]].shape, np.nan)
        values[rows] = samples.y[..., len(names) + k]
        filled[name] = (("trajectory", "time"), values, {"units": samples.states[len(names) + k].units})
    filled.attrs["states"] = " ".join(state.name for state in expected)
    return forecast, filled, phrase
