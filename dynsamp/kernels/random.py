"""Counter-based random numbers: each draw is a function of (seed, trajectory, step, draw).

So a trajectory has the same noise in any batch, block, thread and order, and can be refined or repeated. The generator
is Philox4x32-10: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, SC11.

Use of the counter (four 32-bit words) and key (two)::

    key      seed, 64 bits
    words 0, 1   step, 40 bits, and below it the number of the pair of draws, 24 bits
    words 2, 3   trajectory id, 64 bits

Two draws come from one block, so streams are distinct for any seeds and ids of 64 bits, up to 2^40 steps of 2^25
draws each. A uniform and a normal of the same counters are not independent: use different draws.
"""

from typing import Any

import numpy as np

from dynsamp.kernels.jit import compiled, specialise
from dynsamp.kernels.simd.bits import unsigned, whole
from dynsamp.kernels.simd.functions import box_muller

_LOW = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # multipliers
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # Weyl constants of the key schedule
_32, _24, _12 = np.uint64(32), np.uint64(24), np.uint64(12)
_ULP = 2.0**-52
GAUSSIAN = 1  # a slot: 1 normals, 0 uniforms
_AT_ONCE = 2**20  # draws between two chances of an interrupt


@compiled
def philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds on a counter and a key of 32-bit words, each in a uint64; returns four such words."""
    for _ in range(10):
        # the masks change nothing, but say that 32 bits are multiplied: vector registers know no 64-bit products
        p0, p1 = _M0 * (c0 & _LOW), _M1 * (c2 & _LOW)
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@compiled
def uniform_pair(seed, trajectory, step, pair):
    """Two uniforms on the open interval (0, 1), multiples of 2^-53: draws 2 pair and 2 pair + 1."""
    key, who = unsigned(seed), unsigned(trajectory)
    when = (unsigned(step) << _24) | unsigned(pair)
    a, b, c, d = philox(when & _LOW, when >> _32, who & _LOW, who >> _32, key & _LOW, key >> _32)
    # 52 bits and a half: never 0 or 1, and exact
    first = (whole(((a << _32) | b) >> _12) + 0.5) * _ULP
    second = (whole(((c << _32) | d) >> _12) + 0.5) * _ULP
    return first, second


@compiled
def normal_pair(seed, trajectory, step, pair):
    """Two standard normals, draws 2 pair and 2 pair + 1. Box and Muller (1958)."""
    return box_muller(*uniform_pair(seed, trajectory, step, pair))


@compiled
def uniform(seed, trajectory, step, draw):
    """Uniform on the open interval (0, 1)."""
    a, b = uniform_pair(seed, trajectory, step, draw >> 1)
    return b if draw & 1 else a


@compiled
def normal(seed, trajectory, step, draw):
    """Return a standard normal."""
    a, b = normal_pair(seed, trajectory, step, draw >> 1)
    return b if draw & 1 else a


def normals(seed: int, ids: Any, steps: Any, draws: Any) -> np.ndarray:
    """Standard normals; ids, steps and draws broadcast against each other."""
    return _fill(1, seed, ids, steps, draws)


def uniforms(seed: int, ids: Any, steps: Any, draws: Any) -> np.ndarray:
    """Uniforms on the open interval (0, 1); ids, steps and draws broadcast against each other."""
    return _fill(0, seed, ids, steps, draws)


def _fill(gaussian: int, seed: int, ids: Any, steps: Any, draws: Any) -> np.ndarray:
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.int64) for x in (ids, steps, draws)))
    out, key = np.empty(arrays[0].shape), np.array([seed % 2**64], dtype=np.uint64)
    rows, columns = np.atleast_1d(out), [np.atleast_1d(x) for x in arrays]
    few = np.empty(0, dtype=np.int64)
    run = specialise(_each, (), {}, (key, few, few, few, np.empty(0)), GAUSSIAN=gaussian)
    many = max(1, _AT_ONCE // max(rows[:1].size, 1))
    with np.errstate(over="ignore"):  # plain Python: unsigned integers wrap around
        for first in range(0, len(rows), many):
            part = slice(first, first + many)
            flat = [x[part].flatten() for x in columns]  # copies: Numba complains about arrays that share memory
            run(key, *flat, rows[part].reshape(-1))
    return out


def _each(seed, ids, steps, draws, out):
    """All arrays (n,), seed (1,)."""
    for i in range(len(out)):
        if GAUSSIAN:
            out[i] = normal(seed[0], ids[i], steps[i], draws[i])
        else:
            out[i] = uniform(seed[0], ids[i], steps[i], draws[i])
