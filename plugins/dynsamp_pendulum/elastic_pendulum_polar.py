"""Elastic pendulum in polar coordinates: the kinetic energy depends on the radius, H is not separable."""

import math

import numpy as np

import dynsamp
from dynsamp_pendulum.elastic_pendulum import DESCRIPTION, PARAMETERS, REFERENCES


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Hamilton's equations."""
    mass, stiffness, length, gravity = theta[0], theta[1], theta[2], theta[3]
    r, angle = y[0], y[1]
    spin = y[3] / (mass * r * r)
    dy[0] = y[2] / mass
    dy[1] = spin
    dy[2] = y[3] * spin / r - stiffness * (r - length) + mass * gravity * math.cos(angle)
    dy[3] = -mass * gravity * r * math.sin(angle)


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energy, spring and height above the pivot."""
    mass, stiffness, length, gravity = theta[0], theta[1], theta[2], theta[3]
    r, stretch = y[0], y[0] - length
    kinetic = (y[2] * y[2] + y[3] * y[3] / (r * r)) / (2 * mass)
    return kinetic + 0.5 * stiffness * stretch * stretch - mass * gravity * r * math.cos(y[1])


elastic_pendulum_polar = dynsamp.HamiltonianSystem(
    name="elastic_pendulum_polar",
    title="Elastic pendulum, polar coordinates",
    description=f"{DESCRIPTION} The angle is from the vertical.",
    equations="H(r, θ, pr, pθ) = [pr² + (pθ / r)²] / (2 m) + k (r - l)² / 2 - m g r cos θ",
    references=REFERENCES,
    states=[
        dynsamp.State("r", "m", "length of the spring", conjugate="p_r"),
        dynsamp.State("angle", "rad", "angle from the vertical", conjugate="p_angle", period=2 * math.pi),
        dynsamp.State("p_r", "kg m s-1", "radial momentum"),
        dynsamp.State("p_angle", "kg m2 s-1", "angular momentum"),
    ],
    parameters=PARAMETERS,
    rhs=rhs,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([1.1, -0.4, -0.5, -0.5], [1.5, 0.4, 0.5, 0.5]),  # the spring never becomes short
    duration=10.0,
    dt=0.02,
    estimator=dynsamp.HamiltonianNetwork(quadratic_in_p=True),
)
