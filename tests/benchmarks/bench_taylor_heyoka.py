"""Work and precision of the Taylor method and DOP853 against heyoka's batch mode, on one core.

``python tests/benchmarks/bench_taylor_heyoka.py [system ...] [--repeats n] [--count n] [--widths 8,16]`` prints a
table for each of lorenz, henon_heiles, double_pendulum and lorenz96; needs heyoka. Last state only, one thread, CPU
time of the process; all kernels take turns, and times are medians over the turns. Errors are root mean squares over
trajectories of the largest error of a component, against heyoka in extended precision (80 bits, tolerance 1e-18).
"""

from __future__ import annotations

import argparse
import math
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import heyoka
import numpy as np

from dynsamp.kernels.integrate import Schedule, integrate
from dynsamp.kernels.problem import Problem

G = 9.81


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def henon_heiles(t, y, theta, dy):
    dy[0] = y[2]
    dy[1] = y[3]
    dy[2] = -y[0] - 2.0 * y[0] * y[1]
    dy[3] = -y[1] - y[0] ** 2 + y[1] ** 2


def double_pendulum(t, y, theta, dy):
    d = y[0] - y[1]
    s, c = math.sin(d), math.cos(d)
    over = 1.0 / (2.0 - c * c)
    a, b = G * math.sin(y[0]), G * math.sin(y[1])
    dy[0] = y[2]
    dy[1] = y[3]
    dy[2] = (b * c - s * (y[2] * y[2] * c + y[3] * y[3]) - 2.0 * a) * over
    dy[3] = (2.0 * (y[2] * y[2] * s - b + a * c) + y[3] * y[3] * s * c) * over


def lorenz96(t, y, theta, dy):
    n = len(y)
    for i in range(n):
        dy[i] = (y[(i + 1) % n] - y[i - 2]) * y[i - 1] - y[i] + theta[0]


def problem(name, count):
    """Right-hand side, parameters, starts (trajectory, state), duration, equations for heyoka."""
    rng = np.random.default_rng(0)
    if name == "lorenz":
        x, y, z = v = heyoka.make_vars("x", "y", "z")
        equations = [10.0 * (y - x), x * (28.0 - z) - y, x * y - heyoka.expression(8.0 / 3.0) * z]
        starts = rng.normal(size=(count, 3)) + np.array([1.0, 1.0, 20.0])
        return lorenz, [10.0, 28.0, 8.0 / 3.0], starts, 10.0, list(zip(v, equations, strict=True))
    if name == "henon_heiles":
        x, y, px, py = v = heyoka.make_vars("x", "y", "px", "py")
        equations = [px, py, -x - 2.0 * x * y, -y - x**2.0 + y**2.0]
        starts = rng.uniform(-0.25, 0.25, size=(count, 4))
        return henon_heiles, [0.0], starts, 100.0, list(zip(v, equations, strict=True))
    if name == "double_pendulum":
        p, q, u, w = v = heyoka.make_vars("p", "q", "u", "w")
        s, c = heyoka.sin(p - q), heyoka.cos(p - q)
        over = 1.0 / (2.0 - c * c)
        a, b = G * heyoka.sin(p), G * heyoka.sin(q)
        equations = [u, w, (b * c - s * (u * u * c + w * w) - 2.0 * a) * over]
        equations.append((2.0 * (u * u * s - b + a * c) + w * w * s * c) * over)
        starts = np.zeros((count, 4))
        starts[:, :2] = rng.uniform(-2.0, 2.0, size=(count, 2))
        return double_pendulum, [0.0], starts, 10.0, list(zip(v, equations, strict=True))
    v = heyoka.make_vars(*[f"x{i:02d}" for i in range(40)])
    equations = [(v[(i + 1) % 40] - v[i - 2]) * v[i - 1] - v[i] + 8.0 for i in range(40)]
    return lorenz96, [8.0], 8.0 + rng.normal(size=(count, 40)), 5.0, list(zip(v, equations, strict=True))


