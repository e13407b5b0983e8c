"""Double pendulum: a pendulum hung on a pendulum. Its kinetic energy depends on the angles: H is not separable."""

import math

import numpy as np

import dynsamp


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Hamilton's equations."""
    m1, m2, l1, l2, g = theta[0], theta[1], theta[2], theta[3], theta[4]
    q1, q2, p1, p2 = y[0], y[1], y[2], y[3]
    sine, cosine = math.sin(q1 - q2), math.cos(q1 - q2)
    inertia = m1 + m2 * sine * sine
    dy[0] = (l2 * p1 - l1 * p2 * cosine) / (l1 * l1 * l2 * inertia)
    dy[1] = ((m1 + m2) * l1 * p2 - m2 * l2 * p1 * cosine) / (m2 * l1 * l2 * l2 * inertia)
    # dT/d(q1 - q2): from the numerator of T, then from the inertia in its denominator
    numerator = m2 * l2 * l2 * p1 * p1 + (m1 + m2) * l1 * l1 * p2 * p2 - 2 * m2 * l1 * l2 * p1 * p2 * cosine
    torque = p1 * p2 * sine / (l1 * l2 * inertia)
    torque -= numerator * sine * cosine / (l1 * l1 * l2 * l2 * inertia * inertia)
    dy[2] = -torque - (m1 + m2) * g * l1 * math.sin(q1)
    dy[3] = torque - m2 * g * l2 * math.sin(q2)


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic plus potential energy, zero of the latter at the pivot."""
    m1, m2, l1, l2, g = theta[0], theta[1], theta[2], theta[3], theta[4]
    q1, q2, p1, p2 = y[0], y[1], y[2], y[3]
    sine, cosine = math.sin(q1 - q2), math.cos(q1 - q2)
    numerator = m2 * l2 * l2 * p1 * p1 + (m1 + m2) * l1 * l1 * p2 * p2 - 2 * m2 * l1 * l2 * p1 * p2 * cosine
    kinetic = numerator / (2 * m2 * l1 * l1 * l2 * l2 * (m1 + m2 * sine * sine))
    return kinetic - (m1 + m2) * g * l1 * math.cos(q1) - m2 * g * l2 * math.cos(q2)


double_pendulum = dynsamp.HamiltonianSystem(
    name="double_pendulum",
    title="Double pendulum",
    description="Angles from the vertical, unwrapped. How chaotic an orbit is depends on its energy, so no Lyapunov"
    " exponent is declared.",
    equations="H = [m2 l2² p1² + (m1+m2) l1² p2² - 2 m2 l1 l2 p1 p2 cos(q1-q2)]"
    " / {2 m2 l1² l2² [m1 + m2 sin²(q1-q2)]} - (m1+m2) g l1 cos q1 - m2 g l2 cos q2",
    references=["Shinbrot, Grebogi, Wisdom and Yorke (1992), American Journal of Physics 60, 491, doi:10.1119/1.16860"],
    states=[
        dynsamp.State("q1", "rad", "inner angle from the vertical", conjugate="p1"),
        dynsamp.State("q2", "rad", "outer angle from the vertical", conjugate="p2"),
        dynsamp.State("p1", "kg m2 s-1", "inner momentum"),
        dynsamp.State("p2", "kg m2 s-1", "outer momentum"),
    ],
    parameters={
        "mass1": dynsamp.Parameter(1.0, "kg", "inner mass"),
        "mass2": dynsamp.Parameter(1.0, "kg", "outer mass"),
        "length1": dynsamp.Parameter(1.0, "m", "length of the inner rod"),
        "length2": dynsamp.Parameter(1.0, "m", "length of the outer rod"),
        "gravity": dynsamp.Parameter(9.81, "m s-2", "gravitational acceleration"),
    },
    rhs=rhs,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-1.5, -1.5, -1.0, -1.0], [1.5, 1.5, 1.0, 1.0]),
    duration=10.0,
    dt=0.02,
    # a mechanical system of two angles: exact beyond the data in the angles, and quadratic in the momenta
    estimator=dynsamp.HamiltonianNetwork(
        quadratic_in_p=True, periodic={"q1": 2 * math.pi, "q2": 2 * math.pi}, tolerance=1e-4
    ),
)
