"""Work larger than memory: chunks of trajectories into a Zarr store, resumed where it stopped.

Beside ``out.zarr`` stands ``out.zarr.run`` with the plan, a journal of finished chunks and a lock. A chunk is done when
its files, each renamed into place as a whole, are there. The header of the store comes last, so that a store that can
be opened is complete. A chunk depends on the plan and its bounds alone: it may be computed twice, with the same bytes.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from dynsamp.batch import chunk_store
from dynsamp.batch.chunk_store import Chunk, ChunkStore, chunk_rows
from dynsamp.batch.journal import Finished, Journal, entries
from dynsamp.batch.lock import Lock
from dynsamp.dataset import zarrstore
from dynsamp.dataset.schema import plain, versions
from dynsamp.files import TEMPORARY, explained, write_bytes

__all__ = ["Interrupted", "run_chunks", "run_folder", "verify"]

Compute = Callable[[int, int], Chunk]


class Interrupted(KeyboardInterrupt):
    """Interrupted by the user; the message says how to resume."""


def run_folder(store: str | os.PathLike[str]) -> Path:
    """Where plan, journal and lock of a store are."""
    store = Path(store)
    return store.with_name(store.name + ".run")


def run_chunks(  # noqa: PLR0913 - a verb
    plan: Mapping[str, object],
    compute: Compute,
    store: str | os.PathLike[str],
    *,
    count: int,
    template: xr.Dataset | None = None,
    chunk: int | None = None,
    memory: int | None = None,
    executor: Literal["threads", "processes"] | Executor = "threads",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    durable: bool = True,
) -> Path:
    """Compute trajectories 0..count-1 in chunks and write them to a Zarr store.

    Parameters
    ----------
    plan : mapping
        JSON values that determine the result (seed, system, times, hash of the model, ...); a run is resumed only with
        the same plan.
    compute : callable (low, high) -> Dataset, or mapping of str to ndarray (trajectory, ...)
        Trajectories low..high-1; a function of these and the plan alone. With processes it is pickled.
    store : path
        Ends with .zarr.
    count : int
        Number of trajectories.
    template : Dataset, optional
        All variables with their attributes, for at least one trajectory; ``compute(0, 1)`` without, which then
        returns a Dataset.
    chunk : int, optional
        Trajectories of a chunk; chosen for about 32 MB without. A resumed run keeps its chunks.
    memory : int, optional
        Bytes that all chunks at work may take.
    executor : {"threads", "processes"} or concurrent.futures.Executor
        Processes are spawned, so a script needs ``if __name__ == "__main__":``.
    workers : int
        Chunks computed at a time; of an Executor that is passed, its number of workers.
    progress : callable (int), optional
        Called with the number of trajectories that are done.
    durable : bool
        Wait for the disk after each chunk, so that a power cut loses none.

    Returns
    -------
    pathlib.Path
        The store, complete.

    Raises
    ------
    ValueError
        If the store belongs to another plan, or a chunk does not fit the template.
    FileExistsError
        If something else is there.
    BlockingIOError
        If another process writes to the store.
    Interrupted
        On Ctrl-C, after the chunks at work are written.
    """
    target = Path(store)
    if target.suffix.lower() != ".zarr":
        raise ValueError(f"cannot write chunks to {target.name!r}; give a name that ends with .zarr")
    if count < 1 or workers < 1 or (chunk is not None and chunk < 1):
        raise ValueError(f"count, workers and chunk must be at least 1, got {count}, {workers} and {chunk}")
    example = compute(0, 1) if template is None else template
    if not isinstance(example, xr.Dataset):
        raise TypeError(f"without template= compute must return a Dataset, got {type(example).__name__}")
    template = example.drop_encoding()
    rows = chunk or chunk_rows(template, count, memory=memory, in_flight=workers + 1)
    full = {
        **json.loads(json.dumps(dict(plan), default=plain)),
        "count": count,
        "variables": chunk_store.described(template, count),
    }
    folder = run_folder(target)
    with explained("write", target):
        folder.mkdir(exist_ok=True)
    with Lock(folder / "lock"), explained("write", target):
        layout = _begun(target, folder, full, template, rows)
        with Journal(folder / "journal.jsonl") as journal:
            work = _Work(layout, compute, journal, progress, durable)
            work.tidy()
            with _pool(executor, workers) as pool:
                work.run(pool, workers + 1)
        saved = json.loads((folder / "plan.json").read_bytes())
        zarrstore.create_group(target, {**saved["attributes"], zarrstore.PLAN: saved["digest"]})
    return target


def _begun(target: Path, folder: Path, plan: dict[str, Any], template: xr.Dataset, rows: int) -> ChunkStore:
    """The layout of a store, begun now or before."""
    path = folder / "plan.json"
    saved = json.loads(path.read_bytes()) if path.exists() else None
    if target.exists() and not (target.is_dir() and saved is not None):
        raise FileExistsError(f"{target} exists and is no store that can be resumed; remove it or choose another name")
    digest = chunk_store.digest(plan)
    if target.exists() and saved is not None:
        if zarrstore.is_group(target) and zarrstore.group_attrs(target).get(zarrstore.PLAN) != saved["digest"]:
            raise FileExistsError(f"{target} was replaced since its run; remove it and {folder.name}, or choose a name")
        if saved["digest"] != digest:
            keys = sorted(key for key in {**plan, **saved["plan"]} if plan.get(key) != saved["plan"].get(key))
            raise ValueError(
                f"{target} belongs to a run with another plan ({', '.join(keys)} differ); remove it and"
                f" {folder.name}, or choose another name"
            )
        rows = int(saved["chunk"])
    else:
        (folder / "journal.jsonl").unlink(missing_ok=True)  # of a store that is gone
        attributes = {**versions(), **zarrstore.group_header(template)}
        content = {"digest": digest, "plan": plan, "chunk": rows, "attributes": attributes}
        write_bytes(path, json.dumps(content, indent=1, default=plain).encode())
    return chunk_store.create(template, target, plan["count"], rows)  # again on resuming: it may have been cut short


@dataclass(frozen=True)
class _Work:
    """The loop over chunks."""

    layout: ChunkStore
    compute: Compute
    journal: Journal
    progress: Callable[[int], None] | None
    durable: bool

    def tidy(self) -> None:
        """Remove what a killed run left half-written."""
        for path in self.layout.store.rglob(f".*{TEMPORARY}*"):
            path.unlink(missing_ok=True)

    def missing(self) -> list[int]:
        """Chunks to compute; those that are there but were not written down are adopted."""
        missing = []
        for chunk in range(self.layout.chunks):
            if not self.layout.sizes_fit(chunk):
                self.journal.done.pop(chunk, None)
                missing.append(chunk)
            elif chunk not in self.journal.done:
                self.journal.add({"chunk": chunk, "crc": self.layout.crcs(chunk), "adopted": True})
        return missing

    def run(self, pool: Executor, in_flight: int) -> None:
        """Compute what is missing, with a bounded number of chunks at a time."""
        todo = iter(self.missing())
        pending: dict[Future[Finished], int] = {}
        self._report()
        try:
            while True:
                while len(pending) < in_flight and (chunk := next(todo, None)) is not None:
                    pending[pool.submit(_one, self.layout, self.compute, chunk, self.durable)] = chunk
                if not pending:
                    return
                done = wait(pending, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=pending.__getitem__):  # of several errors the first chunk's is told
                    self._take(future, pending.pop(future))
        except KeyboardInterrupt:
            self._settle(pending)
            raise Interrupted(self._stopped("interrupted")) from None
        except BaseException as error:
            self._settle(pending)
            error.add_note(self._stopped("stopped"))
            raise

    def _take(self, future: Future[Finished], chunk: int) -> None:
        try:
            self.journal.add(future.result())
        except Exception as error:
            low, high = self.layout.bounds(chunk)
            error.add_note(f"in the chunk of trajectories {low} to {high - 1}")
            raise
        self._report()

    def _settle(self, pending: Mapping[Future[Finished], int]) -> None:
        """Let the chunks at work end, and write down those that succeed."""
        at_work = [future for future in pending if not future.cancel()]
        for future in wait(at_work).done:
            if not future.cancelled() and future.exception() is None:
                self.journal.add(future.result())

    def _report(self) -> None:
        if self.progress is not None:
            self.progress(min(len(self.journal.done) * self.layout.rows, self.layout.count))

    def _stopped(self, how: str) -> str:
        done, chunks = len(self.journal.done), self.layout.chunks
        return f"{how} with {done} of {chunks} chunks in {self.layout.store}; give the same command again to resume"


def _one(layout: ChunkStore, compute: Compute, chunk: int, durable: bool) -> Finished:
    """Compute and write a chunk; runs in a worker."""
    low, high = layout.bounds(chunk)
    start = time.thread_time()
    crc = layout.write(chunk, compute(low, high), durable)
    return {"chunk": chunk, "crc": crc, "trajectories": high - low, "cpu_seconds": time.thread_time() - start}


@contextmanager
def _pool(executor: Literal["threads", "processes"] | Executor, workers: int) -> Iterator[Executor]:
    if isinstance(executor, Executor):
        yield executor
    elif executor == "threads":
        with ThreadPoolExecutor(workers, "dynsamp-chunk") as threads:
            yield threads
    elif executor == "processes":
        # spawned: forking a process with running threads can hang it; Ctrl-C is for the parent
        ignore = (signal.SIGINT, signal.SIG_IGN)
        context = get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=ignore) as processes:
            yield processes
    else:
        raise ValueError(f"executor must be 'threads', 'processes' or an Executor, got {executor!r}")


def verify(store: str | os.PathLike[str]) -> list[int]:
    """Chunks of a finished store whose files do not have the bytes that were written."""
    target = Path(store)
    names = zarrstore.members(target)
    saved = json.loads((run_folder(target) / "plan.json").read_bytes())
    arrays = {name: zarrstore.read_header(target / name) for name in names if name in saved["plan"]["variables"]}
    layout = ChunkStore(target, int(saved["plan"]["count"]), int(saved["chunk"]), arrays)
    done = entries(run_folder(target) / "journal.jsonl")
    chunks = range(layout.chunks)
    return [k for k in chunks if not layout.sizes_fit(k) or layout.crcs(k) != done.get(k, {}).get("crc")]
