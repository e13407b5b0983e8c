"""Snapshots: iteratively trained Hamiltonian and pseudo-Hamiltonian networks (PyTorch, phlearn) and sampled ones.

Run: python tests/benchmarks/bench_hnn.py [--parts hnn phlearn] [--budget 60] [--seeds 3]

    hnn      4000 pairs. Two hidden layers of 64 tanh neurons on standardised inputs, float64, one thread, the gradient
             written out by hand; Adam (batches of 256, cosine schedule) for a seventh of the budget, then L-BFGS, as in
             bench_iterative.py. The loss is the mean square of (y1 - y0) / dt - f, f the slope of the implicit midpoint
             rule or of a symmetric method of order 4, both at the data. Error: relative L2 error of grad H over fresh
             points of the box.
    phlearn  The damped driven pendulum, 30 trajectories of 200 samples, dt 0.1. PseudoHamiltonianNN with the settings
             of the package's training script (100 neurons a layer, Adam at 1e-3 with weight decay 1e-4, batches of 32),
             in float64, its force a network of time alone, its friction a number; midpoint (its default) and srk4.
             Error: relative L2 error of the right-hand side over the clean states. Ours gets the same snapshots.

Budget: CPU seconds of each training; evaluations are not counted. Ours: whole fits, told nothing, medians over seeds,
with ``tolerance`` the best error of the trained networks (1e-5 at most) and by default.
"""

from __future__ import annotations

import argparse
import os
import statistics
import warnings
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from bench_iterative import BATCH, RATE, SHARE, Network
from snapshot_problems import CASES, DRIVE, Case, as_samples, driven_trajectories, gradient_error, pairs
from threadpoolctl import threadpool_limits

from dynsamp.meter import Meter
from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianNetwork
from dynsamp.models.port_hamiltonian import PortHamiltonianNetwork

ROOT = np.sqrt(3) / 6
LEVELS = (1e-1, 1e-2, 1e-3)
LOOSEST = 1e-5  # tolerance of ours at which a fit is about as fast as with a looser one
PROBLEMS = (("pendulum", 0.5), ("pendulum", 0.1), ("henon-heiles", 0.5))
Curve = list[tuple[float, float]]  # CPU seconds, error


class Training:
    """A Hamiltonian network, pairs and the curve of its error."""

    def __init__(self, case: Case, data: Samples, dt: float, method: str, seed: int) -> None:
        torch.manual_seed(seed)
        low, high = np.transpose(case.box)
        self.case, self.dt, self.method = case, dt, method
        self.centre, self.half = 0.5 * (low + high), 0.5 * (high - low)
        first, second = ((data.y[:, k] - self.centre) / self.half for k in (0, 1))
        self.first, self.second = torch.as_tensor(first), torch.as_tensor(second)
        dof = len(low) // 2
        rotation = np.zeros((2 * dof, 2 * dof))
        rotation[:dof, dof:], rotation[dof:, :dof] = np.eye(dof), -np.eye(dof)
        slope = (second - first) / dt
        self.unit = float(np.sqrt(np.mean(slope**2)))
        # z' = half^-1 J half^-1 dH/dz, H in units that make slopes of order one
        self.matrix = torch.as_tensor(self.unit * rotation / self.half[:, None] / self.half)
        self.network = Network(2 * dof, (64, 64), torch.float64)
        self.test = case.points(100_000 + seed, 4000)
        self.cpu, self._due = 0.0, 0.0
        self.curve: Curve = []

    def field(self, z: torch.Tensor) -> torch.Tensor:
        """z'."""
        return self.network.gradient(z) @ self.matrix.T

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Mean square of what the slopes miss."""
        middle = 0.5 * (first + second)
        if self.method == "midpoint":
            slope = self.field(middle)
        else:  # srk4 of phlearn: its inner slopes are differentiated here
            change = ROOT * (second - first)
            slope = 0.5 * (
                self.field(middle - ROOT * self.dt * self.field(middle + change))
                + self.field(middle + ROOT * self.dt * self.field(middle - change))
            )
        return torch.mean(((second - first) / self.dt - slope) ** 2) / self.unit**2

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient of H in the units of the data."""
        with torch.no_grad():
            z = torch.as_tensor((y - self.centre) / self.half)
            return np.asarray(self.unit * self.network.gradient(z).numpy() / self.half)

    def spent(self, meter: Meter) -> None:
        """Account for a piece of training; evaluate when it is time."""
        self.cpu += meter.cost.cpu_seconds
        if self.cpu >= self._due:
            self.curve.append((self.cpu, gradient_error(self.gradient, self.case, self.test)))
            self._due = max(1.05 * self.cpu, self.cpu + 0.05)

    def run(self, budget: float) -> Curve:
        """Adam, then L-BFGS until it stalls or the time is over."""
        optimiser: Any = torch.optim.Adam(self.network.parameters(), lr=RATE)
        until = SHARE * budget
        while self.cpu < until:
            with Meter() as meter:
                for group in optimiser.param_groups:
                    group["lr"] = 0.5 * RATE * (1 + np.cos(np.pi * self.cpu / until))
                for batch in torch.randperm(len(self.first)).split(BATCH):
                    optimiser.zero_grad(set_to_none=True)
                    self.loss(self.first[batch], self.second[batch]).backward()
                    optimiser.step()
            self.spent(meter)
        optimiser = torch.optim.LBFGS(
            self.network.parameters(), max_iter=5, history_size=50, tolerance_grad=0.0, tolerance_change=0.0,
            line_search_fn="strong_wolfe",
        )  # fmt: skip

        def closure() -> torch.Tensor:
            optimiser.zero_grad(set_to_none=True)
            loss = self.loss(self.first, self.second)
            loss.backward()
            return loss

        before, stalled = np.inf, 0
        while self.cpu < budget and stalled < 5:
            with Meter() as meter:
                value = optimiser.step(closure).item()
            stalled = stalled + 1 if not value < before else 0
            before = min(before, value)
            self.spent(meter)
        self._due = 0.0
        with Meter() as meter:
            pass
        self.spent(meter)
        return self.curve


