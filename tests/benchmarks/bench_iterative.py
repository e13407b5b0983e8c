"""Sampled against iteratively trained Hamiltonian networks (PyTorch): CPU seconds to equal error, and best errors.

Run: python tests/benchmarks/bench_iterative.py --save curves.json           (an hour: 12 trainings of 70 s a problem)
     python tests/benchmarks/bench_iterative.py --load curves.json           (trained networks as saved, ours anew)

Trained: two hidden layers of tanh on standardised inputs, grad H matched to (-p', q') in mean square, one thread. The
gradient is written out by hand, which is several times cheaper than differentiating twice. Every combination of

    Adam         batches of 256, cosine schedule over the whole budget
    L-BFGS       from the start, all points (10 000 at most), strong Wolfe conditions, 50 pairs kept
    Adam+L-BFGS  Adam with a cosine schedule over a seventh of the budget, then L-BFGS

with two widths and both precisions; at each level of error the fastest of them counts. Time spent in evaluating the
error is excluded. Sampled: the whole fit, the choice of activation, scale and width included, medians over seeds.

Error: relative L2 error of H on fresh points, the mean difference removed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from problems import PROBLEMS, Problem, error_of, fresh_points, points, samples

from dynsamp.meter import Meter
from dynsamp.models.hamiltonian import HamiltonianNetwork

SYMMETRIES = ("parity", "time-reversal")  # of the double pendulum
LEVELS = (1e-2, 1e-3)
WIDTHS = ((64, 64), (100, 100))
METHODS = ("Adam", "L-BFGS", "Adam+L-BFGS")
DTYPES = ("float32", "float64")
DEFAULT = ("pendulum-large", "lotka-volterra-5", "henon-heiles", "double-pendulum")
RATE, BATCH = 1e-2, 256  # of Adam: the best of rates 3e-3 to 3e-2 and batches of 256 and 1024 on two of the problems
SHARE = 1 / 7  # of the budget for Adam where L-BFGS follows


class Network(torch.nn.Module):
    """H(z) of two hidden layers, and its gradient."""

    def __init__(self, components: int, widths: tuple[int, int], dtype: torch.dtype) -> None:
        super().__init__()
        sizes = (components, *widths, 1)
        layers = [torch.nn.Linear(a, b, dtype=dtype) for a, b in itertools.pairwise(sizes)]
        for layer in layers:
            torch.nn.init.xavier_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
        self.first, self.second, self.last = layers

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """H (point,)."""
        return self.last(torch.tanh(self.second(torch.tanh(self.first(z)))))[:, 0]

    def gradient(self, z: torch.Tensor) -> torch.Tensor:
        """dH/dz (point, component)."""
        a = torch.tanh(self.first(z))
        b = torch.tanh(self.second(a))
        inner = ((1 - b * b) * self.last.weight) @ self.second.weight
        return (inner * (1 - a * a)) @ self.first.weight


class Training:
    """A network, its data and the curve of its error against what was spent."""

    def __init__(self, problem: Problem, widths: tuple[int, int], dtype: str, seed: int) -> None:
        torch.manual_seed(seed)
        kind: torch.dtype = getattr(torch, dtype)
        low, high = np.transpose(problem.box)
        self.centre, self.half = 0.5 * (low + high), 0.5 * (high - low)
        x, test = points(problem, seed), fresh_points(problem, seed, 4000)
        target = problem.gradient(x) * self.half
        self.unit = float(np.sqrt(np.mean(target**2)))
        self.z = torch.as_tensor((x - self.centre) / self.half, dtype=kind)
        self.target = torch.as_tensor(target / self.unit, dtype=kind)
        self.test, self.truth = torch.as_tensor((test - self.centre) / self.half, dtype=kind), problem.energy(test)
        self.network = Network(x.shape[1], widths, kind)
        self.cpu, self.joules, self.source, self._due = 0.0, 0.0, "", 0.0
        self.curve: list[tuple[float, float, float]] = []  # CPU seconds, joules, error

    def spent(self, meter: Meter) -> None:
        """Account for a piece of training; evaluate when it is time."""
        self.cpu += meter.cost.cpu_seconds
        self.joules += meter.cost.joules
        self.source = meter.cost.energy_source
        if self.cpu >= self._due:
            self.evaluate()

    def evaluate(self) -> None:
        """Add a point to the curve."""
        with torch.no_grad():
            values = self.network(self.test).double().numpy() * self.unit
        self.curve.append((self.cpu, self.joules, error_of(values, self.truth)))
        self._due = max(1.05 * self.cpu, self.cpu + 0.05)

    def loss(self, z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Mean square of the error of the gradient."""
        return torch.mean((self.network.gradient(z) - target) ** 2)

    def adam(self, until: float) -> None:
        """Adam with a cosine schedule that ends at ``until`` CPU seconds."""
        optimiser = torch.optim.Adam(self.network.parameters(), lr=RATE)
        while self.cpu < until:
            with Meter() as meter:
                rate = 0.5 * RATE * (1 + np.cos(np.pi * self.cpu / until))
                for group in optimiser.param_groups:
                    group["lr"] = rate
                order = torch.randperm(len(self.z))
                for batch in order.split(BATCH):
                    optimiser.zero_grad(set_to_none=True)
                    self.loss(self.z[batch], self.target[batch]).backward()
                    optimiser.step()
            self.spent(meter)

    def lbfgs(self, until: float) -> None:
        """L-BFGS until it stalls or the time is over."""
        z, target = self.z[:10_000], self.target[:10_000]
        optimiser = torch.optim.LBFGS(
            self.network.parameters(), max_iter=5, history_size=50, tolerance_grad=0.0, tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure() -> torch.Tensor:
            optimiser.zero_grad(set_to_none=True)
            loss = self.loss(z, target)
            loss.backward()
            return loss

        before, stalled = np.inf, 0
        while self.cpu < until and stalled < 5:
            with Meter() as meter:
                value = optimiser.step(closure).item()  # type: ignore[arg-type]
            stalled = stalled + 1 if not value < before else 0
            before = min(before, value)
            self.spent(meter)
            if not np.isfinite(value):
                break


def train(name: str, method: str, widths: tuple[int, int], dtype: str, budget: float, seed: int) -> dict[str, Any]:
    """Train one network; the curve and how it came about."""
    training = Training(PROBLEMS[name], widths, dtype, seed)
    if method != "L-BFGS":
        training.adam(budget if method == "Adam" else SHARE * budget)
    if method != "Adam":
        training.lbfgs(budget)
    training.evaluate()
    return {
        "problem": name, "method": method, "widths": list(widths), "dtype": dtype, "seed": seed, "budget": budget,
        "energy_source": training.source, "curve": training.curve,
    }  # fmt: skip


def reached(run: dict[str, Any], level: float) -> tuple[float, float]:
    """CPU seconds and joules at which a curve first comes down to a level; infinite where it does not."""
    for cpu, joules, error in run["curve"]:
        if error <= level:
            return cpu, joules
    return np.inf, np.inf


def label(run: dict[str, Any]) -> str:
    """Short name of a training."""
    return f"{run['method']} {'-'.join(map(str, run['widths']))} {run['dtype']}"


def sampled(name: str, estimator: HamiltonianNetwork, seeds: int) -> tuple[float, float, float]:
    """Median error, CPU seconds and joules of whole fits."""
    problem, rows = PROBLEMS[name], []
    for seed in range(seeds):
        data, test = samples(problem, seed), fresh_points(problem, seed)
        with Meter() as meter:
            model = estimator.fit(data, seed=seed)
        error = error_of(model.energy(test), problem.energy(test))
        rows.append((error, meter.cost.cpu_seconds, meter.cost.joules))
    error, cpu, joules = (statistics.median(column) for column in zip(*rows, strict=True))
    return error, cpu, joules


def show_curves(runs: list[dict[str, Any]]) -> None:
    """Print the error of every training at a few times."""
    times = (0.5, 1, 2, 5, 10, 20, 40, 70)
    print(f"{'error after CPU s':34}" + "".join(f"{time:>9g}" for time in times) + f"{'best':>9}")
    for run in runs:
        found = []
        for time in times:
            past = [error for cpu, _, error in run["curve"] if cpu <= time]
            found.append(f"{min(past):9.1e}" if past else f"{'':9}")
        best = min(error for _, _, error in run["curve"])
        print(f"{label(run):34}" + "".join(found) + f"{best:9.1e}")


def compare(name: str, runs: list[dict[str, Any]], seeds: int) -> None:
    """Print one table: a level of error a row."""
    problem = PROBLEMS[name]
    print(f"\n{problem.title}\n")
    show_curves(runs)
    best = min(error for run in runs for _, _, error in run["curve"])
    kinds: list[tuple[str, dict[str, Any]]] = [("", {})]
    if name == "double-pendulum":
        kinds.append((" symmetries", {"symmetries": SYMMETRIES}))
    print(f"\n{'level':>8} {'trained, fastest':30} {'cpu s':>8} {'J':>8}   {'sampled':>20} {'error':>8} {'cpu s':>8}"
          f" {'J':>8} {'time ratio':>10} {'J ratio':>8}")  # fmt: skip
    for level in (*LEVELS, best):
        run = min(runs, key=lambda run: reached(run, level)[0])
        cpu, joules = reached(run, level)
        left = f"{level:8.1e} {label(run):30} {cpu:8.2f} {joules:8.1f}"
        more = ""
        if not np.isfinite(cpu):  # the ratio is more than that of the longest training
            more, (cpu, joules) = ">", max(run["curve"][-1][:2] for run in runs)
            left = f"{level:8.1e} {'not reached':30} {'':8} {'':8}"
        for kind, declared in kinds:
            error, own, spent = sampled(name, HamiltonianNetwork(tolerance=level, **declared), seeds)
            mark = " " if error <= level else "!"  # the level was missed
            ratios = f"{f'{more}{cpu / own:.0f}':>10} {f'{more}{joules / spent:.0f}':>8}"
            print(f"{left}   {f'tolerance{kind}':>20} {error:8.1e}{mark}{own:8.4f} {spent:8.3f} {ratios}")
    for kind, declared in kinds:
        error, own, spent = sampled(name, HamiltonianNetwork(**declared), seeds)
        print(f"{'best':>8} {'':30} {'':8} {'':8}   {f'default{kind}':>20} {error:8.1e} {own:8.4f} {spent:8.3f}"
              f"   {best / error:.1e} times less error")  # fmt: skip


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=sorted(PROBLEMS), default=DEFAULT)
    parser.add_argument("--budget", type=float, default=70.0, help="CPU seconds of one training")
    parser.add_argument("--seed", type=int, default=0, help="of the trained networks")
    parser.add_argument("--seeds", type=int, default=5, help="number of sampled fits")
    parser.add_argument("--save", type=Path, help="JSON file; trainings it already holds are not repeated")
    parser.add_argument("--load", type=Path, help="JSON file; no training")
    choice = parser.parse_args()
    torch.set_num_threads(1)
    file = choice.load or choice.save
    runs: list[dict[str, Any]] = json.loads(file.read_text()) if file and file.exists() else []
    if not choice.load:
        done = {(run["problem"], label(run)) for run in runs}
        # the problems in turn: what is there after an interruption covers all of them
        for widths, dtype, method, name in itertools.product(WIDTHS, DTYPES, METHODS, choice.problems):
            if (name, f"{method} {'-'.join(map(str, widths))} {dtype}") in done:
                continue
            runs.append(train(name, method, widths, dtype, choice.budget, choice.seed))
            print(f"{name} {label(runs[-1])}: {min(row[2] for row in runs[-1]['curve']):.1e}", flush=True)
            if choice.save:
                choice.save.write_text(json.dumps(runs))
    sampled("pendulum-large", HamiltonianNetwork(), 1)  # compiles
    for name in choice.problems:
        mine = [run for run in runs if run["problem"] == name]
        if mine:
            compare(name, mine, choice.seeds)
    print(f"\nenergy: {runs[0]['energy_source'] if runs else 'none'}; !: the sampled network missed the level")


if __name__ == "__main__":
    main()
