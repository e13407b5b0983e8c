"""Kept kernels: found by the next process, never stale, mended when damaged, done without where nothing can be kept."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from dynsamp.kernels import cache
from dynsamp.kernels.cache import cache_dir, clear_cache, contents, size_limit, trouble

# one process: a module of constants, a function made the way that is asked for, one solve; prints y(1) and compilations
PROGRAM = """
import logging, sys, types
import numpy as np

way, value = sys.argv[1], float(sys.argv[2])
messages = []
handler = logging.Handler()
handler.emit = lambda record: messages.append(record.getMessage())
logging.getLogger("dynsamp").addHandler(handler)
logging.getLogger("dynsamp").setLevel(logging.INFO)

from dynsamp.solve import Kernel, solve

constants = types.ModuleType("constants")
constants.G = value
constants.inner = types.ModuleType("inner")
constants.inner.G = value
sys.modules["constants"] = constants

if way == "global":
    G = value
    def rhs(t, y, theta, dy):
        dy[0] = G
elif way == "attribute":
    def rhs(t, y, theta, dy):
        dy[0] = constants.G
elif way == "nested attribute":
    def rhs(t, y, theta, dy):
        dy[0] = constants.inner.G
elif way == "closure":
    def make(c):
        def rhs(t, y, theta, dy):
            dy[0] = c
        return rhs
    rhs = make(value)
elif way == "default":
    def rhs(t, y, theta, dy, c=value):
        dy[0] = c
elif way == "array":
    TABLE = np.array([0.0, value])
    def rhs(t, y, theta, dy):
        dy[0] = TABLE[1]
elif way == "helper":
    import numba
    C = value
    @numba.njit
    def helper(x):
        return C + 0.0 * x
    def rhs(t, y, theta, dy):
        dy[0] = helper(y[0])
elif way == "cell":  # as a notebook does: no file, its own namespace
    space = {"G": value}
    exec(compile("def rhs(t, y, theta, dy):\\n    dy[0] = G\\n", "<ipython-input-1>", "exec"), space)
    rhs = space["rhs"]

