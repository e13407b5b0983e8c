"""Forty problems with a known law, and the true error of what a model learned of it, on fresh states.

Trajectories come from SciPy's DOP853 at 1e-11, paths from Euler and Maruyama's method with fifty steps a sample where
no exact step is known. Fresh states are drawn as the data were: other points of the box, other trajectories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from problems import double_pendulum_gradient, henon_heiles_gradient
from scipy.integrate import solve_ivp

import dynsamp as ds
from dynsamp.models.base import Samples
from dynsamp.words import Facts, State

__all__ = ["PROBLEMS", "Problem"]

Field = Callable[[np.ndarray], np.ndarray]
Starts = Callable[[np.random.Generator, int], np.ndarray]
FRESH = 200  # trajectories of fresh states, at most
POINTS = 5000  # fresh points of a box


@dataclass(frozen=True)
class Problem:
    """Data of a seed, the estimator that learns from them, and the true errors of its model."""

    name: str
    estimator: Any
    data: Callable[[int], Samples]
    errors: Callable[[Any, int], dict[str, float]]  # by what the report calls them


def box(low: Any, high: Any) -> Starts:
    """Uniform starts."""
    return lambda rng, count: rng.uniform(low, high, (count, len(low)))


def flow(field: Field, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """States (trajectory, time, component)."""
    if len(times) == 1:
        return starts[:, None]

    def flat(_: float, y: np.ndarray) -> np.ndarray:
        return field(y.reshape(starts.shape)).ravel()

    found = solve_ivp(flat, (times[0], times[-1]), starts.ravel(), "DOP853", times, rtol=1e-11, atol=1e-11)
    return np.ascontiguousarray(np.moveaxis(found.y.reshape(*starts.shape, -1), 2, 1))


def relative(learned: np.ndarray, true: np.ndarray) -> float:
    """Relative L2 error, every component in units of its own size."""
    size = np.sqrt(np.mean(true**2, axis=0))
    size[size == 0.0] = 1.0
    return float(np.sqrt(np.mean(((learned - true) / size) ** 2)))


def samples(t: np.ndarray, y: np.ndarray, dy: np.ndarray | None = None, names: str = "", **facts: Any) -> Samples:
    """As estimators take them; names of Hamiltonian states unless given."""
    dof = y.shape[2] // 2
    known = names.split() or [f"{kind}{k + 1}" for kind in "qp" for k in range(dof)]
    states = [State(name) for name in known]
    if not names:
        states = [replace(s, conjugate=f"p{s.name[1:]}") if s.name[0] == "q" else s for s in states]
    return Samples(np.array(np.broadcast_to(t, y.shape[:2])), y, tuple(states), dy, facts=Facts(**facts))


def noisy(values: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    """With errors in units of the spread of each component."""
    return values + level * values.reshape(-1, values.shape[-1]).std(axis=0) * rng.standard_normal(values.shape)


def hamiltonian(
    name: str,
    gradient: Field,
    starts: Starts,
    size: tuple[int, int],
    dt: float,
    *,
    slopes: bool = True,
    noise: float = 0.0,
) -> Problem:
    """H from derivatives or snapshots: ``size`` trajectories of samples; one sample is scattered points."""
    count, length = size

    def field(y: np.ndarray) -> np.ndarray:
        g = gradient(y)
        half = y.shape[1] // 2
        return np.concatenate([g[:, half:], -g[:, :half]], axis=1)

    def states(seed: int, many: int) -> np.ndarray:
        return flow(field, starts(np.random.default_rng(seed), many), dt * np.arange(length))

    def data(seed: int) -> Samples:
        y, rng = states(seed, count), np.random.default_rng(seed + 1000)
        slope = field(y.reshape(-1, y.shape[2])).reshape(y.shape)
        if slopes:
            return samples(dt * np.arange(length), y, noisy(slope, noise, rng))
        return samples(dt * np.arange(length), noisy(y, noise, rng))

    def errors(model: Any, seed: int) -> dict[str, float]:
        y = states(seed + 5000, POINTS if length == 1 else FRESH)
        y = y.reshape(-1, y.shape[2])
        return {"error": relative(model.vector_field(y), field(y))}

    return Problem(name, ds.HamiltonianNetwork(), data, errors)


def mapped(
    name: str, step: Field, starts: Starts, size: tuple[int, int], dt: float, *, noise: float = 0.0, skip: int = 0
) -> Problem:
    """A flow map of a map that is known; ``skip`` steps come before the data."""
    count, length = size

    def states(seed: int, many: int) -> np.ndarray:
        y = starts(np.random.default_rng(seed), many)
        kept = []
        for k in range(skip + length):
            if k >= skip:
                kept.append(y)
            y = step(y)
        return np.stack(kept, axis=1)

    def data(seed: int) -> Samples:
        y = noisy(states(seed, count), noise, np.random.default_rng(seed + 1000))
        return samples(dt * np.arange(length), y, None, " ".join(f"x{k}" for k in range(y.shape[2])))

    def errors(model: Any, seed: int) -> dict[str, float]:
        y = states(seed + 5000, max(count, 20))
        y = y.reshape(-1, y.shape[2])
        y = y[:: -(-len(y) // POINTS)]
        return {"error": relative(model.step(y) - y, step(y) - y)}

    return Problem(name, ds.FlowMap(), data, errors)


def flowing(field: Field, dt: float) -> Field:
    """The map of a differential equation over dt, by eight steps of Runge and Kutta's classical method or more."""
    many = max(8, round(dt / 0.005))
    h = dt / many

    def step(y: np.ndarray) -> np.ndarray:
        for _ in range(many):
            one = field(y)
            two = field(y + h / 2 * one)
            three = field(y + h / 2 * two)
            y = y + h / 6 * (one + 2 * two + 2 * three + field(y + h * three))
        return y

    return step


