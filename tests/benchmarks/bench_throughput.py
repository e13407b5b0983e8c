"""Throughput of equal steps and of stochastic paths on one core: ours, and the peers.

``python tests/benchmarks/bench_throughput.py [--turns n] [rk4 verlet gauss heston saving threads]`` prints a table for
each section. Last states only but for ``saving``, compilation excluded. One thread, CPU time of the process, the
competitors take turns, and ratios are medians over the turns; for two threads against one, wall time and the load of
the machine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping

import numpy as np
import peers
from peers import interleaved, peer
from solver_problems import DOUBLE_PENDULUM, HENON_HEILES, HESTON, LORENZ, heston_diffusion, heston_drift

from dynsamp.kernels.integrate import integrate
from dynsamp.kernels.problem import Problem, Schedule, Starts
from dynsamp.solve import Kernel, solve, statistics


def last_states(
    method: str,
    problem: Problem,
    starts: np.ndarray,
    h: float,
    steps: int,
    width: int | None = None,
    threads: int = 1,
    compensated: bool = False,
) -> np.ndarray:
    """States (trajectory, state) after equal steps; width 0 is the scalar route."""
    out = np.empty((len(starts), 2, problem.dim))
    schedule = Schedule(np.array([0.0, h * steps]), np.array([steps]), np.zeros(2), 1, compensated=compensated)
    ids = np.arange(len(starts))
    integrate(method, problem, schedule, Starts(starts, ids, 1), out, threads, width)
    return out[:, 1]


def table(title: str, actions: Mapping[str, Callable[[], np.ndarray]], steps: Mapping[str, int], turns: int) -> None:
    """Rates, and the time of each competitor in units of the first one's; ``steps``: of all trajectories."""
    results = {name: action() for name, action in actions.items()}  # compiles
    seconds = interleaved(actions, turns)
    first = next(iter(actions))
    print(f"\n{title}\n{'':36s}{'M steps/s':>10s}{'best':>8s}{'ratio':>8s}   mean of the first component")
    reference = seconds[first] / steps[first]
    for name, values in seconds.items():
        each = values / steps[name]
        ratio = np.median(each / reference)
        rates = 1e-6 / np.median(each), 1e-6 / each.min()
        print(f"{name:36s}{rates[0]:10.1f}{rates[1]:8.0f}{ratio:8.2f}   {np.mean(results[name][:, 0]):.6f}", flush=True)


def rk4(turns: int) -> None:
    """Lorenz, 9728 trajectories of 1000 steps."""
    steps, h, starts = 1000, 0.005, LORENZ.starts(9728)
    problem = Problem({"rhs": LORENZ.rhs}, np.array([LORENZ.theta]), 3)
    actions = {"ours": lambda: last_states("rk4", problem, starts, h, steps)}
    if peer("jax"):
        actions["jax, by hand, blocks of 256"] = peers.jax_rk4(LORENZ, starts, h, steps)
        actions["jax, by hand, all at once"] = peers.jax_rk4(LORENZ, starts, h, steps, len(starts))
    if peer("diffrax"):
        actions["diffrax, constant steps"] = peers.diffrax_fixed(LORENZ, starts[:1024], h, steps)
    actions["numpy, all at once"] = peers.numpy_rk4(LORENZ, starts, h, steps)
    actions["ours, scalar route"] = lambda: last_states("rk4", problem, starts[:1024], h, steps, 0)
    short = ("diffrax, constant steps", "ours, scalar route")
    counts = {name: steps * (1024 if name in short else len(starts)) for name in actions}
    table("RK4, Lorenz, 9728 x 1000", actions, counts, turns)


def splitting(turns: int) -> None:
    """Henon-Heiles: no peer has symplectic methods for many trajectories, so our own scalar route is the measure."""
    starts, velocity_force = HENON_HEILES.starts(8192), HENON_HEILES.halves
    problem = Problem(dict(zip(("velocity", "force"), velocity_force, strict=True)), np.zeros((1, 1)), 4)
    for method, steps in (("verlet", 4000), ("yoshida4", 1500), ("yoshida8", 300)):
        _own(f"{method}, Henon-Heiles", method, problem, starts, 0.01, steps, turns, 1024)


def gauss(turns: int) -> None:
    """Double pendulum, which is not separable."""
    problem = Problem({"rhs": DOUBLE_PENDULUM.rhs}, np.array([DOUBLE_PENDULUM.theta]), 4)
    starts = DOUBLE_PENDULUM.starts(2048)
    title = "gauss_legendre4, double pendulum"
    _own(title, "gauss_legendre4", problem, starts, 0.01, 200, turns, 256, widths=(), compensated=True)


