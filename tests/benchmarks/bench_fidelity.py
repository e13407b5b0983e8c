"""The published method with its own knobs beside its published errors: tanh, coordinates as they are, cut-off 1e-13.

Run: python tests/benchmarks/bench_fidelity.py [--seeds 3] [--rows 3 4 6] [--heavy]

Each row is a published experiment (or, where it says "here", one that was recomputed with the published code's knobs)
at its own width, number of points and domain: relative L2 error of H on fresh points, its constant included, given
H(0); means over seeds, as published (medians beside a single published run). ``band`` is the factor within which a
row counts as reproduced. Row 19 learns from pairs of states a step apart (symplectic Euler collocation, then the
first-order correction). The steep pendulums show where pairs drawn from data win over normal weights: by 1.1, 3.6 and
12 times as published. CPU seconds and joules are medians; normal weights, elm, are the baseline of their ratio.

Rahma, Datar and Dietrich (2024), arXiv:2411.17511; the spring about q = 1 is the authors' introductory example.
"""

from __future__ import annotations

import argparse
import os
import statistics
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from problems import PROBLEMS, error_of, fresh_points, pendulum, points
from scipy.integrate import solve_ivp

from dynsamp.meter import Cost, Meter
from dynsamp.networks.energy_published import SAMPLERS, fit_published
from dynsamp.networks.gradients import Gradients

MEMORY = 1 << 30  # bytes for a matrix; more rows are reduced block by block


@dataclass(frozen=True)
class Row:
    """Published errors of the samplers elm, uniform, adaptive and swim (nan where none)."""

    number: str
    problem: str
    width: int
    errors: tuple[float, float, float, float]
    band: float
    heavy: bool = False
    single: bool = False  # one published run: the median of ours stands beside it, not the mean


_NO = float("nan")
ROWS = (
    Row("3", "pendulum-small", 200, (3.59e-5, 7.80e-8, 5.59e-7, 5.59e-7), 3),
    Row("4", "pendulum-small", 1000, (1.49e-11, 8.74e-10, 3.62e-10, 3.62e-10), 3),
    Row("5", "pendulum-small", 2000, (1.21e-13, 2.43e-10, 1.37e-10, 1.37e-10), 5),
    Row("6", "pendulum-large", 1000, (9.82e-8, 6.88e-10, 1.55e-9, 1.55e-9), 3),
    Row("7", "lotka-volterra-2", 1000, (3.04e-12, 3.49e-10, 1.48e-10, 1.48e-10), 3),
    Row("8", "lotka-volterra-5", 1000, (1.02e-8, 3.85e-8, 7.99e-9, 7.99e-9), 3),
    Row("13", "double-pendulum", 1000, (3.12e-2, 2.12e-2, 2.12e-2, 2.13e-2), 1.5),
    Row("16", "henon-heiles", 5000, (2.07e-2, 8.22e-8, 6.80e-8, 6.80e-8), 3, heavy=True),
    Row("17 here", "henon-heiles", 1000, (1.54e-1, 9.63e-5, 8.62e-5, _NO), 2),
    Row("17 here", "henon-heiles", 2000, (6.20e-2, 9.17e-6, 8.84e-6, _NO), 2, heavy=True),
    Row("18", "spring", 1000, (2.15e-11, _NO, 1.89e-11, _NO), 5, single=True),
    Row("steep", "steep-10", 1500, (1.73e-7, 2.07e-6, 1.58e-7, 1.55e-7), 3),
    Row("steep", "steep-15", 1500, (6.72e-5, 2.72e-4, 1.88e-5, 1.89e-5), 3),
    Row("steep", "steep-20", 1500, (9.33e-3, 1.66e-2, 7.94e-4, 7.63e-4), 3),
)
COLLOCATION = {0.1: (1.49e-2, 4.17e-4), 0.4: (6.07e-2, 6.90e-3)}  # step: error, error once corrected


def published(name: str, width: int, sampler: str, seed: int) -> tuple[float, Cost]:
    """Error of H, with H(0) given, and the cost of the fit."""
    problem = PROBLEMS[name]
    x, test = points(problem, seed), fresh_points(problem, seed)
    data = Gradients(x[None], np.ones(1), problem.gradient(x))
    values = problem.energy(x) if sampler == "swim" else None
    with Meter() as meter:
        energy = fit_published(data, width=width, sampler=sampler, values=values, seed=seed, memory=MEMORY).energy
    origin = np.zeros((1, x.shape[1]))
    offset = problem.energy(origin) - energy.value(origin)
    return error_of(energy.value(test) + offset, problem.energy(test), constant=True), meter.cost


