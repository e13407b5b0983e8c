"""What exact generators share: normals by (seed, trajectory, step) and the status of their paths."""

import numpy as np

import dynsamp
from dynsamp.kernels import random


def path_normals(seed: int, ids: np.ndarray, steps: int) -> np.ndarray:
    """Standard normals (trajectory, step); those of a trajectory depend on the seed and its id alone."""
    return random.normals(seed, ids[:, None], np.arange(steps), 0)


def with_status(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States (trajectory, time, state), NaN from a failure on, and what became of each trajectory."""
    finite = np.isfinite(states).all(axis=2)
    broken = np.logical_or.accumulate(~finite, axis=1)
    status = np.where(broken.any(axis=1), int(dynsamp.Status.DIVERGED), int(dynsamp.Status.OK))
    status[~finite[:, 0]] = int(dynsamp.Status.INVALID_INPUT)
    return np.where(broken[:, :, None], np.nan, states), status.astype(np.int8)
