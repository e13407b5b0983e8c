"""Chunks into a store: the same bytes for any workers, after any interruption."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dynsamp.batch import Interrupted, chunk_rows, run_chunks, run_folder, verify
from dynsamp.batch.beside import Lock
from dynsamp.dataset import build, open_dataset, pack, zarrstore
from dynsamp.words import State

STATES = (State("x", "m"), State("field", dims={"site": 2}))
COUNT, STEPS = 23, 5


def values(low, high, seed=0):
    """A function of the trajectory's id alone."""
    ids = np.arange(low, high)
    grid = ids[:, None, None] * 1000.0 + np.arange(STEPS)[:, None] * 10.0 + np.arange(3.0)
    return ids, np.sin(grid + seed)


def compute(low, high, seed=0):
    ids, y = values(low, high, seed)
    y[(ids % 5 == 0)] = np.nan  # all of a chunk may be the fill value
    t = np.arange(STEPS) * 0.5
    return build(t=t, y=y, states=STATES, ids=ids, status=ids % 5 == 0, time_unit="s", lead=True)


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


@pytest.fixture
def expected(tmp_path):
    store = run_chunks({"seed": 0}, compute, tmp_path / "expected.zarr", count=COUNT, chunk=4)
    return contents(store)


def test_the_store_is_the_dataset_in_one_piece(tmp_path):
    whole = compute(0, COUNT)
    for chunk in (1, 4, COUNT, 1000):
        store = run_chunks({"seed": 0}, compute, tmp_path / f"out{chunk}.zarr", count=COUNT, chunk=chunk)
        back = open_dataset(store)
        xr.testing.assert_identical(back.load(), whole)
        samples = pack(back)
        ids, y = values(0, COUNT)
        alive = ids % 5 != 0  # the others failed at their start
        np.testing.assert_array_equal(samples.ids, ids[alive])
        np.testing.assert_array_equal(samples.y, y[alive])


def test_the_zarr_library_reads_it(tmp_path):
    import zarr

    store = run_chunks({}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4)
    group = zarr.open_group(store, mode="r")
    np.testing.assert_array_equal(group["field"][:], compute(0, COUNT)["field"])
    assert group["field"].chunks == (4, STEPS, 2)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("executor", ["threads", "given"])
def test_workers_do_not_change_a_bit(tmp_path, expected, workers, executor):
    with ThreadPoolExecutor(workers) as pool:
        chosen = pool if executor == "given" else executor
        store = run_chunks(
            {"seed": 0}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4, executor=chosen, workers=workers
        )
    assert contents(store) == expected


def test_arrays_with_a_template_are_as_good_as_datasets(tmp_path, expected):
    def arrays(low, high):
        ds = compute(low, high)
        return {name: ds[name].values for name in ("x", "field", "status", "trajectory")}

    store = run_chunks(
        {"seed": 0}, arrays, tmp_path / "out.zarr", count=COUNT, chunk=4, template=compute(0, 1), durable=False
    )
    assert contents(store) == expected


def test_an_error_stops_and_the_rest_is_done_later(tmp_path, expected):
    calls = []

    def fails(low, high):
        calls.append(low)
        if low == 12:
            raise RuntimeError("no convergence")
        return compute(low, high)

    store = tmp_path / "out.zarr"
    with pytest.raises(RuntimeError, match="no convergence") as caught:
        run_chunks({"seed": 0}, fails, store, count=COUNT, chunk=4, template=compute(0, 1))
    assert any("trajectories 12 to 15" in note for note in caught.value.__notes__)
    assert any("give the same command again to resume" in note for note in caught.value.__notes__)
    with pytest.raises(ValueError, match=r"out.zarr is not finished; give the command that began it again"):
        open_dataset(store)
    before = set(calls)
    again = []
    run_chunks(
        {"seed": 0}, lambda a, b: (again.append(a), compute(a, b))[1], store, count=COUNT, template=compute(0, 1)
    )
    assert set(again) & (before - {12, 16, 20}) == set()
    assert 12 in again
    assert contents(store) == expected


def test_a_finished_run_computes_nothing(tmp_path):
    store = run_chunks({"seed": 0}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4)
    before = contents(store)

    def never(low, high):
        raise AssertionError("nothing is left to compute")

    run_chunks({"seed": 0}, never, store, count=COUNT, template=compute(0, 1))
    assert contents(store) == before
    assert verify(store) == []