def reference(equations, starts, duration):
    """Final states in extended precision."""
    kind = np.longdouble
    solver = heyoka.taylor_adaptive(equations, starts[0].astype(kind), fp_type=kind, tol=kind(1e-18))
    final = np.empty_like(starts)
    for j, start in enumerate(starts):
        solver.time, solver.state[:] = kind(0.0), start
        solver.propagate_until(kind(duration))
        final[j] = solver.state
    return final


def with_heyoka(equations, starts, duration, tolerance, batch):
    """Function that returns final states."""
    solver = heyoka.taylor_adaptive_batch(equations, np.ascontiguousarray(starts[:batch].T), tol=tolerance)

    def run():
        final = np.empty_like(starts)
        for j in range(0, len(starts), batch):
            solver.set_time(0.0)
            solver.state[:] = starts[j : j + batch].T
            solver.propagate_until(duration)
            final[j : j + batch] = solver.state.T
        return final

    return run


def with_dynsamp(rhs, theta, starts, duration, method, tolerance, width):
    """Function that returns final states."""
    ours = Problem({"rhs": rhs}, np.array([theta]), starts.shape[1])
    schedule = Schedule(np.array([0.0, duration]), np.ones(1, np.int64), np.full(2, tolerance), 10**7)
    ids = np.arange(len(starts))

    def run():
        out = np.empty((len(starts), 2, starts.shape[1]))
        integrate(method, ours, schedule, starts, ids, 0, 1, out, width)
        return out[:, 1]

    return run


def compare(name, count, repeats, widths):
    """Print the table of one system."""
    rhs, theta, starts, duration, equations = problem(name, count)
    exact = reference(equations, starts, duration)
    kernels = {}
    for tolerance in (1e-6, 1e-9, 1e-12, 1e-15):
        for batch in (4, 8):
            kernels["heyoka", batch, tolerance] = with_heyoka(equations, starts, duration, tolerance, batch)
        for width in widths:
            kernels["taylor", width, tolerance] = with_dynsamp(rhs, theta, starts, duration, "taylor", tolerance, width)
    for tolerance in (1e-8, 1e-10, 1e-12, 1e-14):
        kernels["dop853", None, tolerance] = with_dynsamp(rhs, theta, starts, duration, "dop853", tolerance, None)
    first, final = {}, {}
    for key, run in kernels.items():
        begin = time.process_time()
        final[key] = run()
        first[key] = time.process_time() - begin
    taken = {key: [] for key in kernels}
    for turn in range(repeats):
        for key in list(kernels)[:: 1 if turn % 2 == 0 else -1]:
            begin = time.process_time()
            kernels[key]()
            taken[key].append(time.process_time() - begin)
    print(f"{name}: {count} trajectories, duration {duration:g}, {repeats} repeats")
    print("  method  lanes  tolerance  us a trajectory [least, most]      error  first call s")
    for key in sorted(kernels, key=str):
        times = np.array(taken[key]) / count * 1e6
        error = np.sqrt(np.mean(np.abs(final[key] - exact).max(axis=1) ** 2))
        print(
            f"  {key[0]}  {key[1] or 'rule':>5}  {key[2]:9.0e}  {np.median(times):10.2f}"
            f" [{times.min():7.2f}, {times.max():7.2f}]  {error:11.2e}  {first[key]:8.2f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = ("lorenz", "henon_heiles", "double_pendulum", "lorenz96")
    parser.add_argument("systems", nargs="*", default=names, help=", ".join(names))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--count", type=int, default=1600, help="trajectories, a multiple of 8")
    parser.add_argument("--widths", type=lambda text: [int(width) for width in text.split(",")], default=[8, 16])
    options = parser.parse_args()
    for name in options.systems:
        compare(name, options.count, options.repeats, options.widths)


if __name__ == "__main__":
    main()
