"""Ornstein-Uhlenbeck process, in finance Vasicek's model of the short rate."""

import numpy as np
from scipy.special import exprel

import dynsamp
from dynsamp_prices.exact import path_normals, with_status


def drift(t: float, y: np.ndarray, theta: np.ndarray, dy: np.ndarray) -> None:
    """Reversion to the mean."""
    dy[0] = theta[0] * (theta[1] - y[0])


def diffusion(t: float, y: np.ndarray, theta: np.ndarray, g: np.ndarray) -> None:
    """Constant volatility."""
    g[0] = theta[2]


@np.errstate(over="ignore", invalid="ignore")  # such a path gets a status
def exact_paths(
    times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Between two times the process is an autoregression of order 1, whatever their distance."""
    kappa, mean, sigma = theta.T
    xi = path_normals(seed, ids, len(times) - 1)
    states = np.empty((len(ids), len(times), 1))
    states[:, 0] = y0
    for n, interval in enumerate(np.diff(times)):
        decay = np.exp(-kappa * interval)
        deviation = sigma * np.sqrt(interval * exprel(-2 * kappa * interval))  # sigma sqrt(dt) without reversion
        states[:, n + 1, 0] = mean + decay * (states[:, n, 0] - mean) + deviation * xi[:, n]
    return with_status(states)


ou = dynsamp.SDESystem(
    name="ou",
    title="Ornstein-Uhlenbeck process",
    description="Stationary with mean θ and variance σ²/2κ, autocorrelation exp(-κ lag).",
    equations="dx = κ (θ - x) dt + σ dW",
    references=[
        "Uhlenbeck and Ornstein (1930), Physical Review 36, 823, doi:10.1103/PhysRev.36.823",
        "Vasicek (1977), Journal of Financial Economics 5, 177, doi:10.1016/0304-405X(77)90016-2",
    ],
    states=[dynsamp.State("x", "1", "deviation of a price or rate")],
    parameters={
        "kappa": dynsamp.Parameter(2.0, "yr-1", "speed of reversion κ"),
        "theta": dynsamp.Parameter(0.0, "1", "mean θ"),
        "sigma": dynsamp.Parameter(0.3, "yr-0.5", "volatility σ"),
    },
    drift=drift,
    diffusion=diffusion,
    generate=exact_paths,
    time_unit="yr",
    initial=dynsamp.Box([-0.5], [0.5]),
    duration=4.0,
    dt=1 / 252,
    estimator=dynsamp.DriftDiffusion(),
)
