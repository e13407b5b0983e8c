"""Error of the gradient of a learned Hamiltonian: what a fit to derivatives or snapshots really determines."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.metrics.base import Record, Score, metric
from dynsamp.metrics.difference import spread
from dynsamp.metrics.pairs import energy_gradient, states_of
from dynsamp.models.base import HasGradient

__all__ = ["gradient_error"]

POINTS = 100_000  # more states than these do not change the error


@metric("gradient_error", (), needs=("truth", "model", "system"))
def gradient_error(truth: Record, model: Any, system: Any) -> Score:
    """Relative error of the gradient of the learned Hamiltonian.

    In L2 over the states of the truth: |g - grad H| / |grad H|, where every derivative dH/dy_i counts times the
    standard deviation of y_i, so that all have the units of energy. Offsets of H do not matter.
    """
    if not isinstance(model, HasGradient):
        raise TypeError(f"a {type(model).__name__} has no gradient(); this score is for learned Hamiltonians")
    t, y, theta = states_of(truth, system, POINTS)
    scale = spread(truth)
    exact = energy_gradient(system, t, y, theta) * scale
    norm = float(np.linalg.norm(exact))
    error = float(np.linalg.norm(np.asarray(model.gradient(y), dtype=float) * scale - exact))
    value = error / norm if norm > 0 else (0.0 if error == 0 else np.inf)
    attrs = {
        "norm": "L2 over the truth's states, each derivative times the standard deviation of its component",
        "states": len(y),
    }
    return Score(np.asarray(value), attrs)
