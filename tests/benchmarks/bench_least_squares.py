"""How close fits come to the rate of matrix products, what memory they take, and what a feature costs.

Run: python tests/benchmarks/bench_least_squares.py [columns [rows]]

A fit is filling the features (sin, four inputs), solving, and everything between. Its rate counts 2 N M^2 operations
for orthogonalisation (and for the sketch, which does fewer) and N M^2 for Gram matrices, for N rows and M columns; the
Hadamard product counts N M^2 for N points, whose gradients are 4 N rows. Rates are divided by that of a product of
two 1000 x 1000 matrices in the same process just before and after, one thread, process CPU time; medians. Memory is
the peak of all arrays.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import numpy as np
from threadpoolctl import threadpool_limits

from dynsamp.networks.least_squares import LeastSquares, LinearSolution
from dynsamp.networks.network import HiddenLayer
from dynsamp.networks.normal_equations import GradientGram, GramLeastSquares
from dynsamp.networks.sketch import SketchedLeastSquares

REPEATS = 5
COMPONENTS = 4


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def product_rate() -> float:
    """Operations a second of matrix products, over about as long as a fit takes."""
    a = np.random.default_rng(0).normal(size=(1000, 1000))
    out = np.empty_like(a)
    return 12e9 / sum(seconds(lambda: np.dot(a, a, out=out)) for _ in range(6))


def layer_of(columns: int, activation: str = "sin") -> HiddenLayer:
    rng = np.random.default_rng(1)
    weights, phases = 0.3 * rng.normal(size=(columns, COMPONENTS)), rng.uniform(-np.pi, np.pi, columns)
    return HiddenLayer(weights, phases, activation, np.zeros(COMPONENTS), np.ones(COMPONENTS))


def fits(columns: int, rows: int) -> dict[str, tuple[Callable[[], LinearSolution], float]]:
    """Name to fit and operations."""
    layer = layer_of(columns)
    x = np.random.default_rng(2).uniform(-1.0, 1.0, (rows, COMPONENTS))
    y = np.exp(x[:, 0]) * x[:, 1] + x[:, 2] * x[:, 3] ** 2

    def stream(problem: LeastSquares | SketchedLeastSquares | GramLeastSquares, size: int) -> LinearSolution:
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            block = problem.block(part.stop - part.start)
            layer.fill_values(x[part], block[:columns])
            block[columns] = y[part]
        return problem.solve()

    def at_once() -> LinearSolution:
        return stream(LeastSquares(columns, 1, rows), rows)

    grown = np.exp(x[:, 0])
    gradient = np.concatenate([grown * x[:, 1], grown, x[:, 3] ** 2, 2.0 * x[:, 2] * x[:, 3]])[None]

    def hadamard() -> LinearSolution:
        problem = GradientGram(layer)
        problem.add(x, gradient)
        return problem.solve()

    square = float(rows) * columns**2
    return {
        "QR, all rows in memory": (at_once, 2 * square),
        "QR, blocks of 4096 rows": (lambda: stream(LeastSquares(columns, 1, 4096), 4096), 2 * square),
        "sketch of 3 rows a column": (lambda: stream(SketchedLeastSquares(columns, 1), 1024), 2 * square),
        "Gram matrix": (lambda: stream(GramLeastSquares(columns, 1), 1024), square),
        "Gram matrix of gradients": (hadamard, square),
    }


def peak(work: Callable[[], object]) -> float:
    """Megabytes."""
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def feature_times() -> None:
    """Nanoseconds a function value, blocks that stay in the second cache, beside NumPy's function alone."""
    features, rows = 64, 512
    x = np.random.default_rng(3).uniform(-1.0, 1.0, (rows, COMPONENTS))
    out, single = np.empty((features, rows)), np.empty((features, rows), dtype=np.float32)
    gradients = np.empty((features, COMPONENTS * rows))
    alone = {"tanh": np.tanh, "sin": np.sin, "gauss": np.exp}
    print(
        f"\n{'ns a function value':22} {'value':>6} {'float32':>8} {'slope':>6} {'4 gradients':>12} {'NumPy alone':>12}"
    )
    for name in ("tanh", "sin", "gauss", "relu", "softplus"):
        layer = layer_of(features, name)
        z = layer.preactivations(x)
        works: list[Callable[[], object]] = [
            lambda layer=layer: layer.fill_values(x, out),
            lambda layer=layer: layer.fill_values(x, single),
            lambda layer=layer: layer.fill_values(x, out, order=1),
            lambda layer=layer: layer.fill_gradients(x, gradients),
        ]
        if name in alone:
            works.append(lambda function=alone[name], z=z: function(z, out=out))
        best = [1e9] * len(works)
        for _ in range(400):
            for k, work in enumerate(works):
                start = time.perf_counter()
                work()
                best[k] = min(best[k], 1e9 * (time.perf_counter() - start) / (features * rows))
        widths = (6, 8, 6, 12, 12)
        print(f"{name:22} " + " ".join(f"{t:{w}.2f}" for t, w in zip(best, widths, strict=False)), flush=True)


def main() -> None:
    """Print both tables."""
    columns = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    print(f"{rows} rows, {columns} columns")
    print(f"{'':28} {'of dgemm':>8} {'Gflop/s':>8} {'CPU s':>6} {'MB':>6} {'residual':>9}")
    with threadpool_limits(1):
        for name, (fit, operations) in fits(columns, rows).items():
            residual = float(fit().residual[0])
            shares, times = [], []
            for _ in range(REPEATS):
                before = product_rate()
                times.append(seconds(fit))
                shares.append(operations / times[-1] / (0.5 * (before + product_rate())))
            spent = statistics.median(times)
            print(
                f"{name:28} {statistics.median(shares):8.0%} {operations / spent / 1e9:8.1f} {spent:6.2f}"
                f" {peak(fit):6.0f} {residual:9.1e}",
                flush=True,
            )
        feature_times()


if __name__ == "__main__":
    main()
