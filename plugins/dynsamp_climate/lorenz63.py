"""Lorenz 1963: convection cut down to three modes."""

import numpy as np

import dynsamp


def rhs(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Saltzman's equations, three modes."""
    sigma, rho, beta = theta[0], theta[1], theta[2]
    dy[0] = sigma * (y[1] - y[0])
    dy[1] = rho * y[0] - y[1] - y[0] * y[2]
    dy[2] = y[0] * y[1] - beta * y[2]


def jacobian(t: float, y: np.ndarray, theta: np.ndarray, jac: np.ndarray) -> None:
    """Its trace is -(sigma + 1 + beta) everywhere: volumes shrink at a constant rate."""
    sigma, rho, beta = theta[0], theta[1], theta[2]
    jac[0, 0] = -sigma
    jac[0, 1] = sigma
    jac[0, 2] = 0.0
    jac[1, 0] = rho - y[2]
    jac[1, 1] = -1.0
    jac[1, 2] = -y[0]
    jac[2, 0] = y[1]
    jac[2, 1] = y[0]
    jac[2, 2] = -beta


lorenz63 = dynsamp.ODESystem(
    name="lorenz63",
    title="Lorenz 1963",
    description="x is the intensity of convection, y and z the horizontal and vertical variation of temperature; the"
    " unit of time is that of thermal diffusion. Starts lie on the attractor, after a spin-up.",
    equations="x' = σ (y - x), y' = ρ x - y - x z, z' = x y - β z",
    references=[
        "Lorenz (1963), Journal of the Atmospheric Sciences 20, 130, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2",
        "Sprott (2003), Chaos and Time-Series Analysis, Oxford University Press: largest Lyapunov exponent",
    ],
    states=[
        dynsamp.State("x", "1", "intensity of convection"),
        dynsamp.State("y", "1", "horizontal temperature variation"),
        dynsamp.State("z", "1", "vertical temperature variation"),
    ],
    parameters={
        "sigma": dynsamp.Parameter(10.0, "1", "Prandtl number"),
        "rho": dynsamp.Parameter(28.0, "1", "Rayleigh number over its critical value"),
        "beta": dynsamp.Parameter(8 / 3, "1", "aspect of the convection cells"),
    },
    rhs=rhs,
    jacobian=jacobian,
    initial=dynsamp.Box([-10.0, -10.0, 15.0], [10.0, 10.0, 35.0]),
    spin_up=50.0,
    duration=40.0,
    dt=0.01,
    lyapunov_exponent=0.9056,
    estimator=dynsamp.FlowMap(),
)
