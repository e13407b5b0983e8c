"""A vector field from slopes, or from snapshots: a linear fit, then Gauss and Newton's method through the flow.

Rounds go on while they gain. Clean data are taken as pairs, noisy ones, where there are trajectories, as longer
segments with free initial states: see ``shooting``. The linear fit that starts it all takes mid-points of pairs, or
where noise would dominate them the weak form: see ``snapshots``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.lattice import Lattice
from dynsamp.networks.neurons import FitOptions
from dynsamp.networks.search.energy import EnergyFit, judged, refit, rim_first
from dynsamp.networks.search.unseen import folds
from dynsamp.networks.segments.judging import Refits, Verdict, judge
from dynsamp.networks.segments.learned_field import Disturbance, LearnedField
from dynsamp.networks.segments.shooting import enough_stages, equations, fly, settle, shoot
from dynsamp.networks.segments.snapshots import Segments, Slopes, Trajectories, find_frequency, slope_rows, weak_rows
from dynsamp.streams import generator

Fit = Callable[[Gradients, float], EnergyFit]  # (data, tolerance)


@dataclass(frozen=True)
class Learned:
    """What data say, and how it was found."""

    fit: EnergyFit
    route: str  # one sentence
    gap: float | None = None  # root mean square of what the flow misses, relative to the change over a pair
    verdict: Verdict | None = None  # of all pairs; None from slopes


def learn_from_slopes(
    known: Slopes, disturbance: Disturbance, fit: Fit, options: FitOptions
) -> tuple[Learned, Disturbance]:
    """E and the unknowns of the disturbance, see ``learn_from_snapshots``: linear, with nothing of the flow.

    Dissipation acts on the gradient of E, which the slopes tell at first, and every fit better.
    """
    if disturbance.free_frequency and disturbance.frequency is None:
        disturbance = replace(disturbance, frequency=find_frequency(known, disturbance, fit))
    found: EnergyFit | None = None
    gradient: np.ndarray | None = None
    for _ in range(tuning.DISSIPATION_ROUNDS):
        data = slope_rows(known, disturbance, gradient)
        if found is None:
            found = fit(data, 0.0)
        else:
            found = refit(found, data, regularisation=options.regularisation, memory=options.memory)
        before = disturbance.resistance
        disturbance = disturbance.learned(found.solution.coefficients[: len(data.others), 0])
        change = np.abs(disturbance.resistance - before).max(initial=0.0)
        if not disturbance.frictions or change <= tuning.DISSIPATION_SETTLED * np.abs(before).max(initial=0.0):
            break
        gradient = found.energy.gradient(known.y)
    assert found is not None
    return Learned(judged(found, data), "derivatives"), disturbance


def learn_from_snapshots(
    data: Trajectories, disturbance: Disturbance, fit: Fit, options: FitOptions, lattice: Lattice | None = None
) -> tuple[Learned, Disturbance]:
    """Learn E and the unknowns of the disturbance.

    Parameters
    ----------
    data : Trajectories
    disturbance : Disturbance
    fit : callable (data, tolerance) -> EnergyFit
        Fits Gradients with neurons of its choice.
    options : FitOptions
        Of every fit; the tolerance is a relative gap that is enough.
    lattice : Lattice, optional
        Where E is the sum of a local law over its sites; ``fit`` and the result are of the law.
    """
    # solutions of a first guess may leave all bounds; many small systems are no work for more than one thread
    with np.errstate(over="ignore", invalid="ignore"), threadpool_limits(1, "blas"):
        if disturbance.free_frequency and disturbance.frequency is None:
            disturbance = replace(disturbance, frequency=find_frequency(data.slopes[0], disturbance, fit))
        return _Learning(data, disturbance, fit, options, lattice).run()


@dataclass
class _Learning:
    """The rounds, what they share, and the best field so far."""

    data: Trajectories
    disturbance: Disturbance
    fit: Fit
    options: FitOptions
    lattice: Lattice | None
    found: EnergyFit = field(init=False)  # since the linear fit
    gap: float = np.inf
    misses: np.ndarray = field(default_factory=lambda: np.empty(0))  # (component,) the same in each, of pairs
    rounds: int = 0
    fresh: bool = True  # whether the neurons are new: their first flow may be no better
    searching: bool = True  # whether the last search has found better neurons
    rows: Gradients = field(init=False)  # its equations
    kept: tuple[float, EnergyFit, Disturbance, Gradients] | None = None

    @property
    def goal(self) -> float:
        """Relative gap that is enough."""
        return self.options.tolerance or tuning.FLOW_GOAL

    def run(self) -> tuple[Learned, Disturbance]:
        """Start, pairs, and longer segments where noise is what is left."""
        data = self.data
        rows = weak_rows(data, self.disturbance) if data.noisy else None
        if rows is not None:
            self._start(lambda now: weak_rows(data, now) or rows)
            route = "the weak form of noisy trajectories"
        else:
            self._start(lambda now: slope_rows(data.slopes[0], now))
            self._by_pairs()
            route = f"mid-points of pairs, then {self.rounds} rounds of Gauss-Newton through the flow of pairs"
        errors, before = None, self.rounds
        if (rows is not None or self._maybe_noise()) and int(data.length.max()) >= tuning.FIRST_SAMPLES:
            errors = self._by_segments()
        if self.rounds > before:
            route += f", then {self.rounds - before} through segments of trajectories with free initial states"
        verdict = self._verdict()
        if errors is not None and verdict.noise.any():  # of whole segments, which tell it better than pairs
            verdict = replace(verdict, noise=errors)
        return Learned(self.found, f"snapshots: {route}", self.gap, verdict), self.disturbance

    def _verdict(self) -> Verdict:
        """What all pairs say, those too that no round has used, of the smoothest field that they do not contradict."""
        pairs = self.data.pairs
        fold = folds(pairs.block, most=tuning.JUDGED_ALONE)
        fold_of = np.zeros(int(pairs.block.max()) + 1, np.int64)
        fold_of[pairs.block] = fold
        refits = Refits(self.found, self.rows, fold_of[self.rows.block])
        refits.ridge, before = refits.smoothest(), refits.ridge
        if refits.ridge > before:
            found, coefficients = self.found, refits.coefficients(refits.moments, refits.ridge)
            solution = replace(
                found.solution, coefficients=coefficients[:, None], regularisation=np.array([refits.ridge])
            )
            self._take(self.rows, replace(found, energy=found.basis.energy(coefficients), solution=solution))
        if pairs.count > tuning.JUDGED_PAIRS:  # some of every trajectory
            kept = np.arange(pairs.count)[:: -(-pairs.count // tuning.JUDGED_PAIRS)]
            pairs, fold = pairs.take(kept), fold[kept]
        law = self._law()
        stages = enough_stages(law, pairs, max(1e-14, tuning.GAP_SHARE * min(1.0, self.gap)))
        whole = (lambda energy: energy) if self.lattice is None else self.lattice.whole
        verdict = judge(law, refits, pairs, fold, stages, self.data.half_width, whole)
        level = self.data.most_noise
        if level is None or not verdict.noise.any() or not np.all(verdict.noise > tuning.BEYOND_NOISE * level):
            return verdict
        # samples are smoother than that: what looks like noise is what the field cannot say
        told = verdict.judgement
        error = max(told.error, float(np.sqrt(np.mean(np.square(list(told.by_trajectory.values()) or [0.0])))))
        told = replace(told, error=error, interval=(told.interval[0], max(told.interval[1], error)))
        return replace(verdict, judgement=told, noise=np.zeros_like(verdict.noise))

    def _maybe_noise(self) -> bool:
        """Whether errors of samples may be what the flow of pairs misses: a law that is not resolved is no noise."""
        level = self.data.most_noise
        unexplained = level is not None and np.all(self.misses > tuning.BEYOND_NOISE * level)
        return self.gap > max(tuning.NOISY_GAP, self.goal) and not unexplained

    def _start(self, linear: Callable[[Disturbance], Gradients]) -> None:
        """The linear fit; again where it has to find the frequency of a force, to which it is linear in small steps."""
        # coarser ones may end at neurons so flat that their curvature is all rounding; slopes have errors of their own
        least, most = tuning.FIRST_GOALS
        goal = float(np.clip(0.0 if self.data.noisy else self.data.slopes[1], least, most))
        self._search(linear(self.disturbance), goal)
        if not self.disturbance.free_frequency or self.disturbance.frequency is None:
            return
        for _ in range(tuning.FREQUENCY_ROUNDS):
            before = self.disturbance.frequency
            self._improve(linear(self.disturbance), goal, search=False)
            if abs((self.disturbance.frequency or 0.0) - before) <= tuning.FREQUENCY_SETTLED * before:
                break
        self._search(linear(self.disturbance), goal)
        self.rounds = 0

    def _by_pairs(self) -> None:
        """Rounds on pairs of snapshots."""
        pairs, half_width = self.data.pairs, self.data.half_width
        middle = 0.5 * (pairs.first.max(axis=0) + pairs.first.min(axis=0))
        z = np.clip((pairs.first - middle) / half_width, -1.0, 1.0)
        pairs = pairs.take(rim_first(z, self.options.seed, 5))
        change = np.sqrt(np.mean(((pairs.last - pairs.first) / half_width) ** 2))
        # the first round must show what a good start has left
        error = min(tuning.FIRST_GAP, 0.1 * self.data.slopes[1]) or tuning.FIRST_GAP
        for _ in range(tuning.FLOW_ROUNDS):
            law = self._law()
            some = pairs.take(np.arange(min(pairs.count, self._wanted_pairs(error))))
            stages = enough_stages(law, some, max(1e-14, tuning.GAP_SHARE * error))
            room = self._room(tuning.PAIRS_BYTES) / (8 * 6 * stages * len(half_width) ** 2)
            some = some.take(np.arange(min(some.count, int(room))))
            shot = shoot(law, some, stages, half_width)
            # a pair that cannot be followed misses all of its change
            gaps = np.where(shot.good[:, None], shot.gap, some.last - some.first)
            self.misses = np.sqrt(np.mean(gaps**2, axis=0))
            error = float(np.sqrt(np.mean((gaps / half_width) ** 2)) / change)
            if np.count_nonzero(shot.good) < max(tuning.LEAST_SOLVED * some.count, 10) and some.count > 10:
                break
            if not self._keep(error, shot.data) or error <= max(self.goal, tuning.ROUNDING_GAP):
                break
            self._improve(shot.data, max(self.goal, min(error**1.5, tuning.COARSEST_GOAL)))
        self._restore()

    def _wanted_pairs(self, error: float) -> int:
        """As many as the neurons need, all that there is time for where the error may be noise."""
        equations = len(self.data.half_width)
        wanted = tuning.EQUATIONS_A_COLUMN * self.found.basis.columns / equations
        wanted = max(self._in_lattice(tuning.FEWEST_PAIRS), wanted)
        if error > tuning.NOISY_GAP and self.rounds > 1:
            wanted = self._in_lattice(tuning.MOST_PAIRS)
        return min(int(wanted), tuning.MOST_PAIRS)

    def _by_segments(self) -> np.ndarray | None:
        """Rounds on segments with free initial states; the standard deviation (component,) of the samples' errors.

        Segments grow from round to round, as the field gets better; the longest ones show which neurons are needed.
        """
        data, half_width = self.data, self.data.half_width
        floor = 1e-12 * half_width
        sigma = np.maximum(floor, data.noise if data.noise is not None else 1e-3 * half_width)
        most = np.sqrt(tuning.FOLLOWED) * sigma
        some, step = data.pairs.evenly(tuning.PAIRS_TESTED), data.change + 1e-300
        dense = int(tuning.SEGMENT_TIMESCALES * data.timescale)
        longest = min(max(tuning.LONG_SAMPLES, min(tuning.LONGEST_SAMPLES, dense)), int(data.length.max()))
        samples = min(tuning.FIRST_SAMPLES, longest)
        long_rounds = 0  # with the longest segments: the first one searches for neurons, others only refine
        self.kept = None
        for _ in range(tuning.FLOW_ROUNDS):
            law = self._law()
            stages = enough_stages(law, some, tuning.NOISE_SHARE * min(1.0, float(np.min(sigma / step))))
            segments = self._affordable(data.segments(samples), stages)
            starts, cost = settle(law, segments, 1.0 / sigma, stages)
            solved = np.isfinite(cost)
            if np.count_nonzero(solved) < max(2, tuning.LEAST_SOLVED * segments.count):
                break
            # a segment that the field does not follow yet would pull it away from the others: it weighs less
            enough = tuning.FOLLOWED * float(np.median(cost[solved]))
            flights = fly(law, segments, starts, stages)
            good = flights.good & solved
            if not good.any():
                break
            weights = np.sqrt(np.minimum(1.0, enough / np.maximum(cost[good], 1e-300)))
            misses = flights.misses[good]
            freedom = misses[0].size - len(sigma)
            squares = np.mean((weights[:, None, None] * misses) ** 2, axis=(0, 1))
            sigma = np.maximum(floor, np.sqrt(squares * misses[0].size / max(freedom, 1)))
            # samples that no field follows must not hide what a round has gained for the others
            bounded = np.minimum(np.abs(np.where(good[:, None, None], flights.misses, np.inf)), most)
            error = float(np.sqrt(np.mean((bounded / half_width) ** 2)))
            flights = replace(flights, good=good)
            precision = np.zeros(segments.y.shape[::2])
            precision[good] = weights[:, None] / sigma
            rows = equations(law, precision, flights)
            if samples == longest and not self._keep(error, rows) and long_rounds > 0:
                break
            if samples == longest and long_rounds == 0:
                few = np.arange(min(len(rows.target), -(-tuning.SEGMENTS_SEARCHED // rows.target.shape[1])))
                self._search(rows.take(few), max(self.goal, tuning.FIRST_GOALS[0]))
            long_rounds += samples == longest
            self._improve(rows, self.goal, search=False)
            spread = np.linalg.norm(flights.along[good] * half_width / half_width[:, None], axis=(2, 3))
            if float(np.median(spread.max(axis=1))) > tuning.CHAOTIC_SPREAD:
                longest = samples  # chaos: a longer segment would tell no more of its start
            samples = min(2 * samples - 1, longest)
        self._restore()
        return sigma if self.rounds else None

    def _affordable(self, segments: Segments, stages: int) -> Segments:
        """At most as many segments as a fit can take, drawn evenly."""
        _, samples, size = segments.y.shape
        equations = samples * size
        room = self._room(tuning.SEGMENTS_BYTES) / (8 * equations * stages * samples * size)
        most = max(2, int(min(tuning.SEGMENTS_EQUATIONS / equations, room)))
        if segments.count <= most:
            return segments
        drawn = generator(self.options.seed, "segments").choice(segments.count, most, replace=False)
        return segments.take(np.sort(drawn))

    def _law(self) -> LearnedField:
        """The field as it is known now."""
        energy = self.found.energy
        return self.disturbance.around(energy if self.lattice is None else self.lattice.whole(energy))

    def _search(self, data: Gradients, tolerance: float) -> None:
        """A fit with neurons chosen anew; its other unknowns become the disturbance."""
        data = self._of_law(data)
        # cross validation steers: a first flow is wrong enough that outer trajectories would choose by its errors
        self._take(data, self.fit(replace(data, block=data.block[:0]), tolerance))

    def _improve(self, data: Gradients, goal: float, *, search: bool = True) -> None:
        """One round: with the neurons as they are, or with better ones where these are what limits."""
        rows = self._of_law(data)
        found = refit(self.found, rows, regularisation=self.options.regularisation, memory=self.options.memory)
        self.rounds += 1
        if search and self.searching and found.solution.gcv[0] > tuning.LIMITING * goal:
            self._search(data, goal)
            self.fresh = True
            # neurons that were found on nearly these equations are no better found again
            self.searching = bool(self.found.solution.gcv[0] < tuning.SEARCH_GAIN * found.solution.gcv[0])
        else:
            self._take(rows, found)
            self.fresh = False

    def _of_law(self, data: Gradients) -> Gradients:
        """Equations for what is fitted: E, or the law of which it is the sum over a lattice."""
        return data if self.lattice is None else self.lattice.rows(data, seed=self.options.seed)

    def _in_lattice(self, count: int) -> int:
        """As many pairs as have the equations of so many in a plane; each of a lattice tells of all its sites."""
        return count if self.lattice is None else max(tuning.FEWEST_PAIRS_OF_LATTICE, 2 * count // self.lattice.size)

    def _room(self, usual: float) -> float:
        """Bytes that equations may take."""
        return usual if self.options.memory is None else min(usual, self.options.memory / 4)

    def _take(self, data: Gradients, found: EnergyFit) -> None:
        self.found, self.rows = found, data
        self.disturbance = self.disturbance.learned(found.solution.coefficients[: len(data.others), 0])

    def _keep(self, gap: float, rows: Gradients) -> bool:
        """Remember the field and its equations if it is the best so far; whether it gained enough to go on."""
        worthwhile = self.fresh or self.kept is None or gap < tuning.FLOW_GAIN * self.kept[0]
        if self.kept is None or gap < self.kept[0]:
            self.kept = (gap, self.found, self.disturbance, rows)
        self.gap = gap
        return worthwhile

    def _restore(self) -> None:
        """Back to the best field, if there is one."""
        if self.kept is not None:
            self.gap, self.found, self.disturbance, rows = self.kept
            self.rows = self._of_law(rows)
