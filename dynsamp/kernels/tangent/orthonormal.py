"""At every saved time: the state, and the logarithms of the growth of the vectors, which become orthonormal again.

Modified Gram--Schmidt, twice, in one lane at a time. Benettin, Galgani, Giorgilli and Strelcyn (1980), Lyapunov
characteristic exponents for smooth dynamical systems and for Hamiltonian systems, Meccanica 15, 9 and 21.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dynsamp.kernels.slots import BASE, COLUMNS, fail, peek, poke
from dynsamp.words import Status

OK, DIVERGED = int(Status.OK), int(Status.DIVERGED)


def record(y: Any, lane: Any, out: Any, status: Any, j: Any, k: Any) -> None:
    """Write saved time k of trajectory j: state (BASE,), logarithms (COLUMNS,); make its vectors orthonormal."""
    for i in range(BASE):
        out[j, k, i] = peek(y, i, lane)
    for c in range(COLUMNS):
        out[j, k, BASE + c] = orthonormalised(y, lane, c)
    for i in range(BASE + COLUMNS):
        if not np.isfinite(out[j, k, i]):
            status[j] = DIVERGED
    if status[j] != OK:
        fail(out, j, k)


def orthonormalised(y: Any, lane: Any, c: Any) -> Any:
    """Make vector c orthogonal to those before it, and of unit length; returns the logarithm of its length."""
    own = BASE * (1 + c)
    for _ in range(2):  # the second time removes what rounding has left
        for b in range(c):
            other, dot = BASE * (1 + b), 0.0
            for i in range(BASE):
                dot += peek(y, other + i, lane) * peek(y, own + i, lane)
            for i in range(BASE):
                poke(y, own + i, lane, peek(y, own + i, lane) - dot * peek(y, other + i, lane))
    square = 0.0
    for i in range(BASE):
        square += peek(y, own + i, lane) * peek(y, own + i, lane)
    length = np.sqrt(square)
    for i in range(BASE):
        poke(y, own + i, lane, peek(y, own + i, lane) / length)
    return np.log(length)
