"""What the pictures take out of a Dataset: selections and quantiles, nothing else."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from dynsamp.dataset import component_names, state_list
from dynsamp.words import listed

Scores = xr.Dataset | Mapping[str, xr.Dataset]


def components(data: xr.Dataset) -> list[str]:
    """Names of the state components: "theta", or "x[3]" for an element of a field."""
    return component_names(state_list(data))


def component(data: xr.Dataset, name: str) -> xr.DataArray:
    """One component of the state over (trajectory, [member,] time).

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    known = components(data)
    if name not in known:
        if name in data and "time" in data[name].dims:  # a diagnostic or an input
            return data[name]
        raise ValueError(f"there is no state variable {name!r}; there are: {listed(known)}")
    base, _, index = name.partition("[")
    array = data[base]
    if index:
        own = [dim for dim in array.dims if dim not in ("trajectory", "member", "time")]
        places = (int(place) for place in index.rstrip("]").split(","))
        array = array.isel(dict(zip(own, places, strict=True)))
    return array


def variable(scores: xr.Dataset, name: str) -> xr.DataArray:
    """One score.

    Raises
    ------
    ValueError
        If it is not there: says why it was skipped where that is known, and what there is.
    """
    if name in scores:
        return scores[name]
    known = listed(scores.data_vars) or "none"
    raise ValueError(f"there is no score {name!r}; there are: {known}; evaluate(..., metrics=[{name!r}]) adds it")


def named_scores(scores: Scores, name: str) -> dict[str, xr.Dataset]:
    """Scores by label, each with the variable ``name``; a single Dataset is called "forecast"."""
    named = {"forecast": scores} if isinstance(scores, xr.Dataset) else dict(scores)
    if not named:
        raise ValueError("there are no scores to draw; pass a Dataset from evaluate(), or a dict of them by label")
    for each in named.values():
        variable(each, name)
    return named


def positions(data: xr.Dataset, wanted: int | Sequence[int]) -> list[int]:
    """Positions along the dimension trajectory: the first ``wanted``, or those given."""
    count = data.sizes["trajectory"]
    if isinstance(wanted, int | np.integer):
        if wanted < 1:
            raise ValueError(f"trajectories must be at least 1, got {wanted}")
        return list(range(min(int(wanted), count)))
    for place in wanted:
        if not -count <= place < count:
            raise ValueError(f"there is no trajectory {place}; there are {count}, counted from 0")
    return [int(place) % count for place in wanted]


def matching(truth: xr.Dataset, data: xr.Dataset, place: int) -> int:
    """Position in ``truth`` of the trajectory at ``place`` of ``data``: that of the same id."""
    label = data["trajectory"].values[place] if "trajectory" in data.coords else place
    labels = truth["trajectory"].values if "trajectory" in truth.coords else np.arange(truth.sizes["trajectory"])
    found = np.flatnonzero(labels == label)
    if not found.size:
        raise ValueError(f"the truth has no trajectory {label}; it has {listed(labels)}")
    return int(found[0])


def series(data: xr.Dataset, name: str, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (time,) and values (member, time) of one trajectory; one member where there are none."""
    one = component(data, name).isel(trajectory=place)
    time = data["time"].isel(trajectory=place) if "trajectory" in data["time"].dims else data["time"]
    if "member" not in one.dims:
        one = one.expand_dims("member")
    return np.asarray(time.values), np.asarray(one.transpose("member", "time").values, dtype=float)


def samples(score: xr.DataArray) -> np.ndarray:
    """Values over (sample, lead_time), or (sample,): every trajectory and member is a sample."""
    values = np.asarray(score.values, dtype=float)
    if "lead_time" not in score.dims:
        return values.reshape(-1)
    values = np.moveaxis(values, score.dims.index("lead_time"), -1)
    return values.reshape(-1, values.shape[-1])


def quantiles(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles over the first axis (level, ...).

    NaN means "nothing to score" and is left out; an infinite score is that of a failure and counts as the largest.
    """
    ordered = np.sort(values, axis=0)  # NaN last
    count = np.sum(~np.isnan(values), axis=0)
    place = np.multiply.outer(np.asarray(levels, dtype=float), np.maximum(count - 1, 0))
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    below = np.take_along_axis(ordered[None], low[:, None], axis=1)[:, 0]
    above = np.take_along_axis(ordered[None], high[:, None], axis=1)[:, 0]
    with np.errstate(invalid="ignore"):  # inf - inf, where both are taken as they are
        between = below + (place - low) * (above - below)
    return np.where(below == above, below, between)


def called(data: xr.Dataset) -> str:
    """What a legend calls the data: only forecasts know a lead time."""
    return "forecast" if "lead_time" in data.coords else "data"
