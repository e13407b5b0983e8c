"""A vector field from snapshots: a linear fit, then Gauss and Newton's method through the flow, until it gains no more.

Clean data are taken as pairs: two solutions from the ends of each interval meet in its middle (``shooting``). Where what
is left is noise, and there are trajectories, longer pieces with free initial states follow (``segments``). The linear
fit that starts it all takes mid-points of pairs, which data of a symmetric method would obey exactly, or where noise
would dominate them the weak form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from dynsamp.networks.disturbance import Disturbance
from dynsamp.networks.energy import Gradients
from dynsamp.networks.energy_fit import refit, rim_first
from dynsamp.networks.energy_search import EnergyFit
from dynsamp.networks.motion import Motion
from dynsamp.networks.noise import noise_level
from dynsamp.networks.segments import Segments, cut, equations, fly, settle
from dynsamp.networks.shooting import Intervals, enough_stages, shoot
from dynsamp.networks.weak_form import weak_windows

__all__ = ["Learned", "Trajectories", "learn_from_snapshots"]

FIRST_GOAL = 1e-6  # relative error of the linear fit: the truth is not its solution
ROUNDS = 12
FEWEST = 400  # intervals
ROWS_A_COLUMN = 5.0
MOST = 20_000  # intervals of one fit
GAIN = 0.5  # a round must lower the gaps so much
GOAL = 1e-10  # relative gap that is enough, unless more is asked for
EXACT = 1e-13  # relative gap at which only rounding errors are left
NOISY = 1e-5  # relative gap above which more than two snapshots are looked at together
STEEP = 0.02  # noise, relative to the change over an interval, above which pairs are too noisy to start from
SPREAD = 30.0  # how much a piece of a trajectory may spread a change of its start
PIECE, LONGEST = 5, 41  # samples of a piece, at first and at most
WINDOW = 10  # samples of half a window of the weak form
PIECES_ROWS = 60_000  # equations of a fit to pieces
SEARCH_ROWS = 4_000  # equations of a search on pieces


@dataclass(frozen=True)
class Trajectories:
    """Snapshots along trajectories."""

    t: np.ndarray  # (trajectory, time)
    y: np.ndarray  # (trajectory, time, component)
    u: np.ndarray  # (trajectory, time, input)
    length: np.ndarray  # (trajectory,) valid times
    observed: np.ndarray  # (component,) whether it was measured; others were inferred, and only start a fit

    def intervals(self) -> Intervals:
        """All pairs of neighbouring snapshots."""
        inside = np.arange(1, self.t.shape[1]) < self.length[:, None]
        first, second = self.y[:, :-1][inside], self.y[:, 1:][inside]
        t, h = self.t[:, :-1][inside], np.diff(self.t, axis=1)[inside]
        u = np.stack([self.u[:, :-1][inside], self.u[:, 1:][inside]], axis=1)
        return Intervals(t, h, first, second, u, np.nonzero(inside)[0])


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
    found: EnergyFit | None = None
    gap: float = np.inf
    rounds: int = 0
    kept: tuple[float, EnergyFit, Disturbance] | None = field(default=None)

    def motion(self) -> Motion:
        """The field as it is known now."""
        assert self.found is not None
        now = self.disturbance
        every = np.arange(len(now.canonical))
        return Motion([(every, self.found.energy)], now.matrix, now.unknowns, now.present)

    def search(self, data: Gradients, tolerance: float) -> None:
        """A fit with neurons chosen anew; its other unknowns become the disturbance."""
        self._take(data, self.fit(data, tolerance))

    def improve(self, data: Gradients, goal: float, *, search: bool = True) -> None:
        """One round: with the neurons as they are, or with better ones where these are what limits."""
        assert self.found is not None
        found = refit(self.found, data, regularisation=self.regularisation, memory=self.memory)
        self.rounds += 1
        if search and found.solution.gcv[0] > 30.0 * goal:
            self.search(data, goal)
        else:
            self._take(data, found)

    def _take(self, data: Gradients, found: EnergyFit) -> None:
        self.found = found
        self.disturbance = self.disturbance.learned(found.solution.coefficients[: len(data.others), 0])

    def keep(self, gap: float) -> bool:
        """Remember the field if it is the best so far; whether it gained enough to go on."""
        assert self.found is not None
        worthwhile = self.kept is None or gap < GAIN * self.kept[0]
        if self.kept is None or gap < self.kept[0]:
            self.kept = (gap, self.found, self.disturbance)
        self.gap = gap
        return worthwhile

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
    """
    intervals = data.intervals()
    everything = np.concatenate([intervals.first, intervals.second])
    half = 0.5 * np.ptp(everything, axis=0)
    half = np.where(half > 0.0, half, 1.0)
    work = _Work(data, disturbance, fit, half, seed, tolerance or GOAL, regularisation, memory)
    noise = noise_level(data.t, data.y, data.length)
    step = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0))
    steep = noise is not None and bool(np.any(noise > STEEP * step))
    rows = _weak_rows(data, disturbance, work) if steep else None
    if rows is not None:
        work.search(rows, max(FIRST_GOAL, work.goal))
        start = "the weak form of noisy trajectories"
    else:
        work.search(_midpoints(intervals, disturbance), max(FIRST_GOAL, work.goal))
        start = "mid-points of pairs"
    long_enough = int(data.length.max()) >= PIECE
    hidden = not np.all(data.observed)
    if rows is None and not hidden:
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


