"""Hénon-Heiles: a star in the plane of a galaxy; regular at low energy, mostly chaotic near the escape energy 1/6."""

import numpy as np

import dynsamp

ESCAPE_ENERGY = 1 / 6  # of the three saddles, at coupling 1


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    dq[0] = p[0]
    dq[1] = p[1]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq."""
    dp[0] = -q[0] - 2 * theta[0] * q[0] * q[1]
    dp[1] = -q[1] - theta[0] * (q[0] * q[0] - q[1] * q[1])


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Sum of the oscillators' energies and the cubic coupling."""
    oscillators = 0.5 * (y[0] * y[0] + y[1] * y[1] + y[2] * y[2] + y[3] * y[3])
    return oscillators + theta[0] * (y[0] * y[0] * y[1] - y[1] * y[1] * y[1] / 3)


def bounded_starts(rng: np.random.Generator, n: int) -> np.ndarray:
    """Uniform in the bounded part of H < 1/6, by rejection: positions lie inside the triangle of the saddles."""
    high = np.array([np.sqrt(3) / 2, 1.0, np.sqrt(2 * ESCAPE_ENERGY), np.sqrt(2 * ESCAPE_ENERGY)])
    low = np.array([-high[0], -0.5, -high[2], -high[3]])
    starts = np.empty((0, 4))
    while len(starts) < n:
        y = rng.uniform(low, high, size=(8 * n, 4))
        inside = np.sqrt(3) * np.abs(y[:, 0]) < 1 - y[:, 1]
        starts = np.concatenate([starts, y[inside & (energy(0.0, y.T, np.ones(1)) < ESCAPE_ENERGY)]])
    return starts[:n]


henon_heiles = dynsamp.HamiltonianSystem(
    name="henon_heiles",
    title="Hénon-Heiles system",
    description="Bounded for H < 1/6 inside the triangle of the saddles (0, 1), (±√3/2, -1/2), where the default starts"
    " lie. How chaotic an orbit is depends on its energy, so no Lyapunov exponent is declared.",
    equations="H(x, y, px, py) = (px² + py² + x² + y²) / 2 + λ (x² y - y³ / 3)",
    references=["Hénon and Heiles (1964), Astronomical Journal 69, 73, doi:10.1086/109234"],
    states=[
        dynsamp.State("x", "1", "position x", conjugate="px"),
        dynsamp.State("y", "1", "position y", conjugate="py"),
        dynsamp.State("px", "1", "momentum x"),
        dynsamp.State("py", "1", "momentum y"),
    ],
    parameters={"coupling": dynsamp.Parameter(1.0, "1", "strength λ of the cubic coupling")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    initial=bounded_starts,
    duration=50.0,
    dt=0.1,
    estimator=dynsamp.HamiltonianNetwork(separable=True),
)
