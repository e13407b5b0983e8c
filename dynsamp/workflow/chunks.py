"""Runs a job block by block of trajectories: in memory, or into a store that may be larger than it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import xarray as xr

from dynsamp.batch import run_chunks
from dynsamp.dataset import open_dataset
from dynsamp.progress import Progress

__all__ = ["Job", "Piece", "computed", "digest"]

CHUNK = 4096  # trajectories between two signs of life


@dataclass(frozen=True)
class Piece:
    """A block of trajectories as it was computed."""

    arrays: dict[str, np.ndarray]  # trajectory first
    said: dict[str, object]  # method, reason, options: the same in every block


class Job(Protocol):
    """What `generate` and `forecast` resolve their arguments to."""

    @property
    def count(self) -> int:
        """Number of trajectories."""

    def piece(self, low: int, high: int) -> Piece:
        """Everything about trajectories low..high-1."""

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""

    def plan(self) -> dict[str, object]:
        """All that determines the result, as JSON values: a store is resumed under the same plan only."""


def computed(
    job: Job, label: str, *, store: str | Path | None = None, memory: int | None = None, progress: bool | None = None
) -> xr.Dataset:
    """Compute a job, in memory or chunk by chunk into a store, and return its Dataset."""
    with Progress(label, job.count, enabled=progress) as bar:
        if store is not None:
            chunk = lambda low, high: job.dataset(job.piece(low, high))  # noqa: E731 - shorter than a name
            run_chunks(job.plan(), chunk, store, count=job.count, memory=memory, progress=bar.update)
            return open_dataset(store)
        pieces = []
        for low in range(0, job.count, CHUNK):
            high = min(low + CHUNK, job.count)
            pieces.append(job.piece(low, high))
            bar.update(high)
    arrays = {key: np.concatenate([piece.arrays[key] for piece in pieces]) for key in pieces[0].arrays}
    return job.dataset(Piece(arrays, pieces[0].said))


def digest(*parts: object) -> str:
    """Hash of arrays and JSON values, for plans."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype.str}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
        else:
            total.update(json.dumps(part, sort_keys=True, default=str).encode())
    return total.hexdigest()
