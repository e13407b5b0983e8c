"""Steps on a Brownian path that can be refined."""

from __future__ import annotations

import numpy as np

from dynsamp.solve.kernel import Kernel

__all__ = ["refinement"]

_MOST = 1 << 23  # nodes times noises of a cell that the counters of random numbers can tell apart
_NEAR = 1e-6  # of a step


def refinement(
    kernel: Kernel, times: np.ndarray, step: float | None, path_step: float
) -> tuple[np.ndarray, int, float]:
    """Steps in each interval (time - 1,), halvings of a cell, and the step.

    Raises
    ------
    ValueError
        Where path_step is not step times a power of two, or a saved time is not a multiple of the step.
    """
    if kernel.kind != "sde":
        raise ValueError(f"path_step refines the noise of an sde kernel, this one is {kernel.kind!r}; leave it out")
    if len(kernel.functions) > 2:
        raise ValueError("path_step refines Brownian paths, but this kernel jumps, too; leave it out")
    if not 0 < path_step < float("inf"):
        raise ValueError(f"path_step must be positive, got {path_step}")
    step = path_step if step is None else step
    depth = round(float(np.log2(path_step / step))) if 0 < step < float("inf") else -1
    if depth < 0 or abs(step * 2.0**depth - path_step) > _NEAR * step:
        raise ValueError(f"step must be path_step = {path_step:g} halved any number of times, got {step:g}")
    if (kernel.noise if isinstance(kernel.noise, int) else 1) << depth >= _MOST:
        raise ValueError(f"step = {step:g} is too small a part of path_step = {path_step:g}; shorten path_step")
    counts = (times - times[0]) / step
    wrong = np.abs(counts - np.rint(counts)) > _NEAR * np.maximum(counts, 1.0)
    if np.any(wrong):
        n = int(np.argmax(wrong))
        raise ValueError(
            f"times[{n}] = {times[n]:g} is not a multiple of step = {step:g} after times[0] = {times[0]:g}, as"
            " path_step= needs; save at multiples"
        )
    return np.diff(np.rint(counts)).astype(np.int64), depth, float(step)
