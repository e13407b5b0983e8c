"""RK4 on Lorenz-63, 10 000 trajectories of 1000 steps, last state; and the first call in a second process.

``python tests/benchmarks/bench_rk4_lorenz.py [repeats]`` prints a table. One thread, CPU time of the process; the
three kernels take turns, and ratios are medians over the turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numba
import numpy as np

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts

COUNT, STEPS, H = 10_000, 1000, 1e-3
THETA = np.array([10.0, 28.0, 8.0 / 3.0])


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


@numba.njit(error_model="numpy", nogil=True)
def by_hand(states, theta, h, steps):
    """What an expert writes for one system: everything inlined, scalars only."""
    s, r, b = theta
    for j in range(len(states)):
        x, y, z = states[j]
        for _ in range(steps):
            a1, b1, c1 = s * (y - x), x * (r - z) - y, x * y - b * z
            u, v, w = x + 0.5 * h * a1, y + 0.5 * h * b1, z + 0.5 * h * c1
            a2, b2, c2 = s * (v - u), u * (r - w) - v, u * v - b * w
            u, v, w = x + 0.5 * h * a2, y + 0.5 * h * b2, z + 0.5 * h * c2
            a3, b3, c3 = s * (v - u), u * (r - w) - v, u * v - b * w
            u, v, w = x + h * a3, y + h * b3, z + h * c3
            a4, b4, c4 = s * (v - u), u * (r - w) - v, u * v - b * w
            x += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
            y += h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
            z += h / 6 * (c1 + 2 * c2 + 2 * c3 + c4)
        states[j, 0], states[j, 1], states[j, 2] = x, y, z


@numba.njit(error_model="numpy", nogil=True)
def usual(rhs, states, theta, h, steps):
    """The usual design: the right-hand side is an argument, work arrays are 1-d."""
    d = states.shape[1]
    k1, k2, k3, k4, u, y = np.empty(d), np.empty(d), np.empty(d), np.empty(d), np.empty(d), np.empty(d)
    for j in range(len(states)):
        for i in range(d):
            y[i] = states[j, i]
        for n in range(steps):
            t = n * h
            rhs(t, y, theta, k1)
            for i in range(d):
                u[i] = y[i] + 0.5 * h * k1[i]
            rhs(t + 0.5 * h, u, theta, k2)
            for i in range(d):
                u[i] = y[i] + 0.5 * h * k2[i]
            rhs(t + 0.5 * h, u, theta, k3)
            for i in range(d):
                u[i] = y[i] + h * k3[i]
            rhs(t + h, u, theta, k4)
            for i in range(d):
                y[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i])
        for i in range(d):
            states[j, i] = y[i]


FIRST_CALL = """
import sys, time
import numpy as np
sys.path.insert(0, {here!r})
from dynsamp.solve import Kernel, solve
def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]
import numba
start = time.process_time()
kernel = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
solve(kernel, [0.0, 1.0], np.ones((100, 3)), method="rk4", step=0.01)
ours = time.process_time() - start
print(ours)
"""
REGISTRY = """
import time, numba
start = time.process_time()
numba.njit(lambda: 1)()
print(time.process_time() - start)
"""


def lanes(y0: np.ndarray, width: int | None) -> np.ndarray:
    out = np.empty((len(y0), 2, 3))
    schedule = Schedule(np.array([0.0, STEPS * H]), np.array([STEPS]), np.zeros(2), 1)
    starts = Starts(y0, np.arange(len(y0)))
    integrate("rk4", Problem({"rhs": lorenz}, THETA[None], 3), schedule, starts, out, 1, width)
    return out[:, 1]


def main() -> None:
    """Measure and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    y0 = np.random.default_rng(0).uniform([-10, -10, 15], [10, 10, 35], size=(COUNT, 3))
    function = numba.njit(error_model="numpy")(lorenz)

    def hand() -> np.ndarray:
        states = y0.copy()
        by_hand(states, THETA, H, STEPS)
        return states

    def argument() -> np.ndarray:
        states = y0.copy()
        usual(function, states, THETA, H, STEPS)
        return states

    kernels = {"plain rhs on lanes": lambda: lanes(y0, None), "hand-inlined scalar": hand, "rhs as argument": argument}
    results = {name: kernel() for name, kernel in kernels.items()}  # compiles
    seconds: dict[str, list[float]] = {name: [] for name in kernels}
    for _ in range(repeats):
        for name, kernel in kernels.items():
            start = time.process_time()
            kernel()
            seconds[name].append(time.process_time() - start)
    ours = np.array(seconds["plain rhs on lanes"])
    print(f"{'kernel':24s}{'M steps/s':>10s}{'ratio':>8s}   relative difference")
    for name, values in seconds.items():
        change = np.median(np.abs(results[name] - results["plain rhs on lanes"])) / 10
        rate = COUNT * STEPS / np.median(values) / 1e6
        print(f"{name:24s}{rate:10.0f}{np.median(np.array(values) / ours):8.1f}   {change:.0e}")
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "DYNSAMP_CACHE_DIR": cache}
        program = FIRST_CALL.format(here=os.getcwd())
        firsts = [_run(program, environment) for _ in range(4)]
    print(f"first call in a process, CPU s: compiles {firsts[0]:.2f}, then {np.median(firsts[1:]):.2f}", end="")
    print(f" (a trivial numba function: {np.median([_run(REGISTRY, dict(os.environ)) for _ in range(3)]):.2f})")


def _run(program: str, environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", program]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
