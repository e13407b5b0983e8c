"""A vector field from snapshots: a linear fit, then Gauss and Newton's method through the flow while it gains.

Clean data are taken as pairs: two solutions from the ends of each interval meet in its middle (``shooting``). Where
what is left is noise, and there are trajectories, longer pieces with free initial states follow (``segments``). The
linear fit that starts it all takes mid-points of pairs, or where noise would dominate them the weak form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy_fit import rim_first
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.linear_rows import Trajectories, midpoint_rows, weak_rows
from dynsamp.networks.noise import noise_level
from dynsamp.networks.periodic_force import find_frequency
from dynsamp.networks.piece_rounds import PIECE, by_pieces
from dynsamp.networks.rounds import FIRST_GOAL, Fit, Work
from dynsamp.networks.shooting import Intervals, enough_stages, shoot

__all__ = ["Learned", "Trajectories", "learn_from_snapshots"]

ROUNDS = 12
TUNING = 10  # linear rounds for a frequency
FEWEST = 1500  # intervals
ROWS_A_COLUMN = 5.0
MOST, INTERVALS_BYTES = 20_000, 5e8  # intervals of one fit, and what they take
GOAL = 1e-10  # relative gap that is enough, unless more is asked for
EXACT = 1e-13  # relative gap at which only rounding errors are left
NOISY = 1e-5  # relative gap above which more than two snapshots are looked at together


@dataclass(frozen=True)
class Learned:
    """What snapshots say, and how it was found."""

    fit: EnergyFit
    disturbance: Disturbance
    gap: float  # root mean square of what the flow misses, relative to the change over an interval (or a piece)
    rounds: int
    route: str  # one sentence
    noise: np.ndarray | None = None  # (component,) standard deviation of the errors of the samples, where they matter


def learn_from_snapshots(
    data: Trajectories,
    disturbance: Disturbance,
    fit: Fit,
    *,
    seed: int,
    tolerance: float | None,
    regularisation: float | None = None,
    memory: int | None = None,
    lattice: Lattice | None = None,
) -> Learned:
    """Learn E and the unknowns of the disturbance.

    Parameters
    ----------
    data : Trajectories
    disturbance : Disturbance
    fit : callable (data, tolerance) -> EnergyFit
        Fits Gradients with neurons of its choice.
    seed : int
    tolerance : float, optional
        Relative error that is enough.
    regularisation, memory : optional
        Of every fit.
    lattice : Lattice, optional
        Where E is the sum of a local law over its sites; ``fit`` and the result are of the law.
    """
    # solutions of a first guess may leave all bounds; many small systems are no work for more than one thread
    with np.errstate(over="ignore", invalid="ignore"), threadpool_limits(1, "blas"):
        return _learn(data, disturbance, fit, seed, tolerance, regularisation, memory, lattice)


def _learn(
    data: Trajectories,
    disturbance: Disturbance,
    fit: Fit,
    seed: int,
    tolerance: float | None,
    regularisation: float | None,
    memory: int | None,
    lattice: Lattice | None,
) -> Learned:
    intervals = data.intervals()
    everything = np.concatenate([intervals.first, intervals.second])
    if disturbance.free_frequency and disturbance.frequency is None:
        disturbance = replace(disturbance, frequency=find_frequency(intervals, disturbance, fit))
    half = 0.5 * np.ptp(everything, axis=0)
    half = np.where(half > 0.0, half, 1.0)
    work = Work(data, disturbance, fit, half, seed, tolerance or GOAL, regularisation, memory, lattice)
    noise = noise_level(data.t, data.y, data.length)
    rows = weak_rows(data, disturbance, half) if data.noisy else None
    if rows is not None:
        _start(work, lambda now: weak_rows(data, now, half) or rows)
        start = "the weak form of noisy trajectories"
    else:
        _start(work, lambda now: midpoint_rows(intervals, now))
        start = "mid-points of pairs"
    long_enough = int(data.length.max()) >= PIECE
    if rows is None:
        _by_intervals(work, intervals)
        noisy = work.gap > max(NOISY, work.goal) and long_enough
        route = f"{start}, then {work.rounds} rounds of Gauss-Newton through the flow of pairs"
    else:
        noisy, route = True, start
    errors = None
    if noisy and long_enough:
        before = work.rounds
        errors = by_pieces(work, noise)
        if work.rounds > before:
            route += f", then {work.rounds - before} through pieces of trajectories with free initial states"
    assert work.found is not None
    return Learned(work.found, work.disturbance, work.gap, work.rounds, route, errors)


def _start(work: Work, linear: Callable[[Disturbance], Gradients]) -> None:
    """The linear fit; once more where it has to find the frequency of a force, to which it is linear in small steps."""
    goal = FIRST_GOAL  # a coarser one may end at neurons so flat that their curvature is all rounding
    work.search(linear(work.disturbance), goal)
    if not work.disturbance.free_frequency or work.disturbance.frequency is None:
        return
    for _ in range(TUNING):
        before = work.disturbance.frequency
        work.improve(linear(work.disturbance), goal, search=False)
        if abs((work.disturbance.frequency or 0.0) - before) <= 1e-6 * before:
            break
    work.search(linear(work.disturbance), goal)
    work.rounds = 0


def _by_intervals(work: Work, intervals: Intervals) -> None:
    """Rounds on pairs."""
    middle = 0.5 * (intervals.first.max(axis=0) + intervals.first.min(axis=0))
    z = np.clip((intervals.first - middle) / work.half_width, -1.0, 1.0)
    intervals = intervals.take(rim_first(z, work.seed, 5))
    change = np.sqrt(np.mean(((intervals.second - intervals.first) / work.half_width) ** 2))
    error = 1e-2
    for _ in range(ROUNDS):
        assert work.found is not None
        equations = len(work.half_width)
        wanted = max(work.intervals(FEWEST), ROWS_A_COLUMN * (work.found.neurons.last + 40) / equations)
        if error > NOISY and work.rounds > 1:
            wanted = work.intervals(MOST)
        motion = work.motion()
        some = intervals.take(np.arange(min(intervals.count, int(wanted), MOST)))
        stages = enough_stages(motion, some, max(1e-14, 1e-4 * error))
        room = INTERVALS_BYTES if work.memory is None else min(INTERVALS_BYTES, work.memory / 4)
        some = some.take(np.arange(min(some.count, int(room / (8 * 6 * stages * equations**2)))))
        shot = shoot(motion, some, stages, work.half_width)
        if np.count_nonzero(shot.good) < max(0.1 * some.count, 10) and some.count > 10:
            break
        error = float(np.sqrt(np.mean((shot.gap[shot.good] / work.half_width) ** 2)) / change)
        if not work.keep(error) or error <= max(work.goal, EXACT):
            break
        work.improve(shot.data, max(work.goal, error**1.5))
    if work.kept is not None:
        work.restore()
