"""Raw words of the random streams on standard output, for a battery of statistical tests.

Words of 32 bits, four a block of the generator, over trajectories first, then pairs of draws, then steps: the order in
which an ensemble consumes them, so correlation among neighbouring counters would show::

    python tests/benchmarks/stream_random.py | dieharder -a -g 200
    python tests/benchmarks/stream_random.py | RNG_test stdin32
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from dynsamp.kernels.jit import compiled
from dynsamp.kernels.random import philox

MASK, SHIFT, PAIR_BITS = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(24)


@compiled
def words(seed, step, trajectories, pairs, out):
    """All words of one step: out (4 pairs trajectories,) uint32; counters as in ``dynsamp.kernels.random``."""
    at = 0
    for pair in range(pairs):
        when = (np.uint64(step) << PAIR_BITS) | np.uint64(pair)
        for j in range(trajectories):
            block = philox(when & MASK, when >> SHIFT, np.uint64(j), np.uint64(0), seed & MASK, seed >> SHIFT)
            for word in block:
                out[at] = np.uint32(word)
                at += 1


def main() -> None:
    """Write until the reader has enough, or ``--steps`` are done."""
    parser = argparse.ArgumentParser(description="Raw words of the random streams on standard output.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trajectories", type=int, default=4096)
    parser.add_argument("--pairs", type=int, default=2, help="pairs of draws a step")
    parser.add_argument("--steps", type=int, default=2**40 - 1)
    options = parser.parse_args()
    out = np.empty(4 * options.pairs * options.trajectories, dtype=np.uint32)
    try:
        for step in range(options.steps):
            words(np.uint64(options.seed), step, options.trajectories, options.pairs, out)
            sys.stdout.buffer.write(out.tobytes())
    except BrokenPipeError:
        sys.stderr.close()  # the reader has enough


if __name__ == "__main__":
    main()
