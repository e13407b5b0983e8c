"""Compile time of every method, cold and from the cache; each figure is a process of its own.

``python tests/benchmarks/bench_compile.py [--repeats n] [method ...]`` prints a table. "cold" is the first ``solve``
with an empty cache, "warm" the same in the next processes: CPU seconds beyond the imports of NumPy and Numba, those
of dynsamp included. A compiled function of one constant that Numba itself loads from its cache is the measure of both.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dynsamp.kernels.methods import METHODS

HERE = Path(__file__).parent
TRIVIAL = """
import time, numpy, numba
start = time.process_time()
import trivial
trivial.one()
print(time.process_time() - start)
"""
FIRST = """
import sys, time
import numpy as np, numba
sys.path.insert(0, {here!r})
import solver_problems as given
start = time.process_time()
from dynsamp.solve import Kernel, solve
kernel = {kernel}
solve(kernel, [0.0, 0.1], np.full((64, {dim}), 0.1), method={method!r}, threads=1{options})
print(time.process_time() - start)
"""
KERNELS = {  # by kind: the kernel, its dimension
    "field": ('Kernel("field", (given.lorenz,), np.array(given.LORENZ.theta))', 3),
    "separable": ('Kernel("separable", given.HENON_HEILES.halves, np.zeros(1))', 4),
    "sde": ('Kernel("sde", (given.heston_drift, given.heston_diffusion), given.HESTON.theta, noise=2)', 2),
    "additive": (
        'Kernel("sde", (given.lorenz, given.additive_diffusion), np.array(given.LORENZ.theta), noise="diagonal")',
        3,
    ),
    "delay": ('Kernel("field", (given.mackey_glass,), np.array([2.0, 1.0]), delays=(0.05,))', 1),
    "map": ('Kernel("map", (given.lorenz,), np.array(given.LORENZ.theta), dt=0.1)', 3),
    "lorenz96": ('Kernel("field", (given.lorenz96,), np.array(given.LORENZ96.theta))', 40),
}


def first_call(program: str, cache: str) -> float:
    """CPU seconds that the program prints; NaN and its last line where it fails."""
    environment = {**os.environ, "DYNSAMP_CACHE_DIR": cache, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=cache)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1])
        return float("nan")
    return float(done.stdout.split()[-1])


def row(name: str, program: str, repeats: int) -> None:
    """One line: cold, and the median of the warm ones."""
    with tempfile.TemporaryDirectory() as cache:
        Path(cache, "trivial.py").write_text("import numba\n\n\n@numba.njit(cache=True)\ndef one():\n    return 1\n")
        calls = [first_call(program, cache) for _ in range(1 + repeats)]
    print(f"{name:34s}{calls[0]:8.2f}{np.median(calls[1:]):8.2f}{min(calls[1:]):8.2f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", choices=[[], *METHODS], default=[])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{'CPU seconds of the first call':34s}{'cold':>8s}{'warm':>8s}{'best':>8s}")
    row("a trivial function of Numba", TRIVIAL, options.repeats)
    for method in options.methods or list(METHODS):
        kinds = METHODS[method].kinds
        kind = "separable" if kinds == ("separable",) else kinds[0]
        kind = "additive" if method.startswith("sr") else kind
        for name in (kind, "lorenz96") if method in ("taylor", "dop853") else (kind,):
            kernel, dim = KERNELS[name]
            step = "" if METHODS[method].adaptive or kind == "map" else ", step=0.01"
            step += ", history=[0.5]" if kind == "delay" else ""
            program = FIRST.format(here=str(HERE), kernel=kernel, dim=dim, method=method, options=step)
            row(f"{method} ({name})", program, options.repeats)


if __name__ == "__main__":
    main()
