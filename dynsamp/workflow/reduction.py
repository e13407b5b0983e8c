"""Statistics of trajectories in place of their states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from dynsamp import dataset
from dynsamp.solve import Kernel, statistics
from dynsamp.words import State

__all__ = ["reduced"]

OVER = ("trajectory", "member", "time")


def reduced(
    over: str,
    kernel: Kernel,
    times: np.ndarray,
    y0: np.ndarray,
    *,
    paths: np.ndarray,
    ids: np.ndarray,
    members: int,
    states: Sequence[State],
    time_unit: str,
    attrs: Mapping[str, Any],
    seed: int,
    **options: Any,
) -> xr.Dataset:
    """Mean, standard deviation, smallest and largest value over one dim.

    ``y0`` (trajectory * member, component) and ``paths``, the streams of noise, have members next to each other.

    Raises
    ------
    ValueError
        For a dim that is not one of "trajectory", "member", "time".
    """
    if over not in OVER:
        raise ValueError(f"reduce must be one of {', '.join(OVER)}, got {over!r}")
    dim: Any = "time" if over == "time" else "trajectory"
    group = members if over == "member" else None
    found = statistics(kernel, times, y0, over=dim, group=group, ids=paths, seed=seed, **options)
    values = {"mean": found.mean, "std": found.std, "min": found.low, "max": found.high}
    if found.last is not None:
        values["last"] = found.last
    number = found.number[..., 0]  # a value is finite in all components or in none
    dims: tuple[str, ...] = ("trajectory", "time") if over == "member" else ("trajectory",)
    if over == "trajectory":
        values, number, dims = {key: value[0] for key, value in values.items()}, number[0], ("time",)
    elif over == "time" and members > 1:
        values = {key: value.reshape(len(ids), members, -1) for key, value in values.items()}
        number, dims = number.reshape(len(ids), members), ("trajectory", "member")
    return dataset.statistics(
        values,
        over=over,
        dims=dims,
        number=number,
        status=found.status.reshape(len(ids), members) if members > 1 else found.status,
        states=states,
        times=times,
        ids=ids,
        time_unit=time_unit,
        attrs={**attrs, "method": found.method, "method_reason": found.reason, **found.options},
    )
