"""Choosing the network of a regression: activation, slope, sampler, width, depth.

Smooth networks compete by generalised cross validation at small widths (see ``selection``), which is all that clean,
smooth targets need. Where the error stays large - kinks, steep fronts, noise, few rows - cross validation inside the
fit misjudges: neurons along near pairs, relu neurons, more layers and narrower networks join, and rows that the fits
have not seen decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks.regression_problem import Candidate, Fitted, Problem
from dynsamp.networks.selection import FLOOR, SCALES, STEP, Climb, ladder

__all__ = ["HARD", "Choice", "select"]

SMOOTH = ("tanh", "sin", "gauss")
ROWS_A_COLUMN = 4  # of a trial
LEAST_ROWS = 2000  # of a trial: noise averages out
FEWER_ROWS = 1000  # where a tolerance says that less will do
HARD = 1e-3  # relative error from which rows that were not seen decide, and normal equations have digits enough
MIDDLE = 200  # width at which other kinds of networks are compared
STEEP = 0.3  # least slope of those
WORTH = 0.9  # twice the neurons must lower the error to this part
MARGIN = 1.02  # a simpler network wins within this factor
NEARLY = 1.25  # two kinds of networks so close are both made wider
DEEPER = 0.7  # more layers must lower the error to this part
FOLDS = 4
WIDEST = 800  # neurons of a smooth network unless told
WIDEST_DEEP = 400  # of each layer of several
OPERATIONS = 3e11  # of the last fit: ten seconds
NARROW = (12, 25, 50, 100)


@dataclass(frozen=True)
class Choice:
    """What was chosen, its estimated relative error, and in a few words how."""

    candidate: Candidate
    error: float
    how: str
    fitted: Fitted | None = None  # where the fit of a trial is good enough


def select(
    problem: Problem,
    widths: tuple[int, ...] | None,
    activation: str | None,
    scale: float | None,
    sampler: str | None,
    tolerance: float | None,
    largest: int,
) -> Choice:
    """Choose what is None.

    Parameters
    ----------
    problem : Problem
    widths : tuple of int, optional
        Neurons of each layer; fixes the depth too.
    activation, scale, sampler : optional
        Fixed where given.
    tolerance : float, optional
        Relative error that is good enough: more neurons are not tried.
    largest : int
        Most neurons of a layer.
    """
    search = _Search(problem, widths, activation, scale, sampler, max(tolerance or 0.0, FLOOR), largest)
    rows = len(problem.order)
    linear = search.trial(Candidate((0,)))
    if widths is not None and not sum(widths):
        return Choice(linear.candidate, linear.error, "as asked for")
    if widths is not None and activation is not None and scale is not None:
        asked = search.trial(Candidate(widths, activation, scale, sampler))
        return Choice(asked.candidate, asked.error, "as asked for")
    if widths is None and linear.error <= search.goal:
        why = "it fits to rounding errors" if linear.error <= 10 * FLOOR else "it is good enough"
        return Choice(linear.candidate, linear.error, why)
    if widths is None and rows < max(8, problem.free + 6):
        return Choice(linear.candidate, linear.error, f"{rows} rows are too few for neurons")
    best = search.smooth()
    compared = f"{search.tried} fits compared by generalised cross validation"
    if best.error <= max(HARD, search.goal):
        enough = widths is None and tolerance is not None and best.error <= tolerance
        return Choice(search.full(best.candidate), best.error, compared, best if enough else None)
    finalists = [linear.candidate] if widths is None else []
    finalists += [
        replace(best.candidate, widths=(w,)) for w in NARROW if widths is None and w < best.candidate.widths[-1]
    ]
    finalists += [fitted.candidate for fitted in (best, *search.others(max(best.candidate.widths)))]
    compared = f"{search.tried} fits compared by generalised cross validation"
    ranked = search.unseen(finalists)
    chosen, error = ranked[0]
    if widths is None and sum(chosen.widths) >= min(MIDDLE, best.candidate.widths[-1]):
        wide = [pair for pair in ranked if pair[0].widths[-1] >= chosen.widths[-1] and pair[1] <= NEARLY * error]
        chosen, error = min((search.wider(*pair) for pair in wide[:2]), key=lambda pair: pair[1])
    compared += f", {len(finalists)} of them on rows that they had not seen"
    return Choice(search.full(chosen), error, compared)


class _Search:
    """Trials of one problem."""

    def __init__(
        self,
        problem: Problem,
        widths: tuple[int, ...] | None,
        activation: str | None,
        scale: float | None,
        sampler: str | None,
        goal: float,
        largest: int,
    ) -> None:
        self.problem, self.activation, self.scale, self.sampler, self.goal = problem, activation, scale, sampler, goal
        self.widths = widths
        self.largest = largest
        self.tried = 0
        free_rows = len(problem.order) - problem.free
        self.sizes = ladder(None if widths is None else widths[-1], free_rows, min(largest, WIDEST))

    def shaped(self, width: int) -> tuple[int, ...]:
        """Widths of the layers in the proportions that were asked for."""
        if self.widths is None:
            return (width,)
        return tuple(max(1, round(each * width / self.widths[-1])) for each in self.widths)

    def full(self, candidate: Candidate) -> Candidate:
        """With the widths that were asked for."""
        return candidate if self.widths is None else replace(candidate, widths=self.widths)

    def trial(self, candidate: Candidate, *, hard: bool = False) -> Fitted:
        """Fit to so many rows that their error says something."""
        self.tried += 1
        columns = self.problem.free + candidate.widths[-1]
        least = LEAST_ROWS if self.goal <= FLOOR else FEWER_ROWS
        part = self.problem.order[: max(ROWS_A_COLUMN * columns, least)]
        return self.problem.fit(candidate, part, method="gram" if hard else "qr", ridge=hard)

    def smooth(self) -> Fitted:
        """Best network by cross validation; ends early where that does not lead to small errors."""

        def assess(activation: str, slope: float, width: int) -> tuple[float, Fitted]:
            fitted = self.trial(Candidate(self.shaped(width), activation, slope, self.sampler))
            return fitted.error, fitted

        names = SMOOTH if self.activation is None else (self.activation,)
        climb = Climb(assess, names, self.scale, self.goal)
        for width in self.sizes:
            last = width == self.sizes[-1]
            if last and self.widths is not None and climb.winner is not None:
                # the fit of the width that was asked for is the last one: no trial of it
                fitted: Fitted = climb.winner.fit
                slope = fitted.candidate.scale if self.scale is not None else climb.grown(climb.winner)
                return replace(fitted, candidate=replace(fitted.candidate, scale=slope))
            climb.rung(width, last=last, must=self.widths is not None)
            if self.widths is None and (climb.finished or (width >= MIDDLE and climb.lead > HARD and climb.stalls)):
                break
        assert climb.winner is not None
        found: Fitted = climb.winner.fit
        return found

    def others(self, width: int) -> list[Fitted]:
        """The best of each other kind of network: for kinks, fronts and compositions."""
        width = min(width, MIDDLE) if self.widths is None else width
        shape = self.shaped(width)
        kinds: list[tuple[tuple[int, ...], str, str | None]] = []
        if self.sampler is None and len(shape) == 1:
            kinds += [(shape, "tanh", "near"), (shape, "gauss", "near"), (shape, "relu", "swim")]
        elif self.activation is None:
            kinds += [(shape, "relu", "swim" if self.sampler is None else self.sampler)]
        if self.widths is None and self.sampler in (None, "uniform", "swim"):
            how = self.sampler or "swim"
            kinds += [((width,) * depth, name, how) for depth, name in ((2, "tanh"), (2, "relu"), (3, "tanh"))]
        if self.activation is not None:
            kinds = sorted({(widths, self.activation, how) for widths, _, how in kinds}, key=str)
        return [self._tuned(*kind) for kind in kinds]

    def _tuned(self, widths: tuple[int, ...], activation: str, sampler: str | None) -> Fitted:
        values: Sequence[float] = [value for value in SCALES[activation] if value > STEEP]
        if self.scale is not None:
            values = [self.scale]
        fits = [self.trial(Candidate(widths, activation, value, sampler), hard=True) for value in values]
        return min(fits, key=lambda fitted: fitted.error)

    def wider(self, candidate: Candidate, error: float) -> tuple[Candidate, float]:
        """More neurons, steeper ones too, while cross validation says that they help."""
        best = first = self.trial(candidate, hard=True)
        problem = self.problem
        seconds = int(np.sqrt(OPERATIONS / problem.rows.count)) - problem.free
        top = min(self.largest, (len(problem.order) - problem.free) // 2, seconds)
        if len(candidate.widths) > 1:
            top = min(top, WIDEST_DEEP)
        while 2 * best.candidate.widths[-1] <= top and best.error > self.goal:
            candidate = best.candidate
            doubled = replace(candidate, widths=tuple(2 * width for width in candidate.widths))
            steeper = replace(doubled, scale=STEP * candidate.scale)
            tried = [doubled] if self.scale is not None or candidate.activation == "relu" else [doubled, steeper]
            more = min((self.trial(each, hard=True) for each in tried), key=lambda each: each.error)
            if more.error > WORTH * best.error:
                break
            best = more
        return best.candidate, error * best.error / first.error

    def unseen(self, candidates: list[Candidate]) -> list[tuple[Candidate, float]]:
        """Candidates and their errors on rows that their fits have not seen: the simplest of the best, then the rest.

        Simpler ones come first in ``candidates``.
        """
        problem = self.problem
        folds = np.array_split(problem.order, min(FOLDS, len(problem.order)))
        errors, needed = [], []
        for candidate in candidates:
            most = max(2 * ROWS_A_COLUMN * (problem.free + candidate.widths[-1]), 4 * LEAST_ROWS)
            errors.append(problem.unseen(candidate, folds, most))
            needed.append(errors[-1] / (DEEPER if len(candidate.widths) > 1 and self.widths is None else 1.0))
        best = int(np.flatnonzero(np.array(needed) <= MARGIN * min(needed))[0])
        order = [best, *(k for k in np.argsort(needed, kind="stable") if k != best)]
        return [(candidates[k], errors[k]) for k in order]
