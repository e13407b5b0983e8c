"""Memory and time of a regression on a million rows that stay on disk.

Run: python tests/benchmarks/bench_streaming.py [rows] [folder]

Two problems, noisy so that all rows count: 10 inputs and 500 neurons, and 500 inputs with 100 neurons beside their
linear part. Rows come from arrays on disk (``numpy.load(..., mmap_mode="r")``), a Zarr array, and variables of a
Dataset in a Zarr store; "memory" is the same in arrays, for its time and bits. Each fit runs in a process of its own:
"peak" is its largest resident set above that after imports and one small fit, the pages of mapped files included;
"imports" counts from right after the imports. CPU seconds are of the fit alone. The last column compares the
coefficients with those from memory, bit by bit.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the verb fit does

import numpy as np

import dynsamp as ds

CASES = {"10 inputs, 500 neurons": (10, 500), "500 inputs, 100 neurons": (500, 100)}
KINDS = ("memory", "arrays on disk", "zarr", "Dataset")
CHUNK = 50_000  # rows of a piece that is written at once; a tenth of it is a chunk of the stores
FIXED = {"activation": "tanh", "scale": 1.0}


def piece(start: int, stop: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the problem: a wave and a trend along a diagonal, noise of a tenth."""
    rng = np.random.default_rng([inputs, start])
    x = rng.uniform(-1.0, 1.0, (stop - start, inputs))
    along = x.sum(axis=1) * np.sqrt(3.0 / inputs)  # variance 1
    return x, along + np.sin(2.0 * along) + 0.1 * rng.normal(size=stop - start)


def write(folder: Path, rows: int, inputs: int) -> None:
    """The same rows three times: .npy files, Zarr arrays, a Dataset in a Zarr store."""
    import zarr

    x_file = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float64, (rows, inputs))
    y_file = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float64, (rows,))
    group = zarr.open_group(folder / "data.zarr", mode="w")
    chunk = min(rows, CHUNK // 10)
    shapes: dict[str, tuple[int, ...]] = {"x": (rows, inputs), "y": (rows,)}
    x_zarr, y_zarr = (
        group.create_array(
            name,
            shape=shape,
            chunks=(chunk, *shape[1:]),
            dtype="f8",
            compressors=None,
            dimension_names=("row", "input")[: len(shape)],
        )
        for name, shape in shapes.items()
    )
    for start in range(0, rows, CHUNK):
        stop = min(start + CHUNK, rows)
        x_file[start:stop], y_file[start:stop] = x_zarr[start:stop], y_zarr[start:stop] = piece(start, stop, inputs)
    x_file.flush()
    y_file.flush()


def source(kind: str, folder: Path) -> Any:
    """What is fitted to: (x, y), or a Dataset."""
    if kind == "memory":
        return np.load(folder / "x.npy"), np.load(folder / "y.npy")
    if kind == "arrays on disk":
        return np.load(folder / "x.npy", mmap_mode="r"), np.load(folder / "y.npy", mmap_mode="r")
    if kind == "zarr":
        import zarr

        group = zarr.open_group(folder / "data.zarr", mode="r")
        return group["x"], group["y"]
    import xarray as xr

    return xr.open_zarr(folder / "data.zarr", consolidated=False, chunks=None)


def largest() -> float:
    """Largest resident set so far, in megabytes."""
    status = Path("/proc/self/status")  # Linux; ru_maxrss there counts the parent's pages before exec
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes on macOS, else kibibytes


def child(kind: str, folder: Path, width: int) -> None:
    """One fit; prints what it took."""
    importlib.import_module("dynsamp.workflow.fitting")  # all imports before the first reading
    imported = largest()
    estimator = ds.SampledNetwork(width=width, inputs=["x"], targets=["y"], **FIXED)
    small = np.linspace(-1.0, 1.0, 300)[:, None]
    ds.SampledNetwork(width=20, **FIXED).fit(small, small**2)  # loads the compiled kernels
    data = source(kind, folder)
    before = largest()
    begin = time.process_time()
    model = ds.fit(data, estimator) if kind == "Dataset" else estimator.fit(*data)
    seconds = time.process_time() - begin
    digest = hashlib.sha256(model.coefficients.tobytes() + model.linear.tobytes()).hexdigest()[:12]
    residual = model.report["residual"]
    print(json.dumps([largest() - before, largest() - imported, seconds, residual, model.report["rows"], digest]))


def main() -> None:
    """All cases, a table."""
    if len(sys.argv) > 3 and sys.argv[1] == "--child":
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        return
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    print(f"{rows} rows, {os.cpu_count()} cores; megabytes above the process, CPU seconds")
    print(f"{'problem':26}{'rows from':18}{'peak':>8}{'imports':>9}{'seconds':>9}{'residual':>11}  bits")
    for name, (inputs, width) in CASES.items():
        with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
            write(Path(folder), rows, inputs)
            reference = ""
            for kind in KINDS:
                command = [sys.executable, __file__, "--child", kind, folder, str(width)]
                result = subprocess.run(command, capture_output=True, text=True, check=False)
                if result.returncode:
                    print(f"{name:26}{kind:18} failed: {result.stderr.strip().splitlines()[-1]}")
                    continue
                peak, since, seconds, residual, _, digest = json.loads(result.stdout)
                reference = reference or digest
                same = "same" if digest == reference else "differ"
                print(f"{name:26}{kind:18}{peak:8.0f}{since:9.0f}{seconds:9.1f}{residual:11.2e}  {same}", flush=True)


if __name__ == "__main__":
    main()
