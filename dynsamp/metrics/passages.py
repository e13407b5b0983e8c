"""Where sampled trajectories pass through a level, between their samples.

Around each passage the polynomial through the eight nearest samples (degree 7, Newton's form) takes the place of the
trajectory, so times and states have an error of the eighth order in the spacing.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["SOURCE", "passages"]

NODES = 8
HALVINGS = 60  # of the bracket, which is one spacing: down to rounding
SOURCE = "polynomials of degree 7 through the eight nearest samples"


def passages(
    t: np.ndarray, y: np.ndarray, component: int, level: float, direction: int = 1, turn: float = math.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Times (passage,) and states (passage, component) of one trajectory y (time, component) at increasing times t.

    ``direction`` is 1 for upwards, -1 for downwards, 0 for both. Where ``turn`` is finite, the component is an
    unwrapped angle, and passes through the level once a turn. Samples from the first that is not finite on are left
    out; a start exactly on the level is not a passage.
    """
    finite = np.isfinite(y).all(axis=1) & np.isfinite(t)
    count = len(t) if finite.all() else int(finite.argmin())
    t, y = t[:count], y[:count]
    if direction == 0:
        both = [passages(t, y, component, level, way, turn) for way in (1, -1)]
        times = np.concatenate([found for found, _ in both])
        order = np.argsort(times)
        return times[order], np.concatenate([found for _, found in both])[order]
    signal = direction * (y[:, component] - level)
    sheet = np.floor(signal / turn) if math.isfinite(turn) else np.where(signal < 0, -1.0, 0.0)
    (before,) = np.nonzero(sheet[1:] > sheet[:-1])
    target = direction * sheet[before + 1] * turn if math.isfinite(turn) else np.zeros(len(before))
    width = min(NODES, count)
    if not len(before):
        return np.empty(0), np.empty((0, y.shape[1]))
    first = np.clip(before - (width // 2 - 1), 0, count - width)
    nodes = first[:, None] + np.arange(width)
    origin, unit = t[before], t[before + 1] - t[before]
    s = (t[nodes] - origin[:, None]) / unit[:, None]  # 0 at the sample before, 1 at the one after
    coefficients = _divided(s, y[nodes])
    low, high = np.zeros(len(before)), np.ones(len(before))
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        value = _value(coefficients[:, :, component, None], s, middle)[:, 0] - level - target
        above = direction * value >= 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return origin + high * unit, _value(coefficients, s, high)


def _divided(s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Divided differences (passage, node, component): coefficients of Newton's form."""
    table = values.copy()
    for order in range(1, s.shape[1]):
        span = s[:, order:] - s[:, :-order]
        table[:, order:] = (table[:, order:] - table[:, order - 1 : -1]) / span[:, :, None]
    return table


def _value(coefficients: np.ndarray, s: np.ndarray, at: np.ndarray) -> np.ndarray:
    result = coefficients[:, -1]
    for k in range(s.shape[1] - 2, -1, -1):
        result = coefficients[:, k] + (at - s[:, k])[:, None] * result
    return np.asarray(result)
