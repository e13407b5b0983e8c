"""Start-up: import, help, and the main job on a fresh and on a warm cache.

Every figure is a process of its own; seconds of the interpreter's start are subtracted from import and help, measured
in turn with them. CPU seconds count user and system time of the process.

    python tests/benchmarks/bench_startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 9
RUNS = 3


def seconds(*arguments: str, cache: str | None = None) -> tuple[float, float]:
    """Wall and CPU seconds of ``python arguments``."""
    environment = dict(os.environ, MPLBACKEND="Agg", **({"DYNSAMP_CACHE_DIR": cache} if cache else {}))
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, env=environment, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return wall, cpu


def main() -> None:
    """Print the table."""
    cases = {"import dynsamp": ("-c", "import dynsamp"), "dynsamp --help": ("-m", "dynsamp", "--help")}
    beyond: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(REPEATS):
        empty = seconds("-c", "pass")
        for name, arguments in cases.items():
            used = seconds(*arguments)
            beyond[name].append((used[0] - empty[0], used[1] - empty[1]))
    print(f"{'case':34s} {'wall s':>8s} {'CPU s':>8s}   (medians)")
    for name, figures in beyond.items():
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name + ', beyond the interpreter':34s} {wall:8.3f} {cpu:8.3f}   goal 0.3")
    fresh, warm = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            cache, out = str(Path(folder) / "cache"), str(Path(folder) / "pendulum")
            job = ("-m", "dynsamp", "-q", "run", "pendulum", "--out", out)
            fresh.append(seconds(*job, cache=cache))
            warm.append(seconds(*job, cache=cache))
    for name, figures, goal in (("fresh", fresh, 12), ("warm", warm, 5)):
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{f'dynsamp run pendulum, {name} cache':34s} {wall:8.2f} {cpu:8.2f}   goal {goal} CPU s")


if __name__ == "__main__":
    main()
