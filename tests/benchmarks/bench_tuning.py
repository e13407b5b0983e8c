"""What a tuned constant moves: errors and times of a few fits, with other values of it.

    python tests/benchmarks/bench_tuning.py                      # every constant of the table below
    python tests/benchmarks/bench_tuning.py HARD NOISE=1e-8,1e-4  # some of them, with values of your choice

Every case is fitted with each value, on each seed. A line says the value, then for every case the ratio of its error (a
geometric mean over the seeds) and of its CPU time to what the value in ``dynsamp.networks.tuning`` gives. Ratios within
a tenth say that the constant is flat there: write that range into its docstring.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import dynsamp as ds
from dynsamp.networks import tuning

WIDTHS = (0.5, 2.0)
VALUES: dict[str, tuple[Any, ...]] = {  # those that are not half and twice the value
    "FIRST_WIDTH": (50, 200),
    "SLOPE_STEP": (1.2, 1.7, 2.0),
    "EXACT": (1e-14, 1e-13, 1e-12),
    "TUNING_GAIN": (0.5, 0.65, 0.9),
    "HOPELESS": (3.0, 10.0, 100.0),
    "HARD": (1e-4, 1e-2),
    "STALL": (0.1, 0.4),
    "STALL_OF_HARD": (0.3, 0.7),
    "MARGIN": (1.0, 1.05, 1.1),
    "ROWS_A_COLUMN": (3, 5, 6),
    "NOISY": (1e-5, 1e-3),
    "NOISE": (1e-8, 1e-4),
    "NOISY_EQUATIONS": (5_000, 80_000),
    "CLOSE": (0.0, 0.3),
    "STRUCTURED": (0.5, 0.9),
    "WIDEST": (400, 1600),
    "SMOOTHNESS": (1.0, 1.2, 1.6),
    "NEGLIGIBLE": (0.0, 1e-2),
    "TIKHONOV": (1e-16, 1e-14, 1e-13),
    "NEIGHBOURS": (5, 20),
    "SAMPLED_FROM": (5_000,),
    "LEAST_ROWS": (500, 1000, 4000),
    "MIDDLE": (100, 400),
    "WIDER_GAIN": (0.8, 0.95),
    "NEARLY": (1.0, 1.5),
    "DEEPER": (0.5, 0.9),
    "MAP_WIDTH": (300, 1000),
    "MAP_ROWS_A_COLUMN": (4, 20),
    "MAP_TIKHONOV": (1e-17, 1e-15),
    "LISTED": (1, 5),
}


def of_energies(system: str, noise: float, **knobs: Any) -> Callable[[int], tuple[float, float]]:
    """Relative error of the field, learned from (noisy) derivatives."""

    def error(seed: int) -> tuple[float, float]:
        data = ds.generate(system, trajectories=40, duration=10, dt=0.1, seed=seed, progress=False)
        test = ds.generate(system, trajectories=40, duration=10, dt=0.1, seed=seed + 100, progress=False)
        rng = np.random.default_rng(seed)
        for name in [str(name) for name in data.data_vars if str(name).startswith("tendency_of_")]:
            data[name] = data[name] + noise * float(data[name].std()) * rng.normal(size=data[name].shape)
        model, spent = timed(lambda: ds.fit(data, ds.HamiltonianNetwork(**knobs), seed=seed, progress=False))
        names = [state.name for state in model.states]
        y = np.stack([test[name].values.ravel() for name in names], axis=1)
        dy = np.stack([test[f"tendency_of_{name}"].values.ravel() for name in names], axis=1)
        return float(np.linalg.norm(model.vector_field(y) - dy) / np.linalg.norm(dy)), spent

    return error


def of_regression(noise: float, kink: bool) -> Callable[[int], tuple[float, float]]:
    """Relative error of a plain regression."""

    def error(seed: int) -> tuple[float, float]:
        rng = np.random.default_rng(seed)
        x, test = rng.uniform(-1, 1, (3000, 3)), rng.uniform(-1, 1, (3000, 3))

        def f(z: np.ndarray) -> np.ndarray:
            smooth = np.sin(3 * z[:, 0]) * z[:, 1]
            return np.asarray(np.abs(smooth - 0.3 * z[:, 2]) if kink else smooth + z[:, 2] ** 2)

        y = f(x) + noise * f(x).std() * rng.normal(size=len(x))
        model, spent = timed(lambda: ds.SampledNetwork().fit(x, y, seed=seed))
        return float(np.linalg.norm(model.values(test)[:, 0] - f(test)) / np.linalg.norm(f(test))), spent

    return error


def of_flow_map(noise: float) -> Callable[[int], tuple[float, float]]:
    """Relative error of one step."""

    def error(seed: int) -> tuple[float, float]:
        data = ds.generate("lorenz63", trajectories=8, duration=20, dt=0.05, seed=seed, noise=noise, progress=False)
        test = ds.generate("lorenz63", trajectories=8, duration=10, dt=0.05, seed=seed + 100, progress=False)
        model, spent = timed(lambda: ds.fit(data, ds.FlowMap(), seed=seed, progress=False))
        y = np.stack([test[name].values for name in ("x", "y", "z")], axis=-1)
        step = y[:, 1:] - y[:, :-1]
        return float(np.linalg.norm(model.step(y[:, :-1]) - y[:, 1:]) / np.linalg.norm(step)), spent

    return error


CASES: dict[str, Callable[[int], tuple[float, float]]] = {
    "pendulum": of_energies("pendulum", 0.0),
    "Henon-Heiles": of_energies("henon_heiles", 0.0, separable=False, tolerance=1e-9),
    "double pendulum": of_energies("double_pendulum", 0.0, tolerance=1e-5),
    "noisy pendulum": of_energies("pendulum", 0.05, separable=False),
    "regression": of_regression(0.0, kink=False),
    "noisy regression": of_regression(0.1, kink=False),
    "kink": of_regression(0.0, kink=True),
    "flow map": of_flow_map(0.0),
    "noisy flow map": of_flow_map(0.02),
}


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its CPU seconds."""
    begin = time.process_time()
    result = call()
    return result, time.process_time() - begin


