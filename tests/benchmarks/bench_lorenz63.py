"""Valid prediction time of ``FlowMap()`` on Lorenz-63, in Lyapunov times.

Run: python tests/benchmarks/bench_lorenz63.py [--seeds 5] [--starts 100] [--truth truth.npy]

Training: one trajectory of 2000 samples, spacing 0.01, no noise, DOP853 at 3e-14. The estimator is told nothing.
Score: the last time before the root mean square error over components, in climatological standard deviations, first
exceeds 0.4, times the largest Lyapunov exponent, 0.9056; median over starts.

DOP853 itself is valid for about 28 Lyapunov times and float64 for about 33, so the truth is a Taylor series in fixed
point with 48 decimal digits, of which the 36 Lyapunov times use 16. It costs two seconds of CPU a start;
--truth keeps it in a file. --check compares it with mpmath and with itself at twice the digits and half the step.

Published for one-step maps in float64: random features 12.0 (Mandal and Gottwald 2025, Nat. Commun. 16, 50 000
samples, threshold 0.3), polynomials 21.5 (Schoetz and Boers 2025, arXiv:2507.09652, 32 768 samples, threshold 0.5).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from operator import mul
from pathlib import Path

import numpy as np

from dynsamp.metrics import Record
from dynsamp.metrics.errors import valid_prediction_time
from dynsamp.models.base import Samples
from dynsamp.models.flow_map import FlowMap
from dynsamp.solve import Kernel, solve
from dynsamp.words import Facts, State

STATES = (State("x"), State("y"), State("z"))
EXPONENT = 0.9056
DT = 0.01
HORIZON = 36.0  # Lyapunov times
BITS = 160  # of the fixed-point truth: 48 decimal digits
HALF_STEPS = 50  # a Taylor step is 1/50, two samples


def lorenz(t, y, theta, dy):  # type: ignore[no-untyped-def]
    """Lorenz (1963), J. Atmos. Sci. 20, 130."""
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


KERNEL = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]), chaotic=True)


def taylor(start: np.ndarray, samples: int, bits: int = BITS, per_unit: int = HALF_STEPS) -> np.ndarray:
    """Exact trajectory (samples, 3) at spacing 1 / (2 per_unit), rounded to float64 at the end alone.

    Integers count units of 2^-bits. ``a[k]`` is the k-th Taylor coefficient times step^k, so that every term is a sum.
    sigma, rho and beta are 10, 28 and 8/3 exactly.
    """
    # a float is a ratio of integers, so the start is exact
    ratios = [float(value).as_integer_ratio() for value in start]
    state = [(numerator << bits) // denominator for numerator, denominator in ratios]
    saved = [state]
    while len(saved) < samples:
        a, b, c = ([value] for value in state)
        k = 0
        while k < 2 or max(abs(a[-1]), abs(b[-1]), abs(c[-1])) > 1:
            back = c[::-1]
            xz, xy = sum(map(mul, a, back)) >> bits, sum(map(mul, a, b[::-1])) >> bits
            k += 1
            ax, bx, cx = a[-1], b[-1], c[-1]
            a.append(10 * (bx - ax) // (per_unit * k))
            b.append((28 * ax - xz - bx) // (per_unit * k))
            c.append((3 * xy - 8 * cx) // (3 * per_unit * k))
        saved.append([sum(value >> n for n, value in enumerate(series)) for series in (a, b, c)])
        state = [sum(series) for series in (a, b, c)]
        saved.append(state)
    return np.array([[float(value) / 2.0**bits for value in point] for point in saved[:samples]])


def starts(count: int, seed: int) -> np.ndarray:
    """States on the attractor."""
    first = np.random.default_rng(seed).normal([0.0, 0.0, 25.0], 5.0, (count, 3))
    return np.asarray(solve(KERNEL, [0.0, 30.0], first, rtol=1e-9).states[:, -1])


def truth(count: int, path: Path | None) -> np.ndarray:
    """Trajectories (start, sample, 3) over the horizon, from the file if it has them."""
    samples = int(HORIZON / EXPONENT / DT)
    if path is not None and path.exists():
        known = np.load(path)
        if known.shape[0] >= count and known.shape[1:] == (samples, 3):
            return np.asarray(known[:count])
    began = time.perf_counter()
    found = np.stack([taylor(start, samples) for start in starts(count, seed=1963)])
    print(f"truth of {count} starts in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if path is not None:
        temporary = path.with_name(path.name + ".tmp.npy")
        np.save(temporary, found)
        os.replace(temporary, path)
    return found


def check() -> None:
    """Compare the truth with mpmath's Taylor solver, and with itself at more digits and another step."""
    import mpmath

    start = starts(1, seed=1963)[0]
    with mpmath.workdps(30):
        solution = mpmath.odefun(
            lambda _, y: [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - mpmath.mpf(8) / 3 * y[2]],
            0,
            [mpmath.mpf(float(value)) for value in start],
        )
        exact = [[float(value) for value in solution(mpmath.mpf(n) / 100)] for n in range(51)]
    print(f"mpmath, 0.5 time units: largest difference {np.abs(taylor(start, 51) - exact).max():.1e}")
    samples = int(HORIZON / EXPONENT / DT)
    finer = taylor(start, 2 * samples, 2 * BITS, 2 * HALF_STEPS)[::2]
    print(f"twice the digits, {HORIZON:g} Lyapunov times: {np.abs(taylor(start, samples) - finer).max():.1e}")


def record(y: np.ndarray) -> Record:
    """Trajectories (start, sample, 3) for the metric."""
    count, samples, _ = y.shape
    return Record(
        t=DT * np.arange(samples),
        y=y[:, None],
        status=np.zeros((count, 1), np.int8),
        states=STATES,
        theta=np.empty((count, 0)),
        valid_until=np.full(count, np.inf),
        facts=Facts(lyapunov_exponent=EXPONENT),
    )


def main() -> None:
    """Print a line a seed, then the median of medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--truth", type=Path, help="file (.npy) that keeps the truth")
    parser.add_argument("--check", action="store_true", help="check the truth, and stop")
    options = parser.parse_args()
    if options.check:
        check()
        return
    exact = record(truth(options.starts, options.truth))
    medians = []
    for seed in range(options.seeds):
        times = DT * np.arange(2000)
        y = solve(KERNEL, times, starts(1, seed=seed)).states
        model = FlowMap().fit(Samples(t=times[None], y=y, states=STATES), seed=seed)
        forecast = solve(model.kernel(), exact.t, exact.y[:, 0, 0])
        score = valid_prediction_time(record(forecast.states), exact)
        low, high = np.quantile(score.values, [0.25, 0.75])
        median = score.attrs["median"]
        medians.append(median)
        print(
            f"seed {seed}: median {median:.1f} ({score.attrs['median_is']}), quartiles"
            f" {low:.1f} {high:.1f}, least {score.values.min():.1f},"
            f" censored {score.attrs['censored']}; {model.report['cpu_seconds']:.1f} s CPU, {model.report['chosen']}",
            flush=True,
        )
    print(f"median over {options.seeds} seeds of the median over {options.starts} starts: {np.median(medians):.1f}")


if __name__ == "__main__":
    main()
