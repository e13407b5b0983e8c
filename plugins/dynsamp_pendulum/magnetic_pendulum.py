"""Pendulum above three magnets: it comes to rest at one of them, and the basins are interwoven."""

import math

import numpy as np

import dynsamp
from dynsamp.kernels.jit import compiled

X = (0.0, -math.sqrt(3) / 2, math.sqrt(3) / 2)  # of the magnets, at distance 1 from the centre
Y = (1.0, -0.5, -0.5)


@compiled
def distance(x: float, y: float, magnet: int, height: float) -> float:
    """From the bob to a magnet, ``height`` below its plane."""
    dx, dy = x - X[magnet], y - Y[magnet]
    return math.sqrt(dx * dx + dy * dy + height * height)


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Port-Hamiltonian: H' = -damping * |velocity|^2."""
    damping, stiffness, height = theta[0], theta[1], theta[2]
    dy[0] = y[2]
    dy[1] = y[3]
    pull_x, pull_y = -stiffness * y[0], -stiffness * y[1]
    for magnet in range(3):
        away = distance(y[0], y[1], magnet, height)
        pull_x = pull_x + (X[magnet] - y[0]) / (away * away * away)
        pull_y = pull_y + (Y[magnet] - y[1]) / (away * away * away)
    dy[2] = pull_x - damping * y[2]
    dy[3] = pull_y - damping * y[3]


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energy, gravity for small angles, and the magnets."""
    total = 0.5 * (y[2] * y[2] + y[3] * y[3] + theta[1] * (y[0] * y[0] + y[1] * y[1]))
    for magnet in range(3):
        total = total - 1 / distance(y[0], y[1], magnet, theta[2])
    return total


magnetic_pendulum = dynsamp.ODESystem(
    name="magnetic_pendulum",
    title="Magnetic pendulum",
    description="Nondimensional, seen from above, for small angles. Three magnets of unit strength stand on a circle of"
    " radius 1. Chaotic only until friction has the last word.",
    equations="x'' = -R x' - C x + Σ (X[i] - x) / (|X[i] - x|² + d²)^(3/2), x and X[i] in the plane",
    references=[
        "Peitgen, Jürgens and Saupe (2004), Chaos and Fractals, Springer, section 12.8",
        "Motter, Gruiz, Károlyi and Tél (2013), Physical Review Letters 111, 194101,"
        " doi:10.1103/PhysRevLett.111.194101",
    ],
    states=[
        dynsamp.State("x", "1", "position x", conjugate="px"),
        dynsamp.State("y", "1", "position y", conjugate="py"),
        dynsamp.State("px", "1", "momentum x"),
        dynsamp.State("py", "1", "momentum y"),
    ],
    parameters={
        "damping": dynsamp.Parameter(0.2, "1", "friction R"),
        "stiffness": dynsamp.Parameter(0.5, "1", "gravity C, towards the centre"),
        "height": dynsamp.Parameter(0.25, "1", "height d of the bob above the magnets"),
    },
    rhs=rhs,
    hamiltonian=energy,
    initial=dynsamp.Box([-1.5, -1.5, 0.0, 0.0], [1.5, 1.5, 0.0, 0.0]),  # let go from rest
    duration=30.0,
    dt=0.05,
    estimator=dynsamp.PortHamiltonianNetwork(separable=True),
    metrics=("nrmse", "valid_prediction_time", "hamiltonian_error"),
)