states = solve(Kernel("field", (rhs,), np.empty(0)), [0.0, 1.0], [[0.0]], method="rk4", step=0.5).states
print(states[0, 1, 0], sum("compiling" in message for message in messages))
"""


def begin(folder: Path, way: str, value: float, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), way, str(value)],
        env={**os.environ, "DYNSAMP_CACHE_DIR": str(folder), "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[float, int]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    answer, compilations = out.split()
    return float(answer), int(compilations)


def run(folder: Path, way: str, value: float, **environment: str) -> tuple[float, int]:
    return end(begin(folder, way, value, **environment))


@pytest.mark.parametrize(
    "way", ["global", "attribute", "nested attribute", "closure", "default", "array", "helper", "cell"]
)
def test_next_process_hits_and_a_changed_constant_never_does(tmp_path, way):
    assert run(tmp_path, way, 2.0) == (2.0, 1)
    assert run(tmp_path, way, 2.0) == (2.0, 0)
    assert run(tmp_path, way, 3.0) == (3.0, 1)


def test_damaged_entry_is_compiled_again(tmp_path):
    assert run(tmp_path, "global", 2.0) == (2.0, 1)
    (entry,) = tmp_path.iterdir()
    whole = entry.read_bytes()
    middle = len(whole) // 2
    flipped = bytes([*whole[:middle], whole[middle] ^ 1, *whole[middle + 1 :]])
    for damaged in (flipped, whole[:middle]):
        entry.write_bytes(damaged)
        assert run(tmp_path, "global", 2.0) == (2.0, 1)
    assert run(tmp_path, "global", 2.0) == (2.0, 0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNSAMP_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_no_damaged_byte_is_believed_and_none_is_left(folder):
    cache.write("whole", bytes(range(256)))
    path = folder / "kernel-whole"
    whole = path.read_bytes()
    draw = random.Random(1)
    attacks = [bytes([*whole[:k], whole[k] ^ (1 << draw.randrange(8)), *whole[k + 1 :]]) for k in range(len(whole))]
    attacks += [whole[:k] for k in range(0, len(whole), 7)] + [whole + b"x", bytes(len(whole)), whole[::-1]]
    for attack in attacks:
        path.write_bytes(attack)
        assert cache.read("whole") is None
        assert not path.exists()
    cache.write("whole", bytes(range(256)))
    assert cache.read("whole") == bytes(range(256))


def test_an_entry_is_that_of_its_name(folder):
    cache.write("one", b"content")
    (folder / "kernel-one").rename(folder / "kernel-other")
    assert cache.read("other") is None


def test_processes_share_it_and_numba_has_no_say_where_it_is(tmp_path):
    kept, elsewhere = tmp_path / "kept", tmp_path / "elsewhere"
    racing = [begin(kept, "global", 2.0, NUMBA_CACHE_DIR=str(elsewhere)) for _ in range(3)]
    assert [end(process)[0] for process in racing] == [2.0] * 3
    assert len(list(kept.iterdir())) == 1
    assert run(kept, "global", 2.0, NUMBA_CACHE_DIR=str(tmp_path / "another")) == (2.0, 0)
    assert not elsewhere.exists()


def test_what_has_not_been_used_for_longest_goes_first(folder, monkeypatch):
    monkeypatch.setenv("DYNSAMP_CACHE_SIZE", "10KB")
    for name in "abcdefgh":
        cache.write(name, bytes(1000))
        os.utime(folder / f"kernel-{name}", times=(0, 1000 + ord(name)))
    assert cache.read("a") is not None  # used now
    cache.write("last", bytes(3000))
    left = {path.name.removeprefix("kernel-") for path in folder.iterdir()}
    assert {"a", "h", "last"} <= left
    assert not left & {"b", "c"}
    assert contents(folder).size <= size_limit()
    cache.write("too long", bytes(20_000))
    assert cache.read("too long") is None


def test_what_a_killed_process_was_writing_goes(folder):
    cache.write("whole", b"content")
    for age in (0.0, 7200.0):
        path = folder / f".kernel-whole.{age:.0f}.tmp"
        path.write_bytes(b"half")
        os.utime(path, times=(0, time.time() - age))
    cache._trim(folder, size_limit())
    assert {path.name for path in folder.iterdir()} == {"kernel-whole", ".kernel-whole.0.tmp"}


@pytest.mark.parametrize(
    ("given", "size"), [("", 2 * 2**30), ("500MB", 500 * 2**20), ("1.5 GiB", 3 * 2**29), ("4096", 4096), ("0", 0)]
)
def test_sizes(monkeypatch, given, size):
    monkeypatch.setenv("DYNSAMP_CACHE_SIZE", given)
    assert size_limit() == size


def test_a_size_that_is_none_is_told_once(monkeypatch, caplog):
    monkeypatch.setenv("DYNSAMP_CACHE_SIZE", "-3 apples")
    assert {size_limit(), size_limit()} == {2 * 2**30}
    assert [record.getMessage() for record in caplog.records] == [
        "DYNSAMP_CACHE_SIZE is '-3 apples', no size; 2 GB are kept: try 500MB, 2GB or 0"
    ]


def test_works_where_nothing_can_be_kept(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    assert run(blocked, "global", 2.0) == (2.0, 1)
    assert run(blocked, "global", 2.0) == (2.0, 1)


posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX permissions")


@posix
def test_code_that_others_could_write_is_not_trusted(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert run(tmp_path / "open", "global", 2.0) == (2.0, 1)
    assert not list((tmp_path / "open").iterdir())


def expose_folder(folder):
    folder.chmod(0o777)


def expose_parent(folder):
    folder.parent.chmod(0o777)


def give_away_folder(folder):
    os.chown(folder, 12345, -1)


def give_away_parent(folder):
    os.chown(folder.parent, 12345, -1)


needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")


@posix
@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (expose_folder, "is not safe: it can be written by others (chmod o-w)"),
        (expose_parent, "is not safe, because {parent} can be written by others (chmod o-w)"),
        pytest.param(give_away_folder, "is not safe: it belongs to another user", marks=needs_root),
        pytest.param(give_away_parent, "is not safe, because {parent} belongs to another user", marks=needs_root),
    ],
)
def test_a_folder_that_is_not_safe_is_told_once_and_not_used(folder, caplog, attack, reason):
    cache.write("whole", b"content")
    attack(folder)
    try:
        caplog.set_level(logging.WARNING)
        assert cache.read("whole") is None or attack in (expose_parent, give_away_parent)  # looked at once a process
        cache._trusted.clear()
        for _ in range(2):
            cache.write("more", b"content")
            assert cache.read("whole") is None
        assert [path.name for path in folder.iterdir()] == ["kernel-whole"]
        reason = reason.format(parent=folder.parent)
        assert trouble(folder) == reason
        assert [record.getMessage() for record in caplog.records] == [
            f"the folder of compiled functions {folder} {reason}: every process compiles anew"
        ]
    finally:
        folder.chmod(0o700)
        folder.parent.chmod(0o700)


def expose_file(path):
    path.chmod(0o602)


def link_file(path):
    path.rename(path.parent.parent / "outside")
    path.symlink_to(path.parent.parent / "outside")


def give_away_file(path):
    os.chown(path, 12345, -1)


def pipe_for_file(path):
    path.unlink()
    os.mkfifo(path)


def folder_for_file(path):
    path.unlink()
    path.mkdir()


@posix
@pytest.mark.parametrize(
    "attack", [expose_file, link_file, pipe_for_file, folder_for_file, pytest.param(give_away_file, marks=needs_root)]
)
def test_a_file_that_is_not_safe_is_not_used(folder, attack):
    cache.write("whole", b"content")
    attack(folder / "kernel-whole")
    assert cache.read("whole") is None
    cache.write("whole", b"content")
    assert cache.read("whole") == b"content"


@posix
def test_a_generous_umask_does_not_make_it_useless(folder):
    before = os.umask(0)
    try:
        cache.write("whole", b"content")
    finally:
        os.umask(before)
    assert cache.read("whole") == b"content"


def test_clear_cache_counts_and_deletes(folder):
    cache.write("whole", b"content")
    older = folder / "kernel-older" / "__pycache__"  # a folder a function
    older.mkdir(parents=True)
    (older / "run.nbc").write_bytes(b"content")
    assert cache_dir() == folder
    assert clear_cache() == 2
    assert not list(folder.iterdir())
    assert clear_cache() == 0


ORDERS = """
import numpy as np
from dynsamp.kernels.features import panel
from dynsamp.kernels.jit import specialise

example = np.empty((1, 1))  # of both orders: compiled for one of them
loop = specialise(panel.run, (), {}, (example, example, np.empty(1)))
rows = np.random.default_rng(0).normal(size=(3, 8))
found = []
for order in "CF":
    corner = np.array(np.triu(np.arange(1.0, 10.0).reshape(3, 3)), order=order)
    loop(corner, rows.copy(), np.empty(3))
    found.append(np.triu(corner))
print(np.abs(found[0] - found[1]).max())
"""


def test_kept_code_is_that_of_the_types_it_is_called_with(tmp_path):
    for _ in range(2):  # compiled, then kept
        done = subprocess.run(
            [sys.executable, "-c", ORDERS], env={**os.environ, "DYNSAMP_CACHE_DIR": str(tmp_path)}, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        assert float(done.stdout) == 0.0
