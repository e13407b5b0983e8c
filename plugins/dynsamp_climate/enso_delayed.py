"""Suarez and Schopf 1988: El Nino as an oscillator that its own waves catch up with."""

import numpy as np

import dynsamp


def rhs(t: float, y: np.ndarray, theta: np.ndarray, z: np.ndarray, dy: np.ndarray) -> None:
    """Growth, saturation, and the wave that left one delay ago and comes back reflected."""
    dy[0] = y[0] - y[0] ** 3 - theta[0] * z[0, 0]


enso_delayed = dynsamp.ODESystem(
    name="enso_delayed",
    title="Delayed oscillator of El Niño",
    description="T is the anomaly of the eastern Pacific's temperature. It feeds on itself at once; equatorial waves"
    " cross the ocean, are reflected at its western end, and work against it one delay later. The fixed points"
    " ±√(1 - α) lose stability at δ = acos((3α - 2)/α)/ω to oscillations of ω = √(α² - (3α - 2)²).",
    equations="T'(t) = T - T³ - α T(t - δ)",
    references=["Suarez and Schopf (1988), Journal of the Atmospheric Sciences 45, 3283"],
    states=[dynsamp.State("T", "1", "temperature anomaly")],
    parameters={
        "alpha": dynsamp.Parameter(0.75, "1", "strength of the returning wave α"),
        "delay": dynsamp.Parameter(6.0, "1", "travel time of the waves δ"),
    },
    rhs=rhs,
    delays=["delay"],
    initial=dynsamp.Box([0.05], [0.15]),
    duration=200.0,
    dt=0.5,
    solver_step=0.05,
    estimator=dynsamp.FlowMap(),
)
