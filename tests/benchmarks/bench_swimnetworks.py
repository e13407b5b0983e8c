"""Regression of H from its values: ``SampledNetwork`` against the reference package swimnetworks 0.0.2.

Run: python tests/benchmarks/bench_swimnetworks.py [--seeds 5] [--points 20000]          (extra ``bench``)

The package: Dense (tanh, pairs drawn by |df| / |dx|) and Linear, its defaults (cut-off 1e-8) and with the cut-off
1e-13 of the published Hamiltonian experiments. Each of its rows is met twice: by a network asked for that error
(``tolerance=``, width, activation and scale chosen by itself) and by one of the same width (activation and scale chosen
by itself). Both sides run in turn in one process, one thread; CPU seconds of whole fits, medians over seeds, the error
on fresh points, relative L2.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from problems import PROBLEMS, error_of, fresh_points, points
from swimnetworks import Dense, Linear

from dynsamp.meter import Cost, Meter
from dynsamp.models.sampled_network import SampledNetwork

CASES = ("pendulum-large", "lotka-volterra-5", "henon-heiles")
WIDTHS = (100, 300, 1000)
CUTOFFS = (1e-8, 1e-13)

Predict = Callable[[np.ndarray], np.ndarray]


def package(x: np.ndarray, y: np.ndarray, width: int, cutoff: float, seed: int) -> Predict:
    """Fit the package as its examples do."""
    hidden = Dense(layer_width=width, activation=np.tanh, parameter_sampler="tanh", random_seed=seed)
    last = Linear(regularization_scale=cutoff)
    column = y[:, None]
    hidden.fit(x, column)
    last.fit(hidden.transform(x), column)
    return lambda z: np.asarray(last.transform(hidden.transform(z)))[:, 0]


def ours(x: np.ndarray, y: np.ndarray, seed: int, **knobs: float) -> Predict:
    """Fit SampledNetwork."""
    model = SampledNetwork(**knobs).fit(x, y, seed=seed)  # type: ignore[arg-type]
    return lambda z: np.asarray(model.values(z)).reshape(len(z))


class Row:
    """Errors and costs of one method over seeds."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.costs: list[Cost] = []

    def add(self, fit: Callable[[], Predict], test: np.ndarray, truth: np.ndarray) -> None:
        """Fit, measure, evaluate."""
        with Meter() as meter:
            predict = fit()
        self.costs.append(meter.cost)
        self.errors.append(error_of(predict(test), truth, constant=True))

    @property
    def error(self) -> float:
        """Median."""
        return statistics.median(self.errors)

    @property
    def cpu(self) -> float:
        """Median CPU seconds."""
        return statistics.median(cost.cpu_seconds for cost in self.costs)

    @property
    def joules(self) -> float:
        """Median."""
        return statistics.median(cost.joules for cost in self.costs)


def compare(name: str, seeds: int, count: int) -> str:
    """Print the rows of one case; return the source of the joules."""
    problem = PROBLEMS[name]
    rows = {(width, cutoff): (Row(), Row(), Row()) for width in WIDTHS for cutoff in CUTOFFS}
    for seed in range(seeds):
        x, test = points(problem, seed, count), fresh_points(problem, seed)
        y, truth = problem.energy(x), problem.energy(test)
        for (width, cutoff), (theirs, equal_error, equal_width) in rows.items():
            theirs.add(lambda: package(x, y, width, cutoff, seed), test, truth)  # noqa: B023
            equal_error.add(lambda: ours(x, y, seed, tolerance=theirs.errors[-1]), test, truth)  # noqa: B023
            equal_width.add(lambda: ours(x, y, seed, width=width), test, truth)  # noqa: B023
    print(f"\n{problem.title}, {count} points")
    print(f"{'swimnetworks':>20}{'error':>9}{'cpu s':>8}{'J':>8} |{'equal error':>12}{'cpu s':>8}{'J':>8}{'faster':>8}"
          f" |{'equal width':>12}{'cpu s':>8}{'J':>8}{'faster':>8}{'less error':>12}")  # fmt: skip
    for (width, cutoff), (theirs, first, second) in rows.items():
        left = f"{width:8} rcond {cutoff:.0e}{theirs.error:9.1e}{theirs.cpu:8.3f}{theirs.joules:8.2f}"
        middle = f"{first.error:12.1e}{first.cpu:8.4f}{first.joules:8.3f}{theirs.cpu / first.cpu:8.0f}"
        right = f"{second.error:12.1e}{second.cpu:8.3f}{second.joules:8.2f}{theirs.cpu / second.cpu:8.1f}"
        print(f"{left} |{middle} |{right}{theirs.error / second.error:12.1e}", flush=True)
    return theirs.costs[0].energy_source


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", choices=sorted(PROBLEMS), default=CASES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--points", type=int, default=20_000)
    choice = parser.parse_args()
    x = points(PROBLEMS[CASES[0]], 0, 2000)
    ours(x, PROBLEMS[CASES[0]].energy(x), 0)  # compiles
    for name in choice.cases:
        source = compare(name, choice.seeds, choice.points)
    print(f"\nenergy: {source}; ratios are theirs over ours")


if __name__ == "__main__":
    main()
