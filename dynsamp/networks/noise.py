"""How noisy trajectories are, told from the samples alone.

A divided difference of order m of a smooth signal is small where samples are dense; that of independent errors is not.
Scaled so that independent errors of variance s^2 give s^2, the orders that a signal passes least bound s from above.
"""

from __future__ import annotations

import numpy as np

__all__ = ["noise_level"]

ORDERS = (2, 3, 4, 5, 6, 7, 8)
MOST = 50_000  # windows of one order
NORMAL = 0.6744897501960817  # median of |x| of a standard normal x


def noise_level(t: np.ndarray, y: np.ndarray, length: np.ndarray) -> np.ndarray | None:
    """Standard deviation of independent errors (component,), at most; None where no trajectory has four samples.

    Parameters
    ----------
    t : ndarray (trajectory, time)
        May be uneven.
    y : ndarray (trajectory, time, component)
    length : ndarray (trajectory,)
        Valid times.
    """
    found = []
    for order in ORDERS:
        values = _contrasts(t, y, length, order)
        if values is not None:
            found.append(np.median(np.abs(values), axis=0) / NORMAL)
    return np.min(found, axis=0) if found else None


def _contrasts(t: np.ndarray, y: np.ndarray, length: np.ndarray, order: int) -> np.ndarray | None:
    """Divided differences (window, component) of unit gain for white noise."""
    size = order + 1
    if y.shape[1] < size or not np.any(length >= max(size, 4)):
        return None
    windows = np.lib.stride_tricks.sliding_window_view(t, size, axis=1)
    states = np.lib.stride_tricks.sliding_window_view(y, size, axis=1)  # (trajectory, window, component, sample)
    inside = np.arange(windows.shape[1]) + size <= length[:, None]
    rows = np.argwhere(inside)
    rows = rows[:: -(-len(rows) // MOST) or 1]
    times, values = windows[rows[:, 0], rows[:, 1]], states[rows[:, 0], rows[:, 1]]
    gaps = (times[:, :, None] - times[:, None, :]) / np.ptp(times, axis=1)[:, None, None]
    gaps[:, np.arange(size), np.arange(size)] = 1.0
    weights = 1.0 / gaps.prod(axis=2)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return np.asarray(np.einsum("ws,wcs->wc", weights, values))
