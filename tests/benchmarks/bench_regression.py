"""Plain regression: error against fit time for sampled networks and the usual methods, also where ours lose.

Run: python tests/benchmarks/bench_regression.py [rows] [problem ...]        (1000 rows, all problems: 15 minutes)

Functions are learned from ``rows`` points, uniform in their box, without noise, and tested on 10 000 others; data sets
are split into five folds. Error: root mean square over the standard deviation of the truth, the square root of 1 - R^2.
Errors, CPU seconds (one thread), joules: medians over seeds 0 to 4 (folds), of slow methods over the first three. All
fits of a problem are interleaved. Every method gets standardised inputs and targets but ours and the boosted trees,
which do not need them. Nothing is told to ``SampledRegressor()``; its choices are part of its time, as the
cross-validated grid is for kernel ridge regression. The line "here" says which methods are as good as the best within
5 %, and where ours stands.
"""

from __future__ import annotations

import os
import statistics
import sys
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from regression_problems import DATA, FUNCTIONS
from scipy.linalg import LinAlgWarning
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from swimnetworks import Dense, Linear

from dynsamp.meter import Meter
from dynsamp.sklearn import SampledRegressor

SEEDS = 5
SLOW = 3  # seeds of slow methods
TEST = 10_000


class Swimnetworks:
    """The reference package, tanh network of width 1000, with its own cut-off of singular values or a given one."""

    def __init__(self, seed: int, cutoff: float = 1e-8) -> None:
        self.seed, self.cutoff = seed, cutoff

    def fit(self, x: np.ndarray, y: np.ndarray) -> Swimnetworks:
        """Sample and solve."""
        self.inputs, self.targets = StandardScaler().fit(x), StandardScaler().fit(y[:, None])
        x, y = self.inputs.transform(x), self.targets.transform(y[:, None])
        self.dense = Dense(layer_width=1000, activation="tanh", parameter_sampler="tanh", random_seed=self.seed)
        self.linear = Linear(regularization_scale=self.cutoff)
        self.linear.fit(self.dense.fit(x, y).transform(x), y)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Targets in their own units."""
        y = self.linear.transform(self.dense.transform(self.inputs.transform(x)))
        return np.asarray(self.targets.inverse_transform(np.reshape(y, (-1, 1)))[:, 0])


def standardised(model: Any) -> Any:
    """The model on standardised inputs and targets."""
    return TransformedTargetRegressor(make_pipeline(StandardScaler(), model), transformer=StandardScaler())


def kernel_ridge(_: int) -> Any:
    """Gaussian kernel, its width and the ridge by three-fold cross validation."""
    grid = {"gamma": np.logspace(-3, 1, 9), "alpha": (1e-12, 1e-9, 1e-6, 1e-3, 1e-1, 1.0)}
    return standardised(GridSearchCV(KernelRidge(kernel="rbf"), grid, cv=KFold(3, shuffle=True, random_state=0)))


METHODS: dict[str, tuple[int, Callable[[int], Any]]] = {
    "SampledRegressor": (SEEDS, lambda seed: SampledRegressor(random_state=seed)),
    "swimnetworks": (SEEDS, Swimnetworks),
    "swimnetworks 1e-13": (SEEDS, lambda seed: Swimnetworks(seed, 1e-13)),
    "kernel ridge (CV)": (SLOW, kernel_ridge),
    "boosted trees": (SEEDS, lambda seed: HistGradientBoostingRegressor(random_state=seed)),
    "MLPRegressor": (SLOW, lambda seed: standardised(MLPRegressor(max_iter=2000, random_state=seed))),
}


def sample(name: str, seed: int, rows: int) -> tuple[np.ndarray, ...]:
    """Training and test points and targets."""
    rng = np.random.default_rng(seed)
    if name in FUNCTIONS:
        problem = FUNCTIONS[name]
        low, high = np.array(problem.box).T
        x, test = (rng.uniform(low, high, (count, len(low))) for count in (rows, TEST))
        return x, problem.function(x), test, problem.function(test)
    x, y = DATA[name].load()
    train, held = list(KFold(SEEDS, shuffle=True, random_state=0).split(x))[seed]
    return x[train], y[train], x[held], y[held]


def measure(name: str, rows: int) -> None:
    """Print the table of a problem."""
    found: dict[str, list[tuple[float, float, float]]] = {label: [] for label in METHODS}
    chosen: list[str] = []
    for seed in range(SEEDS):
        x, y, test, truth = sample(name, seed, rows)
        for label, (seeds, make) in METHODS.items():
            if seed >= seeds:
                continue
            model = make(seed)
            with Meter() as meter:
                model.fit(x, y)
            error = float(np.sqrt(np.mean((model.predict(test) - truth) ** 2)) / truth.std())
            found[label].append((error, meter.cost.cpu_seconds, meter.cost.joules))
            if isinstance(model, SampledRegressor):
                chosen.append(str(model.model_.report["chosen"]).split(":")[0])
    rows_of = {
        label: [statistics.median(column) for column in zip(*values, strict=True)] for label, values in found.items()
    }
    ours = rows_of["SampledRegressor"]
    print(f"\n{name}: {len(x)} rows of {x.shape[1]} inputs; {(FUNCTIONS | DATA)[name].source}")
    for label, (error, seconds, joules) in rows_of.items():
        ratio = f"{error / ours[0]:9.2g} {seconds / ours[1]:9.2g} {joules / ours[2]:9.2g}"
        print(f"  {label:19} {len(found[label])} {error:10.2e} {seconds:8.3f} {joules:8.2f} {ratio}")
    least = min(values[0] for values in rows_of.values())
    best = ", ".join(label for label, values in rows_of.items() if values[0] <= 1.05 * least)
    print(
        f"  here: best {best}; ours {ours[0] / least:.2g} times the best; chosen {'; '.join(sorted(set(chosen)))}",
        flush=True,
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", LinAlgWarning)  # kernel ridge, at the ends of its grid
    arguments = sys.argv[1:]
    count = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 1000
    with Meter() as first:  # what is compiled or loaded once is not counted
        SampledRegressor(random_state=0).fit(np.linspace(0, 1, 300)[:, None], np.linspace(0, 1, 300) ** 3)
    assert first.cost is not None
    print(f"method, seeds, error, CPU s, joules ({first.cost.energy_source}), ratios to SampledRegressor of the three")
    for problem_name in arguments or [*FUNCTIONS, *DATA]:
        measure(problem_name, count)
