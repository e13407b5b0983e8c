"""The same bits for any number of threads and any company of other trajectories."""

from __future__ import annotations

import numpy as np
import pytest

from dynsamp.solve import Kernel, solve


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * np.sin(q[0])


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def drift(t, y, theta, dy):
    dy[0] = theta[0] * y[0]
    dy[1] = -y[1]


def diffusion(t, y, theta, g):
    g[0] = theta[1] * y[0]
    g[1] = 0.3


PENDULUM = Kernel("separable", (velocity, force), np.array([1.0]))
LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
GBM = Kernel("sde", (drift, diffusion), np.array([0.1, 0.2]), noise="diagonal")
CASES = [
    (LORENZ, 3, {"method": "rk4", "step": 0.01}),
    (LORENZ, 3, {}),
    (PENDULUM, 2, {"step": 0.1}),
    (PENDULUM, 2, {"method": "verlet", "step": 0.1}),
    (PENDULUM, 2, {"method": "implicit_midpoint", "step": 0.1}),
    (GBM, 2, {"step": 0.01, "seed": 5}),
]


@pytest.mark.parametrize(("kernel", "dim", "options"), CASES)
def test_bits_depend_on_neither_threads_nor_company(kernel, dim, options):
    starts = np.random.default_rng(3).normal(size=(150, dim))
    times = np.linspace(0.0, 1.0, 4)
    whole = solve(kernel, times, starts, threads=1, **options)
    threaded = solve(kernel, times, starts, threads=3, **options)
    np.testing.assert_array_equal(whole.states, threaded.states)
    some = np.array([140, 3, 77, 78, 5])
    chosen = solve(kernel, times, starts[some], ids=some, threads=1, **options)
    np.testing.assert_array_equal(chosen.states, whole.states[some])
    single = solve(kernel, times, starts[9:10], ids=[9], **options)
    np.testing.assert_array_equal(single.states[0], whole.states[9])
