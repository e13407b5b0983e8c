"""Accuracy and cost of ``HamiltonianNetwork()`` on the problems of the literature, beside published values.

Run: python tests/benchmarks/bench_hamiltonian.py [seeds]

Points are uniform in the box, with derivatives. Errors are medians over seeds of the relative L2 error of H on
10 000 fresh points; the free constant of H is fixed by the mean difference. Times are process CPU seconds and wall
seconds of the whole fit, the choice of activation, scale and width included.

Published: Rahma, Datar and Dietrich (2024), Training Hamiltonian neural networks without backpropagation,
arXiv:2411.17511, A-SWIM networks of width 1000 (pendulum, Lotka-Volterra) or 5000 (double pendulum, Henon-Heiles),
64 threads. "HNN" is their network of the same width trained by Adam.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import numpy as np

from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianModel, HamiltonianNetwork
from dynsamp.words import State

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A Hamiltonian, its gradient, the box and the published errors and seconds."""

    energy: Function
    gradient: Function
    box: list[tuple[float, float]]
    points: int
    published: str = ""
    separable: tuple[bool, ...] = (False, True)


def _double_pendulum(y: np.ndarray) -> tuple[np.ndarray, ...]:
    q1, q2, p1, p2 = y.T
    cosine, sine = np.cos(q1 - q2), np.sin(q1 - q2)
    return q1, q2, p1, p2, cosine, sine, 1 + sine**2


def double_pendulum(y: np.ndarray) -> np.ndarray:
    """Two unit masses on unit rods, unit gravity."""
    q1, q2, p1, p2, cosine, _, d = _double_pendulum(y)
    return np.asarray((p1**2 + 2 * p2**2 - 2 * p1 * p2 * cosine) / (2 * d) - 2 * np.cos(q1) - np.cos(q2))


def double_pendulum_gradient(y: np.ndarray) -> np.ndarray:
    """Gradient of double_pendulum."""
    q1, q2, p1, p2, cosine, sine, d = _double_pendulum(y)
    kinetic = (p1**2 + 2 * p2**2 - 2 * p1 * p2 * cosine) / (2 * d**2)
    coupling = p1 * p2 * sine / d - kinetic * 2 * sine * cosine
    velocities = (p1 - p2 * cosine) / d, (2 * p2 - p1 * cosine) / d
    return np.stack([2 * np.sin(q1) + coupling, np.sin(q2) - coupling, *velocities], axis=1)


def henon_heiles(y: np.ndarray) -> np.ndarray:
    """Henon and Heiles (1964)."""
    return np.asarray(0.5 * np.sum(y**2, axis=1) + y[:, 0] ** 2 * y[:, 1] - y[:, 1] ** 3 / 3)


def henon_heiles_gradient(y: np.ndarray) -> np.ndarray:
    """Gradient of henon_heiles."""
    q1, q2, p1, p2 = y.T
    return np.stack([q1 + 2 * q1 * q2, q2 + q1**2 - q2**2, p1, p2], axis=1)


def pendulum(steepness: float) -> tuple[Function, Function]:
    """Return p^2 / 2 + 1 - cos(steepness q) and its gradient."""
    return (
        lambda y: 0.5 * y[:, 1] ** 2 + 1 - np.cos(steepness * y[:, 0]),
        lambda y: np.stack([steepness * np.sin(steepness * y[:, 0]), y[:, 1]], axis=1),
    )


def lotka_volterra(y: np.ndarray) -> np.ndarray:
    """Logarithmic predators and prey."""
    return np.asarray(-np.exp(y[:, 0]) + 2 * y[:, 0] - np.exp(y[:, 1]) + y[:, 1])


def lotka_volterra_gradient(y: np.ndarray) -> np.ndarray:
    """Gradient of lotka_volterra."""
    return np.asarray(-np.exp(y) + [2.0, 1.0])


TURN = 2 * np.pi
PROBLEMS = {
    "pendulum [-2pi,2pi]x[-1,1]": Problem(
        *pendulum(1), [(-TURN, TURN), (-1, 1)], 10_000, "3.6e-10 in 4.1 s; HNN 2.2e-3 in 91 s (GPU)"
    ),
    "pendulum [-2pi,2pi]x[-6,6]": Problem(
        *pendulum(1), [(-TURN, TURN), (-6, 6)], 10_000, "1.6e-9 in 4.2 s; HNN 7.4e-4 in 98 s (GPU)"
    ),
    "steep pendulum, cos(10 q)": Problem(*pendulum(10), [(-TURN, TURN), (-1, 1)], 10_000),
    "Lotka-Volterra [-2,2]^2": Problem(
        lotka_volterra, lotka_volterra_gradient, [(-2, 2)] * 2, 10_000, "1.5e-10 in 4.2 s; HNN 2.4e-3 in 94 s (GPU)"
    ),
    "Lotka-Volterra [-5,5]^2": Problem(
        lotka_volterra, lotka_volterra_gradient, [(-5, 5)] * 2, 10_000, "8.0e-9 in 4.3 s; HNN 1.4e-3 in 217 s (GPU)"
    ),
    "Henon-Heiles [-5,5]^4": Problem(
        henon_heiles, henon_heiles_gradient, [(-5, 5)] * 4, 20_000, "6.8e-8 in 89 s; HNN 6.7e-4 in 13141 s"
    ),
    "double pendulum": Problem(
        double_pendulum,
        double_pendulum_gradient,
        [(-np.pi, np.pi)] * 2 + [(-1, 1)] * 2,
        20_000,
        "4.1e-3 in 85 s; HNN 3.6e-3 in 10485 s",
        (False,),
    ),
}


