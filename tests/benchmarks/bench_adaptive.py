"""Work and precision of the adaptive methods and of the peers, on one core; and the cost of dense output.

``python tests/benchmarks/bench_adaptive.py [--turns n] [--count n] [lorenz henon_heiles double_pendulum lorenz96]``
prints, for each system, microseconds a trajectory against the error of the last state, and then how many times longer
each peer takes than our best method at equal error. The error is the root mean square over trajectories of the largest
error of a component, against heyoka in extended precision (kept in the temporary directory). One thread, CPU time of
the process, everything takes turns, medians. Times at equal error are interpolated between tolerances (log-log).
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import peers
import solver_problems
from peers import interleaved, peer
from solver_problems import ODES, Ode

from dynsamp.kernels.methods import METHODS
from dynsamp.solve import Kernel, solve

OURS = {  # tolerances
    "tsit5": (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10),
    "dop853": (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14),
    "taylor": (1e-5, 1e-7, 1e-9, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15),
}
COARSE = (1e-6, 1e-8, 1e-10, 1e-12)
PEERS = {
    "heyoka batch": ("heyoka", peers.heyoka_batch, (1e-5, 1e-7, 1e-9, 1e-11, 1e-12, 1e-13, 1e-15)),
    "numbalsoda dop853": ("numbalsoda", partial(peers.numbalsoda_solver, name="dop853"), COARSE),
    "numbalsoda lsoda": ("numbalsoda", partial(peers.numbalsoda_solver, name="lsoda"), COARSE[:3]),
    "diffrax Dopri8": ("diffrax", partial(peers.diffrax_adaptive, solver="Dopri8"), COARSE),
    "diffrax Tsit5": ("diffrax", partial(peers.diffrax_adaptive, solver="Tsit5"), COARSE[:2]),
    "scipy DOP853, njit rhs": ("scipy", peers.scipy_dop853, (1e-6, 1e-9)),
}
FEW = {"scipy DOP853, njit rhs": 8, "numbalsoda lsoda": 256}  # trajectories of slow peers
JUDGED = 512  # trajectories whose errors are measured; ours are more: a call of solve has a cost of its own


class Curve:
    """Errors and times of one method at its tolerances."""

    def __init__(self, run: Callable[[np.ndarray, float], np.ndarray], starts: np.ndarray) -> None:
        self.run, self.starts = run, starts
        self.errors: dict[float, float] = {}
        self.micros: dict[float, float] = {}

    def micros_at(self, errors: np.ndarray) -> np.ndarray:
        """Time at each error, NaN where the tolerances do not reach."""
        points = sorted((np.log(self.micros[tol]), np.log(e)) for tol, e in self.errors.items() if e > 0)
        front: list[tuple[float, float]] = []  # whatever is slower must be more accurate
        for time, error in points:
            if not front or error < front[-1][1]:
                front.append((time, error))
        times, logs = np.array(front[::-1]).T
        return np.exp(np.interp(np.log(errors), logs, times, left=np.nan, right=np.nan))


def ours(ode: Ode, method: str, times: int = 2) -> Callable[..., np.ndarray]:
    """Our method through the public door; the last of some saved times."""
    kernel = Kernel("field", (ode.rhs,), np.array(ode.theta))
    saved = np.linspace(0.0, ode.duration, times)

    def run(starts: np.ndarray, tolerance: float, out: np.ndarray | None = None) -> np.ndarray:
        options = {"rtol": tolerance, "atol": tolerance, "threads": 1, "out": out}
        return solve(kernel, saved, starts, method=method, **options).states[:, -1]

    return run


def truth(ode: Ode, starts: np.ndarray) -> np.ndarray:
    """Last states in extended precision, computed once."""
    what = repr((inspect.getsource(solver_problems), ode.name, len(starts)))
    place = Path(tempfile.gettempdir()) / "dynsamp-benchmarks" / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}.npy"
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        np.save(place, peers.heyoka_extended(ode, starts))
    return np.load(place)


def error_of(states: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square over trajectories of the largest error of a component."""
    return float(np.sqrt(np.mean(np.abs(states - exact).max(axis=1) ** 2)))


