"""Pendulum with friction: it loses energy and comes to rest."""

import math

import numpy as np

import dynsamp
from dynsamp_pendulum.pendulum import energy


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Port-Hamiltonian: friction takes damping * q'^2 out of H."""
    mass, length, gravity, damping = theta[0], theta[1], theta[2], theta[3]
    speed = y[1] / (mass * length * length)
    dy[0] = speed
    dy[1] = -mass * gravity * length * math.sin(y[0]) - damping * speed


damped_pendulum = dynsamp.ODESystem(
    name="damped_pendulum",
    title="Pendulum with friction",
    description="Port-Hamiltonian: H is that of the pendulum, and H' = -γ q'². Without damping it is the pendulum.",
    equations="q' = p / (m l²), p' = -m g l sin q - γ q'",
    references=[
        "Baker and Blackburn (2005), The Pendulum: A Case Study in Physics, Oxford University Press",
        "van der Schaft and Jeltsema (2014), Port-Hamiltonian Systems Theory, Foundations and Trends in Systems and"
        " Control 1, 173, doi:10.1561/2600000002",
    ],
    states=[
        dynsamp.State("q", "rad", "angle from the vertical", conjugate="p", period=2 * math.pi),
        dynsamp.State("p", "kg m2 s-1", "angular momentum"),
    ],
    parameters={
        "mass": dynsamp.Parameter(1.0, "kg", "mass of the bob"),
        "length": dynsamp.Parameter(1.0, "m", "length of the rod"),
        "gravity": dynsamp.Parameter(9.81, "m s-2", "gravitational acceleration"),
        "damping": dynsamp.Parameter(0.2, "kg m2 s-1", "torque of the friction per angular velocity, γ"),
    },
    rhs=rhs,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-2.5, -1.0], [2.5, 1.0]),
    duration=10.0,
    dt=0.05,
    estimator=dynsamp.PortHamiltonianNetwork(separable=True),
    metrics=("nrmse", "valid_prediction_time", "hamiltonian_error"),
)
