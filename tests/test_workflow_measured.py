"""Recorded mechanics through the front door: a table in, friction and forecasts out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

import dynsamp

STIFFNESS, FRICTION, FRAMES = 28.0, 0.3, 60.0  # g / l and friction in 1 / s; the camera's frames a second


def motion(t, amplitude):
    return solve_ivp(
        lambda t, y: [y[1], -STIFFNESS * np.sin(y[0]) - FRICTION * y[1]], (0, t[-1]), [amplitude, 0.0],
        t_eval=t, rtol=1e-10, atol=1e-10,
    ).y  # fmt: skip


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Four trials at uneven steps, time in frames, errors of one percent."""
    rng = np.random.default_rng(7)
    rows = ["trial,time,angle,angular velocity"]
    for trial, amplitude in enumerate([2.0, 1.2, 1.6, 0.8]):
        t = np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 0.04, 179))])
        angle, velocity = motion(t, amplitude)
        angle = angle + 0.01 * angle.std() * rng.normal(size=len(t))
        velocity = velocity + 0.01 * velocity.std() * rng.normal(size=len(t))
        columns = zip(t * FRAMES, angle, velocity, strict=True)
        rows += [f"run {trial},{a:.4f},{b:.6f},{c:.6f}" for a, b, c in columns]
    path = tmp_path_factory.mktemp("recording") / "measured.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def field_error(model, velocity_unit):
    """Relative error of the acceleration over the sampled region, per frame."""
    angle, velocity = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-3, 3, 9)))
    states = np.stack([angle, velocity / velocity_unit], axis=1)
    truth = (-STIFFNESS * np.sin(angle) - FRICTION * velocity) / FRAMES / velocity_unit
    return np.linalg.norm(model.vector_field(states)[:, 1] - truth) / np.linalg.norm(truth)


def test_a_measured_pendulum_in_camera_time(recording, tmp_path):
    model = dynsamp.fit(recording, "port-hamiltonian")
    assert model.report["decay_rate"]["angular_velocity"] * FRAMES == pytest.approx(FRICTION, rel=0.05)
    assert field_error(model, 1.0) < 0.02
    data = dynsamp.from_csv(recording)
    forecast = dynsamp.forecast(model, data, duration=2.0 * FRAMES, dt=FRAMES / 50)
    truth = motion(np.linspace(0, 2, 101), 2.0)[0]
    assert_allclose(forecast["angle"][0], truth, atol=0.15)
    dynsamp.save_model(model, tmp_path / "measured.model")


def test_positions_alone(recording):
    data = dynsamp.from_csv(recording, states=["angle"])
    model = dynsamp.fit(data, "port-hamiltonian")
    assert [state.name for state in model.states] == ["angle", "angle_velocity"]
    assert "velocities within about" in model.summary()
    assert model.report["decay_rate"]["angle_velocity"] * FRAMES == pytest.approx(FRICTION, rel=0.1)
    assert field_error(model, FRAMES) < 0.05
    forecast = dynsamp.forecast(model, data, duration=FRAMES, dt=FRAMES / 50)
    truth = motion(np.linspace(0, 1, 51), 2.0)[0]
    assert_allclose(forecast["angle"][0], truth, atol=0.15)


def test_friction_in_a_hamiltonian_fit_is_told(recording, caplog):
    model = dynsamp.fit(recording, "hamiltonian")
    assert "lose energy" in model.summary()
    assert "PortHamiltonianNetwork()" in caplog.text
