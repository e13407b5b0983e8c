"""The equations of the solver benchmarks: for compiled kernels (``rhs``), and as formulas for the peers (``formula``).

Lorenz (1963) and (1996), Henon and Heiles (1964), the double pendulum of two unit masses on unit rods in its angles
and angular velocities, and the stochastic volatility model of Heston (1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["DOUBLE_PENDULUM", "HENON_HEILES", "HESTON", "LORENZ", "LORENZ96", "ODES", "Ode"]

GRAVITY = 9.81
SITES = 40


@dataclass(frozen=True)
class Ode:
    """One system.

    ``rhs(t, y, theta, dy)`` is plain Python. ``formula(y, theta, m)`` returns the derivatives of a sequence of
    components, where ``m`` has ``sin`` and ``cos``; ``field(y, theta, m)`` does so for an array (state, ...), where
    ``m`` is an array module. Starts (trajectory, state) are drawn by ``draw(rng, count)``.
    """

    name: str
    rhs: Callable[..., None]
    formula: Callable[..., Sequence[Any]]
    theta: tuple[float, ...]
    duration: float
    draw: Callable[[np.random.Generator, int], np.ndarray]
    halves: tuple[Callable[..., None], ...] = ()  # velocity and force, where it is separable
    rolled: Callable[..., Any] | None = None  # field, where it is shorter than a stack of formulas

    def starts(self, count: int) -> np.ndarray:
        """States (trajectory, state)."""
        return np.ascontiguousarray(self.draw(np.random.default_rng(0), count))

    @property
    def dim(self) -> int:
        """Components of the state."""
        return self.starts(1).shape[1]

    def field(self, y: Any, m: Any) -> Any:
        """Derivatives of an array (state, ...) of the array module m."""
        if self.rolled is not None:
            return self.rolled(y, self.theta, m)
        return m.stack(list(self.formula(y, self.theta, m)))


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def lorenz_formula(y, theta, m):
    s, r, b = theta
    return s * (y[1] - y[0]), y[0] * (r - y[2]) - y[1], y[0] * y[1] - b * y[2]


def henon_heiles(t, y, theta, dy):
    dy[0] = y[2]
    dy[1] = y[3]
    dy[2] = -y[0] - 2.0 * y[0] * y[1]
    dy[3] = y[1] * y[1] - y[1] - y[0] * y[0]


def henon_heiles_velocity(t, p, theta, dq):
    dq[0] = p[0]
    dq[1] = p[1]


def henon_heiles_force(t, q, theta, dp):
    dp[0] = -q[0] - 2.0 * q[0] * q[1]
    dp[1] = q[1] * q[1] - q[1] - q[0] * q[0]


def henon_heiles_formula(y, theta, m):
    return y[2], y[3], -y[0] - 2.0 * y[0] * y[1], y[1] * y[1] - y[1] - y[0] * y[0]


def double_pendulum(t, y, theta, dy):
    d = y[0] - y[1]
    s, c = math.sin(d), math.cos(d)
    over = 1.0 / (2.0 - c * c)
    a, b = theta[0] * math.sin(y[0]), theta[0] * math.sin(y[1])
    dy[0] = y[2]
    dy[1] = y[3]
    dy[2] = (b * c - s * (y[2] * y[2] * c + y[3] * y[3]) - 2.0 * a) * over
    dy[3] = (2.0 * (y[2] * y[2] * s - b + a * c) + y[3] * y[3] * s * c) * over


def double_pendulum_formula(y, theta, m):
    d = y[0] - y[1]
    s, c = m.sin(d), m.cos(d)
    over = 1.0 / (2.0 - c * c)
    a, b = theta[0] * m.sin(y[0]), theta[0] * m.sin(y[1])
    first = (b * c - s * (y[2] * y[2] * c + y[3] * y[3]) - 2.0 * a) * over
    return y[2], y[3], first, (2.0 * (y[2] * y[2] * s - b + a * c) + y[3] * y[3] * s * c) * over


def lorenz96(t, y, theta, dy):
    n = len(y)
    for i in range(n):
        dy[i] = (y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + theta[0]


def lorenz96_formula(y, theta, m):
    n = len(y)
    return [(y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + theta[0] for i in range(n)]


def lorenz96_rolled(y, theta, m):
    return (m.roll(y, -1, 0) - m.roll(y, 2, 0)) * m.roll(y, 1, 0) - y + theta[0]


def _angles(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.concatenate([rng.uniform(-2.0, 2.0, (count, 2)), np.zeros((count, 2))], axis=1)


LORENZ = Ode(
    "Lorenz",
    lorenz,
    lorenz_formula,
    (10.0, 28.0, 8.0 / 3.0),
    10.0,
    lambda g, n: g.normal([1.0, 1.0, 20.0], 1.0, (n, 3)),
)
HENON_HEILES = Ode(
    "Henon-Heiles",
    henon_heiles,
    henon_heiles_formula,
    (),
    100.0,
    lambda g, n: g.uniform(-0.25, 0.25, (n, 4)),
    (henon_heiles_velocity, henon_heiles_force),
)
DOUBLE_PENDULUM = Ode("double pendulum", double_pendulum, double_pendulum_formula, (GRAVITY,), 10.0, _angles)
LORENZ96 = Ode(
    f"Lorenz-96 ({SITES})",
    lorenz96,
    lorenz96_formula,
    (8.0,),
    5.0,
    lambda g, n: g.normal(8.0, 1.0, (n, SITES)),
    rolled=lorenz96_rolled,
)
ODES = {"lorenz": LORENZ, "henon_heiles": HENON_HEILES, "double_pendulum": DOUBLE_PENDULUM, "lorenz96": LORENZ96}


@dataclass(frozen=True)
class Heston:
    """dS = mu S dt + sqrt(v) S dW, dv = kappa (level - v) dt + xi sqrt(v) dZ, correlated; v+ = max(v, 0) in both."""

    mu: float = 0.03
    kappa: float = 2.0
    level: float = 0.04
    xi: float = 0.3
    correlation: float = -0.7
    start: tuple[float, float] = (100.0, 0.04)

    @property
    def theta(self) -> np.ndarray:
        """Parameters as the kernels take them."""
        rest = math.sqrt(1.0 - self.correlation**2)
        return np.array([self.mu, self.kappa, self.level, self.xi, self.correlation, rest])


def heston_drift(t, y, theta, dy):
    dy[0] = theta[0] * y[0]
    dy[1] = theta[1] * (theta[2] - np.maximum(y[1], 0.0))


def heston_diffusion(t, y, theta, g):
    volatility = math.sqrt(np.maximum(y[1], 0.0))
    g[0, 0] = volatility * y[0]
    g[0, 1] = 0.0
    g[1, 0] = theta[3] * theta[4] * volatility
    g[1, 1] = theta[3] * theta[5] * volatility


def additive_diffusion(t, y, theta, g):
    for i in range(3):
        g[i] = theta[0]


def mackey_glass(t, y, theta, z, dy):
    dy[0] = theta[0] * z[0, 0] / (1.0 + z[0, 0] * z[0, 0]) - theta[1] * y[0]


HESTON = Heston()
