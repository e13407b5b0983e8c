"""Shared by all tests: a compile cache that outlives the run, no window, one BLAS thread."""

import os
import signal
from pathlib import Path

# set before dynsamp, NumPy or matplotlib is imported; a cache beside pytest's own spares the user's
os.environ.setdefault("DYNSAMP_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "dynsamp"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the fits of the tests are small: more threads would only wait
os.environ["MPLBACKEND"] = "Agg"

# a shell starts background jobs with interrupts ignored, and children inherit that: tests of interrupts would wait
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