def _own(
    title: str,
    method: str,
    problem: Problem,
    starts: np.ndarray,
    h: float,
    steps: int,
    turns: int,
    few: int,
    widths: tuple[int, ...] = (4, 8, 16, 32),
    compensated: bool = False,
) -> None:
    """Lanes of several widths against the scalar route, on a part of the trajectories."""

    def act(rows: int, width: int | None) -> Callable[[], np.ndarray]:
        return lambda: last_states(method, problem, starts[:rows], h, steps, width, compensated=compensated)

    actions = {f"lanes of {width}": act(len(starts), width) for width in widths}
    actions = {"lanes, width by rule": act(len(starts), None), **actions}
    actions["scalar route"] = act(few, 0)
    counts = {name: steps * (few if name == "scalar route" else len(starts)) for name in actions}
    table(title, actions, counts, turns)


def heston(turns: int) -> None:
    """Full-truncation Euler, 100 000 paths of 252 steps."""
    paths, steps = 100_000, 252
    functions = {"rhs": heston_drift, "diffusion": heston_diffusion}
    problem = Problem(functions, HESTON.theta[None], 2, noise=2)
    starts = np.tile(HESTON.start, (paths, 1))
    actions = {"ours": lambda: last_states("euler_maruyama", problem, starts, 1.0 / steps, steps)}
    for width in (4, 8, 16, 32):
        actions[f"ours, lanes of {width}"] = _with_width(problem, starts, steps, width)
    actions["numpy, all at once"] = peers.numpy_heston(paths, steps)
    few = 8192
    if peer("diffrax"):
        actions["diffrax, Euler"] = peers.diffrax_heston(few, steps)
    counts = {name: steps * (few if name.startswith("diffrax") else paths) for name in actions}
    exact = HESTON.start[0] * np.exp(HESTON.mu)
    table(f"Euler-Maruyama, Heston, {paths} x {steps} (exact mean {exact:.3f})", actions, counts, turns)


def _with_width(problem: Problem, starts: np.ndarray, steps: int, width: int) -> Callable[[], np.ndarray]:
    return lambda: last_states("euler_maruyama", problem, starts, 1.0 / steps, steps, width)


def threads(turns: int) -> None:
    """RK4 on Lorenz for more than a second, on one thread and on two; wall time.

    On a loaded machine the CPU seconds tell more: where they are equal, threads do not hinder each other.
    """
    problem = Problem({"rhs": LORENZ.rhs}, np.array([LORENZ.theta]), 3)
    starts = LORENZ.starts(65_536)
    actions = {n: lambda n=n: last_states("rk4", problem, starts, 1e-3, 5000, threads=n) for n in (1, 2)}
    bits = [action().tobytes() for action in actions.values()]
    before = os.getloadavg() if hasattr(os, "getloadavg") else ()
    wall = interleaved(actions, turns, time.perf_counter)
    cpu = interleaved(actions, turns)
    ratio = wall[1] / wall[2]
    print(f"\nRK4, Lorenz, 65536 x 5000, wall seconds: one thread {np.median(wall[1]):.2f} (best {wall[1].min():.2f}),")
    print(f"two {np.median(wall[2]):.2f} (best {wall[2].min():.2f}): {np.median(ratio):.2f} times", end="")
    print(f" (best against best {wall[1].min() / wall[2].min():.2f}); same bits: {bits[0] == bits[1]};", end="")
    print(f" CPU seconds {np.median(cpu[1]):.2f} and {np.median(cpu[2]):.2f};", end="")
    print(f" {os.cpu_count()} processors, load before {', '.join(f'{load:.1f}' for load in before)}", flush=True)


def saving(turns: int) -> None:
    """RK4 on Lorenz, every step saved: what output costs beside the last state alone."""
    times, starts, options = np.arange(201) * 0.01, LORENZ.starts(20_480), {"method": "rk4", "step": 0.01, "threads": 1}
    kernel = Kernel("field", (LORENZ.rhs,), np.array(LORENZ.theta))
    rooms = {kind: np.empty((len(starts), len(times), 3), kind) for kind in ("float64", "float32")}
    ends = times[[0, -1]]
    actions = {
        "last state": lambda: solve(kernel, ends, starts, **options).states[:, -1],
        "all, buffer kept": lambda: solve(kernel, times, starts, out=rooms["float64"], **options).states[:, -1],
        "all, buffer kept, float32": lambda: solve(kernel, times, starts, out=rooms["float32"], **options).states[
            :, -1
        ],
        "all, new array": lambda: solve(kernel, times, starts, **options).states[:, -1],
        "statistics over trajectories": lambda: statistics(kernel, times, starts, **options).mean[0],
        "statistics over time": lambda: statistics(kernel, times, starts, over="time", **options).mean,
    }
    counts = dict.fromkeys(actions, (len(times) - 1) * len(starts))
    table(f"Saving every step, RK4, Lorenz, {len(starts)} x {len(times) - 1}", actions, counts, turns)


SECTIONS = {"threads": threads, "rk4": rk4, "verlet": splitting, "gauss": gauss, "heston": heston, "saving": saving}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], default=[])
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    chosen = options.sections or list(SECTIONS)
    if "threads" in chosen:  # before the process is confined
        threads(options.turns)
    peers.one_processor()
    for name in chosen:
        if name != "threads":
            SECTIONS[name](options.turns)


if __name__ == "__main__":
    main()
