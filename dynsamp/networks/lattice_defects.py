"""The law of a long lattice from evenly sampled trajectories: central differences, and symmetric defect correction.

Central differences of order 8 give the slope at a snapshot, which is linear in the law. How far they are from it for
solutions of the law that was found is known to the accuracy of a solver; taking that from the data leaves the error of
the correction alone, and so on. It needs no Jacobians, only solutions of the law over eight steps.
Pereyra (1968), Numerische Mathematik 11, 111, for the correction of differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dynsamp.networks.energy_fit import refit
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.gradients import Gradients, gradient_of
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.linear_rows import Trajectories
from dynsamp.networks.network import Energy
from dynsamp.solve import Kernel, solve

__all__ = ["Corrected", "learn_by_defects"]

HALF = 4  # samples on each side
SLOPES = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0.0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])  # of order 8
EVEN = 1e-6  # relative difference of spacings
POINTS = 200_000  # sites of all snapshots that are used
ROUNDS = 12
GAIN = 0.7  # a round must lower the gap so much
GOAL = 1e-10  # relative gap that is enough, unless more is asked for
FIRST_GOAL = 1e-6  # relative error of the first fit: the truth is not its solution
TOLERANCE = 1e-13  # of the solver, relative
SUBSTEPS, TESTED = (3, 6, 12, 24, 48), 16  # steps of the solver between snapshots; windows on which they are chosen


class Law(Protocol):
    """What is learned, as a solver takes it."""

    def kernel(self) -> Kernel:
        """See Model.kernel."""

    def vector_field(self, y: np.ndarray, /) -> np.ndarray:
        """Right-hand side (..., component)."""


@dataclass(frozen=True)
class Corrected:
    """What snapshots say, and how it was found."""

    fit: EnergyFit  # of the law
    gap: float  # root mean square of what the flow misses over eight steps, relative to the change over them
    route: str  # one sentence
    noise: None = None


def learn_by_defects(
    data: Trajectories,
    pairs: np.ndarray,
    lattice: Lattice,
    fit: Callable[[Gradients, float], EnergyFit],
    law_of: Callable[[Sequence[Energy]], Law],
    *,
    seed: int,
    tolerance: float | None,
    regularisation: float | None = None,
    memory: int | None = None,
) -> Corrected | None:
    """Learn the law; None where no trajectory has nine evenly spaced snapshots in a row.

    Parameters
    ----------
    data : Trajectories
    pairs : ndarray (2, dof)
        Components of q and of p.
    lattice : Lattice
    fit : callable (data, tolerance) -> EnergyFit
        Fits equations for the law with neurons of its choice.
    law_of : callable
        From the parts of the law to what a solver takes.
    seed : int
    tolerance : float, optional
        Relative error that is enough.
    regularisation, memory : optional
        Of every fit.
    """
    windows = _windows(data, max(2, POINTS // lattice.sites))
    if windows is None:
        return None
    y, h = windows
    slope = np.einsum("s,wsc->wc", SLOPES, y) / h
    middle, goal = y[:, HALF], tolerance or GOAL
    change = np.sqrt(np.mean((y[:, -1] - y[:, 0]) ** 2))

    def rows(target: np.ndarray) -> Gradients:
        return lattice.rows(Gradients(middle[None], np.ones(1), gradient_of(target, pairs)), seed=seed)

    found = fit(rows(slope), max(FIRST_GOAL, goal))
    best, gap, rounds = found, np.inf, 0
    for _ in range(ROUNDS):
        law = law_of(lattice.whole(found.energy).laws)
        states = _flown(law.kernel(), h * np.arange(2 * HALF + 1), y[:, 0])
        good = np.isfinite(states).all(axis=(1, 2))
        if not good.any():
            break
        now = float(np.sqrt(np.mean((states[good, -1] - y[good, -1]) ** 2)) / change)
        gained = now < GAIN * gap
        if now < gap:
            best, gap = found, now
        if not gained or now <= goal:
            break
        error = np.zeros_like(slope)
        error[good] = np.einsum("s,wsc->wc", SLOPES, states[good]) / h - law.vector_field(states[good, HALF])
        corrected = rows(slope - error)
        found = refit(found, corrected, regularisation=regularisation, memory=memory)
        rounds += 1
        if found.solution.gcv[0] > 30.0 * goal:
            found = fit(corrected, goal)
    route = f"central differences of order 8, then {rounds} rounds of symmetric defect correction through the flow"
    return Corrected(best, gap, route)


def _flown(kernel: Kernel, times: np.ndarray, y0: np.ndarray) -> np.ndarray:
    """Solutions (start, time, component), with as few steps as are accurate."""
    some = y0[np.linspace(0, len(y0) - 1, min(len(y0), TESTED)).astype(int)]
    before, scale = None, float(np.abs(y0).max())
    for substeps in SUBSTEPS:
        step = times[1] / substeps
        ends = solve(kernel, times[[0, 1]], some, step=step).states[:, -1]
        if before is not None and not np.nanmax(np.abs(ends - before)) > TOLERANCE * scale:
            break
        before = ends
    return solve(kernel, times, y0, step=step).states


def _windows(data: Trajectories, most: int) -> tuple[np.ndarray, float] | None:
    """Nine snapshots in a row (window, sample, component) of the usual spacing, and that."""
    steps, count = np.diff(data.t, axis=1), 2 * HALF
    inside = np.arange(1, data.t.shape[1]) < data.length[:, None]
    if steps.shape[1] < count or not inside.any():
        return None
    h = float(np.median(steps[inside]))
    with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
        even = inside & (np.abs(steps - h) <= EVEN * h)
    which, first = np.nonzero(np.lib.stride_tricks.sliding_window_view(even, count, axis=1).all(axis=2))
    if not len(which):
        return None
    kept = np.linspace(0, len(which) - 1, min(len(which), most)).astype(int)
    index = first[kept, None] + np.arange(count + 1)
    return data.y[which[kept, None], index], h