def test_chunks_that_the_journal_missed_are_computed_again(tmp_path, expected):
    store = run_chunks({"seed": 0}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4)
    journal = run_folder(store) / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:20])  # torn
    (store / "x" / "c" / "5" / "0").unlink()
    (store / "x" / "c" / "4" / ".0.dead.tmp").write_bytes(b"half")
    (store / "zarr.json").unlink()
    computed = []
    run_chunks(
        {"seed": 0}, lambda a, b: (computed.append(a), compute(a, b))[1], store, count=COUNT, template=compute(0, 1)
    )
    assert computed == [8, 12, 16, 20]
    assert contents(store) == expected
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sorted(entry["chunk"] for entry in entries) == list(range(6))
    assert verify(store) == []


def test_verify_finds_flipped_bits(tmp_path):
    store = run_chunks({}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4)
    path = store.joinpath("field", "c", "3", "0", "0")
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    assert verify(store) == [3]


def test_another_plan_is_refused(tmp_path):
    store = run_chunks({"seed": 0, "method": "rk4"}, compute, tmp_path / "out.zarr", count=COUNT)
    with pytest.raises(ValueError, match=r"another plan \(seed 0, now 1\); remove it and out.zarr.run, or choose"):
        run_chunks({"seed": 1, "method": "rk4"}, partial(compute, seed=1), store, count=COUNT)
    with pytest.raises(ValueError, match=r"plan \(count 23, now 24\); remove"):
        run_chunks({"seed": 0, "method": "rk4"}, compute, store, count=COUNT + 1)


def test_a_store_that_was_removed_is_begun_anew(tmp_path):
    store = run_chunks({"seed": 0}, compute, tmp_path / "out.zarr", count=COUNT)
    shutil.rmtree(store)
    run_chunks({"seed": 1}, partial(compute, seed=1), store, count=COUNT, chunk=7)
    np.testing.assert_array_equal(open_dataset(store)["x"], compute(0, COUNT, 1)["x"])


def test_foreign_things_are_kept(tmp_path):
    target = tmp_path / "out.zarr"
    target.mkdir()
    (target / "letter.txt").write_text("do not lose me")
    with pytest.raises(FileExistsError, match=r"^\S+ exists and is no store that can be resumed; remove it or choose"):
        run_chunks({}, compute, target, count=COUNT)
    assert (target / "letter.txt").exists()
    store = run_chunks({}, compute, tmp_path / "own.zarr", count=COUNT)
    zarrstore.create_group(store, {"dynsamp_version": "0"})
    with pytest.raises(FileExistsError, match="was replaced since its run"):
        run_chunks({}, compute, store, count=COUNT)


def test_a_second_writer_is_refused(tmp_path):
    (tmp_path / "out.zarr.run").mkdir()
    with Lock(tmp_path / "out.zarr.run" / "lock"):
        code = (
            "import sys\nfrom pathlib import Path\nfrom dynsamp.batch.beside import Lock\n"
            "try:\n    Lock(Path(sys.argv[1])).__enter__()\nexcept BlockingIOError as error:\n    print(error)\n"
        )
        lock = str(tmp_path / "out.zarr.run" / "lock")
        done = subprocess.run([sys.executable, "-c", code, lock], capture_output=True, text=True, timeout=60)
        assert "another process (process" in done.stdout, done.stderr
        if os.name == "posix":
            with pytest.raises(BlockingIOError, match=f"process {os.getpid()} on"):
                run_chunks({}, compute, tmp_path / "out.zarr", count=COUNT)
    run_chunks({}, compute, tmp_path / "out.zarr", count=COUNT)


def test_ctrl_c_says_how_to_resume(tmp_path, expected):
    store = tmp_path / "out.zarr"

    def interrupts(low, high):
        if low == 8:
            signal.raise_signal(signal.SIGINT)  # reaches the main thread
            time.sleep(0.2)
        return compute(low, high)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(
        Interrupted, match=r"interrupted with \d of 6 chunks in .*out.zarr; give the same command again"
    ):
        run_chunks({"seed": 0}, interrupts, store, count=COUNT, chunk=4, template=compute(0, 1))
    run_chunks({"seed": 0}, compute, store, count=COUNT, template=compute(0, 1))
    assert contents(store) == expected


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals to threads")
def test_a_chunk_that_comes_too_late_is_not_written(tmp_path):
    computed, store = threading.Event(), tmp_path / "out.zarr"

    def slow(low, high):
        time.sleep(0.2)  # until it is waited for
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(1.0)  # more than a chunk is waited for
        computed.set()
        return compute(low, high)

    with pytest.raises(Interrupted, match="with 0 of 1 chunks"):
        run_chunks({"seed": 0}, slow, store, count=COUNT, template=compute(0, 1))
    assert computed.wait(10)
    assert not (store / "x" / "c").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: {k: v for k, v in d.items() if k != "x"}, "chunk 0 lacks the variable 'x'"),
        (lambda d: {**d, "x": d["x"][:-1]}, r"'x' has shape \(3, 5\) in chunk 0, expected \(4, 5\)"),
        (lambda d: {**d, "x": d["x"] * 1j}, "'x' has dtype complex128 in chunk 0, expected float64"),
    ],
)
def test_chunks_must_fit_the_template(tmp_path, change, message):
    def arrays(low, high):
        ds = compute(low, high)
        return change({str(name): ds[name].values for name in ds.variables})

    with pytest.raises(ValueError, match=message):
        run_chunks({}, arrays, tmp_path / "out.zarr", count=COUNT, chunk=4, template=compute(0, 1))


