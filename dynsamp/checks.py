"""Arrays that people pass to the solvers: converted, and refused with one sentence where they make no sense."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

__all__ = ["as_ids", "as_room", "as_states", "as_theta", "as_times"]


def _own(values: ArrayLike) -> np.ndarray:
    """C-contiguous, writable float64: kernels are compiled for one kind of array only."""
    array = np.ascontiguousarray(values, dtype=float)
    return array if array.flags.writeable and array.flags.owndata else array.copy()


def as_times(times: ArrayLike) -> np.ndarray:
    """Increasing finite times (time,)."""
    t = _own(times)
    if t.ndim != 1 or not len(t):
        raise ValueError(f"times must be a 1-d array with at least one entry, got shape {t.shape}")
    if not np.all(np.isfinite(t)):
        raise ValueError(f"times must be finite, but times[{int(np.argmin(np.isfinite(t)))}] is not")
    if np.any(np.diff(t) <= 0):
        n = int(np.argmax(np.diff(t) <= 0)) + 1
        raise ValueError(f"times must increase, but times[{n}] = {t[n]:g} follows {t[n - 1]:g}; sort them")
    return t


def as_states(y0: ArrayLike) -> np.ndarray:
    """States (trajectory, state)."""
    y = _own(y0)
    if y.ndim != 2 or not y.shape[1]:
        raise ValueError(f"states must have shape (trajectory, state), got {y.shape}; y[np.newaxis] makes one row")
    return y


def as_ids(ids: ArrayLike | None, count: int) -> np.ndarray:
    """One id a trajectory; by default 0, 1, ..."""
    numbers = np.arange(count, dtype=np.int64) if ids is None else np.array(ids, dtype=np.int64)
    if numbers.shape != (count,):
        raise ValueError(f"ids must have one entry a trajectory ({count}), got shape {numbers.shape}")
    return numbers


def as_theta(theta: ArrayLike, count: int) -> np.ndarray:
    """Rows of parameters (1 or trajectory, parameter)."""
    rows = np.atleast_2d(_own(theta))
    if np.ndim(theta) > 2 or len(rows) not in (1, count):
        shape = np.shape(theta)
        raise ValueError(f"theta must be (parameter,) or have a row for each of {count} trajectories, got {shape}")
    return rows


def as_room(out: np.ndarray | None, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> np.ndarray:
    """New array, or ``out`` if it fits."""
    kind = np.dtype(np.float64 if dtype is None else dtype)
    if kind not in (np.float64, np.float32):
        raise ValueError(f"states are saved as float64 or float32, got dtype {kind}")
    if out is None:
        return np.empty(shape, kind)
    if dtype is not None and out.dtype != kind:
        raise ValueError(f"out has dtype {out.dtype}, but dtype={kind}; give one of them")
    if out.shape != shape or out.dtype not in (np.float64, np.float32) or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be C-contiguous float64 or float32 of shape {shape}, got {out.dtype} of shape {out.shape}"
        )
    return out
