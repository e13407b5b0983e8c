"""Kept kernels: found by the next process, never stale, mended when damaged, done without where nothing can be kept."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dynsamp.kernels.cache import cache_dir, clear_cache

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


def run(cache: Path, way: str, value: float) -> tuple[float, int]:
    environment = {**os.environ, "DYNSAMP_CACHE_DIR": str(cache)}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), way, str(value)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    answer, compilations = result.stdout.split()
    return float(answer), int(compilations)


@pytest.mark.parametrize(
    "way", ["global", "attribute", "nested attribute", "closure", "default", "array", "helper", "cell"]
)
def test_next_process_hits_and_a_changed_constant_never_does(tmp_path, way):
    assert run(tmp_path, way, 2.0) == (2.0, 1)
    assert run(tmp_path, way, 2.0) == (2.0, 0)
    assert run(tmp_path, way, 3.0) == (3.0, 1)


def test_damaged_entry_is_compiled_again(tmp_path):
    assert run(tmp_path, "global", 2.0) == (2.0, 1)
    for damage in (lambda data: data[: len(data) // 2], lambda data: b"", lambda data: bytes(len(data))):
        for path in [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]:
            path.write_bytes(damage(path.read_bytes()))
        assert run(tmp_path, "global", 2.0)[0] == 2.0
        assert run(tmp_path, "global", 2.0) == (2.0, 0)


def test_works_where_nothing_can_be_kept(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    assert run(blocked, "global", 2.0) == (2.0, 1)
    assert run(blocked, "global", 2.0) == (2.0, 1)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX permissions")
def test_code_that_others_could_write_is_not_trusted(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert run(tmp_path / "open", "global", 2.0) == (2.0, 1)
    assert not list((tmp_path / "open").iterdir())


def test_clear_cache_counts_and_deletes(tmp_path, monkeypatch):
    run(tmp_path, "global", 2.0)
    monkeypatch.setenv("DYNSAMP_CACHE_DIR", str(tmp_path))
    assert cache_dir() == tmp_path
    assert clear_cache() == 1
    assert not list(tmp_path.iterdir())
    assert clear_cache() == 0
