"""Geometric Brownian motion: Samuelson's and Black and Scholes's price of a share."""

import numpy as np

import dynsamp
from dynsamp_prices.exact import path_normals, with_status


def drift(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Expected return."""
    dy[0] = theta[0] * y[0]


def diffusion(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
    """Volatility in proportion to the price."""
    g[0] = theta[1] * y[0]


@np.errstate(over="ignore", invalid="ignore")  # such a path gets a status
def exact_paths(
    times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Log returns are independent normals with mean (μ - σ²/2) dt and variance σ² dt."""
    mu, sigma = theta.T[:, :, None]
    intervals = np.diff(times)
    returns = (mu - sigma * sigma / 2) * intervals + sigma * np.sqrt(intervals) * path_normals(
        seed, ids, len(intervals)
    )
    growth = np.exp(np.cumsum(returns, axis=1))
    states = y0[:, None, :] * np.concatenate([np.ones((len(ids), 1)), growth], axis=1)[:, :, None]
    return with_status(states)


gbm = dynsamp.SDESystem(
    name="gbm",
    title="Geometric Brownian motion",
    description="Log returns are independent and normal; E[S(T)] = S(0) exp(μ T).",
    equations="dS = μ S dt + σ S dW",
    references=["Black and Scholes (1973), Journal of Political Economy 81, 637, doi:10.1086/260062"],
    states=[dynsamp.State("S", "USD", "price")],
    parameters={
        "mu": dynsamp.Parameter(0.08, "yr-1", "expected return μ"),
        "sigma": dynsamp.Parameter(0.2, "yr-0.5", "volatility σ"),
    },
    drift=drift,
    diffusion=diffusion,
    generate=exact_paths,
    time_unit="yr",
    initial=dynsamp.Box([80.0], [120.0]),
    duration=4.0,
    dt=1 / 252,
    estimator=dynsamp.DriftDiffusion(),
)
