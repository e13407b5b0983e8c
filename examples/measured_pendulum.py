"""A measured pendulum with friction: a CSV file of trials in; its friction, and where it swings next, out.

Run it with ``python examples/measured_pendulum.py [FOLDER]``. Without a pendulum at hand it makes the file that a
camera would: several trials one after the other, uneven times, noise on every reading. The command line does the same
with ``dynsamp fit measured.csv --estimator port-hamiltonian`` and ``dynsamp forecast measured.model measured.csv``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

import dynsamp as ds

GRAVITY, LENGTH, FRICTION = 9.81, 0.4, 0.25  # m s-2, m, s-1
TRIALS, ROWS, RATE = 12, 150, 30  # trials of the file; rows of each; frames per second
NOISE = [0.004, 0.03]  # rad, rad s-1
AHEAD = 3.0  # s


def swing(start: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Angle and angular velocity (time, 2) of the pendulum that is measured."""
    law = solve_ivp(
        lambda t, y: [y[1], -GRAVITY / LENGTH * np.sin(y[0]) - FRICTION * y[1]],
        (times[0], times[-1] + 1e-9),
        start,
        t_eval=times,
        rtol=1e-9,
        atol=1e-9,
    )
    return law.y.T


def measure(path: Path) -> np.ndarray:
    """Write the file; where the last trial really ends, it does not say."""
    rng = np.random.default_rng(0)
    lines = ["trial,time (s),angle (rad),angular velocity (rad/s)"]
    for trial in range(TRIALS):
        times = np.cumsum(rng.uniform(0.6, 1.4, ROWS) / RATE)  # frames are dropped now and then
        states = swing(rng.uniform([-1.5, -4], [1.5, 4]), times)
        readings = states + NOISE * rng.standard_normal(states.shape)
        lines += [f"{trial},{t:.4f},{q:.4f},{p:.4f}" for t, (q, p) in zip(times, readings, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return states[-1]


def main(folder: Path) -> None:
    """From the file to the forecast; columns and units are found in its header."""
    source = folder / "measured.csv"
    end = measure(source)

    data = ds.from_csv(source)
    print(data.attrs["comment"])
    model = ds.fit(data, ds.PortHamiltonianNetwork())
    print(model.summary())

    # friction is what changes its sign with the velocity
    angles, speed = np.linspace(-1, 1, 21), 2.0
    there = model.vector_field(np.column_stack([angles, np.full(21, speed)]))[:, 1]
    back = model.vector_field(np.column_stack([angles, np.full(21, -speed)]))[:, 1]
    friction = float(np.mean(back - there) / (2 * speed))
    print(f"friction: {friction:.3f} per second, where {FRICTION} is the truth")

    forecast = ds.forecast(model, data, start="last", duration=AHEAD, dt=1 / RATE)
    future = swing(end, np.arange(forecast.sizes["time"]) / RATE)[:, 0]
    error = float(np.sqrt(np.mean((forecast["angle"].values[-1] - future) ** 2)))
    print(f"angle of the last trial over the next {AHEAD:g} s: {error:.3f} rad off, of {np.ptp(future) / 2:.2f} rad")

    ds.save_model(model, folder / "measured.model")
    print(f"wrote {source} and {folder / 'measured.model'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="dynsamp-")))
