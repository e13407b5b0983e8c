"""Hamiltonians from snapshots alone: pairs, noisy trajectories, long forecasts, a damped and driven pendulum.

Run: python tests/benchmarks/bench_snapshots.py [--parts pairs published noise energy lyapunov driven] [--seeds 5]

CPU seconds are those of whole fits with BLAS on one thread, once everything is compiled; medians over seeds.

    pairs      relative L2 error of grad H over 10 000 fresh points of the box, from 4000 pairs
    published  relative L2 error of H, pinned at H(0), from 2500 pairs: the published method (symplectic Euler, first
               order correction, A-SWIM with 200 neurons; Rahma, Datar and Dietrich 2024, arXiv:2411.17511) and ours
    noise      relative L2 error of grad H over the clean states, from 30 trajectories of 200 samples, dt 0.1, noise in
               standard deviations of each variable; beside it the mid-points of pairs with cross-validated ridge
    energy     largest energy error over 2000 time units of a learned separable Henon-Heiles and of the true field, by
               the same method with the same step
    lyapunov   largest Lyapunov exponents of both over 5000 time units, standard errors over 32 orbits; dop853 at 1e-7
    driven     q'' = -q' / Q - sin q + A cos(w t), Q = 2, A = 1.5, w = 2/3: relative errors of what disturbs the
               pendulum, and of energy and period of the forecast without it
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import numpy as np
from problems import error_of
from scipy.interpolate import CubicSpline
from scipy.special import ellipk
from snapshot_problems import CASES, DRIVE, as_samples, driven_trajectories, gradient_error, noisy, pairs, trajectories
from threadpoolctl import threadpool_limits

import dynsamp
from dynsamp.meter import Meter
from dynsamp.models.base import Samples
from dynsamp.models.hamiltonian import HamiltonianModel, HamiltonianNetwork
from dynsamp.models.port_hamiltonian import PortHamiltonianNetwork
from dynsamp.networks.energy_published import fit_published
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.neurons import FitOptions
from dynsamp.networks.search.energy import fit_energy
from dynsamp.solve import solve

STEPS = (0.1, 0.2, 0.3, 0.4, 0.5)
PUBLISHED = {0.1: 4.17e-4, 0.4: 6.90e-3}  # relative L2 error of H, corrected
GOALS = {  # error, seconds
    "pendulum": "1e-7 in 2 s, 1e-8 in 8 s",
    "pendulum-large": "1e-6 in 2 s",
    "henon-heiles": "1e-6 in 2 s",
    "lotka-volterra": "1e-7 in 2 s",
}
TOLD = (("nothing", {}), ("separable", {"separable": True}))


@dataclass(frozen=True)
class Fit:
    """One fit."""

    model: Any
    cpu: float
    error: float = np.nan


def fitted(estimator: Any, data: Samples, seed: int) -> Fit:
    """Fit with BLAS on one thread."""
    with threadpool_limits(1, "blas"), Meter() as meter:
        model = estimator.fit(data, seed=seed)
    return Fit(model, meter.cost.cpu_seconds)


def medians(rows: Sequence[Sequence[float]]) -> list[float]:
    """Median of each column."""
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def show_pairs(seeds: int, names: Sequence[str], tolerances: Sequence[float | None]) -> None:
    """Error and seconds of grad H from pairs."""
    print(f"{'problem':28}{'told':12}{'tolerance':>10}{'error':>9}{'worst':>9}{'cpu s':>8}{'rounds':>7}  goal; route")
    for name in names:
        case = CASES[name]
        for told, facts in TOLD:
            for tolerance in tolerances:
                rows, reports = [], []
                for seed in range(seeds):
                    found = fitted(HamiltonianNetwork(tolerance=tolerance, **facts), pairs(case, seed), seed)
                    error = gradient_error(found.model.gradient, case, case.points(100_000 + seed, 10_000))
                    rows.append((error, found.cpu))
                    reports.append(found.model.report)
                error, cpu = medians(rows)
                rounds = statistics.median(_rounds(report) for report in reports)
                text = f"{tolerance:.0e}" if tolerance else "default"
                chosen = f"{reports[0]['activation']}, {reports[0]['width']} neurons"
                print(f"{case.title:28}{told:12}{text:>10}{error:9.1e}{max(rows)[0]:9.1e}{cpu:8.2f}{rounds:7.0f}"
                      f"  {GOALS[name]}; {chosen}", flush=True)  # fmt: skip


def _rounds(report: dict[str, Any]) -> int:
    """Rounds through the flow of pairs."""
    words = str(report["learned_from"]).split()
    return int(words[words.index("rounds") - 1]) if "rounds" in words else 0


def symplectic_euler(data: Samples, h: float, seed: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The published fit: rows at (q', p); its H, and the one with the first order correction."""
    first, second = data.y[:, 0], data.y[:, 1]
    dof = first.shape[1] // 2
    nodes = np.concatenate([second[:, :dof], first[:, dof:]], axis=1)
    slope = (second - first) / h
    target = np.concatenate([-slope[:, dof:], slope[:, :dof]], axis=1)
    energy = fit_published(Gradients(nodes[None], np.ones(1), target), width=200, seed=seed).energy

    def corrected(y: np.ndarray) -> np.ndarray:
        gradient = energy.gradient(y)
        return energy.value(y) + 0.5 * h * np.sum(gradient[:, :dof] * gradient[:, dof:], axis=1)

    return energy.value, corrected


