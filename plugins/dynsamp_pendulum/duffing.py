"""Duffing oscillator: a mass between two wells, without friction."""

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp."""
    dq[0] = p[0]


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: away from the hill at q = 0, back from far outside."""
    dp[0] = -theta[0] * q[0] - theta[1] * q[0] * q[0] * q[0]


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """-1/4 at the bottom of a well, zero on the separatrix (default parameters)."""
    square = y[0] * y[0]
    return 0.5 * (y[1] * y[1] + theta[0] * square) + 0.25 * theta[1] * square * square


duffing = dynsamp.HamiltonianSystem(
    name="duffing",
    title="Duffing oscillator",
    description="Nondimensional. Below H = 0 orbits stay in one of the wells at q = ±1, above they go around both; the"
    " homoclinic orbit q = √2 sech t lies between.",
    equations="H(q, p) = p² / 2 + α q² / 2 + β q⁴ / 4",
    references=[
        "Duffing (1918), Erzwungene Schwingungen bei veränderlicher Eigenfrequenz, Vieweg",
        "Guckenheimer and Holmes (1983), Nonlinear Oscillations, Dynamical Systems, and Bifurcations of Vector Fields,"
        " Springer, section 2.2, doi:10.1007/978-1-4612-1140-2",
    ],
    states=[dynsamp.State("q", "1", "displacement", conjugate="p"), dynsamp.State("p", "1", "momentum")],
    parameters={
        "alpha": dynsamp.Parameter(-1.0, "1", "linear stiffness α"),
        "beta": dynsamp.Parameter(1.0, "1", "cubic stiffness β"),
    },
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    initial=dynsamp.Box([-2.0, -2.0], [2.0, 2.0]),  # every orbit is bounded
    duration=20.0,
    dt=0.05,
    estimator=dynsamp.HamiltonianNetwork(separable=True, symmetries=("parity",)),
)
