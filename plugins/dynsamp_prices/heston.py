"""Heston 1993: the variance of a price reverts to its mean, driven by noise correlated with the price's own."""

import math

import numpy as np

import dynsamp


def drift(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Of log price and variance; full truncation: a variance below zero counts as zero."""
    variance = np.maximum(y[1], 0.0)
    dy[0] = theta[0] - 0.5 * variance
    dy[1] = theta[1] * (theta[2] - variance)


def diffusion(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
    """Lower triangular: the first Wiener process moves the price, both move the variance."""
    volatility = math.sqrt(np.maximum(y[1], 0.0))
    sigma, rho = theta[3], theta[4]
    g[0, 0] = volatility
    g[0, 1] = 0.0
    g[1, 0] = sigma * rho * volatility
    g[1, 1] = sigma * math.sqrt(1 - rho * rho) * volatility


def price(t: float, y: np.ndarray, theta: np.ndarray) -> float:
    """Price from its logarithm."""
    return math.exp(y[0])


heston = dynsamp.SDESystem(
    name="heston",
    title="Heston stochastic volatility",
    description="x is the logarithm of the price S. Full truncation (Lord, Koekkoek and van Dijk 2010) makes the"
    " Euler-Maruyama scheme safe where the variance touches zero; with the default parameters 2 κ θ > σ² (Feller).",
    equations="dx = (μ - v/2) dt + √v dW1, dv = κ (θ - v) dt + σ √v (ρ dW1 + √(1 - ρ²) dW2)",
    references=[
        "Heston (1993), Review of Financial Studies 6, 327, doi:10.1093/rfs/6.2.327",
        "Lord, Koekkoek and van Dijk (2010), Quantitative Finance 10, 177, doi:10.1080/14697680802392496",
    ],
    states=[dynsamp.State("x", "1", "logarithm of the price"), dynsamp.State("v", "yr-1", "variance of returns")],
    parameters={
        "mu": dynsamp.Parameter(0.05, "yr-1", "expected return μ"),
        "kappa": dynsamp.Parameter(4.0, "yr-1", "speed of reversion κ"),
        "theta": dynsamp.Parameter(0.04, "yr-1", "mean variance θ"),
        "sigma": dynsamp.Parameter(0.5, "yr-1", "volatility of the variance σ"),
        "rho": dynsamp.Parameter(-0.7, "1", "correlation ρ of price and variance"),
    },
    drift=drift,
    diffusion=diffusion,
    noise=2,
    diagnostics={"S": price},
    time_unit="yr",
    initial=np.array([[math.log(100.0), 0.04]]),
    duration=4.0,
    dt=1 / 252,
    solver_step=1 / 1008,
)