def show_published(seeds: int) -> None:
    """The published table of steps, and ours."""
    case, origin = CASES["pendulum-published"], np.zeros((1, 2))
    print(f"{'h':>5}{'sympl. Euler':>14}{'corrected':>11}{'published':>11}{'ours':>10}{'worst':>10}{'cpu s':>8}"
          f"{'separable':>11}{'cpu s':>8}{'ratio':>10}")  # fmt: skip
    for h in STEPS:
        rows = []
        for seed in range(seeds):
            data, test = pairs(case, seed, 2500, h), case.points(100_000 + seed, 10_000)
            truth = case.energy(test)

            def error(energy: Callable[..., Any], test=test, truth=truth) -> float:
                return error_of(energy(test) - energy(origin)[0], truth, constant=True)

            with threadpool_limits(1, "blas"):
                plain, corrected = symplectic_euler(data, h, seed)
            ours = [fitted(HamiltonianNetwork(**facts), data, seed) for _, facts in TOLD]
            errors = [error(fit.model.energy) for fit in ours]
            rows.append((error(plain), error(corrected), errors[0], ours[0].cpu, errors[1], ours[1].cpu))
        plain, corrected, general, cpu, separable, quick = medians(rows)
        worst = min(row[1] / row[2] for row in rows)
        text = f"{PUBLISHED[h]:.2e}" if h in PUBLISHED else ""
        print(f"{h:5g}{plain:14.2e}{corrected:11.2e}{text:>11}{general:10.1e}{max(row[2] for row in rows):10.1e}"
              f"{cpu:8.2f}{separable:11.1e}{quick:8.2f}{worst:10.1e}", flush=True)  # fmt: skip
    print("ratio: corrected / ours, told nothing, the smallest of all seeds")


