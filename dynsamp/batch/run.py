"""Work larger than memory: chunks of trajectories into a Zarr store, resumed where it stopped.

Beside ``out.zarr`` stands ``out.zarr.run`` with the plan, a journal of finished chunks and a lock. A chunk is done when
its files, each renamed into place as a whole, are there with the checksums of the journal. The header of the store
comes last, so that a store that can be opened is complete. A chunk depends on the plan and its bounds alone: it may be
computed twice, with the same bytes.
"""

import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from dynsamp.batch import beside, chunk_store
from dynsamp.batch.beside import Finished, Journal, Lock, entries
from dynsamp.batch.chunk_store import Chunk, ChunkStore, chunk_rows
from dynsamp.dataset import zarrstore
from dynsamp.dataset.schema import versions
from dynsamp.dataset.zarrcheck import check_files, refuse_stranger
from dynsamp.files import TEMPORARY, explained, named
from dynsamp.interruption import obeying, waited
from dynsamp.words import quoted

Compute = Callable[[int, int], Chunk]
GRACE = 0.2  # seconds for the chunks at work to end after Ctrl-C, before what they compute is given up
READERS = 4  # threads that compare checksums: more are not faster than a disk
_log = logging.getLogger("dynsamp")


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
    verify: bool = True,
) -> Path:
    """Compute trajectories 0..count-1 in chunks and write them to a Zarr store.

    Parameters
    ----------
    plan : mapping
        JSON values that determine the result (seed, system, times, hash of the model, ...); a run is resumed only with
        the same plan. What it has under "unknown", by name with the reason, cannot be compared: no such run is resumed.
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
    verify : bool
        Compare what is on the disk with its checksums, where a run is resumed or was finished before, and compute what
        differs again; without, only the sizes of the files are compared.

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
        On Ctrl-C. Chunks that end within 0.2 seconds are written; what a solver does for others is given up, but the
        processes of a pool end theirs.
    """
    target = named(store)
    folder = _own_folder(target)
    if count < 1 or workers < 1 or (chunk is not None and chunk < 1):
        raise ValueError(f"count, workers and chunk must be at least 1, got {count}, {workers} and {chunk}")
    example = compute(0, 1) if template is None else template
    if not isinstance(example, xr.Dataset):
        raise TypeError(f"without template= compute must return a Dataset, got {type(example).__name__}")
    template = example.drop_encoding()
    rows = chunk or chunk_rows(template, count, memory=memory, in_flight=workers + 1)
    full = zarrstore.as_json({**plan, "count": count, "variables": chunk_store.described(template, count)})
    with explained("write", target):
        folder.mkdir(exist_ok=True)
    with explained("write", target), Lock(folder / "lock"):
        saved = _resumed(target, folder, full) or _begun(target, folder, full, template, rows)
        layout = chunk_store.create(template, target, count, saved.chunk)  # again on resuming: it may be cut short
        with Journal(folder / "journal.jsonl", layout.chunks) as journal:
            order = threading.Event() if executor == "threads" else None
            work = _Work(layout, compute, journal, progress, durable, verify, order)
            work.tidy(folder)
            work.check_members()
            with _pool(executor, workers) as pool:
                work.run(pool, workers + 1)
        zarrstore.create_group(target, {**saved.attributes, zarrstore.PLAN: saved.digest}, work.checksums())
    return target


def check_plan(plan: Mapping[str, object], store: str | os.PathLike[str], *, count: int) -> None:
    """Raise at once, before anything is computed, what `run_chunks` would for a store of another plan or a busy one."""
    target = named(store)
    folder = _own_folder(target)
    if folder.is_dir():
        with explained("write", target), Lock(folder / "lock"):
            _resumed(target, folder, zarrstore.as_json({**plan, "count": count}))


def _own_folder(target: Path) -> Path:
    """Where a run keeps what it knows of a store, with nothing in it that could lead elsewhere or be waited for."""
    if target.suffix.lower() != ".zarr":
        raise ValueError(f"cannot write chunks to {quoted(target.name)}; give a name that ends with .zarr")
    folder = run_folder(target)
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(
            f"{folder} is no folder, but the plan of {target.name} goes there; remove it or choose another name"
        )
    for path in (folder / "lock", folder / "plan.json", folder / "journal.jsonl"):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise FileExistsError(f"{path} is no file, as a run writes it; remove it and give the command again")
    return folder


def _resumed(target: Path, folder: Path, plan: dict[str, Any]) -> beside.Saved | None:
    """The plan of a store that was begun before; of one that lacks what follows from it, the rest is compared."""
    if not target.exists():
        return None
    saved = beside.read_plan(folder / "plan.json")
    if not target.is_dir() or saved is None:
        raise FileExistsError(f"{target} exists and is no store that can be resumed; remove it or choose another name")
    if zarrstore.is_group(target) and zarrstore.group_attrs(target).get(zarrstore.PLAN) != saved.digest:
        raise FileExistsError(f"{target} was replaced since its run; remove it and {folder.name}, or choose a name")
    remedy = f"remove it and {folder.name}, or choose another name"
    if "variables" not in plan:
        plan = {key: saved.plan[key] for key in beside.FOLLOW if key in saved.plan} | plan
    if saved.digest != beside.digest(plan):
        what = beside.differences(saved.plan, plan)
        raise ValueError(f"{target} belongs to a run with another plan ({what}); {remedy}")
    for name, reason in (plan.get("unknown") or {}).items():
        raise ValueError(
            f"{target} cannot be resumed: the content of {name} cannot be told ({reason}), so it may be another"
            f" than when the store was begun; {remedy}"
        )
    return saved


