"""Fermi, Pasta, Ulam and Tsingou: a chain of slightly nonlinear springs that does not come to equilibrium."""

from collections.abc import Callable
from typing import Any

import numpy as np

import dynsamp
from dynsamp_pendulum.modes import mode_energy

MASSES = 31  # that move: 32 intervals
MODES = 4  # whose energies are in the data


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    for i in range(len(p)):
        dq[i] = p[i]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: difference of the tensions on both sides; the ends are fixed at zero."""
    n = len(q)
    tension = q[0] + theta[0] * q[0] * q[0]
    for i in range(n - 1):
        stretch = q[i + 1] - q[i]
        after = stretch + theta[0] * stretch * stretch
        dp[i] = after - tension
        tension = after
    dp[n - 1] = -q[n - 1] + theta[0] * q[n - 1] * q[n - 1] - tension


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energy and that of the springs."""
    n = len(y) // 2
    total, left = 0.0, 0.0 * y[0]
    for i in range(n):
        stretch = y[i] - left
        total = total + 0.5 * (y[n + i] * y[n + i] + stretch * stretch) + theta[0] * stretch * stretch * stretch / 3
        left = y[i]
    return total + 0.5 * left * left - theta[0] * left * left * left / 3


def energy_of_mode(k: int) -> Callable[..., Any]:
    """Energy of the normal mode k of the linear chain."""

    def of_mode(t: float, y: np.ndarray, theta: np.ndarray) -> float:
        return mode_energy(k, y, 1.0, 1.0)

    return of_mode


def first_mode(amplitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Starts (trajectory, component) in mode 1; q[i] = sin(π i / 32) at rest is amplitude 1 and phase 0."""
    shape = np.sin(np.pi * np.arange(1, MASSES + 1) / (MASSES + 1))
    frequency = 2 * np.sin(np.pi / (2 * (MASSES + 1)))
    q, p = amplitude * np.cos(phase), -amplitude * frequency * np.sin(phase)
    return np.concatenate([np.outer(q, shape), np.outer(p, shape)], axis=1)


def first_modes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Amplitudes from 0.5 to 1, any phase; and so little of all other modes that data still say what these would do."""
    disturbance = 0.003 * rng.normal(size=(n, 2 * MASSES))
    return first_mode(rng.uniform(0.5, 1.0, n), rng.uniform(0.0, 2 * np.pi, n)) + disturbance


fput = dynsamp.HamiltonianSystem(
    name="fput",
    title="Fermi-Pasta-Ulam-Tsingou α chain",
    description="Nondimensional, 32 intervals. Energy put into the lowest mode of the linear chain wanders into a few"
    " others and returns almost completely. When it does depends on the amplitude, and on the step of a solver: a time"
    " of recurrence is that of the equations only where a smaller step gives the same.",
    equations="H(q, p) = Σ p[i]² / 2 + Σ (r[i]² / 2 + α r[i]³ / 3), r[i] = q[i+1] - q[i], q = 0 at both ends",
    references=[
        "Fermi, Pasta, Ulam and Tsingou (1955), Studies of Nonlinear Problems, Los Alamos report LA-1940",
        "Ford (1992), Physics Reports 213, 271, doi:10.1016/0370-1573(92)90116-H",
    ],
    states=[
        dynsamp.State("q", "1", "displacements", conjugate="p", dims={"mass": MASSES}),
        dynsamp.State("p", "1", "momenta", dims={"mass": MASSES}),
    ],
    parameters={"alpha": dynsamp.Parameter(0.25, "1", "quadratic term α of the tension")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    diagnostics={f"mode_energy_{k}": energy_of_mode(k) for k in range(1, MODES + 1)},
    initial=first_modes,
    duration=400.0,
    dt=1.0,
    estimator=dynsamp.LatticeHamiltonian(),
)
