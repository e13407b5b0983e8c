"""Sampled against iteratively trained classifiers, and what a second layer and exact derivatives bring.

Run: python tests/benchmarks/bench_classification.py [repeats]     (five by default: three minutes)

Accuracy: five-fold stratified cross validation, repeated (s.e. of the repetitions); both sides get the same folds and
seeds, in turn. CPU seconds and joules are medians over all fits. ``SampledClassifier()`` and ``MLPClassifier()`` are as
they come (one hidden layer of 100 rectified linear units, Adam), but that the latter gets standardised inputs and 1000
epochs at most, so that it converges.

Composition: g(h(x)) is learned by networks of one and of two hidden layers, with as many neurons in their last one,
directions of near pairs, for two slopes. Gradient and Hessian, through both layers, are compared with sixth order
differences of values and gradients; the best step is taken, so that the figures are bounds for the errors.
"""

from __future__ import annotations

import os
import statistics
import sys
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dynsamp.meter import Meter
from dynsamp.sklearn import SampledClassifier, SampledRegressor

DATA = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
SLOPES = (4.0, 8.0)


def classifiers(seed: int) -> dict[str, object]:
    """Both sides."""
    network = MLPClassifier(max_iter=1000, random_state=seed)
    return {
        "SampledClassifier": SampledClassifier(random_state=seed),
        "MLPClassifier": make_pipeline(StandardScaler(), network),
    }


def classification(repeats: int) -> None:
    """Print accuracy, log loss and cost."""
    print(f"{'data':14} {'classifier':18} accuracy +- s.e.  log loss   CPU s   joules   ratio of CPU s, joules")
    for name, load in DATA.items():
        x, y = load(return_X_y=True)
        found: dict[str, list[tuple[float, float, float, float]]] = {}
        SampledClassifier(random_state=0).fit(x, y)  # what is compiled or loaded once is not counted
        folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0)
        for seed, (train, test) in enumerate(folds.split(x, y)):
            for label, model in classifiers(seed).items():
                with Meter() as meter:
                    model.fit(x[train], y[train])
                found.setdefault(label, []).append(
                    (
                        100 * model.score(x[test], y[test]),
                        log_loss(y[test], model.predict_proba(x[test])),
                        meter.cost.cpu_seconds,
                        meter.cost.joules,
                    )
                )
        costs = [statistics.median(row[2] for row in rows) for rows in found.values()]
        energies = [statistics.median(row[3] for row in rows) for rows in found.values()]
        for k, (label, rows) in enumerate(found.items()):
            accuracy = [row[0] for row in rows]
            error = (
                statistics.stdev([statistics.mean(accuracy[5 * i : 5 * i + 5]) for i in range(repeats)]) / repeats**0.5
            )
            ratio = f"{costs[k] / costs[0]:8.1f} {energies[k] / energies[0]:8.1f}"
            print(
                f"{name:14} {label:18} {statistics.mean(accuracy):7.2f} +- {error:4.2f} "
                f"{statistics.mean(row[1] for row in rows):9.3f} {costs[k]:9.4f} {energies[k]:8.3f} {ratio}"
            )
    print(f"energy: {meter.cost.energy_source}\n")


def composition(x: np.ndarray) -> np.ndarray:
    """A steep front around a disc, tanh(20 (x^2 + y^2 - 0.6))."""
    return np.asarray(np.tanh(20 * (np.sum(x**2, axis=1) - 0.6)))


def layers(seeds: int = 5, rows: int = 8000) -> None:
    """Print the error of one and of two layers, and the check of the derivatives."""
    print(f"{'layers':12} slope   error (median of {seeds})   CPU s")
    errors: dict[tuple[object, float], list[tuple[float, float]]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        x, test = rng.uniform(-1, 1, (rows, 2)), rng.uniform(-1, 1, (10_000, 2))
        y, truth = composition(x), composition(test)
        for width in (400, (400, 400)):
            for slope in SLOPES:
                model = SampledRegressor(width, activation="tanh", scale=slope, sampler="near", random_state=seed)
                with Meter() as meter:
                    model.fit(x, y)
                wrong = np.linalg.norm(model.predict(test) - truth) / np.linalg.norm(truth - truth.mean())
                errors.setdefault((width, slope), []).append((float(wrong), meter.cost.cpu_seconds))
    for (layer, slope), values in errors.items():
        error, seconds = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{layer!s:12} {slope:5g} {error:20.2e} {seconds:8.2f}")
    gradient, hessian = derivatives(model, test[:50])
    print(f"two layers against differences: gradient {gradient:.1e}, Hessian {hessian:.1e} (relative)")


def derivatives(model: SampledRegressor, x: np.ndarray) -> tuple[float, float]:
    """Largest relative differences of gradient and Hessian from sixth order differences, over the best of the steps."""
    network = model.model_
    exact = network.jacobian(x)[:, 0], network.hessian(x)[:, 0]
    best = [np.inf, np.inf]
    for step in 10.0 ** np.arange(-4.0, -0.9, 0.25):
        approximate = np.empty_like(exact[0]), np.empty_like(exact[1])
        for k, unit in enumerate(np.eye(x.shape[1])):
            points = [x + j * step * unit for j in range(-3, 4)]
            approximate[0][:, k] = _difference([network.values(p)[:, 0] for p in points], step)
            approximate[1][:, k] = _difference([network.jacobian(p)[:, 0] for p in points], step)
        for i in range(2):
            best[i] = min(best[i], float(np.abs(approximate[i] - exact[i]).max() / np.abs(exact[i]).max()))
    return best[0], best[1]


def _difference(values: list[np.ndarray], step: float) -> np.ndarray:
    weights = (-1, 9, -45, 0, 45, -9, 1)
    return np.asarray(sum(w * v for w, v in zip(weights, values, strict=True)) / (60 * step))


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ConvergenceWarning)
    classification(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    layers()
