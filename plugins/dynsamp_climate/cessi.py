"""Cessi 1994: Stommel's overturning circulation with fast temperatures, kicked between two states by freshwater."""

import numpy as np

import dynsamp

FRESHWATER, ADVECTION, NOISE = 1.1, 6.2, 0.15


def drift(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """-V'(y): freshwater flux against mixing and the overturning (1 - y)²."""
    dy[0] = theta[0] - y[0] * (1 + theta[1] * (1 - y[0]) * (1 - y[0]))


def diffusion(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
    """Weather: additive noise, so Euler-Maruyama equals Milstein here."""
    g[0] = theta[2]


def equilibria(freshwater: float, advection: float) -> np.ndarray:
    """Real zeros of the drift, increasing: a well, the saddle and the other well, or a single state."""
    roots = np.roots([-advection, 2 * advection, -1 - advection, freshwater])
    return np.sort(roots[np.abs(roots.imag) < 1e-9].real)


cessi = dynsamp.SDESystem(
    name="cessi",
    title="Cessi's noise-driven overturning circulation",
    description="y is the salinity contrast between low and high latitudes in units that balance the temperature"
    " contrast; the unit of time is that of diffusive mixing, about two centuries. Starts lie in the lower well,"
    " where the circulation is fast.",
    equations="dy = {p - y [1 + μ² (1 - y)²]} dt + σ dW",
    references=["Cessi (1994), Journal of Physical Oceanography 24, 1911"],
    states=[dynsamp.State("y", "1", "salinity contrast over temperature contrast, scaled")],
    parameters={
        "freshwater": dynsamp.Parameter(FRESHWATER, "1", "freshwater flux p"),
        "advection": dynsamp.Parameter(ADVECTION, "1", "diffusive over advective time scale μ²"),
        "sigma": dynsamp.Parameter(NOISE, "1", "noise amplitude σ"),
    },
    drift=drift,
    diffusion=diffusion,
    initial=equilibria(FRESHWATER, ADVECTION)[:1, None],
    duration=100.0,
    dt=0.1,
    solver_step=0.01,
)
