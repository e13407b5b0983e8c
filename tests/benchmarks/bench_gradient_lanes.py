"""Vector field of a learned Hamiltonian: the compiled kernel on lanes, as forecasts run it, against batched NumPy.

Run: python tests/benchmarks/bench_gradient_lanes.py [--widths 200 1000] [--turns 15]

H of four components and tanh neurons, 1024 states at a time. Lanes: RK4 through ``dynsamp.solve``, whose time is that
of its evaluations, four a step. NumPy: two matrix products, np.tanh and the slope, in place, for the whole batch and
for blocks that stay in cache. Both in one process, in turn, CPU seconds, one BLAS thread.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from peers import interleaved, one_processor
from threadpoolctl import threadpool_limits

from dynsamp.models.hamiltonian import HamiltonianModel
from dynsamp.solve import solve
from dynsamp.words import State

BATCH, STEPS, SIZE = 1024, 25, 4
BLOCKS = (BATCH, 128)  # states at a time, of NumPy
GOAL = 3.5


def network(width: int, rng: np.random.Generator) -> HamiltonianModel:
    """A stable energy: neurons on top of a quadratic part."""
    return HamiltonianModel(
        states=tuple(State(name) for name in ("q1", "q2", "p1", "p2")), weights=rng.standard_normal((width, SIZE)),
        biases=rng.standard_normal(width), coefficients=0.1 * rng.standard_normal(width) / np.sqrt(width),
        linear=np.zeros(SIZE), quadratic=np.eye(SIZE), centre=np.zeros(SIZE), half_width=np.ones(SIZE),
        pairs=np.array([[0, 1], [2, 3]]), widths=[width], activations=["tanh"], offset=0.0,
    )  # fmt: skip


def numpy_field(model: HamiltonianModel, block: int) -> Callable[[np.ndarray, np.ndarray], None]:
    """Return ``field(y, out)`` of states (state, component); it allocates nothing."""
    w, wt = model.weights, np.ascontiguousarray(model.weights.T)
    weighted = np.ascontiguousarray(model.coefficients[:, None] * w)
    rotation = np.zeros((SIZE, SIZE))
    rotation[:2, 2:], rotation[2:, :2] = -np.eye(2), np.eye(2)
    weighted, linear = weighted @ rotation, model.quadratic @ rotation  # dy = gradient @ rotation
    z, g = np.empty((block, model.widths[0])), np.empty((block, SIZE))

    def field(y: np.ndarray, out: np.ndarray) -> None:
        for start in range(0, len(y), block):
            part, result = y[start : start + block], out[start : start + block]
            np.matmul(part, wt, out=z)
            np.add(z, model.biases, out=z)
            np.tanh(z, out=z)
            np.multiply(z, z, out=z)
            np.subtract(1.0, z, out=z)
            np.matmul(z, weighted, out=result)
            np.matmul(part, linear, out=g)
            np.add(result, g, out=result)

    return field


def measure(width: int, turns: int) -> None:
    """Print one row."""
    rng = np.random.default_rng(width)
    model = network(width, rng)
    y = rng.uniform(-1.0, 1.0, (BATCH, SIZE))
    kernel, out, h = model.kernel(), np.empty_like(y), 1e-3
    times = np.array([0.0, STEPS * h])
    options = {"method": "rk4", "step": h, "threads": 1}
    fields = {block: numpy_field(model, block) for block in BLOCKS}
    truth = model.vector_field(y)
    for field in fields.values():
        field(y, out)
        assert np.allclose(out, truth, rtol=1e-12, atol=1e-12)
    found = solve(kernel, times, y, **options)
    assert found.method == "rk4", found.method

    def lanes() -> None:
        solve(kernel, times, y, **options)

    def whole(field: Callable[[np.ndarray, np.ndarray], None]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(4 * STEPS):
                field(y, out)

        return run

    actions = {"lanes": lanes, **{str(block): whole(field) for block, field in fields.items()}}
    with threadpool_limits(1, "blas"):
        seconds = interleaved(actions, turns)
    unit = 1e9 / (4 * STEPS * BATCH * width)  # nanoseconds a neuron and state
    own = np.median(seconds["lanes"])
    text = "".join(f"{unit * np.median(seconds[str(block)]):12.2f}" for block in BLOCKS)
    ratios = [seconds[str(block)] / seconds["lanes"] for block in BLOCKS]
    text += "".join(f"{np.median(r):9.2f}" for r in ratios) + f"{ratios[-1].min():7.2f} to {ratios[-1].max():.2f}"
    print(f"{width:6}{unit * own:9.2f}{text}   goal {GOAL}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", nargs="+", type=int, default=[200, 1000])
    parser.add_argument("--turns", type=int, default=15)
    choice = parser.parse_args()
    one_processor()
    print("nanoseconds a neuron and state; ratios of NumPy to lanes, of pairs of turns\n")
    print(f"{'width':>6}{'lanes':>9}" + "".join(f"{f'NumPy {block}':>12}" for block in BLOCKS)
          + "".join(f"{block:>9}" for block in BLOCKS) + "   all turns of the last")  # fmt: skip
    for width in choice.widths:
        measure(width, choice.turns)


if __name__ == "__main__":
    main()
