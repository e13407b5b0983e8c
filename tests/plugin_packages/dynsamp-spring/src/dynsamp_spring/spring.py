"""Mass on a spring."""

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    dq[0] = p[0] / theta[1]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: Hooke's law."""
    dp[0] = -theta[0] * q[0]


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Kinetic and elastic energy."""
    return 0.5 * (y[1] ** 2 / theta[1] + theta[0] * y[0] ** 2)


spring = dynsamp.HamiltonianSystem(
    name="spring",
    title="Mass on a spring",
    equations="H(q, p) = p² / (2 m) + k q² / 2",
    references=["Hooke (1678), De Potentia Restitutiva"],
    states=[dynsamp.State("q", "m", "displacement", conjugate="p"), dynsamp.State("p", "kg m s-1", "momentum")],
    parameters={"k": dynsamp.Parameter(1.0, "N m-1", "stiffness"), "m": dynsamp.Parameter(1.0, "kg", "mass")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=dynsamp.Box([-1, -1], [1, 1]),
    duration=20.0,
    dt=0.05,
    estimator=dynsamp.HamiltonianNetwork(separable=True),
)
