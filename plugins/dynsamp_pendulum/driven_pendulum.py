"""Damped pendulum that is driven periodically: the classical chaotic pendulum."""

import math

import numpy as np

import dynsamp


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Port-Hamiltonian: H' = -damping * q'^2 + q' * drive."""
    dy[0] = y[1]
    dy[1] = -math.sin(y[0]) - theta[0] * y[1] + theta[1] * math.cos(theta[2] * t)


def energy(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Of the free pendulum: zero at rest, 2 on the separatrix."""
    return 0.5 * y[1] * y[1] + 1 - math.cos(y[0])


driven_pendulum = dynsamp.ODESystem(
    name="driven_pendulum",
    title="Damped driven pendulum",
    description="Nondimensional: time in units of √(l/g), damping 1/Q = 1/2. Chaotic with the default drive. The phase"
    " of the drive is zero at t = 0.",
    equations="q' = p, p' = -sin q - γ p + A cos(ω t)",
    references=["Baker and Gollub (1996), Chaotic Dynamics: An Introduction, Cambridge University Press"],
    states=[
        dynsamp.State("q", "rad", "angle from the vertical", conjugate="p", period=2 * math.pi),
        dynsamp.State("p", "1", "angular velocity"),
    ],
    parameters={
        "damping": dynsamp.Parameter(0.5, "1", "damping γ = 1/Q"),
        "amplitude": dynsamp.Parameter(1.5, "1", "amplitude A of the drive"),
        "frequency": dynsamp.Parameter(2 / 3, "1", "angular frequency ω of the drive"),
    },
    rhs=rhs,
    hamiltonian=energy,
    initial=dynsamp.Box([-1.5, -1.0], [1.5, 1.0]),
    duration=100.0,
    dt=0.1,
    lyapunov_exponent=0.114,  # mean over 16 orbits of 2000 units of time; the standard error is 0.002
    estimator=dynsamp.PortHamiltonianNetwork(separable=True, force="periodic"),
    metrics=("nrmse", "valid_prediction_time", "hamiltonian_error"),
)
