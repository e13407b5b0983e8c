"""Progress: one line on a terminal, nothing in a pipe."""

import io
import re
import threading
import time

import pytest

from dynsamp import progress
from dynsamp.progress import Notice, Progress, logged


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_screen(text):
    """What a terminal shows: a carriage return goes back, later characters overwrite."""
    cells = []
    for piece in text.split("\r"):
        cells[: len(piece)] = piece
    return "".join(cells).rstrip()


def test_a_pipe_sees_nothing():
    stream = io.StringIO()
    with Progress("solving", 10, stream) as bar:
        bar.update(5)
    assert stream.getvalue() == ""


def test_a_terminal_sees_the_count_and_is_left_clean(monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0)
    stream = Terminal()
    with Progress("solving", 200, stream) as bar:
        bar.update(50)
        assert on_screen(stream.getvalue()) == "solving  50/200  25 %"
        bar.advance(50)
        assert on_screen(stream.getvalue()) == "solving  100/200  50 %"
    assert on_screen(stream.getvalue()) == ""
    assert "\n" not in stream.getvalue()


def test_the_estimate_is_the_time_of_the_rest_at_the_rate_so_far(monkeypatch):
    clock = iter([0.0, 0.0, 30.0, 30.0])  # start, first line, then one update
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    stream = Terminal()
    with Progress("solving", 4, stream) as bar:
        bar.update(1)
    assert "about 90 s left" in stream.getvalue()


def test_updates_are_throttled():
    stream = Terminal()
    with Progress("solving", 100_000, stream) as bar:
        for _ in range(20_000):
            bar.advance()
    assert stream.getvalue().count("\r") < 1000


def test_threads_lose_no_count():
    bar = Progress("solving", 8000, io.StringIO())
    with bar:
        threads = [threading.Thread(target=lambda: [bar.advance() for _ in range(1000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert bar.done == 8000


def test_a_closed_terminal_does_not_stop_the_work(monkeypatch):
    monkeypatch.setattr(progress, "REFRESH", 0)
    stream = Terminal()
    with Progress("solving", 2, stream) as bar:
        stream.close()
        bar.update(1)


def test_enabled_overrides_the_stream_and_one_unit_shows_the_label_alone():
    stream = io.StringIO()
    with Progress("fitting hamiltonian", 1, stream, enabled=True):
        assert on_screen(stream.getvalue()) == "fitting hamiltonian ..."
    quiet = Terminal()
    with Progress("fitting", 1, quiet, enabled=False):
        pass
    assert quiet.getvalue() == ""


def test_a_line_never_wraps(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with Progress("x" * 200, 10, stream):
        assert len(on_screen(stream.getvalue())) <= 39


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (59, "59 s"), (600, "10 min"), (36_000, "10.0 h")])
def test_durations_are_spoken(seconds, words):
    assert progress._spoken(seconds) == words
    assert not re.search("nan|inf", words)


def test_a_wait_of_a_second_is_named_on_a_terminal_and_a_shorter_one_is_not(monkeypatch):
    stream = Terminal()
    with Notice("compiling rk4", stream):
        pass
    assert stream.getvalue() == ""
    monkeypatch.setattr(progress, "SETTLE", 0.01)
    with Notice("compiling rk4", stream):
        deadline = time.monotonic() + 10
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.005)
        assert on_screen(stream.getvalue()) == "compiling rk4 ..."
    assert on_screen(stream.getvalue()) == ""
    pipe = io.StringIO()
    with Notice("compiling rk4", pipe):
        time.sleep(0.05)
    assert pipe.getvalue() == ""


def test_work_of_a_second_is_named_in_the_log(monkeypatch, caplog):
    caplog.set_level("INFO", logger="dynsamp")
    with logged("fitting hamiltonian"):
        pass
    assert not caplog.records
    monkeypatch.setattr(progress, "SETTLE", 0.01)
    with logged("fitting hamiltonian"):
        deadline = time.monotonic() + 10
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.005)
    assert [record.getMessage() for record in caplog.records] == ["fitting hamiltonian ..."]
