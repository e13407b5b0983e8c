"""Lorenz 1996: a quantity on a circle of latitude, with advection, damping and constant forcing."""

import numpy as np

import dynsamp

SITES = 40
REACH = (-4, -3, -2, -1, 0, 1, 2)  # neighbours of the neighbours k-2 to k+1: what one step of 0.05 feels


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Periodic in k; the first two and the last sites reach around the circle."""
    n, forcing = len(y), theta[0]
    dy[0] = (y[1] - y[n - 2]) * y[n - 1] - y[0] + forcing
    dy[1] = (y[2] - y[n - 1]) * y[0] - y[1] + forcing
    for k in range(2, n - 1):
        dy[k] = (y[k + 1] - y[k - 2]) * y[k - 1] - y[k] + forcing
    dy[n - 1] = (y[0] - y[n - 3]) * y[n - 2] - y[n - 1] + forcing


lorenz96 = dynsamp.ODESystem(
    name="lorenz96",
    title="Lorenz 1996",
    description="Forty sites on a circle of latitude; a unit of time is about five days. Starts lie on the attractor,"
    " after a spin-up.",
    equations="X[k]' = (X[k+1] - X[k-2]) X[k-1] - X[k] + F, periodic in k",
    references=["Lorenz (1996), Predictability: a problem partly solved, ECMWF Seminar on Predictability, volume 1"],
    states=[dynsamp.State("X", "1", "atmospheric quantity on a circle of latitude", dims={"site": SITES})],
    parameters={"forcing": dynsamp.Parameter(8.0, "1", "forcing F")},
    rhs=rhs,
    initial=dynsamp.Box([-5.0], [10.0]),
    spin_up=50.0,
    duration=20.0,
    dt=0.05,
    translation_invariant=True,
    estimator=dynsamp.FlowMap(stencil=REACH),
    lyapunov_exponent=1.69,
)
