"""GARCH(1, 1): today's variance of returns follows yesterday's return and variance."""

import math

import numpy as np

import dynsamp

OMEGA, ALPHA, BETA = 0.02, 0.08, 0.9


def step(t: float, y: np.ndarray, theta: np.ndarray, xi: np.ndarray, out: np.ndarray) -> None:
    """One trading day: the variance is known the evening before, the return is drawn from it."""
    variance = theta[0] + theta[1] * y[0] * y[0] + theta[2] * y[1]
    out[0] = math.sqrt(variance) * xi[0]
    out[1] = variance


garch = dynsamp.MapSystem(
    name="garch",
    title="GARCH(1, 1) with normal innovations",
    description="Stationary for a + b < 1, with variance ω / (1 - a - b); large returns cluster and their distribution"
    " has heavier tails than the normal. A unit of time is a trading day. Starts at rest with the stationary variance.",
    equations="h[n+1] = ω + a r[n]² + b h[n], r[n+1] = √h[n+1] ξ[n+1]",
    references=["Bollerslev (1986), Journal of Econometrics 31, 307, doi:10.1016/0304-4076(86)90063-1"],
    states=[dynsamp.State("r", "%", "return of a day"), dynsamp.State("h", "%2", "variance of the day's return")],
    parameters={
        "omega": dynsamp.Parameter(OMEGA, "%2", "constant variance ω"),
        "alpha": dynsamp.Parameter(ALPHA, "1", "weight a of the last squared return"),
        "beta": dynsamp.Parameter(BETA, "1", "weight b of the last variance"),
    },
    step=step,
    noise=1,
    time_unit="d",
    initial=np.array([[0.0, OMEGA / (1 - ALPHA - BETA)]]),
    duration=1000.0,
    dt=1.0,
)
