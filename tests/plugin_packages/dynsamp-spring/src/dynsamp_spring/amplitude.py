"""A metric of one's own."""

import numpy as np

from dynsamp.metrics.base import Record, metric


@metric("amplitude_error", dims=("trajectory", "member"), units="1", needs=("forecast", "truth"))
def amplitude_error(forecast: Record, truth: Record) -> np.ndarray:
    """Relative error of the largest excursion of the first state."""
    reached, wanted = (np.abs(record.y[:, :, :, 0]).max(axis=2) for record in (forecast, truth))
    return np.asarray(np.abs(reached - wanted) / wanted)
