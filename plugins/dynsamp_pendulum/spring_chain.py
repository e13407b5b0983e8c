"""Masses in a row, joined by equal springs, between two walls: the linear chain."""

from collections.abc import Callable
from typing import Any

import numpy as np

import dynsamp
from dynsamp_pendulum.modes import mode_energy

MASSES = 8
MODES = 3  # whose energies are in the data


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    for i in range(len(p)):
        dq[i] = p[i] / theta[1]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq; the walls stand still at zero."""
    n = len(q)
    for i in range(1, n - 1):
        dp[i] = theta[0] * (q[i - 1] - 2 * q[i] + q[i + 1])
    dp[0] = theta[0] * (q[1] - 2 * q[0])
    dp[n - 1] = theta[0] * (q[n - 2] - 2 * q[n - 1])


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energy and that of the springs, two of which hold the walls."""
    n = len(y) // 2
    kinetic, strain = 0.0, y[0] * y[0] + y[n - 1] * y[n - 1]
    for i in range(n):
        kinetic = kinetic + y[n + i] * y[n + i]
    for i in range(n - 1):
        strain = strain + (y[i + 1] - y[i]) * (y[i + 1] - y[i])
    return 0.5 * (kinetic / theta[1] + theta[0] * strain)


def energy_of_mode(k: int) -> Callable[..., Any]:
    """Energy of the normal mode k, which keeps it."""

    def of_mode(t: float, y: np.ndarray, theta: np.ndarray) -> float:
        return mode_energy(k, y, theta[0], theta[1])

    return of_mode


def chain(masses: int) -> dynsamp.HamiltonianSystem:
    """A chain of any length of at least two: how solvers and fits scale with the dimension."""
    if masses < 2:
        raise ValueError(f"a chain has at least two masses, got {masses}")
    return dynsamp.HamiltonianSystem(
        name="spring_chain" if masses == MASSES else f"spring_chain_{masses}",
        title=f"Chain of {masses} masses",
        description="Linear: the energy of every normal mode is constant, and a quadratic model (width 0) is exact.",
        equations="H(q, p) = Σ p[i]² / (2 m) + k Σ (q[i+1] - q[i])² / 2, q = 0 at both walls",
        references=["Goldstein, Poole and Safko (2002), Classical Mechanics, Addison-Wesley, chapter 6"],
        states=[
            dynsamp.State("q", "m", "displacements", conjugate="p", dims={"mass": masses}),
            dynsamp.State("p", "kg m s-1", "momenta", dims={"mass": masses}),
        ],
        parameters={
            "stiffness": dynsamp.Parameter(1.0, "N m-1", "stiffness k of a spring"),
            "inertia": dynsamp.Parameter(1.0, "kg", "each mass m"),
        },
        velocity=velocity,
        force=force,
        hamiltonian=energy,
        invariants={f"mode_energy_{k}": energy_of_mode(k) for k in range(1, min(MODES, masses) + 1)},
        time_unit="s",
        initial=dynsamp.Box([-1.0, -1.0], [1.0, 1.0]),
        duration=20.0,
        dt=0.1,
        estimator=dynsamp.LatticeHamiltonian(),
    )


spring_chain = chain(MASSES)