def measured(cases: list[str], seeds: int) -> np.ndarray:
    """Geometric mean of the errors, sum of the seconds: (case, 2)."""
    rows = []
    for name in cases:
        found = np.array([CASES[name](seed) for seed in range(1, seeds + 1)])
        rows.append([np.exp(np.mean(np.log(np.maximum(found[:, 0], 1e-16)))), found[:, 1].sum()])
    return np.array(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("constants", nargs="*", help="NAME or NAME=value,value; by default all of the table")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    wanted: dict[str, tuple[Any, ...]] = {}
    for each in options.constants or VALUES:
        name, _, values = each.partition("=")
        given = getattr(tuning, name)
        wanted[name] = (
            tuple(type(given)(float(value)) for value in values.split(","))
            if values
            else VALUES.get(name, tuple(type(given)(factor * given) for factor in WIDTHS))
        )
    measured(options.cases, 1)  # compiles
    base = measured(options.cases, options.seeds)
    print(f"{'':28}" + "".join(f"{name:>20}" for name in options.cases))
    print(f"{'as it is: error, seconds':28}" + "".join(f"{error:11.1e} {spent:8.2f}" for error, spent in base))
    for name, values in wanted.items():
        given = getattr(tuning, name)
        for value in values:
            setattr(tuning, name, value)
            try:
                ratio = measured(options.cases, options.seeds) / base
            finally:
                setattr(tuning, name, given)
            label = f"{name} {given:g} -> {value:g}"
            print(f"{label:28}" + "".join(f"{error:11.2f} {spent:8.2f}" for error, spent in ratio), flush=True)


if __name__ == "__main__":
    main()
