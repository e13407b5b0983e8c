"""What the estimators share: the seed, the widths, and fits on one BLAS thread."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from threadpoolctl import ThreadpoolController

from dynsamp.networks.neurons import Width


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: milliseconds, as much as a small fit


def one_thread() -> AbstractContextManager[Any]:
    """One BLAS thread: the same bits on every machine, and small fits do not wait for each other."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


def seed_of(random_state: Any) -> int:
    """An integer as it is; otherwise one drawn from the generator (None: from NumPy's global one)."""
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ValueError(f"random_state must be a non-negative integer, got {random_state}; try random_state=0")
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def widths_of(width: Width) -> tuple[int, ...]:
    """Neurons of each layer."""
    widths: tuple[Any, ...] = tuple(width) if isinstance(width, Sequence | np.ndarray) else (width,)
    whole = all(isinstance(w, int | np.integer) and not isinstance(w, bool) for w in widths)
    if not widths or not whole or min(widths) < 1:
        raise ValueError(
            f"width must be a positive integer or one for each layer, got {width!r}; try 200 or (200, 200)"
        )
    return tuple(int(w) for w in widths)