def test_mistakes_in_the_arguments(tmp_path):
    with pytest.raises(ValueError, match=r"'out.nc'; give a name that ends with .zarr"):
        run_chunks({}, compute, tmp_path / "out.nc", count=COUNT)
    with pytest.raises(ValueError, match="must be at least 1"):
        run_chunks({}, compute, tmp_path / "out.zarr", count=0)
    with pytest.raises(TypeError, match="compute must return a Dataset, got dict"):
        run_chunks({}, lambda a, b: {}, tmp_path / "out.zarr", count=COUNT)
    with pytest.raises(ValueError, match=r"'x' has dims .*which come first"):
        run_chunks({}, compute, tmp_path / "out.zarr", count=3, template=compute(0, 1).transpose("time", ...))
    named = compute(0, 1).assign_coords(name=("trajectory", ["a"]))
    with pytest.raises(ValueError, match="'name' holds text"):
        run_chunks({}, compute, tmp_path / "out.zarr", count=3, template=named)
    with pytest.raises(ValueError, match="executor must be 'threads'"):
        run_chunks({}, compute, tmp_path / "out.zarr", count=3, executor="fork")
    with pytest.raises(FileNotFoundError, match="create the folder first"):
        run_chunks({}, compute, tmp_path / "absent" / "out.zarr", count=3)


def test_progress_counts_trajectories(tmp_path):
    seen = []
    run_chunks({}, compute, tmp_path / "out.zarr", count=COUNT, chunk=4, progress=seen.append)
    assert seen[0] == 0
    assert seen[-1] == COUNT
    assert seen == sorted(seen)


def test_chunks_fit_into_memory():
    template = compute(0, 2)
    row = sum(v.nbytes for v in template.variables.values() if "trajectory" in v.dims) // 2
    assert chunk_rows(template, 10**9) * row == pytest.approx(32 * 2**20, rel=0.01)
    assert chunk_rows(template, 5) == 5
    assert chunk_rows(template, 10**9, memory=10**6, in_flight=2) * row * 2 <= 10**6
    assert chunk_rows(template, 10**9, memory=1) == 1


def test_dates_and_own_times_go_through(tmp_path):
    def dated(low, high):
        start = np.datetime64("2026-01-01", "ns") + np.arange(low, high)[:, None] * np.timedelta64(1, "D")
        t = start + np.arange(STEPS) * np.timedelta64(1, "h")
        return build(t=t, y=values(low, high)[1], states=STATES, ids=np.arange(low, high), lead=True)

    store = run_chunks({}, dated, tmp_path / "out.zarr", count=COUNT, chunk=4)
    np.testing.assert_array_equal(open_dataset(store)["time"], dated(0, COUNT)["time"])


PROGRAM = """
import sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
from chunks_for_batch import compute
from dynsamp.batch import run_chunks

def slow(low, high):
    time.sleep(0.05)
    return compute(low, high)

if __name__ == "__main__":
    def told(done):
        print(done, flush=True)
    compute_ = slow if {executor!r} == "threads" else compute
    run_chunks({{"seed": 0}}, compute_, sys.argv[1], count={count}, chunk=4, workers=2, executor={executor!r},
               template=compute(0, 1), progress=told)
"""


@pytest.fixture
def program(tmp_path):
    def _program(executor):
        source = Path(__file__).read_text(encoding="utf-8")
        head = source[: source.index("def contents(")]
        (tmp_path / "chunks_for_batch.py").write_text(head, encoding="utf-8")
        text = PROGRAM.format(folder=str(tmp_path), executor=executor, count=COUNT)
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        return [sys.executable, str(path), str(tmp_path / "out.zarr")]

    return _program


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_and_resumed_is_bitwise_equal(tmp_path, expected, program):
    command = program("threads")
    for target in (4, 12):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= target:
                break
        process.kill()
        process.stdout.close()
        assert process.wait(timeout=60) == -signal.SIGKILL
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 12  # what was done was kept
    store = tmp_path / "out.zarr"
    assert contents(store) == expected
    assert verify(store) == []


def test_processes_do_not_change_a_bit(tmp_path, expected, program):
    done = subprocess.run(program("processes"), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "out.zarr") == expected
