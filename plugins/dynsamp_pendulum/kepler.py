"""Kepler problem: a planet around a fixed sun, in the plane of its orbit."""

import math

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    dq[0] = p[0]
    dq[1] = p[1]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq."""
    square = q[0] * q[0] + q[1] * q[1]
    pull = theta[0] / (square * math.sqrt(square))
    dp[0] = -pull * q[0]
    dp[1] = -pull * q[1]


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """-mu / (2 a) on an orbit of semi-major axis a."""
    return 0.5 * (y[2] * y[2] + y[3] * y[3]) - theta[0] / math.sqrt(y[0] * y[0] + y[1] * y[1])


def angular_momentum(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Twice the area that the radius sweeps in a unit of time."""
    return y[0] * y[3] - y[1] * y[2]


def laplace_x(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Laplace-Runge-Lenz vector: mu times the eccentricity, towards the perihelion."""
    return y[3] * (y[0] * y[3] - y[1] * y[2]) - theta[0] * y[0] / math.sqrt(y[0] * y[0] + y[1] * y[1])


def laplace_y(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Second component of that vector."""
    return -y[2] * (y[0] * y[3] - y[1] * y[2]) - theta[0] * y[1] / math.sqrt(y[0] * y[0] + y[1] * y[1])


def ellipses(rng: np.random.Generator, n: int) -> np.ndarray:
    """Semi-major axis 0.8 to 1.2, eccentricity up to 0.6 (mu = 1); any orientation, sense of rotation and phase."""
    axis, eccentricity = rng.uniform(0.8, 1.2, n), rng.uniform(0.0, 0.6, n)
    anomaly, turn = rng.uniform(0.0, 2 * np.pi, (2, n))  # eccentric anomaly
    minor = np.sqrt(1 - eccentricity**2) * rng.choice([-1.0, 1.0], n)
    rate = axis**-1.5 / (1 - eccentricity * np.cos(anomaly))
    x, y = axis * (np.cos(anomaly) - eccentricity), axis * minor * np.sin(anomaly)
    vx, vy = -axis * rate * np.sin(anomaly), axis * rate * minor * np.cos(anomaly)
    cosine, sine = np.cos(turn), np.sin(turn)
    position = (cosine * x - sine * y, sine * x + cosine * y)
    return np.stack([*position, cosine * vx - sine * vy, sine * vx + cosine * vy], axis=1)


TURN = [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]]  # by a right angle
MIRROR = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, -1]]

kepler = dynsamp.HamiltonianSystem(
    name="kepler",
    title="Kepler problem",
    description="Nondimensional, unit mass. From (1-e, 0, 0, √((1+e)/(1-e))) the orbit is an ellipse of eccentricity e,"
    " semi-major axis 1 and period 2π. A numerical solution that turns the Laplace-Runge-Lenz vector precesses.",
    equations="H(x, y, px, py) = (px² + py²) / 2 - μ / √(x² + y²)",
    references=[
        "Goldstein, Poole and Safko (2002), Classical Mechanics, Addison-Wesley, chapter 3",
        "Hairer, Lubich and Wanner (2006), Geometric Numerical Integration, Springer, section I.2",
    ],
    states=[
        dynsamp.State("x", "1", "position x", conjugate="px"),
        dynsamp.State("y", "1", "position y", conjugate="py"),
        dynsamp.State("px", "1", "momentum x"),
        dynsamp.State("py", "1", "momentum y"),
    ],
    parameters={"mu": dynsamp.Parameter(1.0, "1", "strength μ of the attraction")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    invariants={"angular_momentum": angular_momentum, "laplace_x": laplace_x, "laplace_y": laplace_y},
    initial=ellipses,
    duration=20.0,
    dt=0.05,
    estimator=dynsamp.HamiltonianNetwork(separable=True, symmetries=(TURN, MIRROR)),
)