def midpoints(data: Samples, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Gradient of the fit to mid-points of pairs."""
    size = data.y.shape[2]
    first, second = data.y[:, :-1].reshape(-1, size), data.y[:, 1:].reshape(-1, size)
    slope = (second - first) / np.diff(data.t, axis=1).reshape(-1, 1)
    target = np.concatenate([-slope[:, size // 2 :], slope[:, : size // 2]], axis=1)
    with threadpool_limits(1, "blas"):
        return fit_energy(
            Gradients(0.5 * (first + second)[None], np.ones(1), target), options=FitOptions(seed=seed)
        ).energy.gradient


def show_noise(seeds: int) -> None:
    """Noise on trajectories."""
    goals = {0.0: "", 0.01: "2e-3", 0.1: "1.2e-2"}
    print(f"{'problem':16}{'noise':>6}{'told':>11}{'error':>9}{'worst':>9}{'cpu s':>8}{'pairs only':>12}  goal")
    for name in ("pendulum", "henon-heiles"):
        case = CASES[name]
        for level in (0.0, 0.01, 0.1):
            others: dict[int, float] = {}
            for told, facts in TOLD:
                rows = []
                for seed in range(seeds):
                    clean = trajectories(case, seed)
                    data = as_samples(0.1 * np.arange(clean.shape[1]), noisy(clean, level, seed))
                    points = clean.reshape(-1, clean.shape[2])
                    found = fitted(HamiltonianNetwork(**facts), data, seed)
                    if seed not in others:
                        others[seed] = gradient_error(midpoints(data, seed), case, points)
                    rows.append((gradient_error(found.model.gradient, case, points), found.cpu))
                error, cpu = medians(rows)
                print(f"{case.title.split()[0]:16}{level:6g}{told:>11}{error:9.1e}{max(rows)[0]:9.1e}{cpu:8.2f}"
                      f"{statistics.median(others.values()):12.1e}  {goals[level]}", flush=True)  # fmt: skip


def learned_henon_heiles(seed: int) -> HamiltonianModel:
    """Of bounded trajectories, 4000 pairs 0.5 apart, separable."""
    clean = trajectories(CASES["henon-heiles"], seed, 200, 21, 0.5)
    return fitted(HamiltonianNetwork(separable=True), as_samples(0.5 * np.arange(21), clean), seed).model


def shell(energy: float, count: int, seed: int) -> np.ndarray:
    """Starts of Henon-Heiles at an energy, in the part that no orbit leaves: x, y, direction of p uniform."""
    rng, case, found = np.random.default_rng(seed), CASES["henon-heiles"], np.empty((0, 4))
    while len(found) < count:
        y = np.zeros((8 * count, 4))
        y[:, :2] = rng.uniform([-np.sqrt(3) / 2, -0.5], [np.sqrt(3) / 2, 1.0], (len(y), 2))
        kinetic = energy - case.energy(y)
        y = y[(kinetic >= 0.0) & (np.sqrt(3) * np.abs(y[:, 0]) < 1 - y[:, 1])]
        angle = rng.uniform(0.0, 2 * np.pi, len(y))
        size = np.sqrt(2 * (energy - case.energy(y)))
        y[:, 2:] = size[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        found = np.concatenate([found, y])
    return found[:count]


def changed(energy: Callable[..., Any], states: np.ndarray, unit: float | None = None) -> float:
    """Largest change of an energy along orbits (trajectory, time, component), relative to its start or to ``unit``."""
    values = energy(states.reshape(-1, states.shape[2])).reshape(states.shape[:2])
    return float(np.max(np.abs(values - values[:, :1]) / (unit or np.abs(values[:, :1]))))


def show_energy(seeds: int) -> None:
    """Energy over a long time."""
    case, true = CASES["henon-heiles"], dynsamp.system("henon_heiles").kernel()
    times = np.arange(0.0, 2001.0)
    print(
        f"{'method':14}{'step':>6}{'learned':>10}{'true field':>12}{'ratio':>8}{'largest':>9}{'its own H':>11}  goal 2"
    )
    models = [learned_henon_heiles(seed) for seed in range(seeds)]
    for method, step in (("yoshida4", 0.1), ("blanes_moan6", 0.1), ("yoshida8", 0.1)):
        rows = []
        for seed, model in enumerate(models):
            starts = shell(1 / 12, 16, seed)
            orbits, reference = (
                solve(kernel, times, starts, method=method, step=step).states for kernel in (model.kernel(), true)
            )
            learned, truth = changed(case.energy, orbits), changed(case.energy, reference)
            rows.append((learned, truth, learned / truth, changed(model.energy, orbits, 1 / 12)))
        learned, truth, ratio, own = medians(rows)
        print(f"{method:14}{step:6g}{learned:10.1e}{truth:12.1e}{ratio:8.2f}{max(row[2] for row in rows):9.2f}"
              f"{own:11.1e}", flush=True)  # fmt: skip


def show_lyapunov(orbits: int = 32, duration: float = 5000.0) -> None:
    """Largest exponents at two energies."""
    model = learned_henon_heiles(0)
    system = dynsamp.system("henon_heiles")
    print(f"{'E':>6}{'learned':>24}{'true':>24}{'difference / error':>20}")
    for label, energy in (("1/8", 1 / 8), ("1/6", 1 / 6)):
        starts = shell(energy, orbits, 1)
        found = []
        for source in (model, system):
            spectrum = dynsamp.lyapunov(source, starts, exponents=1, duration=duration, dt=1.0, rtol=1e-7, atol=1e-7)
            values = spectrum["lyapunov_exponent"].values[:, 0]
            values = values[np.isfinite(values)]
            found.append((float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values)))
        (one, first, n), (two, second, m) = found
        print(f"{label:>6}{f'{one:.4f} +- {first:.4f} ({n})':>24}{f'{two:.4f} +- {second:.4f} ({m})':>24}"
              f"{(one - two) / np.hypot(first, second):20.2f}", flush=True)  # fmt: skip


def period_of(kernel: Any, amplitude: float) -> float:
    """Time between two passages downwards through q = 0 of a pendulum released at an angle."""
    expected = 4 * ellipk(np.sin(amplitude / 2) ** 2)
    times = np.linspace(0.0, 1.6 * expected, 4001)
    q = solve(kernel, times, np.array([[amplitude, 0.0]]), method="dop853", rtol=1e-12, atol=1e-12).states[0, :, 0]
    roots = CubicSpline(times, q).roots(extrapolate=False)
    down = [root for root in roots if q[np.searchsorted(times, root)] < 0.0]
    return float(down[1] - down[0])


def show_driven(seeds: int) -> None:
    """What disturbs a pendulum, and the pendulum without it."""
    case, amplitudes = CASES["pendulum"], (0.5, 1.5, 2.5)
    turn = {"periodic": {"q1": 2 * np.pi}}
    exact = np.array([4 * ellipk(np.sin(a / 2) ** 2) for a in amplitudes])
    print(
        f"{'told':16}{'noise':>6}{'R':>9}{'A':>9}{'w':>9}{'worst':>9}{'cpu s':>8}{'energy':>10}{'period':>10}  goal 1 %"
    )
    for told, facts in (("nothing", {}), ("angle", turn), ("angle, V + T", {**turn, "separable": True})):
        for level in (0.0, 0.01):
            rows = []
            for seed in range(seeds):
                clean = driven_trajectories(seed)
                data = as_samples(0.1 * np.arange(clean.shape[1]), noisy(clean, level, seed))
                found = fitted(PortHamiltonianNetwork(force="periodic", **facts), data, seed)
                model = found.model
                size = float(np.hypot(*model.amplitudes[0, 1])) if model.clocked else 0.0
                errors = np.abs([
                    model.dissipation[1, 1] / DRIVE["friction"] - 1, size / DRIVE["amplitude"] - 1,
                    model.frequency / DRIVE["frequency"] - 1,
                ])  # fmt: skip
                kernel = model.undisturbed().kernel()
                starts = np.array([[a, 0.0] for a in amplitudes])
                states = solve(kernel, np.linspace(0.0, 100.0, 1001), starts, method="dop853", rtol=1e-11).states
                drift = changed(case.energy, states)
                periods = np.array([period_of(kernel, a) for a in amplitudes])
                rows.append((*errors, max(errors), found.cpu, drift, float(np.max(np.abs(periods / exact - 1)))))
            r, a, w, _, cpu, drift, period = medians(rows)
            worst = max(row[3] for row in rows)
            print(
                f"{told:16}{level:6g}{r:9.1e}{a:9.1e}{w:9.1e}{worst:9.1e}{cpu:8.2f}{drift:10.1e}{period:10.1e}",
                flush=True,
            )
    print("energy: largest relative change of the exact energy over 100 time units; period: largest error; both of"
          " swings released at 0.5, 1.5 and 2.5 rad")  # fmt: skip


def warm() -> None:
    """Compile, and import what is imported late."""
    case = CASES["pendulum"]
    for _, facts in TOLD:
        fitted(HamiltonianNetwork(**facts), pairs(case, 0, 500), 0)
    clean = trajectories(case, 0, 5, 50)
    data = as_samples(0.1 * np.arange(50), noisy(clean, 0.1, 0))
    fitted(HamiltonianNetwork(), data, 0)
    fitted(PortHamiltonianNetwork(), data, 0)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("pairs", "published", "noise", "energy", "lyapunov", "driven")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--cases", nargs="+", choices=sorted(GOALS), default=list(GOALS), help="of the part pairs")
    parser.add_argument("--tolerances", nargs="+", type=float, default=[1e-6, 1e-7, 1e-8], help="of the part pairs")
    parser.add_argument("--seeds", type=int, default=5)
    choice = parser.parse_args()
    warm()
    for part in choice.parts:
        print(f"\n{part}\n")
        if part == "pairs":
            show_pairs(choice.seeds, choice.cases, (*choice.tolerances, None))
        elif part == "lyapunov":
            show_lyapunov()
        else:
            {"published": show_published, "noise": show_noise, "energy": show_energy, "driven": show_driven}[part](
                choice.seeds
            )


if __name__ == "__main__":
    main()
