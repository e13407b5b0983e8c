"""Statistics over trajectories: counts, means, sums of squares, smallest and largest at every saved time."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(states: Any, begin: Any, end: Any, total: Any) -> None:
    """Fold rows begin <= j < end of states (trajectory, value) into total (5, value), one after the other.

    Rows of total: number, mean, sum of squared deviations, min, max. A value that is not finite does not count.
    Welford (1962), Technometrics 4, 419.
    """
    number, mean, squares, low, high = total[0], total[1], total[2], total[3], total[4]
    for j in range(begin, end):
        for i in range(states.shape[1]):
            value = states[j, i]
            good = np.isfinite(value)
            count = number[i] + 1.0
            change = value - mean[i]
            moved = mean[i] + change / count
            squares[i] = squares[i] + change * (value - moved) if good else squares[i]
            mean[i] = moved if good else mean[i]
            number[i] = count if good else number[i]
            low[i] = min(low[i], value) if good else low[i]
            high[i] = max(high[i], value) if good else high[i]
