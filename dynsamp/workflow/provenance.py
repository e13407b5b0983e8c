"""Seeds and the attributes that say where a Dataset comes from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from dynsamp.solve import Solution

__all__ = ["checked_seed", "history", "said", "stream"]

# independent streams of one user seed
_STREAMS = ("starts", "paths", "spin-up", "noise", "forecast", "directions")


def checked_seed(seed: int) -> int:
    """Seed as an int.

    Raises
    ------
    TypeError, ValueError
        Where it is not a non-negative integer below 2**63.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, got {seed!r}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must lie in [0, 2**63), got {seed}")
    return int(seed)


def stream(seed: int, purpose: str) -> int:
    """Seed of one of the independent streams of a user's seed."""
    entropy = np.random.SeedSequence([seed, _STREAMS.index(purpose)])
    return int(entropy.generate_state(1, np.uint64)[0] >> 1)


def said(solution: Solution) -> dict[str, Any]:
    """Method, the reason for it, and its options, as attributes."""
    return {"method": solution.method, "method_reason": solution.reason, **solution.options}


def history(action: str) -> str:
    """One CF history line."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} dynsamp: {action}"