def told(curve: Curve) -> str:
    """Seconds to the levels, and the best error."""
    best = min(error for _, error in curve)
    first = {level: next((cpu for cpu, error in curve if error <= level), None) for level in LEVELS}
    text = "".join(f"{cpu:9.2f}" if cpu is not None else f"{'-':>9}" for cpu in first.values())
    return f"{text}{best:10.1e}{curve[-1][0]:9.1f}"


def sampled(fit: Callable[[int], tuple[Callable[[], float], float]], seeds: int) -> tuple[float, float]:
    """Median error and CPU seconds."""
    rows = []
    for seed in range(seeds):
        error, cpu = fit(seed)
        rows.append((error(), cpu))
    error, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
    return error, cpu


def timed(estimator: Any, data: Samples, seed: int) -> tuple[Any, float]:
    """A fit and its CPU seconds."""
    with threadpool_limits(1, "blas"), Meter() as meter:
        model = estimator.fit(data, seed=seed)
    return model, meter.cost.cpu_seconds


def ours(best: float) -> tuple[tuple[str, float | None], ...]:
    """Tolerances of the sampled networks: the error of the best training, and none."""
    tolerance = min(best, LOOSEST)
    return (f"tolerance {tolerance:.0e}", tolerance), ("default", None)


HEAD = f"{'':46}" + "".join(f"{f'to {level:g}':>9}" for level in LEVELS) + f"{'best':>10}{'cpu s':>9}"


def compare_hnn(budget: float, seeds: int) -> None:
    """Pairs."""
    print(HEAD)
    for name, dt in PROBLEMS:
        case, best = CASES[name], np.inf
        for method in ("midpoint", "srk4"):
            curve = Training(case, pairs(case, 0, dt=dt), dt, method, 0).run(budget)
            print(f"{f'{case.title}, dt {dt:g}':36}{method:10}{told(curve)}", flush=True)
            best = min(best, *(error for _, error in curve))
        for label, tolerance in ours(best):

            def fit(seed: int, case=case, dt=dt, tolerance=tolerance) -> tuple[Callable[[], float], float]:
                model, cpu = timed(HamiltonianNetwork(tolerance=tolerance), pairs(case, seed, dt=dt), seed)
                test = case.points(100_000 + seed, 4000)
                return lambda: gradient_error(model.gradient, case, test), cpu

            error, cpu = sampled(fit, seeds)
            print(f"{'':36}sampled, {label}: {error:.1e} in {cpu:.3f} CPU s, {best / error:.1e} times less error,"
                  f" {budget / cpu:.0f} times faster than the best training", flush=True)  # fmt: skip


