"""What to try where an adaptive method gave up: one sentence, from a few steps more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from dynsamp.solve.kernel import InitialValueProblem, Solution, jacobian_values, posed
from dynsamp.solve.options import Options
from dynsamp.words import Status

__all__ = ["advice"]

_STABLE = {"dop853": 6.1, "tsit5": 3.5}  # -h lambda up to which a method is stable
_PROBE = 1000  # steps


def advice(
    task: InitialValueProblem,
    options: Options,
    solution: Solution,
    advance: Callable[[InitialValueProblem, Options, np.ndarray], Solution],
) -> str:
    """Sentence on the trajectories that have reached the limit of steps; empty for methods without one.

    The first of them is followed for a few steps, by ``advance``, to where it is slow. If the right-hand side contracts
    there at a rate that an explicit method has to resolve over the time that is left, the system is stiff.
    Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.2.
    """
    slow = np.flatnonzero(solution.status == Status.STEP_LIMIT)
    method = solution.method.removesuffix("-scalar")
    if method not in _STABLE:
        return ""
    j = int(slow[0])
    theta, signals = np.asarray(task.kernel.theta, dtype=float), task.problem.signals
    alone = replace(task.kernel, theta=theta if theta.ndim == 1 else theta[j])
    own = None if signals is None else (signals[0], signals[1][j : j + 1] if len(signals[1]) > 1 else signals[1])
    span = task.times[-1] - task.times[0]
    probes = task.times[0] + span * np.concatenate([[0.0], np.geomspace(1e-12, 1.0, 241)])
    start = task.y0[j : j + 1]
    few = Options(
        method=method,
        rtol=solution.options["rtol"],
        atol=solution.options["atol"],
        max_steps=_PROBE,
        dense=True,
        threads=1,
    )
    path = advance(posed(alone, probes, start, inputs=own), few, np.empty((1, len(probes), start.shape[1]))).states[0]
    last = int(np.flatnonzero(np.isfinite(path).all(axis=1))[-1])
    rates = np.linalg.eigvals(jacobian_values(alone, probes[last], path[last : last + 1], inputs=own)[0])
    fastest = float(max(-rates.real.min(), 0.0))
    steps = fastest * abs(span) / _STABLE[method]
    found = f"{len(slow)} of {len(solution.status)} trajectories reached the limit of {options.max_steps} steps"
    if steps > 0.5 * options.max_steps:
        return (
            f"{found}: the system is stiff, its fastest component decays at a rate of {fastest:.2g}, for which {method}"
            f" needs about {steps:.1g} steps; choose radau5"
        )
    return f"{found}: they move too fast for this duration; loosen rtol and atol, shorten it, or raise max_steps"
