"""A vector field from snapshots: a linear fit, then Gauss and Newton's method through the flow while it gains.

Clean data are taken as pairs: two solutions from the ends of each interval meet in its middle (``shooting``). Where
what is left is noise, and there are trajectories, longer pieces with free initial states follow (``segments``). The
linear fit that starts it all takes mid-points of pairs, or where noise would dominate them the weak form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy import Gradients
from dynsamp.networks.energy_fit import refit, rim_first
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.linear_rows import Trajectories, midpoint_rows, timescale, weak_rows
from dynsamp.networks.motion import Motion, Potential
from dynsamp.networks.noise import noise_level
from dynsamp.networks.periodic_force import find_frequency
from dynsamp.networks.segments import Segments, cut, equations, fly, settle
from dynsamp.networks.shooting import Intervals, enough_stages, shoot

__all__ = ["Learned", "Trajectories", "learn_from_snapshots"]

FIRST_GOAL = 1e-6  # relative error of the linear fit: the truth is not its solution
ROUNDS = 12
LIMITING = 3.0  # times the goal: an error of the linear fits above it is that of the neurons
TUNING = 10  # linear rounds for a frequency
FEWEST = 1500  # intervals
FEWEST_OF_LATTICE = 100  # intervals
ROWS_A_COLUMN = 5.0
MOST = 20_000  # intervals of one fit
GAIN = 0.5  # a round must lower the gaps so much
GOAL = 1e-10  # relative gap that is enough, unless more is asked for
EXACT = 1e-13  # relative gap at which only rounding errors are left
NOISY = 1e-5  # relative gap above which more than two snapshots are looked at together
SPREAD = 30.0  # how much a piece of a trajectory may spread a change of its start
PIECE, LONG, LONGEST = 5, 41, 161  # samples of a piece: at first, at most, and at most where they are dense
TIMESCALES = 4  # that a piece of dense samples should cover
PIECES_ROWS, PIECES_BYTES = 60_000, 2e8  # equations of a fit to pieces, and what they take
SEARCH_ROWS = 4_000  # equations of a search on pieces


@dataclass(frozen=True)
class Learned:
    """What snapshots say, and how it was found."""

    fit: EnergyFit
    disturbance: Disturbance
    gap: float  # root mean square of what the flow misses, relative to the change over an interval (or a piece)
    rounds: int
    route: str  # one sentence
    noise: np.ndarray | None = None  # (component,) standard deviation of the errors of the samples, where they matter


Fit = Callable[[Gradients, float], EnergyFit]  # (data, tolerance)


@dataclass
class _Work:
    """Everything that the rounds share."""

    data: Trajectories
    disturbance: Disturbance
    fit: Fit
    half_width: np.ndarray
    seed: int
    goal: float
    regularisation: float | None
    memory: int | None
    lattice: Lattice | None = None
    found: EnergyFit | None = None
    gap: float = np.inf
    rounds: int = 0
    fresh: bool = True  # whether the neurons are new: their first flow may be no better
    kept: tuple[float, EnergyFit, Disturbance] | None = field(default=None)

    def motion(self) -> Motion:
        """The field as it is known now."""
        assert self.found is not None
        now = self.disturbance
        every = np.arange(len(now.canonical))
        energy: Potential = self.found.energy if self.lattice is None else self.lattice.whole(self.found.energy)
        return Motion([(every, energy)], now.matrix, now.unknowns, now.present, now.inputs)

    def search(self, data: Gradients, tolerance: float) -> None:
        """A fit with neurons chosen anew; its other unknowns become the disturbance."""
        data = self._of_law(data)
        self._take(data, self.fit(data, tolerance))

    def improve(self, data: Gradients, goal: float, *, search: bool = True) -> None:
        """One round: with the neurons as they are, or with better ones where these are what limits."""
        assert self.found is not None
        rows = self._of_law(data)
        found = refit(self.found, rows, regularisation=self.regularisation, memory=self.memory)
        self.rounds += 1
        if search and found.solution.gcv[0] > LIMITING * goal:
            self.search(data, goal)
            self.fresh = True
        else:
            self._take(rows, found)
            self.fresh = False

    def _of_law(self, data: Gradients) -> Gradients:
        """Equations for what is fitted: E, or the law of which it is the sum over a lattice."""
        return data if self.lattice is None else self.lattice.rows(data, seed=self.seed)

    def intervals(self, count: int) -> int:
        """As many intervals as have the equations of so many in a plane; each of a lattice tells of all its sites."""
        return count if self.lattice is None else max(FEWEST_OF_LATTICE, 2 * count // self.lattice.size)

    def _take(self, data: Gradients, found: EnergyFit) -> None:
        self.found = found
        self.disturbance = self.disturbance.learned(found.solution.coefficients[: len(data.others), 0])

    def keep(self, gap: float) -> bool:
        """Remember the field if it is the best so far; whether it gained enough to go on."""
        assert self.found is not None
        worthwhile = self.fresh or self.kept is None or gap < GAIN * self.kept[0]
        if self.kept is None or gap < self.kept[0]:
            self.kept = (gap, self.found, self.disturbance)
        self.gap = gap
        return worthwhile

    def forget(self) -> None:
        """Start to compare anew."""
        self.kept = None

    def restore(self) -> None:
        """Back to the best field."""
        assert self.kept is not None
        self.gap, self.found, self.disturbance = self.kept


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
    with np.errstate(over="ignore", invalid="ignore"):  # solutions of a first guess may leave all bounds
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
    work = _Work(data, disturbance, fit, half, seed, tolerance or GOAL, regularisation, memory, lattice)
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
        errors = _by_pieces(work, noise)
        if work.rounds > before:
            route += f", then {work.rounds - before} through pieces of trajectories with free initial states"
    assert work.found is not None
    return Learned(work.found, work.disturbance, work.gap, work.rounds, route, errors)


def _start(work: _Work, linear: Callable[[Disturbance], Gradients]) -> None:
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


def _by_intervals(work: _Work, intervals: Intervals) -> None:
    """Rounds on pairs."""
    middle = 0.5 * (intervals.first.max(axis=0) + intervals.first.min(axis=0))
    z = np.clip((intervals.first - middle) / work.half_width, -1.0, 1.0)
    intervals = intervals.take(rim_first(z, work.seed, 5))
    change = np.sqrt(np.mean(((intervals.second - intervals.first) / work.half_width) ** 2))
    error = 1e-2
    for _ in range(ROUNDS):
        assert work.found is not None
        equations = len(work.half_width)
        wanted = max(work.intervals(FEWEST), ROWS_A_COLUMN * (work.found.width + 40) / equations)
        if error > NOISY and work.rounds > 1:
            wanted = work.intervals(MOST)
        motion = work.motion()
        some = intervals.take(np.arange(min(intervals.count, int(wanted), MOST)))
        stages = enough_stages(motion, some, max(1e-14, 1e-4 * error))
        shot = shoot(motion, some, stages, work.half_width)
        if np.count_nonzero(shot.good) < max(0.1 * some.count, 10) and some.count > 10:
            break
        error = float(np.sqrt(np.mean((shot.gap[shot.good] / work.half_width) ** 2)) / change)
        if not work.keep(error) or error <= max(work.goal, EXACT):
            break
        work.improve(shot.data, max(work.goal, error**1.5))
    if work.kept is not None:
        work.restore()


def _by_pieces(work: _Work, noise: np.ndarray | None) -> np.ndarray | None:
    """Rounds on pieces with free initial states; the standard deviation (component,) of the samples' errors.

    Pieces grow from round to round, as the field gets better; the longest ones show which neurons are needed.
    """
    data = work.data
    floor = 1e-12 * work.half_width
    sigma = np.maximum(floor, noise if noise is not None else 1e-3 * work.half_width)
    intervals = data.intervals()
    some = intervals.take(np.linspace(0, intervals.count - 1, min(intervals.count, 100)).astype(int))
    step = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0)) + 1e-300
    longest = min(max(LONG, min(LONGEST, int(TIMESCALES * timescale(data)))), int(data.length.max()))
    samples = min(PIECE, longest)
    long_rounds = 0  # with the longest pieces: the first one searches for neurons, others only refine
    work.forget()
    for _ in range(ROUNDS):
        motion = work.motion()
        goal = 1e-2 * min(1.0, float(np.min(sigma / step)))
        stages = enough_stages(motion, some, goal)
        pieces = cut(data.t, data.y, data.u, data.length, samples, 1.0 / sigma)
        pieces = pieces.take(_subset(pieces, stages, work.seed))
        pieces, cost = settle(motion, pieces, stages)
        solved = np.isfinite(cost)
        if np.count_nonzero(solved) < max(2, 0.1 * pieces.count):
            break
        # a piece that the field does not follow at all yet would pull it away from the others
        pieces = pieces.take(np.flatnonzero(cost <= 25.0 * np.median(cost[solved])))
        flights = fly(motion, pieces, stages)
        if not flights.good.any():
            break
        misses = flights.misses[flights.good]
        freedom = misses[0].size - len(sigma)
        sigma = np.maximum(floor, np.sqrt(np.mean(misses**2, axis=(0, 1)) * misses[0].size / max(freedom, 1)))
        error = float(np.sqrt(np.mean((misses / work.half_width) ** 2)))
        if samples == longest and not work.keep(error) and long_rounds > 0:
            break
        weighed = replace(pieces, precision=1.0 / sigma)
        rows = equations(motion, weighed, flights)
        if samples == longest and long_rounds == 0:
            few = np.arange(min(len(rows.target), -(-SEARCH_ROWS // rows.target.shape[1])))
            work.search(rows.take(few), max(work.goal, FIRST_GOAL))
        long_rounds += samples == longest
        work.improve(rows, work.goal, search=False)
        spread = np.linalg.norm(flights.along[flights.good] * work.half_width / work.half_width[:, None], axis=(2, 3))
        if float(np.median(spread.max(axis=1))) > SPREAD / 2:
            longest = samples  # chaos: a longer piece would tell no more of its start
        samples = min(2 * samples - 1, longest)
    if work.kept is not None:
        work.restore()
    return sigma if work.rounds else None


def _subset(pieces: Segments, stages: int, seed: int) -> np.ndarray:
    """At most as many pieces as a fit can take, drawn evenly."""
    _, samples, size = pieces.y.shape
    equations = samples * size
    most = max(2, int(min(PIECES_ROWS / equations, PIECES_BYTES / (8 * equations * stages * samples * size))))
    if pieces.count <= most:
        return np.arange(pieces.count)
    return np.sort(np.random.Generator(np.random.Philox(key=seed)).choice(pieces.count, most, replace=False))
