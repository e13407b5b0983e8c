"""Your own measurements: a CSV file in, a forecast from its last row out.

Run it with ``python examples/own_csv.py [FOLDER]``. Without measurements at hand it makes some: a swinging pendulum,
filmed twenty times a second, with noise on every reading. The command line does the same with
``dynsamp fit swing.csv`` and ``dynsamp forecast swing.model swing.csv``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

import dynsamp as ds

GRAVITY, LENGTH = 9.81, 1.0
RATE, ROWS = 20, 400  # readings per second; rows of the file
START = [1.2, 0.0]  # rad, rad s-1
NOISE = [0.005, 0.02]  # rad, rad s-1


def swing(times: np.ndarray) -> np.ndarray:
    """Angle and angular velocity (time, 2) of the pendulum that is measured."""
    law = solve_ivp(
        lambda t, y: [y[1], -GRAVITY / LENGTH * np.sin(y[0])], (0, times[-1]), START, t_eval=times, rtol=1e-9, atol=1e-9
    )
    return law.y.T


def measure(path: Path) -> None:
    """Write the file that an instrument would have written."""
    times = np.arange(ROWS) / RATE
    readings = swing(times) + NOISE * np.random.default_rng(1).standard_normal((ROWS, 2))
    table = np.column_stack([times, readings])
    np.savetxt(path, table, delimiter=",", header="time,angle,velocity", comments="", fmt="%.5g")


def main(folder: Path) -> None:
    """From the file to the forecast; no system is named anywhere."""
    source = folder / "swing.csv"
    measure(source)

    data = ds.from_csv(source, time="time", time_unit="s", units={"angle": "rad", "velocity": "rad s-1"})
    model = ds.fit(data)
    forecast = ds.forecast(model, data, start="last", duration=5)
    print(model.summary())

    # a forecast starts from the last reading, noise included, so it cannot be better than that
    future = swing(np.concatenate([[0.0], forecast["time"].values]))[1:, 0]
    error = float(np.sqrt(np.mean((forecast["angle"].values[0] - future) ** 2)))
    print(f"angle over the next 5 s: {error:.3f} rad off, of an amplitude of {np.ptp(future) / 2:.2f} rad")

    recent = data.isel(time=slice(-100, None))
    ds.plot.time_series(forecast, recent).savefig(folder / "swing.png", dpi=150)
    ds.save_model(model, folder / "swing.model")
    print(f"wrote {folder / 'swing.csv'}, {folder / 'swing.model'} and {folder / 'swing.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="dynsamp-")))