def measure(curves: dict[str, Curve], exact: np.ndarray, turns: int) -> None:
    """Fill errors and times; everything takes turns."""
    actions = {}
    for name, curve in curves.items():
        for tolerance in _tolerances(name):
            states = curve.run(curve.starts, tolerance)  # compiles
            curve.errors[tolerance] = error_of(states[: len(exact)], exact[: len(states)])
            actions[name, tolerance] = partial(curve.run, curve.starts, tolerance)
    for (name, tolerance), seconds in interleaved(actions, turns).items():
        curves[name].micros[tolerance] = 1e6 * float(np.median(seconds)) / len(curves[name].starts)


def _tolerances(name: str) -> tuple[float, ...]:
    return PEERS[name][2] if name in PEERS else OURS[name.split(" ")[1]]


def report(curves: dict[str, Curve]) -> None:
    """Points, then ratios at equal error."""
    for name, curve in curves.items():
        print(f"  {name} ({len(curve.starts)} trajectories): tolerance: us a trajectory @ error")
        points = (f"{tol:.0e}: {curve.micros[tol]:.2f} @ {e:.1e}" for tol, e in curve.errors.items())
        print("    " + "; ".join(points), flush=True)
    mine = {name: curve for name, curve in curves.items() if name.startswith("our ")}
    decades = 10.0 ** np.arange(-2, -16, -1.0)
    each = {name: curve.micros_at(decades) for name, curve in mine.items()}
    table = np.array(list(each.values()))
    reached = np.isfinite(table).any(axis=0)
    decades, table = decades[reached], table[:, reached]
    best = np.nanmin(table, axis=0)
    print("  at equal error" + " " * 15 + "".join(f"{e:>9.0e}" for e in decades))
    print(f"  {'our best, us':29s}" + "".join(f"{value:9.2f}" for value in best))
    print(f"  {'which is':29s}" + "".join(f"{list(each)[k][4:]:>9s}" for k in np.nanargmin(table, axis=0)))
    rows = [(name, curve.micros_at(decades) / best) for name, curve in curves.items()]
    if "our dop853" in curves:
        dop853 = curves["our dop853"].micros_at(decades)
        others = [name for name in curves if name in PEERS]
        rows += [(f"{name} / dop853", curves[name].micros_at(decades) / dop853) for name in others]
    for name, ratio in rows:
        print(f"  {name[:37]:29s}" + "".join(f"{value:9.2f}" if value > 0 else f"{'':9s}" for value in ratio))


def dense_output(ode: Ode, starts: np.ndarray, turns: int) -> None:
    """Cost of many saved times, into arrays that are there, in units of that of the last state alone."""
    for method in OURS:
        if method not in METHODS:
            continue
        counts = (2, 11, 101, 501)
        room = {n: np.zeros((len(starts), n, ode.dim)) for n in counts}
        actions = {n: partial(ours(ode, method, n), starts, 1e-9, room[n]) for n in counts}
        for action in actions.values():
            action()
        seconds = interleaved(actions, turns)
        ratios = (f"{n} times {np.median(seconds[n] / seconds[2]):.2f}" for n in counts[1:])
        micros = 1e6 * np.median(seconds[2]) / len(starts)
        print(f"  {method} at 1e-9: last state {micros:.2f} us; cost with {', '.join(ratios)}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", choices=[[], *ODES], default=[])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--count", type=int, default=8192, help="trajectories of ours")
    parser.add_argument("--only", default="", help="peers whose names contain this")
    parser.add_argument("--dense", action="store_true", help="the cost of dense output alone")
    options = parser.parse_args()
    peers.one_processor()
    if not peer("heyoka"):
        print("the independent solution comes from heyoka: install it")
        return
    for key in options.systems or list(ODES):
        ode = ODES[key]
        starts = ode.starts(options.count)
        if options.dense:
            print(f"\n{ode.name}, T = {ode.duration:g}", flush=True)
            dense_output(ode, starts, options.turns)
            continue
        curves = {f"our {method}": Curve(ours(ode, method), starts) for method in OURS if method in METHODS}
        for name, (module, build, _) in PEERS.items():
            if options.only in name and peer(module):
                curves[name] = Curve(build(ode), starts[: FEW.get(name, JUDGED)])
        print(f"\n{ode.name}, T = {ode.duration:g}", flush=True)
        measure(curves, truth(ode, starts[:JUDGED]), options.turns)
        report(curves)
        dense_output(ode, starts, options.turns)


if __name__ == "__main__":
    main()