def stochastic(
    name: str, drift: Field, diffusion: Field, starts: Starts, size: tuple[int, int], dt: float, estimator: Any = None
) -> Problem:
    """Drift and diagonal diffusion from paths."""
    count, length = size
    parts = 50

    def states(seed: int, many: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        y = starts(rng, many)
        kept = [y]
        for _ in range(length - 1):
            for _ in range(parts):
                noise = rng.standard_normal(y.shape) * np.sqrt(dt / parts)
                y = y + drift(y) * dt / parts + diffusion(y) * noise
            kept.append(y)
        return np.stack(kept, axis=1)

    def data(seed: int) -> Samples:
        y = states(seed, count)
        return samples(dt * np.arange(length), y, None, " ".join(f"x{k}" for k in range(y.shape[2])))

    def errors(model: Any, seed: int) -> dict[str, float]:
        y = states(seed + 5000, max(count, 10))
        y = y.reshape(-1, y.shape[2])
        y = y[:: -(-len(y) // POINTS)]
        learned, true = model.diffusion(y), diffusion(y)
        if y.shape[1] > 1:  # of a matrix the covariance counts
            learned = np.einsum("rij,rkj->rik", learned, learned).reshape(len(y), -1)
            true = np.einsum("ri,ij->rij", true**2, np.eye(y.shape[1])).reshape(len(y), -1)
            size = np.sqrt(np.mean(true**2))
            return {
                "drift": relative(model.drift(y), drift(y)),
                "diffusion": float(np.sqrt(np.mean((learned - true) ** 2)) / size) / 2,
            }
        return {"drift": relative(model.drift(y), drift(y)), "diffusion": relative(learned, true)}

    return Problem(name, estimator or ds.DriftDiffusion(), data, errors)


def separable(force: Callable[[np.ndarray], np.ndarray]) -> Field:
    """Gradient of p^2 / 2 + V(q), from V'."""

    def gradient(y: np.ndarray) -> np.ndarray:
        half = y.shape[1] // 2
        return np.concatenate([force(y[:, :half]), y[:, half:]], axis=1)

    return gradient


def kepler(y: np.ndarray) -> np.ndarray:
    q = y[:, :2]
    return np.concatenate([q / np.sum(q**2, axis=1, keepdims=True) ** 1.5, y[:, 2:]], axis=1)


def ellipses(rng: np.random.Generator, count: int) -> np.ndarray:
    """Starts at the far end of ellipses, turned at random."""
    reach, slow, turn = rng.uniform(1.0, 1.6, count), rng.uniform(0.75, 1.0, count), rng.uniform(0, 2 * np.pi, count)
    speed = slow / np.sqrt(reach)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([reach * c, reach * s, -speed * s, speed * c], axis=1)


def elastic(y: np.ndarray) -> np.ndarray:
    """A mass on a spring of stiffness 10 and length 1 under unit gravity, around its rest."""
    x, z = y[:, 0], y[:, 1] - 1.1
    r = np.hypot(x, z)
    pull = 10.0 * (r - 1.0) / r
    return np.stack([pull * x, pull * z + 1.0, y[:, 2], y[:, 3]], axis=1)


def toda(q: np.ndarray) -> np.ndarray:
    ends = np.pad(q, ((0, 0), (1, 1)))
    stretch = np.exp(np.diff(ends, axis=1)) - 1.0
    return stretch[:, :-1] - stretch[:, 1:]


def lorenz(y: np.ndarray) -> np.ndarray:
    a, b, c = y.T
    return np.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], axis=1)


def rossler(y: np.ndarray) -> np.ndarray:
    a, b, c = y.T
    return np.stack([-b - c, a + 0.2 * b, 0.2 + c * (a - 5.7)], axis=1)


def lorenz96(y: np.ndarray) -> np.ndarray:
    return (np.roll(y, -1, 1) - np.roll(y, 2, 1)) * np.roll(y, 1, 1) - y + 8.0


def vdp(y: np.ndarray) -> np.ndarray:
    return np.stack([y[:, 1], (1 - y[:, 0] ** 2) * y[:, 1] - y[:, 0]], axis=1)


def henon(y: np.ndarray) -> np.ndarray:
    return np.stack([1 - 1.4 * y[:, 0] ** 2 + y[:, 1], 0.3 * y[:, 0]], axis=1)


def logistic(y: np.ndarray) -> np.ndarray:
    return 3.7 * y * (1 - y)


def root_of(y: np.ndarray) -> np.ndarray:
    return 0.4 * np.sqrt(np.maximum(y, 0.0))


def oscillator(y: np.ndarray) -> np.ndarray:
    return np.stack([y[:, 1], -y[:, 0] - y[:, 1]], axis=1)


def bump(q: np.ndarray) -> np.ndarray:
    return q - 0.6 * q / 0.05**2 * np.exp(-((q / 0.05) ** 2))


def ring(count: int, low: float, high: float) -> Starts:
    """Trajectories of one degree of freedom that begin at rest."""
    return lambda rng, many: np.stack([rng.uniform(low, high, many), np.zeros(many)], axis=1)


sine, square = separable(np.sin), box([-2, -2], [2, 2])
well, duffing = separable(lambda q: q**3 - q), separable(lambda q: q + q**3)
morse = separable(lambda q: 2 * (1 - np.exp(-q)) * np.exp(-q))
radial = separable(lambda r: 1 / r**2 - 1 / r**3)
stop = separable(lambda q: q + 200.0 * np.maximum(q - 1.0, 0.0))
root = separable(lambda q: 1.5 * np.sign(q) * np.sqrt(np.abs(q)))
volterra = lambda y: 1.0 - np.exp(y)  # noqa: E731 - logarithms of prey and predators
heiles = henon_heiles_gradient
swings, small = ring(1, 0.5, 2.5), box([-0.25] * 4, [0.25] * 4)

pendulum_step = flowing(lambda y: np.stack([y[:, 1], -np.sin(y[:, 0])], axis=1), 0.2)
strange = box([-8, -8, 20], [8, 8, 30])

PROBLEMS = [
    hamiltonian("pendulum, 100 points", sine, square, (100, 1), 0.1),
    hamiltonian("pendulum, 2000 points, noise 2 %", sine, square, (2000, 1), 0.1, noise=0.02),
    hamiltonian("double well, 150 points", well, square, (150, 1), 0.1),
    hamiltonian("double well, 400 points, noise 5 %", well, square, (400, 1), 0.1, noise=0.05),
    hamiltonian("narrow bump, 500 points", separable(bump), box([-1, -1], [1, 1]), (500, 1), 0.1),
    hamiltonian("narrow bump, 4000 points", separable(bump), box([-1, -1], [1, 1]), (4000, 1), 0.1),
    hamiltonian("|q|^1.5, 1000 points", root, box([-1, -1], [1, 1]), (1000, 1), 0.1),
    hamiltonian("radial Kepler, 500 points", radial, box([0.3, -1], [3, 1]), (500, 1), 0.1),
    hamiltonian("Morse, 300 points", morse, box([-1, -1.5], [4, 1.5]), (300, 1), 0.1),
    hamiltonian("double pendulum, 2000 points", double_pendulum_gradient, box([-3] * 4, [3] * 4), (2000, 1), 0.1),
    hamiltonian("Hénon-Heiles, 500 points, noise 1 %", henon_heiles_gradient, small, (500, 1), 0.1, noise=0.01),
    hamiltonian("Lotka-Volterra, 500 points", volterra, square, (500, 1), 0.1),
    hamiltonian("pendulum, 20 trajectories", sine, swings, (20, 50), 0.2),
    hamiltonian("Kepler, 30 trajectories", kepler, ellipses, (30, 100), 0.1),
    hamiltonian("stop, 40 trajectories", stop, ring(1, 0.3, 1.15), (40, 60), 0.1),
    hamiltonian("Toda, 30 trajectories, noise 1 %", separable(toda), box([-1] * 6, [1] * 6), (30, 60), 0.1, noise=0.01),
    hamiltonian("elastic pendulum, 20 trajectories", elastic, box([-0.5] * 4, [0.5] * 4), (20, 100), 0.1),
    hamiltonian("snapshots of a pendulum", sine, swings, (20, 100), 0.2, slopes=False),
    hamiltonian("snapshots of a pendulum, noise 1 %", sine, swings, (20, 100), 0.2, slopes=False, noise=0.01),
    hamiltonian("snapshots of a pendulum, noise 5 %", sine, swings, (30, 100), 0.1, slopes=False, noise=0.05),
    hamiltonian("snapshots of radial Kepler", radial, box([0.6, -0.3], [1.8, 0.3]), (40, 25), 0.2, slopes=False),
    hamiltonian("snapshots of Duffing", duffing, swings, (10, 50), 0.2, slopes=False),
    hamiltonian("snapshots of Duffing, noise 2 %", duffing, swings, (10, 100), 0.1, slopes=False, noise=0.02),
    hamiltonian("snapshots of Hénon-Heiles, noise 1 %", heiles, small, (20, 100), 0.2, slopes=False, noise=0.01),
    hamiltonian("snapshots of Morse", morse, ring(1, -0.6, 1.2), (20, 60), 0.2, slopes=False),
    hamiltonian("snapshots of a stop", stop, ring(1, 0.3, 1.15), (40, 60), 0.1, slopes=False),
    mapped("Lorenz-63", flowing(lorenz, 0.02), strange, (1, 2000), 0.02, skip=200),
    mapped("Lorenz-63, noise 1 %", flowing(lorenz, 0.05), strange, (4, 1000), 0.05, skip=100, noise=0.01),
    mapped("Rössler", flowing(rossler, 0.1), box([-5, -5, 0], [5, 5, 1]), (5, 400), 0.1, skip=200),
    mapped("van der Pol", flowing(vdp, 0.2), square, (20, 50), 0.2),
    mapped("van der Pol, noise 5 %", flowing(vdp, 0.2), square, (20, 100), 0.2, noise=0.05),
    mapped("Hénon map", henon, box([-0.1, -0.1], [0.1, 0.1]), (1, 300), 1.0, skip=50),
    mapped("logistic map, noise 2 %", logistic, box([0.2], [0.8]), (1, 500), 1.0, noise=0.02, skip=20),
    mapped("Lorenz-96 of 6", flowing(lorenz96, 0.05), box([0] * 6, [5] * 6), (2, 1500), 0.05, skip=100),
    mapped("pendulum, noise 1 %", pendulum_step, swings, (20, 100), 0.2, noise=0.01),
    stochastic("Ornstein-Uhlenbeck", lambda y: -y, lambda y: 0.5 + 0 * y, box([-1], [1]), (10, 1000), 0.1),
    stochastic("geometric Brownian", lambda y: 0.1 * y, lambda y: 0.3 * y, box([1], [1]), (20, 200), 0.05),
    stochastic("double well", lambda y: y - y**3, lambda y: 0.7 + 0 * y, box([-1], [1]), (20, 2000), 0.05),
    stochastic("square root", lambda y: 1 - y, root_of, box([0.5], [1.5]), (10, 1000), 0.1),
    stochastic("two components", oscillator, lambda y: 0.3 + 0 * y, box([-1, -1], [1, 1]), (20, 500), 0.05),
]
