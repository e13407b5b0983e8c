"""What recordings lack beside a model: velocities where they name positions only, and states at the times of others."""

import numpy as np
import xarray as xr
from scipy.interpolate import make_interp_spline

from dynsamp import dataset
from dynsamp.models.base import Model, Samples
from dynsamp.models.measured.velocities import velocity_name, with_velocities
from dynsamp.words import State, listed

DEGREE = 3  # of the splines between the times of a recording


def recorded(model: Model) -> tuple[State, ...]:
    """The states that the data of a model have: all, or the positions where it took velocities from them."""
    if not model.facts.velocities:
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

    A truth of positions gets velocities from them, as those of the forecast are; where it is too short for that, the
    forecast loses its own.
    """
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
        return left, truth, f"{listed(missing)} not scored: {error}"
    rows = np.flatnonzero(np.isin(truth["trajectory"].values, samples.ids))
    filled = truth.copy()
    for k, name in enumerate(missing):
        values = np.full(truth[names[0]].shape, np.nan)
        values[rows] = samples.y[..., len(names) + k]
        filled[name] = (("trajectory", "time"), values, {"units": samples.states[len(names) + k].units})
    filled.attrs["states"] = " ".join(state.name for state in expected)
    return forecast, filled, phrase


def at_times_of(forecast: xr.Dataset, truth: xr.Dataset) -> tuple[xr.Dataset, str]:
    """A recorded truth at the times of its forecast, by cubic splines, and that in a few words.

    Where a recording has ended it is NaN, which no score counts.

    Parameters
    ----------
    forecast, truth : Dataset
        Over the same trajectories; times are floats.
    """
    wanted, own = (np.atleast_2d(dataset.time_values(ds)) for ds in (forecast, truth))
    count = truth.sizes["trajectory"]
    wanted, own = (np.broadcast_to(t, (count, t.shape[1])) for t in (wanted, own))
    variables = {name: truth[name].variable for name in truth.data_vars if truth[name].dims == ("trajectory",)}
    for state in dataset.state_list(truth):
        values = truth[state.name].transpose("trajectory", "time", ...).values.astype(float)
        found = np.full((count, wanted.shape[1], *values.shape[2:]), np.nan)
        for k in range(count):
            there = np.isfinite(own[k]) & np.isfinite(values[k]).reshape(len(own[k]), -1).all(axis=1)
            t, y = own[k][there], values[k][there]
            if state.period is not None:
                y = np.unwrap(y, axis=0, period=state.period)
            slack = 1e-9 * max(float(np.abs(t).max(initial=0.0)), 1.0)
            inside = (wanted[k] >= t.min(initial=np.inf) - slack) & (wanted[k] <= t.max(initial=-np.inf) + slack)
            if len(t) > DEGREE:
                found[k, inside] = make_interp_spline(t, y, k=DEGREE)(wanted[k, inside])
        variables[state.name] = xr.Variable(truth[state.name].dims, found, truth[state.name].attrs)
    coords = {"trajectory": truth["trajectory"], "time": forecast["time"].variable}
    return xr.Dataset(variables, coords, truth.attrs), "interpolated to the times of the forecast by cubic splines"
