"""Check: the default experiment runs; and the routes by which a system makes trajectories."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dynsamp import dataset
from dynsamp.solve import solve
from dynsamp.system import System
from dynsamp.testing.failure import require
from dynsamp.workflow import generate

__all__ = ["Route", "check_generates", "routes", "signals"]

TRAJECTORIES = 4

Route = Callable[..., tuple[np.ndarray, np.ndarray]]  # (times, y0, theta, ids, seed, threads) -> states, status


def check_generates(system: System, *, seed: int = 0) -> None:
    """The default experiment gives finite states with good status, in the schema."""
    inputs = {signal.name: (np.array([0.0, system.duration]), np.zeros(2)) for signal in system.inputs} or None
    data = generate(system, trajectories=TRAJECTORIES, seed=seed, inputs=inputs, progress=False)
    dataset.validate(data)
    count = round(system.duration / system.dt) + 1
    for state in system.states:
        shape, wanted = data[state.name].shape, (TRAJECTORIES, count, *state.dims.values())
        require(shape == wanted, f"generated {state.name!r} has shape {shape}, expected {wanted}")
    failed = np.flatnonzero(data["status"].values != 0)
    if failed.size:
        meanings = str(data["status"].attrs.get("flag_meanings", "")).split()
        code = int(data["status"].values[failed[0]])
        status = meanings[code] if code < len(meanings) else code
        require(
            False, f"trajectory {failed[0]} of the default experiment ends as {status}; shorten dt or move initial="
        )
    for state in system.states:
        require(np.isfinite(data[state.name].values).all(), f"generated {state.name!r} is not finite everywhere")


def routes(system: System) -> list[tuple[str, Route]]:
    """How a system makes trajectories: the solver, and its own generate= where it has one."""

    def solved(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        method = "dop853" if system.smooth else None  # as `generate` does
        solution = solve(
            system.kernel(theta),
            times,
            y0,
            ids=ids,
            seed=seed,
            method=method,
            step=None if system.smooth or system.kind == "map" else system.solver_step,
            threads=threads,
            inputs=signals(system, times),
        )
        return solution.states, solution.status

    def own(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, _threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        assert system.generate is not None
        rows = np.broadcast_to(theta, (len(ids), theta.shape[-1]))
        states, status = system.generate(times, y0, rows, ids, seed)
        return np.asarray(states), np.asarray(status)

    return [("the solver", solved)] + ([("generate=", own)] if system.generate is not None else [])


def signals(system: System, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """External signals at rest, as `solve` takes them."""
    if not system.inputs:
        return None
    return times[[0, -1]], np.zeros((1, 2, len(system.inputs)))
