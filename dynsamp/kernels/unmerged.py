"""A splitting method as a one-step method: kicks are not merged, so the state is known after every step."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import DRIFTS, KICKS, drift, kick


def step(t: Any, y: Any, theta: Any, h: Any, low: Any) -> None:
    """One step in place."""
    kick(t, y, theta, KICKS[0] * h, low)
    kicked, drifted = KICKS[0], 0.0  # parts of the step that are done
    for stage in range(len(DRIFTS)):
        drift(t + kicked * h, y, theta, DRIFTS[stage] * h, low)
        drifted += DRIFTS[stage]
        kicked += KICKS[stage + 1]
        kick(t + drifted * h, y, theta, KICKS[stage + 1] * h, low)
