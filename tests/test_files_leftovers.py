"""What a killed process was writing does not stay: the next that writes to the same place removes it."""

import os
import subprocess
import sys

import pytest

from dynsamp import files
from dynsamp.files import replaced, temporary, tidy

KILLED = """
import os, sys
from pathlib import Path
from dynsamp import files

path, kind, when = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if when == "between":  # what stood there is put aside, the new is not yet in its place
    rename = os.rename
    os.rename = lambda a, b: os._exit(9) if Path(b) == path else rename(a, b)
with files.replaced(path) as beside:
    if kind == "folder":
        beside.mkdir()
        (beside / "new").write_text("new")
    else:
        beside.write_text("new")
    if when == "inside":
        os._exit(9)
"""


def killed(path, kind, when="inside"):
    command = [sys.executable, "-c", KILLED, str(path), kind, when]
    assert subprocess.run(command, timeout=60).returncode == 9


@pytest.mark.parametrize("name", ["out.nc", "out", "a[b]*.zarr"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_write_removes_what_a_killed_one_left(tmp_path, name, kind):
    path = tmp_path / name
    killed(path, kind)
    assert len(list(tmp_path.iterdir())) == 1
    with replaced(path) as beside:
        beside.write_text("whole")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.zarr", "out"])
def test_what_was_put_aside_comes_back(tmp_path, name):
    path = tmp_path / name
    path.mkdir()
    (path / "old").write_text("old")
    killed(path, "folder", "between")
    assert not path.exists()
    tidy(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert (path / "old").read_text() == "old"


def test_what_others_write_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "out.nc"
    temporary(path).write_text("of this process, which lives")
    (tmp_path / ".out.nc.backup").write_text("of somebody")
    (tmp_path / ".other.nc.00000000-1-000000000000.tmp.nc").write_text("for another place")
    monkeypatch.setattr(files, "_machine", lambda: "elsewhe1")
    temporary(path).write_text("of another machine, a moment ago")
    old = temporary(path)
    old.write_text("of another machine, long ago")
    os.utime(old, (0, 0))
    monkeypatch.undo()
    before = len(list(tmp_path.iterdir()))
    tidy(path)
    assert len(list(tmp_path.iterdir())) == before - 1
    assert not old.exists()
