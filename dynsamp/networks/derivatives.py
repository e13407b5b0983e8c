"""A vector field from states and their derivatives: linear, once for every estimate of what dissipation sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_fit import refit
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.gradients import Gradients

__all__ = ["learn_from_derivatives"]

ROUNDS = 8
SETTLED = 1e-12  # relative change of R that ends the rounds


def learn_from_derivatives(
    t: np.ndarray,
    y: np.ndarray,
    dy: np.ndarray,
    u: np.ndarray,
    disturbance: Disturbance,
    fit: Callable[[Gradients, float], EnergyFit],
    *,
    regularisation: float | None = None,
    memory: int | None = None,
) -> tuple[EnergyFit, Disturbance]:
    """E and the unknowns of the disturbance from slopes dy (point, component) at times t (point,) and states y.

    Dissipation acts on the gradient of E, which the slopes tell at first, and every fit better.
    """
    found: EnergyFit | None = None
    gradient: np.ndarray | None = None
    for _ in range(ROUNDS):
        rows = disturbance.rows(dy, t, u, gradient)
        data = Gradients(y[None], np.ones(1), rows.target, others=rows.others)
        if found is None:
            found = fit(data, 0.0)
        else:
            found = refit(found, data, regularisation=regularisation, memory=memory)
        before = disturbance.resistance
        disturbance = disturbance.learned(found.solution.coefficients[: len(data.others), 0])
        change = np.abs(disturbance.resistance - before).max(initial=0.0)
        if not disturbance.frictions or change <= SETTLED * np.abs(before).max(initial=0.0):
            break
        gradient = found.energy.gradient(y)
    assert found is not None
    return found, disturbance
