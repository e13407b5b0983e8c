"""A chain learned on 8 masses, forecast on up to 4096: error per mass against normal modes, and CPU seconds.

    python tests/benchmarks/bench_chain.py

The law is learned from snapshots of `spring_chain` with 8 masses between walls. Starts are independent uniform
displacements and momenta; the error is the root mean square over masses and times, in units of the displacements.
"""

from __future__ import annotations

import time

import numpy as np

import dynsamp
from dynsamp_pendulum.exact import chain_frequencies, chain_modes
from dynsamp_pendulum.spring_chain import chain

MASSES = (8, 64, 512, 4096)
TIMES = np.linspace(0.0, 10.0, 21)
STARTS = 2


def exact(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Displacements (time, mass) by normal modes."""
    shapes, frequency = chain_modes(len(q)), chain_frequencies(len(q), 1.0, 1.0)
    phase = np.multiply.outer(TIMES, frequency)
    return np.asarray((shapes @ q * np.cos(phase) + shapes @ p / frequency * np.sin(phase)) @ shapes)


def main() -> None:
    """Print the table."""
    train = dynsamp.generate(chain(8), trajectories=16, seed=1, derivatives=False)
    begin = time.process_time()
    model = dynsamp.fit(train, dynsamp.LatticeHamiltonian())
    print(f"learned on 8 masses in {time.process_time() - begin:.2f} CPU s\n")
    print("| masses | error per mass | in units of that at 8 | CPU s (with compilation) |")
    print("|---|---|---|---|")
    first = None
    for masses in MASSES:
        q, p = np.random.default_rng(2).uniform(-0.5, 0.5, (2, STARTS, masses))
        begin = time.process_time()
        found = dynsamp.forecast(model, {"q": q, "p": p}, times=TIMES)
        seconds = time.process_time() - begin
        truth = np.stack([exact(*start) for start in zip(q, p, strict=True)])
        error = float(np.sqrt(np.mean((found["q"].transpose("trajectory", "time", "mass").values - truth) ** 2)))
        first = first or error
        print(f"| {masses} | {error:.1e} | {error / first:.2f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
