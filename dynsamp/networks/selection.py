"""Choosing activation, scale and width by generalised cross validation.

All activations and scales compete at a small width, where a fit costs milliseconds; the winners are carried to
larger widths, where their scales are tuned further (upwards above all: the best scale grows with the width). The
search ends when more neurons stop helping. Nothing is held out, and nothing is known about the system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["SCALES", "Trial", "choose", "ladder"]

# slopes on standardised inputs, from nearly linear to a few hundred oscillations (steps) over the data
SCALES: Mapping[str, Sequence[float]] = {
    "tanh": (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0),
    "gauss": (0.2, 0.4, 0.8, 1.4, 2.0, 4.0, 8.0),
    "sin": (0.02, 0.06, 0.2, 0.6, 1.4, 3.0, 6.0, 12.0, 24.0, 48.0),
    "relu": (1.0,),  # relu(s z) = s relu(z): a slope changes nothing
    "softplus": (0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0),
}
STEP = 1.4  # ratio of neighbouring scales when tuning
FLOOR = 3e-14  # relative error that is as good as exact in float64
PROGRESS = 0.8  # tuning goes on while a step lowers the error at least so much
KEEP = 30.0  # an activation this many times worse than the best is dropped
HARD = 1e-3  # error above which a stall may only mean that the width does not resolve the target yet
MARGIN = 1.02  # a smaller width wins within this factor


@dataclass(frozen=True)
class Trial:
    """One fit and its cross-validated error."""

    activation: str
    scale: float
    width: int
    error: float  # relative GCV error
    fit: Any  # what the assessment returned


def ladder(width: int | None, rows: int, largest: int = 1600) -> list[int]:
    """Widths to try: up to ``width`` if given, otherwise doubled from 100, with at least two rows a neuron."""
    if width is not None:
        return sorted({width} | {w for w in (width // 4, width // 2) if w >= 25})
    top = max(1, min(largest, rows // 2))
    widths = [w for w in (100, 200, 400, 800, 1600, 3200, 6400) if w < 0.75 * top]
    return [*widths, top]


def choose(
    assess: Callable[[str, float, int], tuple[float, Any]],
    widths: Sequence[int],
    *,
    activations: Sequence[str] = ("tanh", "sin", "gauss"),
    scale: float | None = None,
    grow: bool = True,
    goal: float = FLOOR,
) -> tuple[Trial, list[Trial]]:
    """Best trial and all trials (those but the best without their fit).

    Parameters
    ----------
    assess : callable (activation, scale, width) -> (relative GCV error, fit)
    widths : sequence of int
        Increasing.
    activations : sequence of str
        Those that compete.
    scale : float, optional
        Fixed scale; otherwise it is chosen.
    grow : bool
        Whether the width is chosen; otherwise the last of ``widths`` is used in any case.
    goal : float
        Relative error that ends the search.
    """
    best: dict[str, Trial] = {}  # of each activation, at the present width
    winner: Trial | None = None
    trials: list[Trial] = []
    stalls = 0

    def attempt(activation: str, value: float, width: int) -> Trial:
        nonlocal winner
        error, fit = assess(activation, value, width)
        trial = Trial(activation, value, width, float(error) if np.isfinite(error) else np.inf, fit)
        if winner is None or trial.error < winner.error or (not grow and width > winner.width):
            winner = trial
        trials.append(Trial(activation, value, width, trial.error, None))
        return trials[-1]

    def tune(start: Trial, width: int, both: bool) -> Trial:
        top = attempt(start.activation, start.scale, width)
        if scale is not None:
            return top
        for factor in (STEP, 1.0 / STEP) if both else (STEP,):
            improved = False
            while top.error > goal:
                value = top.scale * factor
                if not SCALES[top.activation][0] / 2 < value < SCALES[top.activation][-1] * 2:
                    break
                other = attempt(top.activation, value, width)
                worthwhile = other.error < PROGRESS * top.error
                if other.error < top.error:
                    top, improved = other, True
                if not worthwhile:
                    break
            if improved:
                break
        return top

    previous = np.inf
    for rung, width in enumerate(widths):
        if rung == 0:
            for activation in activations:
                values = SCALES[activation] if scale is None else (scale,)
                found = [attempt(activation, value, width) for value in values]
                best[activation] = min(found, key=lambda trial: trial.error)
            if len(widths) == 1 and scale is None:
                first = min(best.values(), key=lambda trial: trial.error)
                best[first.activation] = tune(first, width, both=True)
        else:
            lead = min(trial.error for trial in best.values())
            shortlist = sorted(best.values(), key=lambda trial: trial.error)
            shortlist = [trial for trial in shortlist if trial.error <= KEEP * lead][: 3 if rung == 1 else 2]
            last = rung == len(widths) - 1 or width > 400
            if last:
                shortlist = shortlist[:1]
            best = {trial.activation: tune(trial, width, both=not last) for trial in shortlist}
        lead = min(trial.error for trial in best.values())
        if grow and lead <= goal:
            break
        # twice the neurons cost eight times as much
        stalls = stalls + 1 if lead > (0.5 if lead > HARD else 0.2) * previous else 0
        if grow and stalls > (1 if lead > HARD else 0):
            break
        previous = min(lead, previous)
    assert winner is not None
    return winner, trials
