"""Speed and accuracy of the elementary functions: ours on lanes and in scalar loops, NumPy, ``math`` in Numba.

Run ``python tests/benchmarks/bench_functions.py [name ...]``; needs mpmath. Times are ns a value, the best of many
passes over 4096 values that stay in the cache; errors are the largest of 20 000 samples, in units in the last place.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from dynsamp.kernels.jit import compiled
from dynsamp.kernels.simd import functions
from dynsamp.kernels.simd.arrays import lane_view
from dynsamp.kernels.simd.trigonometry import near_sincos

WIDTH = 16
Loop = Callable[[np.ndarray, np.ndarray], Any]


def scalar_loop(function: Any) -> Loop:
    @compiled
    def loop(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = function(x[i])

    return loop


def lane_loop(function: Any) -> Loop:
    @compiled
    def loop(x: Any, out: Any) -> None:
        lanes, results = lane_view(WIDTH, x), lane_view(WIDTH, out)
        for i in range(len(lanes)):
            results[i] = function(lanes[i])

    return loop


def nanoseconds(loop: Loop, x: np.ndarray) -> float:
    out, best = np.empty_like(x), math.inf
    for _ in range(40):
        start = time.perf_counter()
        loop(x, out)
        best = min(best, time.perf_counter() - start)
    return 1e9 * best / x.size


def error(values: np.ndarray, x: np.ndarray, exact: Callable[[Any], Any]) -> float:
    worst = 0.0
    with mpmath.workprec(160):
        for value, argument in zip(values, x, strict=True):
            truth = exact(mpmath.mpf(float(argument)))
            if math.isfinite(value) and truth:
                worst = max(worst, abs(float((mpmath.mpf(float(value)) - truth) / np.spacing(abs(float(truth))))))
    return worst


def sech2(x: Any) -> Any:
    return 1.0 / np.cosh(x) ** 2


def main(names: list[str]) -> None:
    rng = np.random.default_rng(0)
    samples = {  # name: range of x, exact
        "exp": (-745.0, 709.7, mpmath.exp),
        "expm1": (-50.0, 709.7, mpmath.expm1),
        "tanh": (-20.0, 20.0, mpmath.tanh),
        "sech2": (-350.0, 350.0, lambda x: mpmath.sech(x) ** 2),
        "sinh": (-710.0, 710.0, mpmath.sinh),
        "cosh": (-710.0, 710.0, mpmath.cosh),
        "log": (0.0, 1e300, mpmath.log),
        "log1p": (-1.0, 1e300, mpmath.log1p),
        "log2": (0.0, 1e300, lambda x: mpmath.log(x, 2)),
        "log10": (0.0, 1e300, mpmath.log10),
        "sin": (-1e9, 1e9, mpmath.sin),
        "cos": (-1e9, 1e9, mpmath.cos),
        "tan": (-1e9, 1e9, mpmath.tan),
        "atan": (-1e9, 1e9, mpmath.atan),
        "asin": (-1.0, 1.0, mpmath.asin),
        "acos": (-1.0, 1.0, mpmath.acos),
    }
    fast = {"sin": compiled(lambda x: near_sincos(x)[0]), "cos": compiled(lambda x: near_sincos(x)[1])}
    numpys: dict[str, Any] = {"sech2": sech2, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan}
    print(f"{'':8}{'ulp':>6}{'lanes':>8}{'loop':>8}{'numpy':>8}{'math':>8}")
    for name in names or list(samples):
        low, high, exact = samples[name]
        ours = getattr(functions, name)
        wide = np.exp(rng.uniform(math.log(1e-20), math.log(high), 10_000)) * (
            1 if low == 0 else rng.choice([-1, 1], 10_000)
        )
        x = np.concatenate([np.clip(wide, low, high), rng.uniform(max(low, -10), min(high, 10), 10_000)])
        out = np.empty_like(x)
        lane_loop(ours)(x, out)
        timed = np.ascontiguousarray(rng.uniform(max(low, -8), min(high, 8), 4096))
        theirs = scalar_loop(getattr(math, name)) if hasattr(math, name) else None
        numpy = numpys.get(name) or getattr(np, name)
        times = [
            nanoseconds(lane_loop(ours), timed),
            nanoseconds(scalar_loop(fast.get(name, ours)), timed),
            nanoseconds(lambda x, out, f=numpy: f(x), timed),
            nanoseconds(theirs, timed) if theirs else math.nan,
        ]
        print(f"{name:8}{error(out, x, exact):6.2f}" + "".join(f"{t:8.2f}" for t in times), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
