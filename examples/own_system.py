"""Your own system in a script: a mass on a spring, learned from a few trajectories.

Run it with ``python examples/own_system.py [FOLDER]``; the picture and the model go into the folder. The same file
also works on the command line: ``dynsamp run examples/own_system.py``.
"""

import sys
import tempfile
from pathlib import Path

import dynsamp as ds


def velocity(t, p, theta, dq):
    """Velocity q' = dH/dp: plain Python that dynsamp compiles; theta holds the parameters in their order below."""
    dq[0] = p[0] / theta[1]


def force(t, q, theta, dp):
    """Force p' = -dH/dq."""
    dp[0] = -theta[0] * q[0]


def energy(t, y, theta):
    """H(q, p), only used to judge the result; the model never sees it."""
    return 0.5 * (y[1] ** 2 / theta[1] + theta[0] * y[0] ** 2)


spring = ds.HamiltonianSystem(
    name="spring",
    title="Mass on a spring",
    states=[ds.State("q", "m", "position", conjugate="p"), ds.State("p", "kg m s-1", "momentum")],
    parameters={"k": ds.Parameter(4.0, "N m-1", "stiffness"), "m": ds.Parameter(1.0, "kg", "mass")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=ds.Box([-1, -1], [1, 1]),
    duration=20.0,
    dt=0.05,
)


def main(folder: Path) -> None:
    """The four verbs, with the System object where others use a name."""
    train = ds.generate(spring, trajectories=16, seed=1)
    model = ds.fit(train, system=spring)
    truth = ds.generate(spring, trajectories=8, seed=2)
    forecast = ds.forecast(model, truth)
    scores = ds.evaluate(forecast, truth, model=model, system=spring)

    print(model.summary())
    print(f"error of H: {float(scores['hamiltonian_error']):.1e}")
    ds.save_model(model, folder / "spring.model")
    ds.plot.phase(forecast, truth).figure.savefig(folder / "spring.png", dpi=150)
    print(f"wrote {folder / 'spring.model'} and {folder / 'spring.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="dynsamp-")))