def samples(problem: Problem, separable: bool, seed: int, noise: float = 0.0) -> Samples:
    """Uniform points with derivatives; ``noise`` is relative to the spread of each derivative."""
    rng = np.random.default_rng(seed)
    low, high = np.transpose(problem.box)
    y = rng.uniform(low, high, (problem.points, len(low)))
    gradient = problem.gradient(y)
    dof = len(low) // 2
    dy = np.concatenate([gradient[:, dof:], -gradient[:, :dof]], axis=1)
    dy += noise * dy.std(axis=0) * rng.normal(size=dy.shape)
    states = tuple(State(f"{kind}{k + 1}") for kind in "qp" for k in range(dof))
    return Samples(np.zeros((len(y), 1)), y[:, None], states, dy=dy[:, None], facts={"separable": separable})


def measure(problem: Problem, separable: bool, seed: int) -> tuple[float, float, float, HamiltonianModel]:
    """Error, CPU seconds, wall seconds and the model."""
    data = samples(problem, separable, seed)
    wall, cpu = time.perf_counter(), time.process_time()
    model = HamiltonianNetwork().fit(data, seed=seed)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    low, high = np.transpose(problem.box)
    y = np.random.default_rng(100_000 + seed).uniform(low, high, (10_000, len(low)))
    truth = problem.energy(y)
    difference = model.energy(y) - truth
    return float(np.linalg.norm(difference - difference.mean()) / np.linalg.norm(truth)), cpu, wall, model


def energy_drift(seed: int = 0) -> tuple[float, float]:
    """Largest energy error over 400 time units, Yoshida's 4th order with step 0.05: learned and true Henon-Heiles."""
    problem = Problem(henon_heiles, henon_heiles_gradient, [(-0.7, 0.7)] * 4, 1000)
    model = HamiltonianNetwork().fit(samples(problem, True, seed), seed=seed)
    cube = 2 ** (1 / 3)
    weights = (1 / (2 - cube), -cube / (2 - cube), 1 / (2 - cube))

    def field(y: np.ndarray) -> np.ndarray:
        gradient = henon_heiles_gradient(y)
        return np.concatenate([gradient[:, 2:], -gradient[:, :2]], axis=1)

    errors = []
    for right in (model.vector_field, field):
        y = np.random.default_rng(5).uniform(-0.3, 0.3, (20, 4))
        start = henon_heiles(y)
        largest = 0.0
        for n in range(8000):
            for weight in weights:
                y[:, :2] += weight * 0.025 * right(y)[:, :2]
                y[:, 2:] += weight * 0.05 * right(y)[:, 2:]
                y[:, :2] += weight * 0.025 * right(y)[:, :2]
            if n % 100 == 99:
                largest = max(largest, float(np.abs(henon_heiles(y) - start).max()))
        errors.append(largest)
    return errors[0], errors[1]


def main() -> None:
    """Print the table."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'problem':28} {'structure':10} {'error of H':>10} {'cpu s':>6} {'wall s':>6}  chosen (first seed)")
    for name, problem in PROBLEMS.items():
        for separable in problem.separable:
            runs = [measure(problem, separable, seed) for seed in range(seeds)]
            error, cpu, wall = (statistics.median(run[k] for run in runs) for k in range(3))  # type: ignore[type-var]
            chosen = runs[0][3].report
            what = f"{chosen['activation']}, {chosen['width']} neurons, slope {chosen['scale']}"
            kind = "separable" if separable else "general"
            print(f"{name:28} {kind:10} {error:10.1e} {cpu:6.2f} {wall:6.2f}  {what}", flush=True)
        if problem.published:
            print(f"{'':28} published  {problem.published}")
    learned, true = energy_drift()
    print(f"energy error over 400 time units, Henon-Heiles, Yoshida 4: learned {learned:.2e}, true field {true:.2e}")


if __name__ == "__main__":
    main()
