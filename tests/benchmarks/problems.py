"""The Hamiltonians of the published experiments on sampled networks: formulas, domains and published errors.

Published errors are relative L2 errors of H on fresh points, the constant of H included, means of ten runs; seconds
are those of 64 threads of a Xeon Phi (CoolMUC-3). Rahma, Datar and Dietrich (2024), Training Hamiltonian neural
networks without backpropagation, arXiv:2411.17511, and the results stored with it. ELM: normal weights; U-SWIM: pairs
drawn uniformly; A-SWIM: pairs drawn by the values of a first fit. (Their SWIM draws pairs by the true values of H.)
"HNN" is the same network trained by Adam in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dynsamp.models.base import Samples
from dynsamp.words import Facts, State

__all__ = ["PROBLEMS", "Problem", "Published", "error_of", "fresh_points", "points", "samples"]

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Published:
    """One published figure."""

    method: str
    width: int
    error: float
    seconds: float
    where: str = "64 threads"


@dataclass(frozen=True)
class Problem:
    """A Hamiltonian of points (point, component), q first; its gradient, domain and published figures."""

    title: str
    energy: Function
    gradient: Function  # (point, component)
    box: tuple[tuple[float, float], ...]
    points: int
    published: tuple[Published, ...] = ()
    separable: bool = True

    @property
    def dof(self) -> int:
        """Degrees of freedom."""
        return len(self.box) // 2

    def best(self) -> Published | None:
        """The published network of least error that needs no values of H."""
        sampled = [figure for figure in self.published if figure.method in ("ELM", "U-SWIM", "A-SWIM")]
        return min(sampled, key=lambda figure: figure.error) if sampled else None


def _angles(y: np.ndarray) -> tuple[np.ndarray, ...]:
    q1, q2, p1, p2 = y.T
    cosine, sine = np.cos(q1 - q2), np.sin(q1 - q2)
    return q1, q2, p1, p2, cosine, sine, 1 + sine**2


def double_pendulum(y: np.ndarray) -> np.ndarray:
    """Two unit masses on unit rods, unit gravity."""
    q1, q2, p1, p2, cosine, _, d = _angles(y)
    return np.asarray((p1**2 + 2 * p2**2 - 2 * p1 * p2 * cosine) / (2 * d) - 2 * np.cos(q1) - np.cos(q2))


def double_pendulum_gradient(y: np.ndarray) -> np.ndarray:
    """Gradient of double_pendulum."""
    q1, q2, p1, p2, cosine, sine, d = _angles(y)
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


def pendulum(steepness: float = 1.0) -> tuple[Function, Function]:
    """Return p^2 / 2 + 1 - cos(steepness q) and its gradient."""
    return (
        lambda y: 0.5 * y[:, 1] ** 2 + 1 - np.cos(steepness * y[:, 0]),
        lambda y: np.stack([steepness * np.sin(steepness * y[:, 0]), y[:, 1]], axis=1),
    )


def lotka_volterra(
    alpha: float = -2.0, beta: float = -1.0, gamma: float = -1.0, delta: float = -1.0
) -> tuple[Function, Function]:
    """Return beta e^q - alpha q + delta e^p - gamma p, of logarithmic predators and prey, and its gradient."""
    return (
        lambda y: beta * np.exp(y[:, 0]) - alpha * y[:, 0] + delta * np.exp(y[:, 1]) - gamma * y[:, 1],
        lambda y: np.asarray(np.exp(y) * [beta, delta] - [alpha, gamma]),
    )


def spring(y: np.ndarray) -> np.ndarray:
    """Harmonic oscillator about q = 1."""
    return np.asarray(0.5 * y[:, 1] ** 2 + 0.5 * (y[:, 0] - 1) ** 2)


def spring_gradient(y: np.ndarray) -> np.ndarray:
    """Gradient of spring."""
    return np.asarray(np.stack([y[:, 0] - 1, y[:, 1]], axis=1))


_TURN = 2 * np.pi
PROBLEMS = {
    "pendulum-small": Problem(
        "pendulum [-2pi,2pi]x[-1,1]", *pendulum(), ((-_TURN, _TURN), (-1, 1)), 10_000,
        (
            Published("ELM", 200, 3.59e-5, 0.3), Published("U-SWIM", 200, 7.80e-8, 0.3),
            Published("A-SWIM", 200, 5.59e-7, 0.7), Published("ELM", 1000, 1.49e-11, 2.0),
            Published("U-SWIM", 1000, 8.74e-10, 1.8), Published("A-SWIM", 1000, 3.62e-10, 4.1),
            Published("ELM", 2000, 1.21e-13, 4.7), Published("U-SWIM", 2000, 2.43e-10, 4.0),
            Published("A-SWIM", 2000, 1.37e-10, 9.3), Published("HNN", 1000, 2.17e-3, 90.8, "a GPU"),
        ),
    ),
    "pendulum-large": Problem(
        "pendulum [-2pi,2pi]x[-6,6]", *pendulum(), ((-_TURN, _TURN), (-6, 6)), 10_000,
        (
            Published("ELM", 1000, 9.82e-8, 2.1), Published("U-SWIM", 1000, 6.88e-10, 1.8),
            Published("A-SWIM", 1000, 1.55e-9, 4.2), Published("ELM", 2000, 1.80e-10, 5.3),
            Published("U-SWIM", 2000, 1.25e-10, 4.2), Published("A-SWIM", 2000, 2.66e-10, 9.3),
            Published("HNN", 1000, 7.37e-4, 98.3, "a GPU"),
        ),
    ),
    "lotka-volterra-2": Problem(
        "Lotka-Volterra [-2,2]^2", *lotka_volterra(), ((-2, 2),) * 2, 10_000,
        (
            Published("ELM", 1000, 3.04e-12, 1.9), Published("U-SWIM", 1000, 3.49e-10, 1.8),
            Published("A-SWIM", 1000, 1.48e-10, 4.2), Published("ELM", 2000, 1.28e-12, 4.5),
            Published("U-SWIM", 2000, 9.69e-11, 4.2), Published("A-SWIM", 2000, 3.88e-11, 9.8),
            Published("HNN", 1000, 2.35e-3, 94.3, "a GPU"),
        ),
    ),
    "lotka-volterra-5": Problem(
        "Lotka-Volterra [-5,5]^2", *lotka_volterra(), ((-5, 5),) * 2, 10_000,
        (
            Published("ELM", 1000, 1.02e-8, 2.1), Published("U-SWIM", 1000, 3.85e-8, 2.0),
            Published("A-SWIM", 1000, 7.99e-9, 4.3), Published("ELM", 2000, 3.15e-11, 5.0),
            Published("U-SWIM", 2000, 9.23e-9, 4.2), Published("A-SWIM", 2000, 1.69e-9, 9.6),
            Published("HNN", 1000, 1.38e-3, 216.7, "a GPU"),
        ),
    ),
    "lotka-volterra-8": Problem(
        "Lotka-Volterra [0,8]^2", *lotka_volterra(3.5, 0.025, 10.0, 0.07), ((0, 8),) * 2, 10_000,
        (
            Published("ELM", 1000, 3.27e-6, 1.9), Published("U-SWIM", 1000, 1.17e-7, 1.9),
            Published("A-SWIM", 1000, 1.51e-8, 4.3), Published("ELM", 2000, 2.28e-7, 4.5),
            Published("U-SWIM", 2000, 5.53e-8, 4.3), Published("A-SWIM", 2000, 2.79e-9, 9.6),
        ),
    ),
    "henon-heiles": Problem(
        "Henon-Heiles [-5,5]^4", henon_heiles, henon_heiles_gradient, ((-5, 5),) * 4, 20_000,
        (
            Published("ELM", 5000, 2.07e-2, 46.0), Published("U-SWIM", 5000, 8.22e-8, 41.7),
            Published("A-SWIM", 5000, 6.80e-8, 89.4), Published("HNN", 5000, 6.68e-4, 13140.6),
        ),
    ),
    "double-pendulum": Problem(
        "double pendulum", double_pendulum, double_pendulum_gradient, ((-np.pi, np.pi),) * 2 + ((-1, 1),) * 2, 20_000,
        (
            Published("ELM", 1000, 3.12e-2, 5.6), Published("U-SWIM", 1000, 2.12e-2, 5.5),
            Published("A-SWIM", 1000, 2.12e-2, 12.1), Published("ELM", 5000, 5.69e-3, 43.1),
            Published("U-SWIM", 5000, 5.00e-3, 39.6), Published("A-SWIM", 5000, 4.08e-3, 85.2),
            Published("A-SWIM", 10_000, 2.57e-3, 254.0), Published("HNN", 5000, 3.62e-3, 10485.4),
        ),
        separable=False,
    ),
    "spring": Problem(
        "spring about q = 1 [-5,5]^2", spring, spring_gradient, ((-5, 5),) * 2, 8000,
        (
            Published("ELM", 1000, 2.15e-11, 1.38, "a laptop"), Published("A-SWIM", 1000, 1.89e-11, 3.14, "a laptop"),
            Published("HNN", 1000, 1.55e-3, 220.0, "a laptop"),
        ),
    ),
    **{
        f"steep-{steepness}": Problem(
            f"steep pendulum, cos({steepness} q)", *pendulum(steepness), ((-np.pi, np.pi), (-0.5, 0.5)), 10_000,
            tuple(map(Published, ("ELM", "U-SWIM", "A-SWIM"), (1500,) * 3, errors, (3.0, 2.9, 6.7))),
        )
        for steepness, errors in {
            10: (1.73e-7, 2.07e-6, 1.58e-7), 15: (6.72e-5, 2.72e-4, 1.88e-5), 20: (9.33e-3, 1.66e-2, 7.94e-4)
        }.items()
    },
}  # fmt: skip


def points(problem: Problem, seed: int, count: int | None = None) -> np.ndarray:
    """Points (point, component), uniform in the domain."""
    low, high = np.transpose(problem.box)
    return np.random.default_rng(seed).uniform(low, high, (count or problem.points, len(low)))


def fresh_points(problem: Problem, seed: int, count: int = 10_000) -> np.ndarray:
    """Fresh points (point, component) of the same distribution."""
    return points(problem, 100_000 + seed, count)


def samples(problem: Problem, seed: int, *, separable: bool = False) -> Samples:
    """Points with their derivatives, (q', p') = (dH/dp, -dH/dq)."""
    y = points(problem, seed)
    gradient, dof = problem.gradient(y), problem.dof
    dy = np.concatenate([gradient[:, dof:], -gradient[:, :dof]], axis=1)
    states = tuple(State(f"{kind}{k + 1}") for kind in "qp" for k in range(dof))
    return Samples(np.zeros((len(y), 1)), y[:, None], states, dy=dy[:, None], facts=Facts(separable=separable))


def error_of(values: np.ndarray, truth: np.ndarray, *, constant: bool = False) -> float:
    """Relative L2 error; the mean difference, which derivatives cannot tell, is removed unless ``constant``."""
    difference = values - truth
    if not constant:
        difference = difference - difference.mean()
    return float(np.linalg.norm(difference) / np.linalg.norm(truth))
