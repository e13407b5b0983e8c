"""Plain regression with sampled networks: choose what was left open, sample the hidden layers, solve for the last.

Inputs and targets are standardised, so that units do not matter and every target counts the same. A linear part
[1, x], free of any penalty, stands beside the neurons: it is exact for linear data and what noisy data are shrunk to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.networks.network import Network
from dynsamp.networks.neurons import FitOptions, Neurons
from dynsamp.networks.regression_problem import (
    KEPT,
    Fitted,
    Method,
    Problem,
    bytes_needed,
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
        neurons, solution = self.fitted.neurons, self.fitted.solution
        widths = [layer.width for layer in self.network.hidden.layers]
        return {
            "width": widths[0] if len(widths) == 1 else widths or 0,
            "activation": neurons.activation,
            "scale": neurons.scale,
            "sampler": neurons.drawn_by,
            "rows": solution.rows,
            "rank": solution.rank,
            "condition": solution.condition,
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
    most = max(1, min(MOST_DRAWN, SAMPLE // (source.inputs + source.outputs)))
    summary = source.survey(most, generator(options.seed, "survey"))
    problem = Problem(source, summary, scaling(summary.x, summary.y), options, labels, published, dtype)
    if published:
        largest_entry = max(np.abs(summary.low).max(), np.abs(summary.high).max(), np.abs(summary.y).max())
        if largest_entry > LARGEST_PUBLISHED:
            raise ValueError(
                f"the published method takes values as they are, and squares of {largest_entry:.3g} overflow; divide x"
                " and y by their sizes, or leave out published=True"
            )
        neurons = Neurons(
            PUBLISHED_WIDTH if neurons.width is None else neurons.width,
            neurons.activation or "tanh",
            1.0 if neurons.scale is None else neurons.scale,
            neurons.sampler or "swim",
        )
        choice = Choice(neurons, np.nan, "the published method")
        _affordable(problem, neurons)
        return _finished(problem, problem.fit(neurons), choice)
    choice = select(problem, neurons, _affordable(problem, neurons))
    return _finished(problem, _final(problem, choice), choice)


def _final(problem: Problem, choice: Choice) -> Fitted:
    """Fit to all rows, by the cheapest way that shows all digits of the error to be expected."""
    if choice.fitted is not None:
        return choice.fitted
    columns = problem.free + choice.neurons.last
    method: Method = "qr"
    if choice.error > HARD and problem.options.regularisation != 0.0:
        method = "gram"
    elif problem.rows.count > 2 * KEPT * columns:
        method = "sketch"
    return problem.fit(choice.neurons, method=method)


def _finished(problem: Problem, fitted: Fitted, choice: Choice) -> RegressionFit:
    summary = problem.summary
    return RegressionFit(problem.network(fitted), fitted, choice, summary.low, summary.high, problem.rows.count)


def _affordable(problem: Problem, neurons: Neurons) -> int:
    """Most neurons of a layer that the memory allows."""
    memory, width = problem.options.memory, max(neurons.widths, default=None)
    if memory is None:
        return LARGEST
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
    return max([w for w in range(1, LARGEST + 1) if needed(w) <= memory], default=0)
