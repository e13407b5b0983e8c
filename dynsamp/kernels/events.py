"""What a kernel needs beside its method to watch events, and where it puts them."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynsamp.kernels import crossings, first_step, interpolated, restarted, restepped, unmerged
from dynsamp.kernels.drivers import adaptive, fixed, implicit, splitting, watched
from dynsamp.kernels.methods import Method

__all__ = ["NOWHERE", "Watch", "can_watch", "loop"]

NOWHERE = (np.empty((0, 0, 0)), np.empty((0, 0, 0, 0)), np.empty((0, 0), dtype=np.int64))  # no events, no room


@dataclass(frozen=True)
class Watch:
    """Events of a solve; their functions are the slot ``events`` of the problem."""

    directions: tuple[int, ...]  # 1 rising, -1 falling, 0 both
    terminal: tuple[int, ...]  # 1 where the event ends the trajectory
    found: tuple[np.ndarray, np.ndarray, np.ndarray]  # times (trajectory, event, crossing), states, counts


def can_watch(method: Method) -> bool:
    """Whether the path between the steps of this method is known."""
    if method.driver is adaptive:
        return method.interpolant is not None
    return method.driver in (fixed, splitting, implicit) and "map" not in method.kinds


def loop(
    method: Method, dense: bool, watch: Watch | None
) -> tuple[types.ModuleType, list[types.ModuleType], dict[str, Any]]:
    """Driver, parts that follow the route and adaptors, and constants of a method."""
    parts = [*method.ground, method.solver, *method.core]
    if method.driver is adaptive:
        parts.append(first_step)
    constants: dict[str, Any] = {"DENSE": int(dense)}
    if method.interpolant is not None and (dense or watch is not None):
        parts.append(method.interpolant)
    if watch is None:
        return method.driver, parts, constants
    constants.update(
        EVENTS=len(watch.directions),
        ROOTS=len(watch.directions) + 1,
        DIRECTIONS=watch.directions,
        TERMINAL=watch.terminal,
    )
    if method.driver is adaptive:
        return adaptive, [*parts, interpolated, crossings], constants
    if method.driver is splitting:
        parts.append(unmerged)
    if method.driver is implicit:
        parts.append(restarted)
    return watched, [*parts, restepped, crossings], constants
