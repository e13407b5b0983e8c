"""Accuracy and cost of ``HamiltonianNetwork()`` on every published problem, beside the best published network.

Run: python tests/benchmarks/bench_hamiltonian.py [--seeds 5] [--problems pendulum-small ...] [--heavy]

Number of points, domain and error are those of the publication (see problems.py): relative L2 error of H on 10 000
fresh points, its constant included, given H(0). Ours: medians over seeds; CPU seconds and joules of the whole fit,
told nothing but what the second column says, the choice of activation, scale and width included. Published: the
sampler and width of least error, and its seconds on 64 threads; the same network fitted here, once, on one thread
(``published=True``; those wider than 2000 neurons with --heavy only) gives the ratios of time and energy.
"""

from __future__ import annotations

import argparse
import os
import statistics
from dataclasses import dataclass, replace
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import numpy as np
from problems import PROBLEMS, Problem, error_of, fresh_points, samples

from dynsamp.meter import Cost, Meter
from dynsamp.models.hamiltonian import HamiltonianModel, HamiltonianNetwork

SAMPLERS = {"ELM": "elm", "U-SWIM": "uniform", "A-SWIM": "adaptive"}
WIDEST = 2000  # of a published network that is fitted here by default
DOUBLE_PENDULUM = (
    ("parity, time reversal", {"symmetries": ("parity", "time-reversal")}),
    ("angles, quadratic in p", {"periodic": {"q1": 2 * np.pi, "q2": 2 * np.pi}, "quadratic_in_p": True}),
)


@dataclass(frozen=True)
class Run:
    """One fit."""

    error: float
    cost: Cost
    model: HamiltonianModel


def measure(problem: Problem, seed: int, *, separable: bool = False, **knobs: Any) -> Run:
    """Fit to the points of one seed."""
    data, test = samples(problem, seed, separable=separable), fresh_points(problem, seed)
    origin = np.zeros((1, len(problem.box)))
    estimator = HamiltonianNetwork(reference=(origin[0].tolist(), float(problem.energy(origin)[0])), **knobs)
    with Meter() as meter:
        model = estimator.fit(data, seed=seed)
    return Run(error_of(model.energy(test), problem.energy(test), constant=True), meter.cost, model)


def variants(name: str) -> list[tuple[str, dict[str, Any]]]:
    """What the fits of a problem are told."""
    told: list[tuple[str, dict[str, Any]]] = [("nothing", {})]
    if PROBLEMS[name].separable:
        told.append(("separable", {"separable": True}))
    if name == "double-pendulum":
        told.extend(DOUBLE_PENDULUM)
    best = PROBLEMS[name].best()
    if name.startswith("steep") and best is not None:
        told.append((f"width {best.width}", {"width": best.width}))
    return told


def show(name: str, seeds: int, heavy: bool) -> str:
    """Print the rows of one problem; return the source of the joules."""
    problem, best = PROBLEMS[name], PROBLEMS[name].best()
    assert best is not None
    here = None
    if best.width <= WIDEST or heavy:
        here = measure(problem, 0, published=True, width=best.width, sampler=SAMPLERS[best.method])
    for label, knobs in variants(name):
        runs = [measure(problem, seed, **knobs) for seed in range(seeds)]
        error, cpu, joules = (
            statistics.median(column)
            for column in zip(*((run.error, run.cost.cpu_seconds, run.cost.joules) for run in runs), strict=True)
        )
        ratios = " " * 14
        if here is not None:
            ratios = f"{here.cost.cpu_seconds / cpu:7.1f}{here.cost.joules / joules:7.1f}"
        report = runs[0].model.report
        chosen = f"{report['activation']}, {report['width']} neurons, slope {report['scale']}"
        figures = f"{error:9.1e}{cpu:8.2f}{joules:8.1f}{best.error / error:9.1e}{ratios}"
        print(f"{problem.title:28}{label:24}{figures}  {chosen}", flush=True)
    text = f"{best.method} {best.width}: {best.error:.2e} in {best.seconds:g} s ({best.where})"
    if here is not None:
        text += f"; here {here.error:.2e} in {here.cost.cpu_seconds:.1f} CPU s, {here.cost.joules:.0f} J"
    trained = [f"; HNN {f.error:.2e} in {f.seconds:g} s ({f.where})" for f in problem.published if f.method == "HNN"]
    print(f"{'':28}published  {text}{''.join(trained)}", flush=True)
    return runs[0].cost.energy_source


def energy_drift(seed: int = 0) -> tuple[float, float]:
    """Largest energy error over 400 time units, Yoshida's 4th order with step 0.05: learned and true Henon-Heiles."""
    problem = replace(PROBLEMS["henon-heiles"], box=((-0.7, 0.7),) * 4, points=1000)
    model = HamiltonianNetwork().fit(samples(problem, seed, separable=True), seed=seed)
    cube = 2 ** (1 / 3)
    weights = (1 / (2 - cube), -cube / (2 - cube), 1 / (2 - cube))

    def field(y: np.ndarray) -> np.ndarray:
        gradient = problem.gradient(y)
        return np.concatenate([gradient[:, 2:], -gradient[:, :2]], axis=1)

    errors = []
    for right in (model.vector_field, field):
        y = np.random.default_rng(5).uniform(-0.3, 0.3, (20, 4))
        start = problem.energy(y)
        largest = 0.0
        for n in range(8000):
            for weight in weights:
                y[:, :2] += weight * 0.025 * right(y)[:, :2]
                y[:, 2:] += weight * 0.05 * right(y)[:, 2:]
                y[:, :2] += weight * 0.025 * right(y)[:, :2]
            if n % 100 == 99:
                largest = max(largest, float(np.abs(problem.energy(y) - start).max()))
        errors.append(largest)
    return errors[0], errors[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--problems", nargs="+", choices=sorted(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--heavy", action="store_true", help="fit the widest published networks, too")
    choice = parser.parse_args()
    measure(replace(PROBLEMS["pendulum-small"], points=500), 0)  # compiles
    print(f"{'':85}{'published / ours':>16}")
    print(
        f"{'problem':28}{'told':24}{'error':>9}{'cpu s':>8}{'J':>8}{'error':>9}{'cpu':>7}{'J':>7}  chosen (first seed)"
    )
    for name in choice.problems:
        source = show(name, choice.seeds, choice.heavy)
    learned, true = energy_drift()
    print(f"energy error over 400 time units, Henon-Heiles, Yoshida 4: learned {learned:.2e}, true field {true:.2e}")
    print(f"energy: {source}")


if __name__ == "__main__":
    main()
