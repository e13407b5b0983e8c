"""Random numbers for arrays of counters."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.random import normal, uniform

GAUSSIAN = 1  # a slot: 1 normals, 0 uniforms


def run(seed: Any, ids: Any, steps: Any, draws: Any, out: Any) -> None:
    """All arrays (n,), seed (1,)."""
    for i in range(len(out)):
        if GAUSSIAN:
            out[i] = normal(seed[0], ids[i], steps[i], draws[i])
        else:
            out[i] = uniform(seed[0], ids[i], steps[i], draws[i])
