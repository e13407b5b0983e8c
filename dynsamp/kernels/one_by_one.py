"""Saving lane by lane, for parts whose ``record`` writes something else than states."""

from __future__ import annotations

from typing import Any

from dynsamp.kernels.slots import WIDTH, record
from dynsamp.words import Status

OK = int(Status.OK)


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Record saved time k of the trajectories from j on, unless they have failed before."""
    for lane in range(min(WIDTH, len(status) - j)):
        if status[j + lane] == OK:
            record(y, lane, out, status, j + lane, k)
