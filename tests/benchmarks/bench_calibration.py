"""Whether models know how wrong they are: true over reported error of forty problems, five seeds each.

Run: python tests/benchmarks/bench_calibration.py [--seeds 5] [--only kepler]                             (8 minutes)

For each problem the true error, the reported one, their ratio for each seed (above one: worse than it said), and the
CPU seconds of a fit. At the end: how many ratios are within a factor of three and of ten, and within the interval.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import logging

import numpy as np
from calibration_problems import PROBLEMS, Problem
from threadpoolctl import threadpool_limits

FLOOR = 1e-12  # an error below is one of rounding, whatever is said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of the names of problems")
    options = parser.parse_args()
    logging.getLogger("dynsamp").setLevel(logging.ERROR)
    ratios, inside = [], []
    print(f"{'problem':42s} {'quantity':10s} {'true':>9s} {'reported':>9s} {'CPU s':>6s}  true / reported of each seed")
    for problem in PROBLEMS:
        if options.only.lower() not in problem.name.lower():
            continue
        found, seconds = told(problem, options.seeds)
        for quantity, rows in found.items():
            each = [max(true, FLOOR) / max(value, FLOOR) for true, value, *_ in rows]
            ratios += each
            inside += [low <= max(true, FLOOR) and true <= max(high, FLOOR) for true, _, low, high in rows]
            true, value = (statistics.median(row[k] for row in rows) for k in (0, 1))
            figures = f"{true:9.1e} {value:9.1e} {seconds:6.2f}"
            print(f"{problem.name:42s} {quantity:10s} {figures}  {' '.join(map(marked, each))}", flush=True)
    known = np.abs(np.log(ratios))
    near, far = np.mean(known <= np.log(3.0)), np.count_nonzero(~(known <= np.log(10.0)))
    print(
        f"{len(known)} errors: {near:.0%} within a factor of 3, {far} beyond 10; {np.mean(inside):.0%} in the interval"
    )


def told(problem: Problem, seeds: int) -> tuple[dict[str, list[tuple[float, ...]]], float]:
    """Of each quantity and seed the true and the reported error and the interval; median CPU seconds of a fit."""
    found: dict[str, list[tuple[float, ...]]] = {}
    spent = []
    for seed in range(seeds):
        data = problem.data(seed)
        start = time.process_time()
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = problem.estimator.fit(data, seed=seed)
        spent.append(time.process_time() - start)
        for quantity, true in problem.errors(model, seed).items():
            values = model.report.get("error", np.nan), model.report.get("error_interval", (0.0, 0.0))
            value, span = (each[quantity] if isinstance(each, dict) else each for each in values)
            found.setdefault(quantity, []).append((true, value, *span))
    return found, statistics.median(spent)


def marked(ratio: float) -> str:
    """A ratio; a star beyond a factor of three, an exclamation mark beyond ten."""
    return f"{ratio:.2g}{'' if 1 / 3 <= ratio <= 3 else '*' if 0.1 <= ratio <= 10 else '!'}"


if __name__ == "__main__":
    main()
