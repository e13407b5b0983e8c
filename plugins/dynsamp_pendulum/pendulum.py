"""Planar pendulum: a mass on a rigid, massless rod.

Angles are unwrapped: a rotating pendulum leaves [-pi, pi].
"""

import math

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    mass, length = theta[0], theta[1]
    dq[0] = p[0] / (mass * length * length)


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq."""
    mass, length, gravity = theta[0], theta[1], theta[2]
    dp[0] = -mass * gravity * length * math.sin(q[0])


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Zero at rest, 2 m g l on the separatrix."""
    mass, length, gravity = theta[0], theta[1], theta[2]
    return y[1] * y[1] / (2 * mass * length * length) + mass * gravity * length * (1 - math.cos(y[0]))


pendulum = dynsamp.HamiltonianSystem(
    name="pendulum",
    title="Planar pendulum",
    description="Swings below the energy 2 m g l, rotates above; the separatrix between them is the hard region.",
    equations="H(q, p) = p² / (2 m l²) + m g l (1 - cos q)",
    references=[
        "Baker and Blackburn (2005), The Pendulum: A Case Study in Physics, Oxford University Press",
        "Hairer, Lubich and Wanner (2006), Geometric Numerical Integration, Springer, section I.1",
    ],
    states=[
        dynsamp.State("q", "rad", "angle from the vertical", conjugate="p"),
        dynsamp.State("p", "kg m2 s-1", "angular momentum"),
    ],
    parameters={
        "mass": dynsamp.Parameter(1.0, "kg", "mass of the bob"),
        "length": dynsamp.Parameter(1.0, "m", "length of the rod"),
        "gravity": dynsamp.Parameter(9.81, "m s-2", "gravitational acceleration"),
    },
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-2.5, -1.0], [2.5, 1.0]),  # all swing
    duration=10.0,
    dt=0.05,
    estimator=dynsamp.HamiltonianNetwork(separable=True),
)
