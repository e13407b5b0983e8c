"""Shared by all tests: a compile cache that outlives the run, no window, one BLAS thread."""

import os
import signal
from pathlib import Path

import pytest

# set before dynsamp, NumPy or matplotlib is imported; a cache beside pytest's own spares the user's
os.environ.setdefault("DYNSAMP_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "dynsamp"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the fits of the tests are small: more threads would only wait
os.environ["MPLBACKEND"] = "Agg"

# a shell starts background jobs with interrupts ignored, and children inherit that: tests of interrupts would wait
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--fuzz", type=int, metavar="N", help="new random inputs a test of tests/fuzz; the same few without"
    )


@pytest.fixture
def refused():
    """Call what must be refused: one sentence that people can read, without characters that steer a terminal."""

    def call(function, *args, kind=ValueError, **options):
        with pytest.raises(kind) as caught:
            function(*args, **options)
        assert caught.type is kind
        message = str(caught.value)
        assert message.isprintable()
        assert 10 < len(message) < 600
        return message

    return call
