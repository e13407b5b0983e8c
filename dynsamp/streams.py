"""Random numbers on the host: independent streams of one integer seed, each named by its purpose.

A stream is a function of (seed, purpose, index) and of nothing else, on every platform. Compiled code draws from
``kernels.random`` instead, keyed by the integer that ``stream`` returns.
"""

from typing import Literal, get_args

import numpy as np

from dynsamp.words import quoted

Purpose = Literal[
    # of data and forecasts
    "starts",
    "paths",
    "spin-up",
    "noise",
    "forecast",
    "directions",  # of tangent vectors
    # of fits
    "weights",
    "rows",  # which rows a fit uses, and their order
    "survey",  # of rows that are read in blocks
    "points",  # that neurons are drawn from
    "sites",  # of a lattice
    "turns",  # of the sites that a ring keeps
    "segments",
    "frequency",
    "probes",  # of a trace
    "copies",  # of simulated recordings
    # of scores
    "projections",
    "mixtures",  # of states whose components come from different times
    "folds",  # of scattered points
    "simulated",  # errors of states
]
_NUMBERS = {purpose: k for k, purpose in enumerate(get_args(Purpose))}  # part of every result: append only


def checked_seed(seed: int) -> int:
    """Seed as an int.

    Raises
    ------
    TypeError, ValueError
        Where it is not a non-negative integer below 2**63.
    """
    if isinstance(seed, bool | np.timedelta64) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed must be an integer, got {quoted(seed)}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must lie in [0, 2**63), got {quoted(seed)}")
    return int(seed)


def stream(seed: int, purpose: Purpose) -> int:
    """Seed of one of the independent streams of a user's seed."""
    entropy = np.random.SeedSequence([seed, _NUMBERS[purpose]])
    return int(entropy.generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """Generator of a stream, or of part ``index`` of it: Philox, the same numbers on every platform."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([stream(seed, purpose), *index])))
