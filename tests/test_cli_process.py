"""What only a process of its own shows: exit codes, a closed pipe, an interrupt."""

import os
import signal
import subprocess
import sys
import time

import pytest

DYNSAMP = [sys.executable, "-m", "dynsamp"]


def run(*arguments, **options):
    return subprocess.run([*DYNSAMP, *arguments], capture_output=True, text=True, timeout=120, **options)


def test_exit_codes():
    assert run("--version").returncode == 0
    wrong = run("info", "pendlum")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "dynsamp: error: unknown system 'pendlum'; did you mean 'pendulum'?\n"


def test_nothing_is_searched_for_garbage_at_the_end():
    code = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); import dynsamp.cli"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_failed_work_is_1(tmp_path):
    (tmp_path / "bad.py").write_text("raise SystemExit(0)\n")
    failed = run("info", "./bad.py", cwd=tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.startswith("dynsamp: error: ")


@pytest.mark.skipif(sys.platform == "win32", reason="no /bin/sh")
def test_closed_pipe_is_silent():
    with subprocess.Popen([*DYNSAMP, "systems"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as `head` does when it has enough
        error = process.stderr.read().decode()
        assert process.wait(timeout=120) == 1
    assert "Traceback" not in error
    assert "Broken" not in error


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_standard_output_is_an_error():
    with open("/dev/full", "w") as full:
        process = subprocess.run([*DYNSAMP, "systems"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert process.returncode == 1
    assert "no space left" in process.stderr.lower()
    assert "Traceback" not in process.stderr


SLOW = """
import time
from pathlib import Path
import dynsamp
Path("ready").touch()
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")
def test_interrupt_is_130_and_says_what_was_kept(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen([*DYNSAMP, "run", "./slow.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "ready").exists() and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert error == "dynsamp: interrupted; nothing was written\n"
    assert {path.name for path in tmp_path.iterdir()} <= {"slow.py", "ready", "__pycache__"}
