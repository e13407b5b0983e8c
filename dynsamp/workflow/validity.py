"""Until when a chaotic truth is one: measured, by comparing it with a second solution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dynsamp.kernels.methods import METHODS
from dynsamp.solve import Kernel, solve

__all__ = ["valid_until"]

VALID_TRUTH = 0.04  # of a standard deviation: a tenth of the error at which a forecast counts as lost
LAST_BITS = 2.0**-50
TIGHTEST = 3e-14  # below, rounding is the larger part of the error


def valid_until(
    kernel: Kernel, times: np.ndarray, y0: np.ndarray, states: np.ndarray, method: str, options: Mapping[str, Any]
) -> np.ndarray:
    """Last saved time (trajectory,) up to which ``states`` agree with a second solution to 0.04 standard deviations.

    The second solution is tighter by a factor of ten in its tolerances, or takes half the step. At tolerances where
    rounding is the larger part of the error no solution is better, so one at four times the tolerance is taken, whose
    errors are independent of those of the first; for a map, one from starts that differ in their last bits.

    Parameters
    ----------
    kernel, times, y0
        Of the truth.
    states : ndarray (trajectory, time, state)
        The truth.
    method : str
        Method that gave it.
    options : mapping
        Further arguments of ``solve``, as they were used.
    """
    other = solve(
        kernel, times, _nudged(y0) if method == "map" else y0, **{**options, **_second(method, options, times)}
    )
    spread = np.nanstd(states, axis=1, keepdims=True) if states.shape[1] > 1 else np.ones_like(states)
    error = np.sqrt(np.mean(((other.states - states) / np.where(spread > 0, spread, 1.0)) ** 2, axis=-1))
    left = ~(error <= VALID_TRUTH)  # NaN counts as left
    first = np.where(left.any(axis=1), left.argmax(axis=1), len(times) - 1)
    return np.asarray(times[np.maximum(first - left.any(axis=1), 0)])


def _second(method: str, options: Mapping[str, Any], times: np.ndarray) -> dict[str, Any]:
    """What the second solution does otherwise."""
    if method == "map":
        return {}
    if not METHODS[method].adaptive:
        return {"step": (options.get("step") or float(np.diff(times).min())) / 2}
    given = {key: options[key] for key in ("rtol", "atol") if options.get(key) is not None}
    factor = 0.1 if given and min(given.values()) >= 10 * TIGHTEST else 4.0
    return {key: factor * value for key, value in given.items()}


def _nudged(y0: np.ndarray) -> np.ndarray:
    nudged: np.ndarray = y0 + LAST_BITS * np.abs(y0)  # a single last bit may be rounded away at once
    return nudged
