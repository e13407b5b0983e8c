"""What to try where an adaptive method gave up: one sentence, from a few steps more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dynsamp.solve.choice import Choice
from dynsamp.solve.problem import as_problem
from dynsamp.solve.schedule import MAX_STEPS
from dynsamp.words import Status

if TYPE_CHECKING:
    from dynsamp.solve.kernel import Inputs, Kernel

__all__ = ["advice"]

_STABLE = {"dop853": 6.1, "tsit5": 3.5}  # -h lambda up to which a method is stable
_PROBE = 1000  # steps


def advice(
    kernel: Kernel,
    times: np.ndarray,
    y0: np.ndarray,
    status: np.ndarray,
    method: str,
    max_steps: int | None,
    inputs: Inputs | None,
    options: Mapping[str, float],
) -> str:
    """Sentence on the trajectories that have reached the limit of steps; empty where there are none.

    The first of them is followed for a few steps to where it is slow. If the right-hand side contracts there at a rate
    that an explicit method has to resolve over the time that is left, the system is stiff.
    Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.2.
    """
    from dynsamp.solve.door import advance
    from dynsamp.solve.points import jacobian_values

    slow = np.flatnonzero(status == Status.STEP_LIMIT)
    if method not in _STABLE or not len(slow):
        return ""
    j = int(slow[0])
    theta = np.asarray(kernel.theta, dtype=float)
    alone = replace(kernel, theta=theta if theta.ndim == 1 else theta[j])
    signals = None if inputs is None else (inputs[0], inputs[1][j : j + 1] if len(inputs[1]) > 1 else inputs[1])
    span = times[-1] - times[0]
    probes = times[0] + span * np.concatenate([[0.0], np.geomspace(1e-12, 1.0, 241)])
    limit = MAX_STEPS if max_steps is None else max_steps
    start, room = y0[j : j + 1], np.empty((1, len(probes), y0.shape[1]))
    path = advance(
        alone,
        as_problem(alone, y0.shape[1], 1, signals, (times[0], times[-1])),
        Choice(method, ""),
        probes,
        start,
        room,
        ids=np.zeros(1, dtype=np.int64),
        seed=0,
        step=None,
        rtol=options["rtol"],
        atol=options["atol"],
        max_steps=_PROBE,
        threads=1,
        dense=True,
    ).states[0]
    last = int(np.flatnonzero(np.isfinite(path).all(axis=1))[-1])
    rates = np.linalg.eigvals(jacobian_values(alone, probes[last], path[last : last + 1], inputs=signals)[0])
    fastest = float(max(-rates.real.min(), 0.0))
    steps = fastest * abs(span) / _STABLE[method]
    found = f"{len(slow)} of {len(status)} trajectories reached the limit of {limit} steps"
    if steps > 0.5 * limit:
        return (
            f"{found}: the system is stiff, its fastest component decays at a rate of {fastest:.2g}, for which {method}"
            f" needs about {steps:.1g} steps; choose radau5"
        )
    return f"{found}: they move too fast for this duration; loosen rtol and atol, shorten it, or raise max_steps"
