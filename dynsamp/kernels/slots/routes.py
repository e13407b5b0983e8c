"""Slots that the scalar route and the lanes route fill."""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots.unset import unset


def vector(size: int) -> Any:
    """Zeros (size,), on the stack of the caller."""
    return np.zeros(size)


def matrix(rows: int, columns: int) -> Any:
    """Zeros (rows, columns), on the stack of the caller."""
    return np.zeros((rows, columns))


def load(y0: Any, j: Any, y: Any) -> None:
    """Start of the trajectories from j on."""
    unset("load")


def parameters(theta: Any, j: Any, room: Any) -> Any:
    """Theta of the trajectories from j on; ``room`` is where lanes of it may be put."""
    return unset("parameters")


def seat(theta: Any, j: Any, room: Any, lane: Any) -> None:
    """Put theta of trajectory j into one lane."""
    unset("seat")


def seated(theta: Any, who: Any, room: Any) -> Any:
    """Theta of the trajectories ``who`` that are seated."""
    return unset("seated")


def peek(y: Any, i: Any, lane: Any) -> Any:
    """One lane of component i."""
    return unset("peek")


def poke(y: Any, i: Any, lane: Any, value: Any) -> None:
    """Set one lane of component i."""
    unset("poke")


def save(y: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write the saved time k of the trajectories from j on; a non-finite one has diverged, NaN from there on."""
    unset("save")


def record(y: Any, lane: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write the saved time k of trajectory j, which is in this lane; non-finite as in ``save``."""
    unset("record")


def fail(out: Any, j: Any, k: Any) -> None:
    """NaN for trajectory j from the saved time k on."""
    unset("fail")


def alive(status: Any, j: Any) -> Any:
    """Whether any of the trajectories from j on goes on."""
    return unset("alive")


def draw(seed: Any, who: Any, n: Any, xi: Any) -> None:
    """Standard normals of step n of the streams ``who``."""
    unset("draw")


def streams(ids: Any, j: Any) -> Any:
    """Names of the streams of the trajectories from j on."""
    return unset("streams")


def view(buffer: Any) -> Any:
    """Rows of a long array (row * WIDTH,) that is allocated at run time; it must outlive them."""
    return unset("view")


def select(mask: Any, a: Any, b: Any) -> Any:
    """``a`` where the mask is true, else ``b``."""
    return a if mask else b


def some(mask: Any) -> Any:
    """Whether the mask is true in any lane."""
    return mask


def fma(a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""
    return a * b + c


def lanes_of(store: Any) -> Any:
    """Numbers (n * WIDTH,) as a vector (n,)."""
    return store