def right_hand_side(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the driven pendulum, at points."""
    q, p = y.T
    drive = DRIVE["amplitude"] * np.cos(DRIVE["frequency"] * t)
    return np.stack([p, -np.sin(q) - DRIVE["friction"] * p + drive], axis=1)


def field_error(found: np.ndarray, t: np.ndarray, y: np.ndarray) -> float:
    """Relative L2 error."""
    truth = right_hand_side(t, y)
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


def train_phlearn(integrator: str, budget: float, seed: int) -> tuple[Curve, float]:
    """Curve of the error of the right-hand side, and the friction at its end."""
    from phlearn import phnns

    warnings.filterwarnings("ignore", message=".*(autocast|CUDA).*")  # its mixed precision, for GPUs
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    kind = torch.float64
    clean = driven_trajectories(seed)
    count, length, _ = clean.shape
    t = np.broadcast_to(0.1 * np.arange(length), (count, length))
    first, second = (torch.as_tensor(clean[:, at].reshape(-1, 2)) for at in (slice(None, -1), slice(1, None)))
    start, end = (torch.as_tensor(t[:, at].reshape(-1, 1)) for at in (slice(None, -1), slice(1, None)))
    step = torch.full_like(start, 0.1)
    data = (first, second, start, end, step, torch.zeros_like(first)), (second - first) / 0.1
    force = phnns.ExternalForcesNN(2, 1, 100, True, False, np.array([0, 1]), ttype=kind)
    model = phnns.PseudoHamiltonianNN(
        2, hamiltonian_est=phnns.HamiltonianNN(2, 100), dissipation_est=phnns.R_estimator([False, True], kind),
        external_forces_est=force, ttype=kind,
    )  # fmt: skip
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)
    points, times = clean.reshape(-1, 2), t.ravel()
    curve, cpu = [], 0.0
    while cpu < budget:
        with Meter() as meter:
            model.train(True)
            batches = phnns.batch_data(data, 32, True)
            phnns.train_one_epoch(model, batches, torch.nn.MSELoss(), optimiser, integrator, 0.0, 0.0)
            model.train(False)
        cpu += meter.cost.cpu_seconds
        found = model.x_dot(torch.as_tensor(points), torch.as_tensor(times[:, None])).detach().numpy()
        curve.append((cpu, field_error(found, times, points)))
    return curve, float(np.abs(model.R.get_parameters()[0]))


def compare_phlearn(budget: float, seeds: int) -> None:
    """The driven pendulum."""
    print(HEAD + f"{'R':>9}")
    best = np.inf
    for integrator in ("midpoint", "srk4"):
        curve, friction = train_phlearn(integrator, budget, 0)
        print(f"{'driven pendulum, phlearn':36}{integrator:10}{told(curve)}{friction / DRIVE['friction'] - 1:9.1e}"
              f"   {len(curve)} epochs", flush=True)  # fmt: skip
        best = min(best, *(error for _, error in curve))
    for label, tolerance in ours(best):
        frictions = []

        def fit(seed: int, tolerance=tolerance, frictions=frictions) -> tuple[Callable[[], float], float]:
            clean = driven_trajectories(seed)
            data = as_samples(0.1 * np.arange(clean.shape[1]), clean)
            model, cpu = timed(PortHamiltonianNetwork(force="periodic", tolerance=tolerance), data, seed)
            frictions.append(abs(model.dissipation[1, 1] / DRIVE["friction"] - 1))
            points, times = clean.reshape(-1, 2), data.t.ravel()
            return lambda: field_error(model.vector_field(points, times), times, points), cpu

        error, cpu = sampled(fit, seeds)
        print(f"{'':36}sampled, {label}: {error:.1e} in {cpu:.3f} CPU s (R {statistics.median(frictions):.1e}),"
              f" {best / error:.1e} times less error, {budget / cpu:.0f} times faster than the training",
              flush=True)  # fmt: skip


def warm() -> None:
    """Compile."""
    timed(HamiltonianNetwork(), pairs(CASES["pendulum"], 0, 500), 0)
    clean = driven_trajectories(0, 5, 50)
    timed(PortHamiltonianNetwork(force="periodic"), as_samples(0.1 * np.arange(50), clean), 0)


def main() -> None:
    """Train and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=("hnn", "phlearn"), default=("hnn", "phlearn"))
    parser.add_argument("--budget", type=float, default=60.0, help="CPU seconds of one training")
    parser.add_argument("--seeds", type=int, default=3, help="number of sampled fits")
    choice = parser.parse_args()
    torch.set_num_threads(1)
    warm()
    for part in choice.parts:
        print(f"\n{part}\n")
        {"hnn": compare_hnn, "phlearn": compare_phlearn}[part](choice.budget, choice.seeds)


if __name__ == "__main__":
    main()
