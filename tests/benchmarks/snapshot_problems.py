"""Data of the snapshot benchmarks: pairs and noisy trajectories of systems with a known gradient of H.

Snapshots come from SciPy's DOP853 at 1e-13. Pendulum: unit mass, length and gravity; the other Hamiltonians are those
of problems.py. The driven pendulum is q'' = -q' / Q - sin q + A cos(w t).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from problems import henon_heiles, henon_heiles_gradient, lotka_volterra, pendulum
from scipy.integrate import solve_ivp

from dynsamp.models.base import Samples
from dynsamp.words import Facts, State
from dynsamp_pendulum.henon_heiles import bounded_starts

__all__ = ["CASES", "DRIVE", "Case", "as_samples", "driven_trajectories", "gradient_error", "noisy", "pairs", "swings"]

Function = Callable[[np.ndarray], np.ndarray]
Field = Callable[[float, np.ndarray], np.ndarray]
TOLERANCE = 1e-13
DRIVE = {"friction": 0.5, "amplitude": 1.5, "frequency": 2 / 3}  # of the driven pendulum, Q = 2


@dataclass(frozen=True)
class Case:
    """A Hamiltonian of points (point, component), q first, and where and how far apart its snapshots are."""

    title: str
    energy: Function
    gradient: Function
    box: tuple[tuple[float, float], ...]
    dt: float
    starts: Callable[[np.random.Generator, int], np.ndarray] | None = None  # of trajectories

    def field(self, t: float, y: np.ndarray) -> np.ndarray:
        """(dH/dp, -dH/dq)."""
        gradient, dof = self.gradient(y), y.shape[1] // 2
        return np.concatenate([gradient[:, dof:], -gradient[:, :dof]], axis=1)

    def points(self, seed: int, count: int) -> np.ndarray:
        """Points (point, component), uniform in the box."""
        low, high = np.transpose(self.box)
        return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def swings(rng: np.random.Generator, count: int) -> np.ndarray:
    """Starts of a pendulum that swings: below the separatrix, with amplitudes of up to 2.7."""
    return rng.uniform([-2.0, -1.0], [2.0, 1.0], (count, 2))


_TURN = 2 * np.pi
_HENON_HEILES = (henon_heiles, henon_heiles_gradient)
CASES = {
    "pendulum": Case("pendulum [-2pi,2pi]x[-2,2]", *pendulum(), ((-_TURN, _TURN), (-2, 2)), 0.5, swings),
    "pendulum-large": Case("pendulum [-2pi,2pi]x[-6,6]", *pendulum(), ((-_TURN, _TURN), (-6, 6)), 0.5),
    "henon-heiles": Case("Henon-Heiles [-.5,.5]^4", *_HENON_HEILES, ((-0.5, 0.5),) * 4, 0.5, bounded_starts),
    "lotka-volterra": Case("Lotka-Volterra [-2,2]^2", *lotka_volterra(), ((-2, 2),) * 2, 0.1),
    "pendulum-published": Case("pendulum [-pi,pi]x[-1,1]", *pendulum(), ((-np.pi, np.pi), (-1, 1)), 0.1),
}


def flow(field: Field, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
    """States (trajectory, time, component) of all trajectories, integrated together."""

    def flat(t: float, y: np.ndarray) -> np.ndarray:
        return field(t, y.reshape(starts.shape)).ravel()

    ends = (float(times[0]), float(times[-1]))
    found = solve_ivp(flat, ends, starts.ravel(), "DOP853", times, rtol=TOLERANCE, atol=TOLERANCE)
    return np.moveaxis(found.y.reshape(*starts.shape, -1), 2, 1)


def as_samples(t: np.ndarray, y: np.ndarray, **facts: object) -> Samples:
    """Trajectories (trajectory, time, component) without derivatives, at times (time,) or (trajectory, time)."""
    dof = y.shape[2] // 2
    states = tuple(State(f"{kind}{k + 1}") for kind in "qp" for k in range(dof))
    return Samples(np.array(np.broadcast_to(t, y.shape[:2])), np.ascontiguousarray(y), states, facts=Facts(**facts))


def pairs(case: Case, seed: int, count: int = 4000, dt: float | None = None) -> Samples:
    """Pairs of snapshots, the first one uniform in the box."""
    times = np.array([0.0, dt or case.dt])
    return as_samples(times, flow(case.field, case.points(seed, count), times))


def trajectories(case: Case, seed: int, count: int = 30, samples: int = 200, dt: float = 0.1) -> np.ndarray:
    """Clean states (trajectory, time, component)."""
    assert case.starts is not None
    starts = case.starts(np.random.default_rng(seed), count)
    return flow(case.field, starts, dt * np.arange(samples))


def driven_trajectories(seed: int, count: int = 30, samples: int = 200, dt: float = 0.1) -> np.ndarray:
    """Clean states (trajectory, time, component) of the driven pendulum; the force has phase zero at time zero."""
    friction, amplitude, frequency = DRIVE.values()

    def field(t: float, y: np.ndarray) -> np.ndarray:
        q, p = y.T
        return np.stack([p, -np.sin(q) - friction * p + amplitude * np.cos(frequency * t)], axis=1)

    starts = np.random.default_rng(seed).uniform([-1.5, -1.0], [1.5, 1.0], (count, 2))
    return flow(field, starts, dt * np.arange(samples))


def noisy(y: np.ndarray, level: float, seed: int) -> np.ndarray:
    """States with independent normal errors of ``level`` standard deviations of each component."""
    spread = y.reshape(-1, y.shape[2]).std(axis=0)
    return y + level * spread * np.random.default_rng(50_000 + seed).standard_normal(y.shape)


def gradient_error(learned: Function, case: Case, points: np.ndarray) -> float:
    """Relative L2 error of grad H over points (point, component)."""
    truth = case.gradient(points)
    return float(np.linalg.norm(learned(points) - truth) / np.linalg.norm(truth))
