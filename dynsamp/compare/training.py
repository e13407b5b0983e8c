"""Iterative training of all weights at once, within a budget of seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from dynsamp.compare.losses import Loss
from dynsamp.meter import Cost, Meter
from dynsamp.progress import Progress
from dynsamp.streams import generator

__all__ = ["Training", "train"]

MEMORY = 20  # pairs of the limited-memory Hessian: more than SciPy's 10 helps here, 50 does not


@dataclass(frozen=True)
class Training:
    """What iterative training found, and what it cost."""

    weights: np.ndarray  # (weight,), the best seen
    loss: float
    first_loss: float
    evaluations: int  # of loss and gradient
    stopped: str  # why: "budget", or what the optimiser says
    cost: Cost


class _BudgetSpent(Exception):
    """Time is over."""


def train(loss: Loss, *, budget: float, seed: int = 0, progress: bool | None = None) -> Training:
    """Minimise a loss by L-BFGS (Liu and Nocedal 1989) until the budget is spent or nothing improves.

    Parameters
    ----------
    loss : Loss
        With its gradient.
    budget : float
        Seconds. One evaluation of the loss is always done and none is cut short.
    seed : int
        Of the initial weights.
    progress : bool, optional
        Show progress; default: on a terminal.
    """
    start = loss.start(generator(seed, "weights"))
    loss.value_and_gradient(start)  # compiles, before the clock runs
    best = np.empty(0)
    lowest = first = np.inf
    evaluations = 0
    with Meter() as meter, Progress("training iteratively", round(budget), enabled=progress) as bar:
        begun = time.perf_counter()

        def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal best, lowest, first, evaluations
            elapsed = time.perf_counter() - begun
            bar.update(min(round(elapsed), round(budget)))
            if evaluations and elapsed >= budget:
                raise _BudgetSpent
            value, gradient = loss.value_and_gradient(weights)
            evaluations += 1
            if evaluations == 1:
                first = value
            if value < lowest or not best.size:
                lowest, best = value, weights.copy()
            return value, gradient

        # tolerances at zero: it stops when the line search finds nothing better in float64
        try:
            endless: Any = {"maxiter": 10**9, "maxfun": 10**9, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
            result = minimize(objective, start, args=(), jac=True, method="L-BFGS-B", options=endless)
            stopped = str(result.message)
        except _BudgetSpent:
            stopped = "budget"
    return Training(best, lowest, first, evaluations, stopped, meter.cost)
