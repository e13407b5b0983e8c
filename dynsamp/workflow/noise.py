"""Observation noise: what a measurement adds to a true state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dynsamp.kernels.random import normals
from dynsamp.system import System
from dynsamp.words import nearest

__all__ = ["absolute_or_fraction", "observation_normals"]


def absolute_or_fraction(law: System, noise: float | Mapping[str, float]) -> float | np.ndarray:
    """A fraction of each variable's standard deviation (float), or absolute values (component,) from a mapping."""
    if not isinstance(noise, Mapping):
        fraction = float(noise)
        if not 0 <= fraction < np.inf:
            raise ValueError(f"noise must be a fraction >= 0 or a dict of absolute values, got {noise}")
        return fraction
    names = [state.name for state in law.states]
    for key, value in noise.items():
        if key not in names:
            raise ValueError(
                f"noise names {key!r}, which is no state of {law.name!r} ({', '.join(names)}){nearest(key, names)}"
            )
        if not 0 <= float(value) < np.inf:
            raise ValueError(f"noise of {key!r} must be finite and >= 0, got {value}")
    return np.repeat([float(noise.get(name, 0.0)) for name in names], [state.size for state in law.states])


def observation_normals(seed: int, ids: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normals (trajectory, time, component), each a function of its place alone."""
    trajectory, time, component = np.ix_(ids, np.arange(shape[1]), np.arange(shape[2]))
    return np.asarray(normals(seed, trajectory, time, component))
