"""Forecasts and data larger than memory: chunks, stores, workers, resume."""

from dynsamp.batch.chunk_store import chunk_rows
from dynsamp.batch.run import Interrupted, check_plan, run_chunks, run_folder, verify

__all__ = ["Interrupted", "check_plan", "chunk_rows", "run_chunks", "run_folder", "verify"]
