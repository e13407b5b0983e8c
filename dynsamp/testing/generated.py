"""Checks: the default experiment runs; the same bits in any batch, sweeps as separate runs, bad starts as statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dynsamp import dataset
from dynsamp.solve import solve
from dynsamp.system import System
from dynsamp.testing.calls import CheckFailure, require, starts
from dynsamp.words import FAILURES, Status
from dynsamp.workflow import generate

__all__ = ["check_batches", "check_generates", "check_survives", "check_sweeps", "signals"]

TRAJECTORIES = 4

_Route = Callable[..., tuple[np.ndarray, np.ndarray]]  # (times, y0, theta, ids, seed, threads) -> states, status
COUNT = 9  # odd: the last block of any lane width is padded
STEPS = 20
_ADVICE = "draw from dynsamp.kernels.random keyed by (seed, id, step, draw), and keep nothing between trajectories"


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
        raise CheckFailure(
            f"trajectory {failed[0]} of the default experiment ends as {status}; shorten dt or move initial="
        )
    for state in system.states:
        require(np.isfinite(data[state.name].values).all(), f"generated {state.name!r} is not finite everywhere")


def _routes(system: System) -> list[tuple[str, _Route]]:
    """How a system makes trajectories: the solver, and its own generate= where it has one."""

    def solved(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        how: dict[str, Any] = {"method": "dop853"} if system.smooth else {}  # as `generate` does
        if not system.smooth and system.kind != "map":
            how["step"] = system.solver_step
        how |= {"ids": ids, "seed": seed, "threads": threads, "inputs": signals(system, times)}
        solution = solve(system.kernel(theta), times, y0, **how)
        return solution.states, solution.status

    def own(
        times: np.ndarray, y0: np.ndarray, theta: np.ndarray, ids: np.ndarray, seed: int, _threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        assert system.generate is not None
        rows = np.broadcast_to(theta, (len(ids), theta.shape[-1]))
        result = system.generate(times, y0, rows, ids, seed)
        good = isinstance(result, tuple | list) and len(result) == 2
        require(good, f"generate= must return (states, status), got {type(result).__name__}")
        return np.asarray(result[0]), np.asarray(result[1])

    return [("the solver", solved)] + ([("generate=", own)] if system.generate is not None else [])


def signals(system: System, times: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """External signals at rest, as `solve` takes them."""
    if not system.inputs:
        return None
    return times[[0, -1]], np.zeros((1, 2, len(system.inputs)))


def check_batches(system: System, *, seed: int = 0) -> None:
    """A trajectory has the same bits whatever else is computed with it, on any number of threads."""
    times, y0, theta = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed), system.theta()
    ids, some = np.arange(COUNT, dtype=np.int64), np.array([7, 2, 5])
    for name, route in _routes(system):
        states, status = route(times, y0, theta, ids, seed, 1)
        require(
            states.shape == (COUNT, len(times), system.size) and status.shape == (COUNT,),
            f"{name} returns states {states.shape} and status {status.shape}, expected"
            f" {(COUNT, len(times), system.size)} and {(COUNT,)}",
        )
        threaded = route(times, y0, theta, ids, seed, 2)[0]
        require(_same(states, threaded), f"{name} gives other bits on two threads; {_ADVICE}")
        batch = route(times, y0[some], theta, ids[some], seed, 1)[0]
        require(_same(states[some], batch), f"{name} gives other bits for ids {some.tolist()} alone; {_ADVICE}")


def check_sweeps(system: System, *, seed: int = 0) -> None:
    """Parameters swept over trajectories give the bits of separate runs."""
    if not system.parameters:
        return
    times, y0 = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed)
    factors = 1 + 0.01 * np.linspace(-1, 1, COUNT)[:, None]
    theta, ids = np.ascontiguousarray(system.theta() * factors), np.arange(COUNT, dtype=np.int64)
    for name, route in _routes(system):
        swept = route(times, y0, theta, ids, seed)[0]
        for k in (0, COUNT // 2, COUNT - 1):
            alone = route(times, y0[k : k + 1], theta[k], ids[k : k + 1], seed)[0]
            require(
                _same(swept[k : k + 1], alone),
                f"{name} with swept parameters differs from a separate run for trajectory {k}; use theta's row of the"
                " trajectory",
            )


def check_survives(system: System, *, seed: int = 0) -> None:
    """Starts that are NaN, infinite or huge get a status, raise nothing, and harm no other trajectory."""
    times, good, theta = np.arange(STEPS + 1) * system.dt, starts(system, COUNT, seed), system.theta()
    bad = good.copy()
    bad[1], bad[3], bad[4], bad[6] = np.nan, np.inf, 1e300, -1e300
    ids = np.arange(COUNT, dtype=np.int64)
    for name, route in _routes(system):
        states, status = route(times, good, theta, ids, seed)
        try:
            with_bad, bad_status = route(times, bad, theta, ids, seed)
        except Exception as error:  # whatever a system's functions may raise
            raise CheckFailure(
                f"{name} raises {type(error).__name__} ({error}) for starts that are not finite; return a status"
            ) from error
        invalid = [Status(int(code)) for code in bad_status[[1, 3]]]
        require(
            invalid == [Status.INVALID_INPUT] * 2,
            f"{name} gives {invalid[0].name} and {invalid[1].name} to NaN and infinite starts, expected INVALID_INPUT",
        )
        failed = np.isin(bad_status, FAILURES)
        said = f"{name} returns values that are not finite for a trajectory with status OK; record a failure"
        require(np.isfinite(with_bad[~failed]).all(), said)
        others = np.array([0, 2, 5, 7, 8])
        same = _same(states[others], with_bad[others]) and np.array_equal(status[others], bad_status[others])
        require(same, f"{name} changes good trajectories when others of the batch are bad; keep them apart")


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=True))
