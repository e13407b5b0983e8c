"""Toda lattice: a ring of masses with exponential springs, integrable."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import dynsamp
from dynsamp.kernels.jit import compiled

MASSES = 6


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    for i in range(len(p)):
        dq[i] = p[i]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: each spring pushes apart the two that it joins."""
    n = len(q)
    before = math.exp(q[n - 1] - q[0])
    for i in range(n):
        after = math.exp(q[i] - q[(i + 1) % n])
        dp[i] = before - after
        before = after


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Zero at rest."""
    n = len(y) // 2
    total = 0.0
    for i in range(n):
        total = total + 0.5 * y[n + i] * y[n + i] + math.exp(y[i] - y[(i + 1) % n]) - 1.0
    return total


@compiled
def power_sum(power: int, y: np.ndarray) -> float:
    """Trace of a power of the Lax matrix: the sum of that power of its eigenvalues, all of which are constant.

    The matrix is tridiagonal with corners: -p[i]/2 on the diagonal, exp((q[i] - q[i+1]) / 2) / 2 beside it.
    """
    n = len(y) // 2
    beside, column, image = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        beside[i] = 0.5 * math.exp(0.5 * (y[i] - y[(i + 1) % n]))
    total = 0.0
    for start in range(n):
        for i in range(n):
            column[i] = 1.0 if i == start else 0.0
        for _ in range(power):
            for i in range(n):
                neighbours = beside[i] * column[(i + 1) % n] + beside[(i - 1) % n] * column[(i - 1) % n]
                image[i] = neighbours - 0.5 * y[n + i] * column[i]
            for i in range(n):
                column[i] = image[i]
        total += column[start]
    return total


def lax_trace(power: int) -> Callable[..., Any]:
    """The invariant of one power."""

    def trace(t: float, y: np.ndarray, theta: np.ndarray) -> float:
        return power_sum(power, y)

    return trace


def ring(masses: int) -> dynsamp.HamiltonianSystem:
    """A ring of any number of masses, at least three."""
    if masses < 3:
        raise ValueError(f"a ring has at least three masses, got {masses}")

    def resting_normal(rng: np.random.Generator, n: int) -> np.ndarray:
        """Standard normals; the centre of mass rests, so that the ring does not run away."""
        q, p = rng.normal(size=(2, n, masses))
        return np.concatenate([q, p - p.mean(axis=1, keepdims=True)], axis=1)

    return dynsamp.HamiltonianSystem(
        name="toda" if masses == MASSES else f"toda_{masses}",
        title=f"Toda lattice of {masses} masses",
        description="Nondimensional. Integrable: the eigenvalues of the Lax matrix are constant. The invariants are the"
        " traces of its powers, which say the same; the first is -Σp / 2, the second (H + number of masses) / 2.",
        equations="H(q, p) = Σ p[i]² / 2 + Σ (exp(q[i] - q[i+1]) - 1), periodic in i",
        references=[
            "Toda (1967), Journal of the Physical Society of Japan 22, 431, doi:10.1143/JPSJ.22.431",
            "Flaschka (1974), Physical Review B 9, 1924, doi:10.1103/PhysRevB.9.1924",
        ],
        states=[
            dynsamp.State("q", "1", "displacements", conjugate="p", dims={"mass": masses}),
            dynsamp.State("p", "1", "momenta", dims={"mass": masses}),
        ],
        velocity=velocity,
        force=force,
        hamiltonian=energy,
        invariants={f"lax_trace_{k}": lax_trace(k) for k in range(1, masses + 1)},
        initial=resting_normal,
        duration=20.0,
        dt=0.05,
        translation_invariant=True,
        estimator=dynsamp.LatticeHamiltonian(ends="periodic", differences=True),
    )


toda = ring(MASSES)