def _midpoints(intervals: Intervals, disturbance: Disturbance) -> Gradients:
    """Linear equations from mid-points: the slope between two snapshots belongs to the point between them."""
    nodes = 0.5 * (intervals.first + intervals.second)
    slope = (intervals.second - intervals.first) / intervals.h[:, None]
    return _linear(nodes, slope, intervals.t + 0.5 * intervals.h, intervals.u.mean(axis=1), disturbance)


def _linear(
    nodes: np.ndarray, slope: np.ndarray, t: np.ndarray, u: np.ndarray, disturbance: Disturbance
) -> Gradients:
    """Equations (J - R) grad E + ... = slope in the frame of gradients; friction sees the gradient in the slope."""
    inverse = np.linalg.inv(disturbance.canonical - disturbance.dissipation)
    gradient = slope @ inverse.T
    others = [unknown.column(t, gradient, u) @ inverse.T for unknown in disturbance.unknowns]
    return Gradients(
        nodes[None], np.ones(1), gradient, others=np.array(others).reshape(-1, *gradient.shape)
    )


def _weak_rows(data: Trajectories, disturbance: Disturbance, work: _Work) -> Gradients | None:
    """Linear equations from the weak form, or None where no trajectory is long enough."""
    half = min(WINDOW, (int(data.length.max()) - 1) // 2)
    if half < 3:
        return None
    windows = weak_windows(data.t, data.length, half, MOST // 4)
    if windows is None:
        return None
    which = windows.trajectory[:, None]
    y, t, u = (array[which, windows.index] for array in (data.y, data.t, data.u))
    inverse = np.linalg.inv(disturbance.canonical - disturbance.dissipation)
    gradient = np.einsum("ws,wsc->wc", windows.slopes, y) @ inverse.T
    count, samples, size = y.shape
    others = np.zeros((len(disturbance.unknowns), count, size))
    # friction sees the mean gradient; waves and signals are known at every sample
    for k, unknown in enumerate(disturbance.unknowns):
        flat = np.repeat(gradient, samples, axis=0)
        column = unknown.column(t.ravel(), flat, u.reshape(count * samples, -1)).reshape(y.shape)
        others[k] = np.einsum("ws,wsc->wc", windows.weights, column) @ inverse.T
    nodes = np.ascontiguousarray(np.moveaxis(y, 1, 0))
    weights = windows.weights.mean(axis=0)
    if np.allclose(windows.weights, weights, rtol=1e-6, atol=1e-9):
        return Gradients(nodes, weights, gradient, others=others)
    half_width = work.half_width
    maps = windows.weights.T[:, :, None, None] * np.diag(half_width)
    return Gradients(
        nodes, np.full(samples, 1.0 / samples), gradient * half_width, maps, others * half_width, gradient
    )


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
        wanted = max(FEWEST, ROWS_A_COLUMN * (work.found.width + 40) / equations)
        if error > NOISY and work.rounds > 1:
            wanted = MOST
        motion = work.motion()
        some = intervals.take(np.arange(min(intervals.count, int(wanted), MOST)))
        stages = enough_stages(motion, some, max(1e-14, 1e-4 * error))
        shot = shoot(motion, some, stages, work.half_width)
        if np.count_nonzero(shot.good) < max(0.5 * some.count, 2):
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
    data, observed = work.data, work.data.observed
    floor = 1e-12 * work.half_width
    sigma = np.maximum(floor, noise if noise is not None else 1e-3 * work.half_width)
    intervals = data.intervals()
    some = intervals.take(np.linspace(0, intervals.count - 1, min(intervals.count, 100)).astype(int))
    step = np.sqrt(np.mean((intervals.second - intervals.first) ** 2, axis=0)) + 1e-300
    longest = min(LONGEST, int(data.length.max()))
    samples, final, searched = min(PIECE, longest), False, False
    work.kept = None
    for _ in range(ROUNDS):
        motion = work.motion()
        goal = 1e-2 * min(1.0, float(np.min((sigma / step)[observed])))
        stages = enough_stages(motion, some, goal)
        pieces = cut(data.t, data.y, data.u, data.length, samples, np.where(observed, 1.0 / sigma, 0.0))
        pieces = pieces.take(_subset(pieces, work.seed))
        pieces, cost = settle(motion, pieces, stages)
        solved = np.isfinite(cost)
        if np.count_nonzero(solved) < 2:
            break
        # a piece that the field does not follow at all yet would pull it away from the others
        pieces = pieces.take(np.flatnonzero(cost <= 25.0 * np.median(cost[solved])))
        flights = fly(motion, pieces, stages)
        misses = flights.misses[flights.good][..., observed]
        freedom = misses[0].size - len(observed)
        sigma[observed] = np.maximum(
            floor[observed], np.sqrt(np.mean(misses**2, axis=(0, 1)) * misses[0].size / max(freedom, 1))
        )
        if final and not work.keep(float(np.sqrt(np.mean((misses / work.half_width[observed]) ** 2)))) and searched:
            break
        weighed = replace(pieces, precision=np.where(observed, 1.0 / sigma, 0.0))
        rows = equations(motion, weighed, flights)
        if final and not searched:
            few = np.arange(min(len(rows.target), -(-SEARCH_ROWS // rows.target.shape[1])))
            work.search(rows.take(few), max(work.goal, FIRST_GOAL))
            searched = True
        work.improve(rows, work.goal, search=False)
        spread = np.linalg.norm(flights.along[flights.good] * work.half_width / work.half_width[:, None], axis=(2, 3))
        final = final or samples == longest or float(np.median(spread.max(axis=1))) > SPREAD / 2
        samples = samples if final else min(2 * samples - 1, longest)
    if work.kept is not None:
        work.restore()
    return sigma if work.rounds else None


def _subset(pieces: Segments, seed: int) -> np.ndarray:
    """At most as many pieces as a fit can take, drawn evenly."""
    equations_each = pieces.y.shape[1] * pieces.y.shape[2]
    most = max(2, PIECES_ROWS // equations_each)
    if pieces.count <= most:
        return np.arange(pieces.count)
    return np.sort(np.random.Generator(np.random.Philox(key=seed)).choice(pieces.count, most, replace=False))