def _begun(target: Path, folder: Path, plan: dict[str, Any], template: xr.Dataset, rows: int) -> beside.Saved:
    """The plan of a store that is begun now."""
    for name, reason in (plan.get("unknown") or {}).items():
        warnings.warn(
            f"if interrupted, {target} cannot be resumed: the content of {name} cannot be told ({reason})", stacklevel=4
        )
    (folder / "journal.jsonl").unlink(missing_ok=True)  # of a store that is gone
    attributes = zarrstore.as_json({**versions(), **zarrstore.group_header(template)})
    begun = beside.Saved(beside.digest(plan), plan, rows, attributes)
    beside.write_plan(folder / "plan.json", begun)
    return begun


@dataclass(frozen=True)
class _Work:
    """The loop over chunks."""

    layout: ChunkStore
    compute: Compute
    journal: Journal
    progress: Callable[[int], None] | None
    durable: bool
    verify: bool
    order: threading.Event | None  # to give up, for threads

    def tidy(self, folder: Path) -> None:
        """Remove what a killed run left half-written."""
        for place in (self.layout.store, folder):
            for path in place.rglob(f".*{TEMPORARY}*"):
                path.unlink(missing_ok=True)

    def check_members(self) -> None:
        """Refuse what others put into the store: under its header it would be data."""
        for name in zarrstore.members(self.layout.store):
            place = self.layout.store / name
            ours = name in self.layout.arrays or name in self.layout.others
            check_files(place, zarrstore.read_header(place)) if ours else refuse_stranger(place)

    def checksums(self) -> dict[str, str]:
        """Of the values of every variable, from those of its chunks."""
        crcs = [self.journal.done[chunk]["crc"] for chunk in range(self.layout.chunks)]
        return {name: zarrstore.combined(crc[name] for crc in crcs) for name in self.layout.arrays} | dict(
            self.layout.others
        )

    def missing(self) -> list[int]:
        """Chunks to compute: those that are not on the disk as the journal has them."""
        written = dict(self.journal.done)
        with ThreadPoolExecutor(READERS, "dynsamp-verify") as readers:
            try:
                intact = dict(zip(written, readers.map(self._intact, written), strict=True))
            except BaseException:
                readers.shutdown(wait=False, cancel_futures=True)
                raise
        for chunk in (chunk for chunk, good in intact.items() if not good):
            low, high = self.layout.bounds(chunk)
            _log.warning(
                "trajectories %d to %d in %s are not as they were written; they are computed again",
                low, high - 1, self.layout.store,
            )  # fmt: skip
            del self.journal.done[chunk]
        return [chunk for chunk in range(self.layout.chunks) if chunk not in self.journal.done]

    def _intact(self, chunk: int) -> bool:
        return self.layout.intact(chunk, self.journal.done[chunk]["crc"], self.verify)

    def run(self, pool: Executor, in_flight: int) -> None:
        """Compute what is missing, with a bounded number of chunks at a time."""
        todo = iter(self.missing())
        pending: dict[Future[Finished], int] = {}
        self._report()
        try:
            while True:
                while len(pending) < in_flight and (chunk := next(todo, None)) is not None:
                    pending[pool.submit(_one, self.layout, self.compute, chunk, self.durable, self.order)] = chunk
                if not pending:
                    return
                done = waited(pending, FIRST_COMPLETED)
                for future in sorted(done, key=pending.__getitem__):  # of several errors the first chunk's is told
                    self._take(future, pending.pop(future))
        except KeyboardInterrupt:
            self._settle(pending, GRACE)
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

    def _settle(self, pending: Mapping[Future[Finished], int], grace: float | None = None) -> None:
        """Let the chunks at work end, and write down those that succeed; what a thread does after that is given up."""
        at_work = [future for future in pending if not future.cancel()]
        if self.order is not None:
            wait(at_work, timeout=grace)
            self.order.set()
        for future in wait(at_work).done:
            if not future.cancelled() and future.exception() is None:
                self.journal.add(future.result())

    def _report(self) -> None:
        if self.progress is not None:
            self.progress(min(len(self.journal.done) * self.layout.rows, self.layout.count))

    def _stopped(self, how: str) -> str:
        done, chunks = len(self.journal.done), self.layout.chunks
        return f"{how} with {done} of {chunks} chunks in {self.layout.store}; give the same command again to resume"


def _one(
    layout: ChunkStore, compute: Compute, chunk: int, durable: bool, order: threading.Event | None = None
) -> Finished:
    """Compute and write a chunk; runs in a worker, which gives up when there is such an order."""
    low, high = layout.bounds(chunk)
    start = time.thread_time()
    with nullcontext() if order is None else obeying(order):
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
    """Chunks of a finished store whose files do not have the bytes that were written.

    Raises
    ------
    ValueError
        If there is no plan of the store, or it is damaged.
    """
    target = named(store)
    saved = beside.read_plan(_own_folder(target) / "plan.json")
    if saved is None:
        raise ValueError(
            f"there are no checksums of {target}: they are in {run_folder(target).name}, which is not there"
        )
    names = [name for name in zarrstore.members(target) if name in saved.plan["variables"]]
    arrays = {name: zarrstore.read_header(target / name) for name in names}
    layout = chunk_store.ChunkStore(target, saved.plan["count"], saved.chunk, arrays)
    done = entries(run_folder(target) / "journal.jsonl", layout.chunks)
    return [k for k in range(layout.chunks) if k not in done or not layout.intact(k, done[k]["crc"])]
