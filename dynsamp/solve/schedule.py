"""Steps between saved times, or tolerances: what a method is given beside the problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dynsamp.solve.kernel import Kernel
from dynsamp.solve.path import refinement

if TYPE_CHECKING:
    from dynsamp.kernels.integrate import Schedule
    from dynsamp.kernels.methods import Method

__all__ = ["MAX_STEPS", "scheduled"]

_RTOL, _RTOL_CHAOTIC = 1e-9, 3e-14  # chaos amplifies every error: as small as float64 permits
_ROUGH = 1e-12  # rtol from which saved times are interpolated
MAX_STEPS = 1_000_000


def scheduled(
    kernel: Kernel,
    method: str,
    times: np.ndarray,
    *,
    step: float | None,
    rtol: float | None,
    atol: float | None,
    max_steps: int | None,
    path_step: float | None = None,
    dense: bool | None = None,
) -> tuple[Schedule, Mapping[str, float]]:
    """What the driver needs, and the options as used, for the attributes of the result."""
    from dynsamp.kernels.integrate import Schedule
    from dynsamp.kernels.methods import METHODS

    limit = MAX_STEPS if max_steps is None else int(max_steps)
    if limit < 1:
        raise ValueError(f"max_steps must be at least 1, got {max_steps}")
    if METHODS[method].adaptive:
        rtol, atol = _tolerances(kernel, rtol, atol)
        substeps = np.ones(len(times) - 1, dtype=np.int64)
        dense = _dense(METHODS[method], rtol, len(times), dense)
        return Schedule(times, substeps, np.array([rtol, atol]), limit, dense), {"rtol": rtol, "atol": atol}
    if dense is not None:
        raise ValueError(f"dense= belongs to adaptive methods, {method} steps to the saved times; leave it out")
    if path_step is not None:
        substeps, depth, width = refinement(kernel, times, step, path_step)
        options = {"step": width, "path_step": float(path_step)}
        return Schedule(times, substeps, np.empty(2), limit, more={"depth": depth}), options
    substeps, width = _substeps(kernel, times, step)
    return Schedule(times, substeps, np.empty(2), limit), {"step": width}


def _dense(entry: Method, rtol: float, count: int, asked: bool | None) -> bool:
    """Whether saved times are interpolated: by default where there are some before the last, and rtol >= 1e-12.

    Below, the steps to saved times are more accurate: there is no tolerance left for the error of an interpolant.
    """
    if entry.interpolant is None:
        return False
    return count > 2 and rtol >= _ROUGH if asked is None else bool(asked)


def _tolerances(kernel: Kernel, rtol: float | None, atol: float | None) -> tuple[float, float]:
    default = _RTOL_CHAOTIC if kernel.chaotic else _RTOL
    rtol = default if rtol is None else float(rtol)
    atol = min(default, rtol) if atol is None else float(atol)
    if not 1e-15 <= rtol < 1 or not 0 < atol < float("inf"):
        raise ValueError(f"tolerances must be 1e-15 <= rtol < 1 and atol > 0, got rtol={rtol:g}, atol={atol:g}")
    return rtol, atol


def _substeps(kernel: Kernel, times: np.ndarray, step: float | None) -> tuple[np.ndarray, float]:
    """Steps in each interval, and the longest allowed."""
    spans = np.diff(times)
    width = kernel.dt if kernel.kind == "map" else step
    if kernel.kind == "map" and (width is None or (step is not None and step != width)):
        raise ValueError(f"a map advances by its own dt = {kernel.dt}, but step = {step}; give a Kernel with dt=")
    if width is None:
        width = float(spans.min()) if len(spans) else 1.0
    if not 0 < width < float("inf"):
        raise ValueError(f"step must be positive, got {width}")
    ratio = spans / width
    if kernel.kind == "map" and np.any(np.abs(ratio - np.rint(ratio)) > 1e-6 * np.maximum(ratio, 1.0)):
        n = int(np.argmax(np.abs(ratio - np.rint(ratio))))
        raise ValueError(
            f"a map with dt = {width:g} cannot reach times[{n + 1}] = {times[n + 1]:g} from {times[n]:g};"
            " save at multiples of dt"
        )
    counts = np.rint(ratio) if kernel.kind == "map" else np.ceil(ratio - 1e-9 * np.maximum(ratio, 1.0))
    return np.maximum(counts, 1).astype(np.int64), float(width)
