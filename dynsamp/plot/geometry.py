"""What moves in a picture: rods, a spring, or a point, in the plane, from the states of one trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from dynsamp.dataset import facts, state_list
from dynsamp.models.naming import is_angle
from dynsamp.plot.canvas import axis_label
from dynsamp.plot.phases import portrait_pair
from dynsamp.plot.reading import component, series
from dynsamp.words import State

__all__ = ["Motion", "motion"]


@dataclass(frozen=True)
class Motion:
    """Joints over time."""

    kind: str  # "rods", "spring" or "point"
    times: np.ndarray  # (time,)
    joints: np.ndarray  # (joint, time, 2); the first of rods and springs is the pivot
    labels: tuple[str, str]  # of the axes

    @property
    def reach(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top of all that is ever there."""
        flat = self.joints.reshape(-1, 2)
        flat = flat[np.isfinite(flat).all(axis=1)]
        (left, bottom), (right, top) = flat.min(axis=0), flat.max(axis=0)
        return float(left), float(right), float(bottom), float(top)


def motion(data: xr.Dataset, place: int, lengths: Mapping[str, float] | None = None) -> Motion:
    """Of one trajectory; of several members the first.

    One angle is a pendulum, two are a double pendulum, a length and an angle an elastic one, as are the positions of a
    system of that name. All else is a point in the plane of its first two coordinates, or of a coordinate and its
    momentum.
    """
    states = state_list(data)
    coordinates = [state for state in states if state.conjugate and not state.dims]
    if not coordinates:
        coordinates = [state for state in states[: (len(states) + 1) // 2] if not state.dims]
    angles = [state for state in coordinates if _angle(state)]
    sizes = {**_parameters(data), **(lengths or {})}
    time = series(data, coordinates[0].name if coordinates else str(states[0].name), place)[0]

    def values(state: State) -> np.ndarray:
        return np.asarray(series(data, state.name, place)[1][0])

    pivot = np.zeros((time.size, 2))
    if coordinates and len(angles) == len(coordinates) <= 2:
        joints = [pivot]
        for k, state in enumerate(angles):
            length = sizes.get(f"length{k + 1}", sizes.get("length", 1.0))
            joints.append(joints[-1] + length * _hanging(values(state)))
        return Motion("rods", time, np.stack(joints), ("", ""))
    if len(coordinates) == 2 and len(angles) == 1:
        radius = next(state for state in coordinates if state not in angles)
        return Motion(
            "spring", time, np.stack([pivot, values(radius)[:, None] * _hanging(values(angles[0]))]), ("", "")
        )
    if len(coordinates) >= 2 and not angles:
        pair = (coordinates[0].name, coordinates[1].name)
    else:
        pair = portrait_pair(data)
    points = np.stack([series(data, name, place)[1][0] for name in pair], axis=-1)
    if "elastic_pendulum" in str(data.attrs.get("system", "")):
        return Motion("spring", time, np.stack([pivot, points]), ("", ""))
    x, y = (axis_label(component(data, name), name, width=28) for name in pair)
    return Motion("point", time, points[None], (x, y))


def _angle(state: State) -> bool:
    return state.units == "rad" or (state.units == "1" and is_angle(state.name))


def _hanging(angle: np.ndarray) -> np.ndarray:
    """Unit vectors (time, 2) at angles from the downward vertical."""
    return np.stack([np.sin(angle), -np.cos(angle)], axis=-1)


def _parameters(data: xr.Dataset) -> dict[str, float]:
    known = facts(data).get("parameters") or {}
    return {key: float(value) for key, value in known.items() if isinstance(value, int | float)}
