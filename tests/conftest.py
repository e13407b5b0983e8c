"""Shared by all tests: a compile cache that outlives the run, and no window."""

import os
from pathlib import Path

# set before dynsamp or matplotlib is imported; a cache beside pytest's own spares the user's
os.environ.setdefault("DYNSAMP_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "dynsamp"))
os.environ["MPLBACKEND"] = "Agg"
