"""Two bodies in the plane that attract each other."""

import math

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp; components are x of both bodies, then y of both."""
    dq[0] = p[0] / theta[1]
    dq[1] = p[1] / theta[2]
    dq[2] = p[2] / theta[1]
    dq[3] = p[3] / theta[2]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: equal and opposite."""
    dx, dy = q[1] - q[0], q[3] - q[2]
    square = dx * dx + dy * dy
    pull = theta[0] * theta[1] * theta[2] / (square * math.sqrt(square))
    dp[0] = pull * dx
    dp[1] = -pull * dx
    dp[2] = pull * dy
    dp[3] = -pull * dy


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic energies and the potential of the pair."""
    gravity, mass1, mass2 = theta[0], theta[1], theta[2]
    kinetic = (y[4] * y[4] + y[6] * y[6]) / (2 * mass1) + (y[5] * y[5] + y[7] * y[7]) / (2 * mass2)
    dx, dy = y[1] - y[0], y[3] - y[2]
    return kinetic - gravity * mass1 * mass2 / math.sqrt(dx * dx + dy * dy)


def momentum_x(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Of both bodies together."""
    return y[4] + y[5]


def momentum_y(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Of both bodies together."""
    return y[6] + y[7]


def angular_momentum(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """About the origin."""
    return y[0] * y[6] - y[2] * y[4] + y[1] * y[7] - y[3] * y[5]


def nearly_circular(rng: np.random.Generator, n: int) -> np.ndarray:
    """Unit masses on opposite sides of a centre at rest, radius 0.5 to 1.5, speeds of a circle give or take 5 %.

    The centre lies anywhere within 0.5 of the origin, so that data say what the energy does when both are moved.
    """
    radius, angle = rng.uniform(0.5, 1.5, n), rng.uniform(0.0, 2 * np.pi, n)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    speed = 0.5 / np.sqrt(radius) * rng.normal(1.0, 0.05, n)
    px, py = -speed * np.sin(angle), speed * np.cos(angle)
    shift_x, shift_y = rng.uniform(-0.5, 0.5, (2, n))
    return np.stack([shift_x + x, shift_x - x, shift_y + y, shift_y - y, px, -px, py, -py], axis=1)


PLANE = {"body": 2}
TURN = np.kron(np.eye(2), np.kron([[0, -1], [1, 0]], np.eye(2)))  # by a right angle

two_body = dynsamp.HamiltonianSystem(
    name="two_body",
    title="Gravitational two-body problem",
    description="Nondimensional. The default starts are nearly circular about a centre of mass that rests.",
    equations="H = Σ (px[i]² + py[i]²) / (2 m[i]) - G m[1] m[2] / |r[1] - r[2]|",
    references=[
        "Goldstein, Poole and Safko (2002), Classical Mechanics, Addison-Wesley, chapter 3",
        "Greydanus, Dzamba and Yosinski (2019), Hamiltonian neural networks, arXiv:1906.01563, section 5",
    ],
    states=[
        dynsamp.State("x", "1", "positions x", conjugate="px", dims=PLANE),
        dynsamp.State("y", "1", "positions y", conjugate="py", dims=PLANE),
        dynsamp.State("px", "1", "momenta x", dims=PLANE),
        dynsamp.State("py", "1", "momenta y", dims=PLANE),
    ],
    parameters={
        "gravity": dynsamp.Parameter(1.0, "1", "gravitational constant G"),
        "mass1": dynsamp.Parameter(1.0, "1", "mass of the first body"),
        "mass2": dynsamp.Parameter(1.0, "1", "mass of the second body"),
    },
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    invariants={"momentum_x": momentum_x, "momentum_y": momentum_y, "angular_momentum": angular_momentum},
    initial=nearly_circular,
    duration=20.0,
    dt=0.1,
    estimator=dynsamp.HamiltonianNetwork(separable=True, symmetries=(TURN,)),
)
