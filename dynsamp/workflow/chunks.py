"""Runs a job block by block of trajectories: in memory, or into a store that may be larger than it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import xarray as xr

from dynsamp.batch import check_plan, run_chunks
from dynsamp.dataset import open_dataset
from dynsamp.files import named
from dynsamp.limits import check_bytes, spoken_bytes
from dynsamp.progress import Progress
from dynsamp.workflow.identity import Told, digest

CHUNK = 4096  # trajectories between two signs of life
PACKED = 4  # times that a store may be smaller than its numbers


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

    @property
    def size(self) -> int:
        """Numbers of a trajectory of the result."""

    def piece(self, low: int, high: int) -> Piece:
        """Everything about trajectories low..high-1."""

    def dataset(self, piece: Piece) -> xr.Dataset:
        """Attach names, units and provenance."""

    def plan(self) -> Told:
        """All that determines the result: a store is resumed under the same plan only."""


@dataclass(frozen=True)
class Store:
    """Where chunks are written to."""

    path: str | Path
    memory: int | None = None  # bytes that chunks may take at a time
    verify: bool = True  # what is there against its checksums

    def __post_init__(self) -> None:
        named(self.path)


def computed(job: Job, label: str, store: Store | None = None, progress: bool | None = None) -> xr.Dataset:
    """Compute a job, in memory or chunk by chunk into a store, and return its Dataset."""
    _check_room(job, store)
    with Progress(label, job.count, enabled=progress) as bar:
        if store is not None:
            plan = job.plan()
            check_plan(plan, store.path, count=job.count)  # before anything is compiled
            first = job.piece(0, 1)
            # what nothing else tells, such as a file that a function reads or a library, shows in numbers
            plan["first trajectory"] = digest(np.where(np.isnan(first.arrays["y"]), np.nan, first.arrays["y"]))
            run_chunks(
                plan,
                lambda low, high: job.dataset(job.piece(low, high)),
                store.path,
                count=job.count,
                template=job.dataset(first),
                memory=store.memory,
                progress=bar.update,
                verify=store.verify,
            )
            return open_dataset(store.path, verify=False)  # it was verified just now
        pieces = []
        for low in range(0, job.count, CHUNK):
            high = min(low + CHUNK, job.count)
            pieces.append(job.piece(low, high))
            bar.update(high)
    arrays = {key: np.concatenate([piece.arrays[key] for piece in pieces]) for key in pieces[0].arrays}
    return job.dataset(Piece(arrays, pieces[0].said))


def _check_room(job: Job, store: Store | None) -> None:
    """Refuse what neither memory nor disk has room for."""
    numbers = 8.0 * job.size
    fewer = "take fewer trajectories, members or saved times"
    if store is None:  # blocks, and then all of them together
        remedy = f"{fewer}, or write chunks with store='name.zarr' (--out name.zarr)"
        check_bytes(2 * numbers * job.count, f"{job.count} trajectories of {job.size} numbers", remedy)
        return
    check_bytes(2 * numbers, f"a trajectory of {job.size} numbers", "take fewer members or saved times")
    place = named(store.path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if place.name == Path(store.path).name:
        return  # it is there: what is left to be written is not known
    free = shutil.disk_usage(place).free
    if numbers * job.count > PACKED * free:
        raise ValueError(
            f"{job.count} trajectories of {job.size} numbers need {spoken_bytes(numbers * job.count)} on disk, but"
            f" {spoken_bytes(free)} are free in {place}; {fewer}"
        )
