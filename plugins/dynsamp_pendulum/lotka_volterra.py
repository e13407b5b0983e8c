"""Lotka-Volterra: prey and predators, canonical in the logarithms of their numbers."""

import math

import numpy as np

import dynsamp


def velocity(t: float, p: np.ndarray, theta: np.ndarray, dq: np.ndarray) -> None:
    """dH/dp: growth rate of the prey."""
    dq[0] = theta[0] - theta[1] * math.exp(p[0])


def force(t: float, q: np.ndarray, theta: np.ndarray, dp: np.ndarray) -> None:
    """-dH/dq: growth rate of the predators."""
    dp[0] = theta[2] * math.exp(q[0]) - theta[3]


def constant_of_motion(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Volterra's integral."""
    alpha, beta, delta, gamma = theta[0], theta[1], theta[2], theta[3]
    return alpha * y[1] - beta * math.exp(y[1]) + gamma * y[0] - delta * math.exp(y[0])


def prey(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Number of prey."""
    return math.exp(y[0])


def predator(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Number of predators."""
    return math.exp(y[1])


lotka_volterra = dynsamp.HamiltonianSystem(
    name="lotka_volterra",
    title="Lotka-Volterra predator and prey",
    description="With x prey and y predators, x' = α x - β x y and y' = δ x y - γ y; the states are q = ln x and"
    " p = ln y. Averages over a period equal the fixed point (γ/δ, α/β).",
    equations="H(q, p) = α p - β exp(p) + γ q - δ exp(q)",
    references=[
        "Volterra (1926), Nature 118, 558, doi:10.1038/118558a0",
        "Hairer, Lubich and Wanner (2006), Geometric Numerical Integration, Springer, section I.1.1",
    ],
    states=[
        dynsamp.State("q", "1", "logarithm of the number of prey", conjugate="p"),
        dynsamp.State("p", "1", "logarithm of the number of predators"),
    ],
    parameters={
        "alpha": dynsamp.Parameter(1.1, "1", "growth rate of the prey"),
        "beta": dynsamp.Parameter(0.4, "1", "predation rate"),
        "delta": dynsamp.Parameter(0.1, "1", "growth rate of the predators per prey"),
        "gamma": dynsamp.Parameter(0.4, "1", "death rate of the predators"),
    },
    velocity=velocity,
    force=force,
    hamiltonian=constant_of_motion,
    diagnostics={"prey": prey, "predator": predator},
    initial=dynsamp.Box([0.5, 0.2], [2.4, 1.8]),
    duration=40.0,
    dt=0.1,
    estimator=dynsamp.HamiltonianNetwork(separable=True),
)
