"""Choosing the network of a regression: activation, slope, sampler, width, depth.

Smooth networks compete by generalised cross validation at small widths (see ``selection``), which is all that clean,
smooth targets need. Where the error stays large - kinks, steep fronts, noise, few rows - cross validation inside the
fit misjudges: neurons along near pairs, relu neurons, more layers and narrower networks join, and rows that the fits
have not seen decide.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks.neurons import Activation, Neurons, Sampler, Width
from dynsamp.networks.regression_problem import Fitted, Problem
from dynsamp.networks.selection import FLOOR, SCALES, STEP, Climb, ladder

__all__ = ["HARD", "Choice", "select"]

LINEAR = Neurons(0, "tanh", 1.0)
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

    neurons: Neurons
    error: float
    how: str
    fitted: Fitted | None = None  # where the fit of a trial is good enough


def select(problem: Problem, wanted: Neurons, largest: int) -> Choice:
    """Choose what is None.

    Parameters
    ----------
    problem : Problem
    wanted : Neurons
        Its width fixes the depth too.
    largest : int
        Most neurons of a layer.
    """
    search = _Search(problem, wanted, largest)
    rows, free, tolerance = len(problem.order), wanted.width is None, problem.options.tolerance
    linear = search.trial(LINEAR)
    if wanted.width == 0:
        return Choice(LINEAR, linear.error, "as asked for")
    if not free and wanted.activation is not None and wanted.scale is not None:
        return Choice(wanted, search.trial(wanted).error, "as asked for")
    if free and linear.error <= search.goal:
        why = "it fits to rounding errors" if linear.error <= 10 * FLOOR else "it is good enough"
        return Choice(LINEAR, linear.error, why)
    if free and rows < max(8, problem.free + 6):
        return Choice(LINEAR, linear.error, f"{rows} rows are too few for neurons")
    best = search.smooth()
    compared = f"{search.tried} fits compared by generalised cross validation"
    if best.error <= max(HARD, search.goal):
        enough = free and tolerance is not None and best.error <= tolerance
        return Choice(search.full(best.neurons), best.error, compared, best if enough else None)
    finalists = [LINEAR] if free else []
    finalists += [replace(best.neurons, width=w) for w in NARROW if free and w < best.neurons.last]
    finalists += [fitted.neurons for fitted in (best, *search.others(max(best.neurons.widths)))]
    compared = f"{search.tried} fits compared by generalised cross validation"
    ranked = search.unseen(finalists)
    chosen, error = ranked[0]
    if free and sum(chosen.widths) >= min(MIDDLE, best.neurons.last):
        wide = [pair for pair in ranked if pair[0].last >= chosen.last and pair[1] <= NEARLY * error]
        chosen, error = min((search.wider(*pair) for pair in wide[:2]), key=lambda pair: pair[1])
    compared += f", {len(finalists)} of them on rows that they had not seen"
    return Choice(search.full(chosen), error, compared)


class _Search:
    """Trials of one problem."""

    def __init__(self, problem: Problem, wanted: Neurons, largest: int) -> None:
        self.problem, self.wanted, self.largest = problem, wanted, largest
        self.goal = max(problem.options.tolerance or 0.0, FLOOR)
        self.free = wanted.width is None
        self.tried = 0
        rows = len(problem.order) - problem.free
        self.sizes = ladder(None if self.free else wanted.last, rows, min(largest, WIDEST))

    def shaped(self, width: int) -> Width:
        """Widths of the layers in the proportions that were asked for."""
        if len(self.wanted.widths) < 2:
            return width
        return tuple(max(1, round(each * width / self.wanted.last)) for each in self.wanted.widths)

    def full(self, neurons: Neurons) -> Neurons:
        """With the widths that were asked for."""
        return neurons if self.free else replace(neurons, width=self.wanted.width)

    def trial(self, neurons: Neurons, *, hard: bool = False) -> Fitted:
        """Fit to so many rows that their error says something."""
        self.tried += 1
        columns = self.problem.free + neurons.last
        least = LEAST_ROWS if self.goal <= FLOOR else FEWER_ROWS
        part = self.problem.order[: max(ROWS_A_COLUMN * columns, least)]
        return self.problem.fit(neurons, part, method="gram" if hard else "qr", ridge=hard)

    def smooth(self) -> Fitted:
        """Best network by cross validation; ends early where that does not lead to small errors."""

        def assess(neurons: Neurons) -> tuple[float, Fitted]:
            fitted = self.trial(replace(neurons, width=self.shaped(neurons.last)))
            return fitted.error, fitted

        climb = Climb(assess, self.wanted, goal=self.goal)
        for width in self.sizes:
            last = width == self.sizes[-1]
            if last and not self.free and climb.winner is not None:
                # the fit of the width that was asked for is the last one: no trial of it
                fitted: Fitted = climb.winner.fit
                slope = fitted.neurons.scale if self.wanted.scale is not None else climb.grown(climb.winner)
                return replace(fitted, neurons=replace(fitted.neurons, scale=slope))
            climb.rung(width, last=last, must=not self.free)
            if self.free and (climb.finished or (width >= MIDDLE and climb.lead > HARD and climb.stalls)):
                break
        assert climb.winner is not None
        found: Fitted = climb.winner.fit
        return found

    def others(self, width: int) -> list[Fitted]:
        """The best of each other kind of network: for kinks, fronts and compositions."""
        wanted = self.wanted
        width = min(width, MIDDLE) if self.free else width
        shape = self.shaped(width)
        kinds: list[tuple[Width, Activation, Sampler]] = []
        if wanted.sampler is None and len(wanted.widths) < 2:
            kinds += [(shape, "tanh", "near"), (shape, "gauss", "near"), (shape, "relu", "swim")]
        elif wanted.activation is None:
            kinds += [(shape, "relu", wanted.sampler or "swim")]
        if self.free and wanted.sampler in (None, "uniform", "swim"):
            how = wanted.sampler or "swim"
            deep: tuple[tuple[int, Activation], ...] = ((2, "tanh"), (2, "relu"), (3, "tanh"))
            kinds += [((width,) * depth, name, how) for depth, name in deep]
        found = [Neurons(shape, wanted.activation or name, sampler=how) for shape, name, how in kinds]
        if wanted.activation is not None:
            found = sorted(set(found), key=lambda kind: str((kind.widths, kind.activation, kind.sampler)))
        return [self._tuned(kind) for kind in found]

    def _tuned(self, kind: Neurons) -> Fitted:
        assert kind.activation is not None
        values = [value for value in SCALES[kind.activation] if value > STEEP]
        if self.wanted.scale is not None:
            values = [self.wanted.scale]
        fits = [self.trial(replace(kind, scale=value), hard=True) for value in values]
        return min(fits, key=lambda fitted: fitted.error)

    def wider(self, neurons: Neurons, error: float) -> tuple[Neurons, float]:
        """More neurons, steeper ones too, while cross validation says that they help."""
        best = first = self.trial(neurons, hard=True)
        problem = self.problem
        seconds = int(np.sqrt(OPERATIONS / problem.rows.count)) - problem.free
        top = min(self.largest, (len(problem.order) - problem.free) // 2, seconds)
        if len(neurons.widths) > 1:
            top = min(top, WIDEST_DEEP)
        while 2 * best.neurons.last <= top and best.error > self.goal:
            doubled = best.neurons.times(2)
            assert doubled.scale is not None
            steeper = replace(doubled, scale=STEP * doubled.scale)
            as_it_is = self.wanted.scale is not None or doubled.activation == "relu"
            tried = [doubled] if as_it_is else [doubled, steeper]
            more = min((self.trial(each, hard=True) for each in tried), key=lambda each: each.error)
            if more.error > WORTH * best.error:
                break
            best = more
        return best.neurons, error * best.error / first.error

    def unseen(self, candidates: list[Neurons]) -> list[tuple[Neurons, float]]:
        """Candidates and their errors on rows that their fits have not seen: the simplest of the best, then the rest.

        Simpler ones come first in ``candidates``.
        """
        problem = self.problem
        folds = np.array_split(problem.order, min(FOLDS, len(problem.order)))
        errors, needed = [], []
        for candidate in candidates:
            most = max(2 * ROWS_A_COLUMN * (problem.free + candidate.last), 4 * LEAST_ROWS)
            errors.append(problem.unseen(candidate, folds, most))
            needed.append(errors[-1] / (DEEPER if len(candidate.widths) > 1 and self.free else 1.0))
        best = int(np.flatnonzero(np.array(needed) <= MARGIN * min(needed))[0])
        order = [best, *(k for k in np.argsort(needed, kind="stable") if k != best)]
        return [(candidates[k], errors[k]) for k in order]