def collocated(step: float, seed: int, width: int = 200, count: int = 2500) -> tuple[float, float]:
    """Errors of H learned from pairs (x, x') of pendulum states a step apart: as fitted, and corrected.

    Rows are at (q', p). What is learned is H - (h/2) H_q H_p to first order in the step h.
    """
    value, gradient = pendulum()
    low, high = np.array([-np.pi, -1.0]), np.array([np.pi, 1.0])
    x, test = (np.random.default_rng([seed, k]).uniform(low, high, (count, 2)) for k in range(2))

    def field(_: float, y: np.ndarray) -> np.ndarray:
        slope = gradient(y.reshape(-1, 2))
        return np.stack([slope[:, 1], -slope[:, 0]], axis=1).ravel()

    after = solve_ivp(field, (0.0, step), x.ravel(), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1].reshape(-1, 2)
    change = (after - x) / step
    target = np.stack([-change[:, 1], change[:, 0]], axis=1)
    nodes = np.stack([after[:, 0], x[:, 1]], axis=1)
    energy = fit_published(Gradients(nodes[None], np.ones(1), target), width=width, seed=seed).energy
    origin = np.zeros((1, 2))
    learned = energy.value(test) + value(origin) - energy.value(origin)
    corrected = learned + 0.5 * step * np.prod(energy.gradient(test), axis=1)
    truth = value(test)
    return error_of(learned, truth, constant=True), error_of(corrected, truth, constant=True)


def show(row: Row, seeds: int) -> str:
    """Print the four samplers of one row; return the source of the joules."""
    baseline = 0.0
    for sampler, paper in zip(SAMPLERS, row.errors, strict=True):
        errors, costs = zip(*(published(row.problem, row.width, sampler, seed) for seed in range(seeds)), strict=True)
        error = statistics.median(errors) if row.single else statistics.mean(errors)
        spread = f"{min(errors):.1e}..{max(errors):.1e}"
        beside = " " * 27
        if np.isfinite(paper):
            good = "yes" if 1 / row.band <= error / paper <= row.band else "no"
            beside = f"{paper:9.2e}{error / paper:8.2f}{row.band:6g} {good:3}"
        cpu = statistics.median(cost.cpu_seconds for cost in costs)
        joules = statistics.median(cost.joules for cost in costs)
        baseline = baseline or cpu
        name = f"{row.number:8}{PROBLEMS[row.problem].title:30}{row.width:6} {sampler:9}"
        print(f"{name}{error:9.2e} {spread:17}{beside}{cpu:8.2f}{joules:8.1f}{cpu / baseline:6.2f}", flush=True)
    return costs[0].energy_source


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", help="numbers of rows; 19 is collocation, 'steep' the steep pendulums")
    parser.add_argument("--heavy", action="store_true", help="also widths of 2000 and 5000 in four dimensions")
    choice = parser.parse_args()

    def wanted(number: str) -> bool:
        return not choice.rows or number.split()[0] in choice.rows

    print(f"{'row':8}{'problem':30}{'width':>6} {'sampler':9}{'error':>9} {'least..largest':17}{'published':>9}"
          f"{'ratio':>8}{'band':>6} in {'cpu s':>8}{'J':>8}{'cost':>6}")  # fmt: skip
    source = ""
    for row in ROWS:
        if wanted(row.number) and (choice.heavy or not row.heavy):
            source = show(row, choice.seeds)
    if wanted("19"):
        for step, (plain, better) in COLLOCATION.items():
            errors = np.mean([collocated(step, seed) for seed in range(choice.seeds)], axis=0)
            for kind, error, paper in zip(("pairs", "corrected"), errors, (plain, better), strict=True):
                print(f"{'19':8}{f'pendulum, pairs {step} apart':30}{200:6} {kind:9}{error:9.2e} {'':17}{paper:9.2e}"
                      f"{error / paper:8.3f}{1.02:6g}")  # fmt: skip
    if source:
        print(f"energy: {source}")


if __name__ == "__main__":
    main()
