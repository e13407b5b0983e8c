"""Elastic pendulum: a mass on a spring that swings, in Cartesian coordinates (separable)."""

import math

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    dq[0] = p[0] / theta[0]
    dq[1] = p[1] / theta[0]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: the spring along the radius, and the weight."""
    mass, stiffness, length, gravity = theta[0], theta[1], theta[2], theta[3]
    tension = stiffness * (1 - length / math.sqrt(q[0] * q[0] + q[1] * q[1]))
    dp[0] = -tension * q[0]
    dp[1] = -tension * q[1] - mass * gravity


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energy, spring and height above the pivot."""
    mass, stiffness, length, gravity = theta[0], theta[1], theta[2], theta[3]
    stretch = math.sqrt(y[0] * y[0] + y[1] * y[1]) - length
    return (y[2] * y[2] + y[3] * y[3]) / (2 * mass) + 0.5 * stiffness * stretch * stretch + mass * gravity * y[1]


PARAMETERS = {
    "mass": dynsamp.Parameter(1.0, "kg", "mass of the bob"),
    "stiffness": dynsamp.Parameter(3 * 9.81, "N m-1", "stiffness of the spring"),
    "length": dynsamp.Parameter(1.0, "m", "length of the spring without load"),
    "gravity": dynsamp.Parameter(9.81, "m s-2", "gravitational acceleration"),
}
DESCRIPTION = (
    "At rest the spring has the length r0 = l + m g / k. Small motions are a spring of frequency √(k/m) and a"
    " pendulum of √(g/r0). With the default k = 3 m g / l the one is twice the other, and they exchange their energy."
)
REFERENCES = (
    "Vitt and Gorelik (1933), Journal of Technical Physics (USSR) 3, 294",
    "Lynch (2002), International Journal of Non-Linear Mechanics 37, 345",
)

elastic_pendulum = dynsamp.HamiltonianSystem(
    name="elastic_pendulum",
    title="Elastic pendulum",
    description=f"{DESCRIPTION} The pivot is the origin, y points up.",
    equations="H(x, y, px, py) = (px² + py²) / (2 m) + k (√(x² + y²) - l)² / 2 + m g y",
    references=REFERENCES,
    states=[
        dynsamp.State("x", "m", "horizontal position", conjugate="px"),
        dynsamp.State("y", "m", "height above the pivot", conjugate="py"),
        dynsamp.State("px", "kg m s-1", "horizontal momentum"),
        dynsamp.State("py", "kg m s-1", "vertical momentum"),
    ],
    parameters=PARAMETERS,
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-0.5, -1.5, -0.5, -0.5], [0.5, -1.1, 0.5, 0.5]),  # the spring never becomes short
    duration=10.0,
    dt=0.02,
    estimator=dynsamp.HamiltonianNetwork(separable=True),
)
