"""What to try where an adaptive method gave up: one sentence, from a few steps more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

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
    limit: int,
    inputs: Inputs | None,
    options: dict[str, Any],
) -> str:
    """Sentence on the trajectories that have reached the limit of steps; empty where there are none.

    The first of them is followed for a few steps to where it is slow. If the right-hand side contracts there at a rate
    that an explicit method has to resolve over the time that is left, the system is stiff.
    Hairer, Wanner (1996), Solving Ordinary Differential Equations II, section IV.2.
    """
    from dynsamp.solve.door import solve
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
    path = solve(
        alone, probes, y0[j : j + 1], method=method, max_steps=_PROBE, inputs=signals, dense=True, threads=1, **options
    ).states[0]
    last = int(np.flatnonzero(np.isfinite(path).all(axis=1))[-1])
    rates = np.linalg.eigvals(jacobian_values(alone, probes[last], path[last : last + 1], inputs=signals)[0])
    fastest = float(max(-rates.real.min(), 0.0))
    steps = fastest * abs(span) / _STABLE[method]
    start = f"{len(slow)} of {len(status)} trajectories reached the limit of {limit} steps"
    if steps > 0.5 * limit:
        return (
            f"{start}: the system is stiff, its fastest component decays at a rate of {fastest:.2g}, for which {method}"
            f" needs about {steps:.1g} steps; choose an implicit method"
        )
    return f"{start}: they move too fast for this duration; loosen rtol and atol, shorten it, or raise max_steps"
