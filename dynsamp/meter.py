"""Seconds, CPU seconds and joules of a piece of work.

Joules come from the RAPL counters where the kernel lets us read them (they count the whole package, other processes
included), otherwise they are CPU seconds times an assumed power per core, and say so. Compare ratios: in them the
assumed power cancels.
"""

from __future__ import annotations

import glob
import os
import time
from dataclasses import asdict, dataclass

WATTS_PER_CORE = 4.0  # a usual laptop figure; DYNSAMP_WATTS_PER_CORE overrides it


@dataclass(frozen=True)
class Cost:
    """What a piece of work cost."""

    seconds: float
    cpu_seconds: float
    joules: float
    energy_source: str  # "rapl" or "estimate (... W per core)"

    def as_dict(self) -> dict[str, float | str]:
        """Plain values, for reports."""
        return asdict(self)


class Meter:
    """Context manager; ``cost`` is set on exit.

    Parameters
    ----------
    root : str
        Where the powercap tree is mounted.
    """

    cost: Cost

    def __init__(self, root: str = "/sys/class/powercap") -> None:
        # packages only: their subdomains (intel-rapl:0:0) would be counted twice
        self._domains = []
        for folder in sorted(glob.glob(os.path.join(root, "intel-rapl:*"))):
            if folder.rsplit("intel-rapl:", 1)[1].isdigit():
                try:
                    wrap = _read(folder, "max_energy_range_uj")
                    _read(folder, "energy_uj")
                except (OSError, ValueError):
                    continue  # readable by root only on most machines
                self._domains.append((folder, wrap))

    def __enter__(self) -> Meter:
        self._energy = [_read(folder, "energy_uj") for folder, _ in self._domains]
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        if self._domains:
            now = [_read(folder, "energy_uj") for folder, _ in self._domains]
            used = sum((b - a) % wrap for (_, wrap), a, b in zip(self._domains, self._energy, now, strict=True))
            self.cost = Cost(wall, cpu, used / 1e6, "rapl")
        else:
            watts = float(os.environ.get("DYNSAMP_WATTS_PER_CORE", WATTS_PER_CORE))
            self.cost = Cost(wall, cpu, cpu * watts, f"estimate ({watts:g} W per core)")


def _read(folder: str, name: str) -> int:
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return int(file.read())
