"""Plain regression with sampled networks: choose what was left open, sample the hidden layers, solve for the last.

Inputs and targets are standardised, so that units do not matter and every target counts the same. A linear part
[1, x], free of any penalty, stands beside the neurons: it is exact for linear data and what noisy data are shrunk to.

Smooth networks compete by generalised cross validation at small widths (see ``search``), which is all that clean,
smooth targets need. Where the error stays large - kinks, steep fronts, noise, few rows - cross validation inside the
fit misjudges: neurons along near pairs, relu neurons, more layers and narrower networks join, and rows that the fits
have not seen decide.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.network import Network
from dynsamp.networks.neurons import Activation, FitOptions, Neurons, Sampler, Width
from dynsamp.networks.regression_problem import Blocks, Fitted, Method, Problem, bytes_needed, json_ready, scaling
from dynsamp.networks.rows import Rows
from dynsamp.networks.search.climb import LINEAR, Climb, ladder, simplest
from dynsamp.networks.search.unseen import Judgement, folds
from dynsamp.streams import generator


@dataclass(frozen=True)
class Choice:
    """What was chosen, its estimated relative error, and in a few words how."""

    neurons: Neurons
    error: float
    how: str
    fitted: Fitted | None = None  # where the fit of a trial is good enough


@dataclass(frozen=True)
class RegressionFit:
    """A fitted network and how it came about."""

    network: Network
    fitted: Fitted
    choice: Choice
    problem: Problem

    def judgement(self, trajectory: np.ndarray | None = None) -> Judgement:
        """What rows that fits have not seen say; scattered ones, or those of whole trajectories (row,)."""
        problem, fitted = self.problem, self.fitted
        owner = problem.summary.sample if trajectory is None else trajectory[problem.summary.sample]
        enough = tuning.ENOUGH_UNSEEN if trajectory is None else len(owner)
        most = max(2 * tuning.ROWS_A_COLUMN * (problem.free + fitted.hidden.width), tuning.LEAST_ROWS)
        hard = fitted.error > tuning.HARD and problem.options.regularisation != 0.0 and not problem.published
        blocks = Blocks(owner, folds(owner, problem.options.seed), enough=enough)
        return problem.judged(fitted, blocks, most, "gram" if hard else "qr")[0]

    def report(self) -> dict[str, Any]:
        """What was chosen, how well it fits, and why."""
        neurons, solution = self.fitted.neurons, self.fitted.solution
        widths = [layer.width for layer in self.network.hidden.layers]
        return {
            "width": widths[0] if len(widths) == 1 else widths or 0,
            **self.fitted.report(),
            "sampler": neurons.drawn_by,
            "residual": json_ready(solution.residual),
            "gcv_error": json_ready(solution.gcv),
            "regularisation": json_ready(solution.regularisation),
            "chosen": f"{neurons}: {self.choice.how}"
            + (f", error {self.choice.error:.1e}" if np.isfinite(self.choice.error) else ""),
        }


def fit_regression(
    source: Rows,
    neurons: Neurons = Neurons(),  # noqa: B008 - frozen
    options: FitOptions = FitOptions(),  # noqa: B008
    *,
    dtype: str = "float64",
    labels: bool = False,
    published: bool = False,
) -> RegressionFit:
    """Choose what is None, then fit.

    Parameters
    ----------
    source : Rows
    neurons : Neurons
    options : FitOptions
    dtype, published
        As in ``SampledNetwork``.
    labels : bool
        The targets are columns of zeros and ones, one a class: pairs are drawn where labels differ.

    Raises
    ------
    ValueError
        If values are not finite, or ``memory`` is too small.
    """
    most = max(1, min(tuning.SURVEYED_ROWS, tuning.SURVEYED_ENTRIES // (source.inputs + source.outputs)))
    summary = source.survey(most, generator(options.seed, "survey"))
    problem = Problem(source, summary, scaling(summary.x, summary.y), options, labels, published, dtype)
    if published:
        largest_entry = max(np.abs(summary.low).max(), np.abs(summary.high).max(), np.abs(summary.y).max())
        if largest_entry > tuning.PUBLISHED_LARGEST:
            raise ValueError(
                f"the published method takes values as they are, and squares of {largest_entry:.3g} overflow; divide x"
                " and y by their sizes, or leave out published=True"
            )
        neurons = Neurons(
            tuning.PUBLISHED_WIDTH if neurons.width is None else neurons.width,
            neurons.activation or "tanh",
            1.0 if neurons.scale is None else neurons.scale,
            neurons.sampler or "swim",
        )
        choice = Choice(neurons, np.nan, "the published method")
        _affordable(problem, neurons)
        return _finished(problem, problem.fit(neurons), choice)
    choice = _select(problem, neurons, _affordable(problem, neurons))
    return _finished(problem, _final(problem, choice), choice)


def _final(problem: Problem, choice: Choice) -> Fitted:
    """Fit to all rows, by the cheapest way that shows all digits of the error to be expected."""
    if choice.fitted is not None:
        return choice.fitted
    columns = problem.free + choice.neurons.last
    method: Method = "qr"
    if choice.error > tuning.HARD and problem.options.regularisation != 0.0:
        method = "gram"
    elif problem.rows.count > 2 * tuning.SKETCH_ROWS_A_COLUMN * columns:
        method = "sketch"
    return problem.fit(choice.neurons, method=method)


def _finished(problem: Problem, fitted: Fitted, choice: Choice) -> RegressionFit:
    return RegressionFit(problem.network(fitted), fitted, choice, problem)


def _affordable(problem: Problem, neurons: Neurons) -> int:
    """Most neurons of a layer that the memory allows."""
    memory, width = problem.options.memory, max(neurons.widths, default=None)
    if memory is None:
        return tuning.WIDEST_REGRESSION
    outputs, count = problem.rows.outputs, problem.rows.count
    held = problem.summary.x.nbytes + problem.summary.y.nbytes

    def needed(neurons: int) -> int:
        return held + bytes_needed(count, problem.free + neurons + outputs)

    least = needed(0 if width is None else width)
    if memory < least:
        what = "the linear part alone" if width is None else f"a width of {width}"
        raise ValueError(
            f"memory of {memory / 1e6:.3g} MB is too small for {problem.rows.inputs} inputs and {outputs} targets:"
            f" {what} needs {least / 1e6:.3g} MB; allow more, or take fewer columns or neurons"
        )
    return max([w for w in range(1, tuning.WIDEST_REGRESSION + 1) if needed(w) <= memory], default=0)


def _select(problem: Problem, wanted: Neurons, largest: int) -> Choice:
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
        why = "it fits to rounding errors" if linear.error <= 10 * tuning.EXACT else "it is good enough"
        return Choice(LINEAR, linear.error, why)
    if free and rows < max(8, problem.free + 6):
        return Choice(LINEAR, linear.error, f"{rows} rows are too few for neurons")
    best = search.smooth()
    compared = f"{search.tried} fits compared by generalised cross validation"
    if best.error <= max(tuning.HARD, search.goal):
        enough = free and tolerance is not None and best.error <= tolerance
        return Choice(search.full(best.neurons), best.error, compared, best if enough else None)
    finalists = [LINEAR] if free else []
    finalists += [replace(best.neurons, width=w) for w in tuning.NARROW if free and w < best.neurons.last]
    finalists += [fitted.neurons for fitted in (best, *search.others(max(best.neurons.widths)))]
    compared = f"{search.tried} fits compared by generalised cross validation"
    ranked = search.unseen(finalists)
    chosen, error = ranked[0]
    if free and sum(chosen.widths) >= min(tuning.MIDDLE, best.neurons.last):
        wide = [pair for pair in ranked if pair[0].last >= chosen.last and pair[1] <= tuning.NEARLY * error]
        chosen, error = min((search.wider(*pair) for pair in wide[:2]), key=lambda pair: pair[1])
    compared += f", {len(finalists)} of them on rows that they had not seen"
    return Choice(search.full(chosen), error, compared)


class _Search:
    """Trials of one problem."""

    def __init__(self, problem: Problem, wanted: Neurons, largest: int) -> None:
        self.problem, self.wanted, self.largest = problem, wanted, largest
        self.goal = max(problem.options.tolerance or 0.0, tuning.EXACT)
        self.free = wanted.width is None
        self.tried = 0
        rows = len(problem.order) - problem.free
        self.sizes = ladder(None if self.free else wanted.last, rows, min(largest, tuning.WIDEST))

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
        least = tuning.LEAST_ROWS if self.goal <= tuning.EXACT else tuning.LEAST_ROWS_TOLERANT
        part = self.problem.order[: max(tuning.ROWS_A_COLUMN * columns, least)]
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
            if self.free and (climb.finished or (width >= tuning.MIDDLE and climb.lead > tuning.HARD and climb.stalls)):
                break
        assert climb.winner is not None
        found: Fitted = climb.winner.fit
        return found

    def others(self, width: int) -> list[Fitted]:
        """The best of each other kind of network: for kinks, fronts and compositions."""
        wanted = self.wanted
        width = min(width, tuning.MIDDLE) if self.free else width
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
        values = [value for value in tuning.SLOPES[kind.activation] if value > tuning.STEEP]
        if self.wanted.scale is not None:
            values = [self.wanted.scale]
        fits = [self.trial(replace(kind, scale=value), hard=True) for value in values]
        return min(fits, key=lambda fitted: fitted.error)

    def wider(self, neurons: Neurons, error: float) -> tuple[Neurons, float]:
        """More neurons, steeper ones too, while cross validation says that they help."""
        best = first = self.trial(neurons, hard=True)
        problem = self.problem
        seconds = int(np.sqrt(tuning.REGRESSION_OPERATIONS / problem.rows.count)) - problem.free
        top = min(self.largest, (len(problem.order) - problem.free) // 2, seconds)
        if len(neurons.widths) > 1:
            top = min(top, tuning.WIDEST_DEEP)
        while 2 * best.neurons.last <= top and best.error > self.goal:
            doubled = best.neurons.times(2)
            assert doubled.scale is not None
            steeper = replace(doubled, scale=tuning.SLOPE_STEP * doubled.scale)
            as_it_is = self.wanted.scale is not None or doubled.activation == "relu"
            tried = [doubled] if as_it_is else [doubled, steeper]
            more = min((self.trial(each, hard=True) for each in tried), key=lambda each: each.error)
            if more.error > tuning.WIDER_GAIN * best.error:
                break
            best = more
        return best.neurons, error * best.error / first.error

    def unseen(self, candidates: list[Neurons]) -> list[tuple[Neurons, float]]:
        """Candidates and their errors on rows that their fits have not seen: the simplest of the best, then the rest.

        Simpler ones come first in ``candidates``.
        """
        problem = self.problem
        count = len(problem.order)
        fold = np.empty(count, np.int64)
        fold[problem.order] = np.arange(count) * min(tuning.FOLDS, count) // count
        errors, needed = [], []
        for candidate in candidates:
            most = max(2 * tuning.ROWS_A_COLUMN * (problem.free + candidate.last), 4 * tuning.LEAST_ROWS)
            total, seen = 0.0, 0
            for rows, left in problem.held_out(candidate, fold, most, "gram"):
                total += float(np.sum(np.minimum(np.abs(left / problem.scale.spread), 1e100) ** 2))
                seen += left.size
                if len(rows) >= tuning.ENOUGH_UNSEEN:
                    break
            errors.append(float(np.sqrt(total / max(seen, 1))))
            needed.append(errors[-1] / (tuning.DEEPER if len(candidate.widths) > 1 and self.free else 1.0))
        best = simplest(needed)
        order = [best, *(k for k in np.argsort(needed, kind="stable") if k != best)]
        return [(candidates[k], errors[k]) for k in order]
