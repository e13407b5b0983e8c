"""Duffing oscillator with friction and a periodic force: chaos between two wells."""

import math

import numpy as np

import dynsamp


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Port-Hamiltonian: H' = -damping * q'^2 + q' * force."""
    dy[0] = y[1]
    dy[1] = y[0] - y[0] * y[0] * y[0] - theta[0] * y[1] + theta[1] * math.cos(theta[2] * t)


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Of the free oscillator: -1/4 at the bottom of a well, zero on the separatrix."""
    square = y[0] * y[0]
    return 0.5 * (y[1] * y[1] - square) + 0.25 * square * square


duffing_forced = dynsamp.ODESystem(
    name="duffing_forced",
    title="Forced Duffing oscillator",
    description="Nondimensional. For small δ, the orbits that leave the hill between the wells and those that come back"
    " cross from the amplitude 4 δ cosh(π ω / 2) / (3 √2 π ω) on (Melnikov). The force has phase zero at t = 0.",
    equations="q' = p, p' = q - q³ - δ p + γ cos(ω t)",
    references=[
        "Guckenheimer and Holmes (1983), Nonlinear Oscillations, Dynamical Systems, and Bifurcations of Vector Fields,"
        " Springer, sections 2.2 and 4.5, doi:10.1007/978-1-4612-1140-2"
    ],
    states=[dynsamp.State("q", "1", "displacement", conjugate="p"), dynsamp.State("p", "1", "momentum")],
    parameters={
        "damping": dynsamp.Parameter(0.25, "1", "damping δ"),
        "amplitude": dynsamp.Parameter(0.3, "1", "amplitude γ of the force"),
        "frequency": dynsamp.Parameter(1.0, "1", "angular frequency ω of the force"),
    },
    rhs=rhs,
    hamiltonian=energy,
    initial=dynsamp.Box([-1.5, -1.0], [1.5, 1.0]),
    duration=100.0,
    dt=0.1,
    lyapunov_exponent=0.117,  # mean over 16 orbits of 2000 units of time; the standard error is 0.002
    estimator=dynsamp.PortHamiltonianNetwork(separable=True, force="periodic"),
    metrics=("nrmse", "valid_prediction_time", "hamiltonian_error"),
)
