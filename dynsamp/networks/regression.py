"""Plain regression with sampled networks: choose what was left open, sample the hidden layers, solve for the last.

Inputs and targets are standardised, so that units do not matter and every target counts the same. A linear part
[1, x], free of any penalty, stands beside the neurons: it is exact for linear data and what noisy data are shrunk to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.networks.network import Network
from dynsamp.networks.regression_problem import (
    KEPT,
    Candidate,
    Fitted,
    Method,
    Problem,
    bytes_needed,
    distinct,
    json_ready,
    scaling,
)
from dynsamp.networks.regression_selection import HARD, Choice, select
from dynsamp.networks.rows import Rows
from dynsamp.streams import generator

__all__ = ["RegressionFit", "fit_regression"]

SAMPLE = 1 << 21  # entries of the drawn rows: 16 megabytes
MOST_DRAWN = 50_000  # rows
PUBLISHED_WIDTH = 1000
LARGEST_PUBLISHED = 1e140
LARGEST = 1600  # neurons of a layer unless told


@dataclass(frozen=True)
class RegressionFit:
    """A fitted network and how it came about."""

    network: Network
    fitted: Fitted
    choice: Choice
    low: np.ndarray  # (input,) of all rows
    high: np.ndarray  # (input,)
    rows: int  # of the data

    def report(self) -> dict[str, Any]:
        """What was chosen, how well it fits, and why."""
        candidate, solution = self.fitted.candidate, self.fitted.solution
        widths = [layer.width for layer in self.network.hidden.layers]
        return {
            "width": widths[0] if len(widths) == 1 else widths or 0,
            "activation": candidate.activation,
            "scale": candidate.scale,
            "sampler": candidate.sampler or ("elm" if candidate.activation == "sin" else "uniform"),
            "rows": solution.rows,
            "rank": solution.rank,
            "condition": solution.condition,
            "residual": json_ready(solution.residual),
            "gcv_error": json_ready(solution.gcv),
            "regularisation": json_ready(solution.regularisation),
            "chosen": f"{candidate}: {self.choice.how}"
            + (f", error {self.choice.error:.1e}" if np.isfinite(self.choice.error) else ""),
        }


def fit_regression(
    source: Rows,
    *,
    width: int | Sequence[int] | None = None,
    activation: str | None = None,
    scale: float | None = None,
    sampler: str | None = None,
    regularisation: float | None = None,
    dtype: str = "float64",
    labels: bool = False,
    published: bool = False,
    tolerance: float | None = None,
    seed: int = 0,
    memory: int | None = None,
) -> RegressionFit:
    """Choose what is None, then fit; knobs as in ``SampledNetwork``.

    Parameters
    ----------
    source : Rows
    labels : bool
        The targets are columns of zeros and ones, one a class: pairs are drawn where labels differ.
    seed : int
        The draws are a function of it.
    memory : int, optional
        Bound on the peak, in bytes.

    Raises
    ------
    ValueError
        If values are not finite, or ``memory`` is too small.
    """
    most = max(1, min(MOST_DRAWN, SAMPLE // (source.inputs + source.outputs)))
    summary = source.survey(most, generator(seed, "survey"))
    problem = Problem(
        rows=source,
        summary=summary,
        scale=scaling(summary.x, summary.y),
        order=generator(seed, "rows").permutation(len(summary.x)),
        distinct=distinct(summary.x),
        skip=not published,
        labels=labels,
        published=published,
        dtype=dtype,
        regularisation=regularisation,
        seed=seed,
    )
    widths = None if width is None else (int(width),) if not isinstance(width, Sequence) else tuple(map(int, width))
    if published:
        largest_entry = max(np.abs(summary.low).max(), np.abs(summary.high).max(), np.abs(summary.y).max())
        if largest_entry > LARGEST_PUBLISHED:
            raise ValueError(
                f"the published method takes values as they are, and squares of {largest_entry:.3g} overflow; divide x"
                " and y by their sizes, or leave out published=True"
            )
        candidate = Candidate(
            widths or (PUBLISHED_WIDTH,), activation or "tanh", scale if scale is not None else 1.0, sampler or "swim"
        )
        choice = Choice(candidate, np.nan, "the published method")
        _affordable(problem, max(candidate.widths), memory, summary.x.nbytes + summary.y.nbytes)
        return _finished(problem, problem.fit(candidate), choice)
    held = summary.x.nbytes + summary.y.nbytes
    largest = _affordable(problem, max(widths) if widths else None, memory, held)
    choice = select(problem, widths, activation, scale, sampler, tolerance, largest)
    return _finished(problem, _final(problem, choice), choice)


def _final(problem: Problem, choice: Choice) -> Fitted:
    """Fit to all rows, by the cheapest way that shows all digits of the error to be expected."""
    if choice.fitted is not None:
        return choice.fitted
    columns = problem.free + choice.candidate.widths[-1]
    method: Method = "qr"
    if choice.error > HARD and problem.regularisation != 0.0:
        method = "gram"
    elif problem.rows.count > 2 * KEPT * columns:
        method = "sketch"
    return problem.fit(choice.candidate, method=method)


def _finished(problem: Problem, fitted: Fitted, choice: Choice) -> RegressionFit:
    summary = problem.summary
    return RegressionFit(problem.network(fitted), fitted, choice, summary.low, summary.high, problem.rows.count)


def _affordable(problem: Problem, width: int | None, memory: int | None, held: int) -> int:
    """Most neurons of a layer that ``memory`` allows."""
    if memory is None:
        return LARGEST
    outputs, count = problem.rows.outputs, problem.rows.count

    def needed(neurons: int) -> int:
        return held + bytes_needed(count, problem.free + neurons + outputs)

    least = needed(0 if width is None else width)
    if memory < least:
        what = "the linear part alone" if width is None else f"a width of {width}"
        raise ValueError(
            f"memory of {memory / 1e6:.3g} MB is too small for {problem.rows.inputs} inputs and {outputs} targets:"
            f" {what} needs {least / 1e6:.3g} MB; allow more, or take fewer columns or neurons"
        )
    return max([w for w in range(1, LARGEST + 1) if needed(w) <= memory], default=0)
