"""The law of a long lattice from evenly sampled trajectories: central differences, and symmetric defect correction.

Central differences of order 8 give the slope at a snapshot, which is linear in the law. How far they are from it for
solutions of the law that was found is known to the accuracy of a solver; taking that from the data leaves the error of
the correction alone, and so on. It needs no Jacobians, only solutions of the law over eight steps.
Pereyra (1968), Numerische Mathematik 11, 111, for the correction of differences.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients, gradient_of
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.network import Energy
from dynsamp.networks.neurons import FitOptions
from dynsamp.networks.search.energy import judged, refit
from dynsamp.networks.segments.learning import Fit, Learned
from dynsamp.networks.segments.snapshots import Trajectories
from dynsamp.solve import Kernel, Options, solve

HALF = 4  # samples on each side of central differences of order 8
SLOPES = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0.0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])


class Law(Protocol):
    """What is learned, as a solver takes it."""

    def kernel(self) -> Kernel:
        """See Model.kernel."""

    def vector_field(self, y: np.ndarray, /) -> np.ndarray:
        """Right-hand side (..., component)."""


def learn_by_defects(
    data: Trajectories,
    pairs: np.ndarray,
    lattice: Lattice,
    fit: Fit,
    law_of: Callable[[Sequence[Energy]], Law],
    options: FitOptions,
) -> Learned | None:
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
    options : FitOptions
        Of every fit; the tolerance is a relative error that is enough.
    """
    windows = _windows(data, max(tuning.FEWEST_PAIRS_OF_LATTICE, tuning.DEFECT_SITES // lattice.sites))
    if windows is None:
        return None
    y, h, block = windows
    slope = np.einsum("s,wsc->wc", SLOPES, y) / h
    middle, goal = y[:, HALF], options.tolerance or tuning.FLOW_GOAL
    change, scale = np.sqrt(np.mean((y[:, -1] - y[:, 0]) ** 2)), float(np.abs(y).max())

    def rows(target: np.ndarray) -> Gradients:
        data = Gradients(middle[None], np.ones(1), gradient_of(target, pairs), block=block)
        return lattice.rows(data, seed=options.seed)

    corrected = rows(slope)
    found = fit(corrected, max(tuning.FIRST_GOALS[0], goal))
    best, gap, rounds = found, np.inf, 0
    for _ in range(tuning.FLOW_ROUNDS):
        law = law_of(lattice.whole(found.energy).laws)
        # solutions are as exact as the next round can show
        accuracy = float(np.clip(tuning.GAP_SHARE * min(gap, 1.0) ** 1.5 * change, 1e-12, 1e-8))
        # no step shows less than the rounding errors of coefficients that cancel
        cancelled = np.finfo(float).eps * float(np.linalg.norm(found.energy.coefficients) / found.solution.rms[0])
        accuracy = min(max(accuracy, cancelled), 1e-8)
        times, kernel = h * np.arange(2 * HALF + 1), law.kernel()
        solver = Options(method="dop853", rtol=accuracy, atol=accuracy * scale, max_steps=tuning.DEFECT_STEPS)
        states = solve(kernel, times, y[:, 0], options=solver).states
        good = np.isfinite(states).all(axis=(1, 2))
        if not good.any():
            break
        now = float(np.sqrt(np.mean((states[good, -1] - y[good, -1]) ** 2)) / change)
        gained = now < tuning.FLOW_GAIN * gap
        if now < gap:
            best, gap = found, now
        if not gained or now <= goal:
            break
        error = np.zeros_like(slope)
        error[good] = np.einsum("s,wsc->wc", SLOPES, states[good]) / h - law.vector_field(states[good, HALF])
        corrected = rows(slope - error)
        found = refit(found, corrected, regularisation=options.regularisation, memory=options.memory)
        rounds += 1
        if found.solution.gcv[0] > tuning.DEFECT_LIMITING * goal:
            found = fit(corrected, goal)
    route = f"central differences of order 8, then {rounds} rounds of symmetric defect correction through the flow"
    return Learned(judged(best, corrected) if gap < tuning.FIRST_GAP else best, f"snapshots: {route}", gap)


def _windows(data: Trajectories, most: int) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Nine snapshots in a row (window, sample, component) of the usual spacing, that, and their blocks (window,)."""
    steps, count = np.diff(data.t, axis=1), 2 * HALF
    inside = data.inside[:, 1:]
    if steps.shape[1] < count or not inside.any():
        return None
    h = float(np.median(steps[inside]))
    with np.errstate(invalid="ignore"):  # times beyond the end of a trajectory are NaN
        even = inside & (np.abs(steps - h) <= tuning.EVEN * h)
    which, first = np.nonzero(np.lib.stride_tricks.sliding_window_view(even, count, axis=1).all(axis=2))
    if not len(which):
        return None
    kept = np.linspace(0, len(which) - 1, min(len(which), most)).astype(int)
    index = first[kept, None] + np.arange(count + 1)
    block = which[kept] if data.blocks is None else data.blocks[which[kept], first[kept] + HALF]
    return data.y[which[kept, None], index], h, block
