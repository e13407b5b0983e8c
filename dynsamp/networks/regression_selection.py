"""Choosing the network of a regression: activation, slope, sampler, width, depth.

Smooth networks compete by generalised cross validation at a small width (see ``selection``), which is all that clean,
smooth targets need. Where the error stays large - kinks, steep fronts, noise, few rows - cross validation inside the
fit misjudges: neurons along near pairs, relu neurons, two layers and narrower networks join, and rows that the fits
have not seen decide. Nothing costs more than a fraction of the last fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dynsamp.networks.regression_problem import Candidate, Fitted, Problem
from dynsamp.networks.selection import FLOOR, choose, ladder

__all__ = ["Choice", "select"]

SMOOTH = ("tanh", "sin", "gauss")
ROWS_A_COLUMN = 4  # of a trial
LEAST_ROWS = 2000  # of a trial: noise averages out
EASY = 1e-3  # relative error below which smooth networks and their cross validation suffice
WIDEST = 800  # of a trial
MARGIN = 1.02  # a simpler network wins within this factor
DEEPER = 0.6  # a second layer must lower the error to this part
FOLDS = 4


@dataclass(frozen=True)
class Choice:
    """What was chosen, its estimated relative error, and in a few words how."""

    candidate: Candidate
    error: float
    how: str


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
    search = _Search(problem, activation, scale, sampler, max(tolerance or 0.0, FLOOR))
    linear = search.trial(Candidate((0,)), 0)
    if widths is not None and not sum(widths):
        return Choice(linear.candidate, linear.error, "as asked for")
    rows = len(problem.order)
    if widths is None and (linear.error <= search.enough or rows < problem.free + 6 or rows < 8):
        why = "it fits to rounding errors" if linear.error <= FLOOR else "it is good enough"
        return Choice(linear.candidate, linear.error, why if linear.error <= search.enough else "too few rows for more")
    if widths is not None and None not in (activation, scale):
        return Choice(Candidate(widths, str(activation), float(scale or 1.0), sampler), np.nan, "as asked for")
    if widths is not None:
        shape = tuple(w / widths[-1] for w in widths)
        best = search.grown(shape, ladder(widths[-1], rows), sampler, grow=False)
        how = f"{search.tried} fits compared by generalised cross validation"
        return Choice(replace(best.candidate, widths=widths), best.error, how)
    sizes = [w for w in ladder(None, rows - problem.free, largest) if w <= WIDEST]
    best = search.grown((1.0,), sizes, sampler)
    how = f"{search.tried} fits compared by generalised cross validation"
    if best.error <= max(EASY, search.enough):
        return Choice(best.candidate, best.error, how)
    candidates = [linear.candidate, *search.narrower(best.candidate), *search.others(sizes)]
    chosen, error = search.unseen(candidates)
    return Choice(chosen, error, f"{search.tried} fits compared by generalised cross validation, the best"
                  f" {len(candidates)} on rows that they had not seen")  # fmt: skip


class _Search:
    """Trials of one problem."""

    def __init__(
        self, problem: Problem, activation: str | None, scale: float | None, sampler: str | None, enough: float
    ) -> None:
        self.problem, self.activation, self.scale, self.sampler, self.enough = (
            problem, activation, scale, sampler, enough,
        )  # fmt: skip
        self.tried = 0

    def trial(self, candidate: Candidate, least: int = LEAST_ROWS) -> Fitted:
        """Fit to so many rows that their error says something."""
        self.tried += 1
        columns = self.problem.free + candidate.widths[-1]
        return self.problem.fit(candidate, self.problem.order[: max(ROWS_A_COLUMN * columns, least)])

    def grown(
        self, shape: tuple[float, ...], sizes: list[int], sampler: str | None, names: tuple[str, ...] = SMOOTH,
        grow: bool = True, scale: float | None = None,
    ) -> Fitted:  # fmt: skip
        """Best network of relative layer widths ``shape``, the last of the ``sizes``."""
        names = (self.activation,) if self.activation is not None else names

        def assess(activation: str, slope: float, width: int) -> tuple[float, Fitted]:
            widths = tuple(max(1, round(part * width)) for part in shape)
            fitted = self.trial(Candidate(widths, activation, slope, sampler))
            return fitted.error, fitted

        slope = self.scale if self.scale is not None else scale
        best, _ = choose(assess, sizes, activations=names, scale=slope, grow=grow, goal=self.enough)
        found: Fitted = best.fit
        return found

    def narrower(self, candidate: Candidate) -> list[Candidate]:
        """The same network with fewer neurons, the fewest first."""
        width = candidate.widths[-1]
        fewer = [w for w in (12, 25, 50, 100, 200, 400) if w < 0.75 * width]
        return [*(replace(candidate, widths=(w,)) for w in fewer), candidate]

    def others(self, sizes: list[int]) -> list[Candidate]:
        """Networks for kinks, fronts and compositions."""
        found: list[Candidate] = []
        few = sizes[: max(1, len(sizes) - 1)]
        if self.sampler is None:
            if self.activation != "relu":
                near = self.grown((1.0,), few, "near", ("tanh", "gauss"))
                found.append(near.candidate)
            if self.activation in (None, "relu"):
                found.append(self.grown((1.0,), few, "swim", ("relu",)).candidate)
        deep = self.grown((1.0, 1.0), few, self.sampler, ("tanh",))
        found.append(deep.candidate)
        return found

    def unseen(self, candidates: list[Candidate]) -> tuple[Candidate, float]:
        """The simplest of the best on rows that the fits have not seen; simpler ones come first."""
        problem = self.problem
        folds = np.array_split(problem.order, FOLDS)
        errors = []
        for candidate in candidates:
            most = max(ROWS_A_COLUMN * (problem.free + candidate.widths[-1]), 4 * LEAST_ROWS)
            error = problem.unseen(candidate, folds, most)
            self.tried += 1
            errors.append(error / (DEEPER if len(candidate.widths) > 1 else 1.0))
        best = int(np.flatnonzero(np.array(errors) <= MARGIN * min(errors))[0])
        found = candidates[best]
        return found, errors[best] * (DEEPER if len(found.widths) > 1 else 1.0)
