"""Measured mechanics: pairs by their names, wrapped angles, and velocities from recorded positions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dynsamp
from dynsamp.cli import main
from dynsamp.models import HamiltonianNetwork
from dynsamp.models.base import Samples
from dynsamp.models.measured.angles import unwrapped
from dynsamp.models.measured.canonical import canonical_pairs, positions_only
from dynsamp.models.measured.names import guess_pairs
from dynsamp.models.measured.velocities import with_velocities
from dynsamp.words import Facts, State

G, FRICTION = 9.81, 0.15


def pendulum(start, t, friction=FRICTION):
    """Angle and angular velocity (time, 2) of a pendulum of one metre."""
    law = solve_ivp(
        lambda t, y: [y[1], -G * np.sin(y[0]) - friction * y[1]], (0, t[-1]), start, t_eval=t, rtol=1e-10, atol=1e-10
    )
    return law.y.T


def recordings(count=12, steps=80, dt=0.04, noise=0.0, seed=0, fast=0.0, friction=FRICTION, **facts):
    """Angles at uneven times, as a Samples, and the true states."""
    rng = np.random.default_rng(seed)
    t = np.cumsum(dt * (1 + 0.3 * rng.uniform(-1, 1, (count, steps))), axis=1)
    t -= t[:, :1]
    starts = rng.uniform([-1.2, -2], [1.2, 2], (count, 2)) + np.array([0, fast])
    true = np.stack([pendulum(start, times, friction) for start, times in zip(starts, t, strict=True)])
    angle = true[..., :1] + noise * rng.standard_normal(true[..., :1].shape)
    states = (State("theta", "rad", "angle from rest"),)
    return Samples(t, angle, states, facts=Facts(time_unit="s", **facts)), true


def relative(found, true):
    return np.sqrt(np.mean((found - true) ** 2)) / np.sqrt(np.mean(true**2))


PAIRS = {
    "angle, angular_velocity": "angle angular_velocity",
    "theta, omega": "theta omega",
    "theta_dot, theta": "theta theta_dot",
    "theta, thetaDot": "theta thetaDot",
    "x, vx": "x vx",
    "p, q": "q p",
    "q1, q2, p1, p2": "q1 p1, q2 p2",
    "x, y, vx, vy": "x vx, y vy",
    "x, vx, y, vy": "x vx, y vy",
    "x, y, p_y, p_x": "x p_x, y p_y",
    "theta_1, omega_1, theta_2, omega_2": "theta_1 omega_1, theta_2 omega_2",
    "theta, phi, omega_phi, omega_theta": "theta omega_theta, phi omega_phi",
    "height, speed": "height speed",
    "theta_deg, omega_deg_s": "theta_deg omega_deg_s",
    "upper_angle, lower_angle, upper_omega, lower_omega": "upper_angle upper_omega, lower_angle lower_omega",
}


@pytest.mark.parametrize("names", PAIRS)
def test_names_tell_pairs(names):
    expected = [tuple(pair.split()) for pair in PAIRS[names].split(", ")]
    assert guess_pairs(names.split(", ")) == expected
    states = tuple(State(name) for name in names.split(", "))
    pairs, how = canonical_pairs(states)
    assert [(states[q].name, states[p].name) for q, p in pairs.T] == expected
    assert how.startswith("by their names")


@pytest.mark.parametrize("names", ["x1, x2", "a, b", "x, y", "prey, predator", "x, y, z", "theta, phi, omega, alpha"])
def test_names_that_leave_a_doubt(names):
    assert guess_pairs(names.split(", ")) is None


def test_declared_pairs_come_before_names():
    pairs, how = canonical_pairs((State("q", conjugate="p"), State("p")))
    assert pairs.tolist() == [[0], [1]]
    assert how == "as declared"
    with pytest.raises(ValueError, match="positions=True takes velocities from their times"):
        canonical_pairs((State("x"), State("y"), State("z")))


TURN = {"rad": 2 * np.pi, "degree": 360.0}


@pytest.mark.parametrize("units", ["rad", "degree", "1"])
@pytest.mark.parametrize("within", ["half", "whole"])
@pytest.mark.parametrize("velocities", [True, False])
def test_a_wrapped_angle_is_unwrapped(units, within, velocities):
    turn = TURN.get(units, 2 * np.pi)
    samples, true = recordings(noise=0.005, fast=7.5)
    angle = samples.y[..., 0] / (2 * np.pi) * turn
    folded = np.mod(angle, turn) if within == "whole" else np.mod(angle + turn / 2, turn) - turn / 2
    states = (State("theta", units), *((State("omega", "rad s-1"),) if velocities else ()))
    y = np.stack([folded, true[..., 1]], axis=-1) if velocities else folded[..., None]
    found, notes = unwrapped(replace(samples, y=y, states=states))
    gap = found.y[..., 0] - angle
    np.testing.assert_allclose(gap, np.broadcast_to(gap[:, :1], gap.shape), atol=1e-9 * turn)  # but for whole turns
    np.testing.assert_allclose(gap / turn, np.round(gap / turn), atol=1e-9)
    assert found.states[0].period == pytest.approx(turn)
    assert notes[0].startswith("theta unwrapped at ")
    again, none = unwrapped(found)
    assert again is found
    assert none == []


def test_what_is_no_wrapped_angle_is_left_alone():
    still, true = recordings()
    assert unwrapped(still)[0] is still  # swings to and fro
    rng = np.random.default_rng(0)
    for state in (State("x", "m"), State("x"), State("position"), State("omega", "rad s-1")):
        y = rng.uniform(-np.pi, np.pi, (4, 30, 1))  # jumps, but is no angle
        samples = Samples(np.tile(np.arange(30.0), (4, 1)), y, (state, State("b"))[:1])
        assert unwrapped(samples)[0] is samples
    pair = Samples(still.t, true[..., ::-1] * [0.5, 1.0], (State("omega"), State("theta")))
    assert unwrapped(pair)[0] is pair


def test_half_turns_are_too_large_to_count():
    t = np.arange(40.0)[None]
    y = np.mod(np.cumsum(np.where(np.arange(40) % 3, 3.0, -2.9)), 2 * np.pi)[None, :, None]
    with pytest.raises(ValueError, match=r"'theta' jumps by about a turn .6.28319., but its steps are too large"):
        unwrapped(Samples(t, y, (State("theta", "rad"),)))


@pytest.mark.parametrize(
    ("options", "within"),
    [
        ({"noise": 0.002}, 0.012),
        ({"noise": 0.01, "steps": 300, "count": 3}, 0.025),
        ({"noise": 0.0005, "steps": 25, "dt": 0.08}, 0.01),
        ({"noise": 0.0}, 1e-5),
        ({"noise": 0.0, "dt": 0.1, "steps": 30}, 1e-3),
        ({"noise": 0.01, "steps": 2500, "count": 1, "dt": 0.004}, 0.02),
    ],
)
def test_velocities_are_as_good_as_they_say(options, within):
    samples, true = recordings(**options)
    found, phrase = with_velocities(samples)
    error = relative(found.y[..., 1], true[..., 1])
    said = float(phrase.partition("within about ")[2].partition(" %")[0]) / 100
    assert error < within
    assert said / 2 < error < 2 * said
    if options["noise"]:
        noise = float(phrase.partition("noise about ")[2].partition(" rad")[0])
        assert noise == pytest.approx(options["noise"], rel=0.2)
        assert relative(found.y[..., 0], true[..., 0]) < 0.8 * relative(samples.y[..., 0], true[..., 0])
    else:
        np.testing.assert_array_equal(found.y[..., 0], samples.y[..., 0])
    assert "interpolating" in phrase if not options["noise"] else "smoothing" in phrase


def test_velocities_are_states_with_units_and_pairs():
    found, _ = with_velocities(recordings()[0])
    assert [state.name for state in found.states] == ["theta", "theta_velocity"]
    assert [state.units for state in found.states] == ["rad", "rad s-1"]
    assert found.states[0].conjugate == "theta_velocity"
    assert found.states[1].long_name == "velocity of angle from rest"
    assert found.facts.velocities is True
    assert found.dy is None


def test_accelerations_obey_the_law():
    samples, true = recordings()
    found, _ = with_velocities(samples, accelerations=True)
    law = -G * np.sin(true[..., 0]) - FRICTION * true[..., 1]
    assert relative(found.dy[:, 4:-4, 1], law[:, 4:-4]) < 1e-4


def test_units_of_time_and_length_change_nothing_but_units():
    samples, _ = recordings(noise=0.003)
    plain, _ = with_velocities(samples)
    scaled, _ = with_velocities(replace(samples, t=1e6 * samples.t + 5e7, y=1e-4 * samples.y))
    np.testing.assert_allclose(scaled.y[..., 0], 1e-4 * plain.y[..., 0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(scaled.y[..., 1], 1e-10 * plain.y[..., 1], rtol=1e-4, atol=1e-14)


def test_lengths_may_differ_and_gaps_are_bridged():
    samples, true = recordings(noise=0.002)
    y, t = samples.y.copy(), samples.t.copy()
    y[0, 30:], t[0, 30:] = np.nan, np.nan
    length = np.where(np.arange(12) == 0, 30, 80)
    keep = np.r_[0:60, 65:80]
    found, _ = with_velocities(replace(samples, y=y, t=t, length=length))
    assert relative(found.y[0, :30, 1], true[0, :30, 1]) < 0.04
    assert np.isnan(found.y[0, 30:]).all()
    gap, _ = with_velocities(replace(samples, y=samples.y[:, keep], t=samples.t[:, keep], length=np.full(12, 75)))
    assert relative(gap.y[..., 1], true[:, keep, 1]) < 0.015


def test_derivatives_that_are_given_are_the_velocities():
    samples, true = recordings()
    found, phrase = with_velocities(replace(samples, dy=true[..., 1:]))
    np.testing.assert_array_equal(found.y, true)
    assert phrase == "velocities from the derivatives that the data give"


def test_a_wrapped_angle_is_unwrapped_before_its_velocity_is_taken():
    samples, true = recordings(noise=0.002, fast=7.5)
    folded = replace(samples, y=np.mod(samples.y + np.pi, 2 * np.pi) - np.pi)
    found, phrase = with_velocities(folded)
    assert relative(found.y[..., 1], true[..., 1]) < 0.01
    assert "theta unwrapped at" in phrase


def test_short_recordings_are_refused():
    samples, _ = recordings()
    with pytest.raises(ValueError, match=r"at least 5 samples of each trajectory, but trajectory 0 has 4 .12 such"):
        with_velocities(replace(samples, y=samples.y[:, :4], t=samples.t[:, :4], length=np.full(12, 4)))
    with pytest.raises(ValueError, match="times of trajectory 0 do not increase"):
        with_velocities(replace(samples, t=-samples.t))


@pytest.mark.parametrize(
    ("names", "facts", "expected"),
    [
        ("theta", {}, True),
        ("signal", {}, True),
        ("x y", {}, True),
        ("theta phi", {}, True),
        ("q1 q2", {}, True),
        ("x y", {"system": "kepler"}, False),
        ("x1 x2", {}, False),
        ("q p", {}, False),
        ("theta omega", {}, False),
        ("prey predator", {}, False),
        ("x y z", {}, False),
    ],
)
def test_what_counts_as_positions(names, facts, expected):
    states = tuple(State(name) for name in names.split())
    assert positions_only(states, None, Facts(**facts)) is expected
    if len(states) == 2:
        assert not positions_only(states, np.zeros((1, 1, 2)), Facts(**facts))


def test_the_law_is_learned_from_noisy_angles_alone():
    samples, _ = recordings(noise=0.005, steps=150, friction=0.0)
    y = np.random.default_rng(1).uniform([-1, -1.5], [1, 1.5], (300, 2))
    law = np.column_stack([y[:, 1], -G * np.sin(y[:, 0])])
    model = HamiltonianNetwork().fit(with_velocities(samples)[0])
    assert relative(model.vector_field(y), law) < 0.005


@pytest.fixture(scope="module")
def video():
    """A model of recorded angles alone, and recordings that it has not seen, with the true states."""
    samples, _ = recordings(friction=0.0, count=20)
    found, _ = with_velocities(samples)
    model = HamiltonianNetwork(width=120).fit(found)
    dt = 0.04
    t = dt * np.arange(100)
    true = np.stack([pendulum(start, t, 0.0) for start in ([0.9, 0.3], [-0.5, 1.5])])
    data = dynsamp.from_arrays(true[..., :1], t, names=["theta"], units=["rad"], time_unit="s")
    return replace(model, facts=replace(model.facts, dt=dt)), data, true


def test_a_forecast_from_positions_alone_starts_with_their_velocity(video):
    model, data, true = video
    forecast = dynsamp.forecast(model, data.isel(time=slice(0, 50)), start="last", duration=1.0, dt=0.04)
    assert list(forecast.attrs["states"].split()) == ["theta", "theta_velocity"]
    np.testing.assert_allclose(forecast["theta_velocity"].values[:, 0], true[:, 49, 1], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(forecast["theta"], true[:, 49:75, 0], atol=0.01)


def test_a_truth_of_positions_is_completed_and_said_so(video):
    model, data, true = video
    forecast = dynsamp.forecast(model, data)
    scores = dynsamp.evaluate(forecast, data, model=model, metrics=["nrmse"])
    complete = dynsamp.from_arrays(true, data["time"].values, names=list(model.states), time_unit="s")
    same = dynsamp.evaluate(forecast, complete, model=model, metrics=["nrmse"])
    np.testing.assert_allclose(scores["nrmse"], same["nrmse"], atol=1e-4)
    assert scores.attrs["truth_velocities"].startswith("velocities from interpolating splines")
    assert "truth_velocities" not in same.attrs
    short = forecast.isel(time=slice(0, 3))
    left = dynsamp.evaluate(short, data.isel(time=slice(0, 3)), model=model, metrics=["nrmse"])
    assert "theta_velocity not scored: velocities from positions need at least 5" in left.attrs["truth_velocities"]


def test_positions_in_a_csv_are_forecast_by_the_command_line(video, tmp_path, monkeypatch):
    model, data, true = video
    monkeypatch.chdir(tmp_path)
    rows = [f"{k},{t:.12g},{q:.12g}" for k in (0, 1) for t, q in zip(data["time"].values, true[k, :, 0], strict=True)]
    (tmp_path / "video.csv").write_text("\n".join(["trial,time (s),theta (rad)", *rows]))
    dynsamp.save_model(model, "video.model")
    assert main(["forecast", "video.model", "video.csv", "-q", "--start", "2", "--duration", "1"]) == 0
    forecast = dynsamp.open_dataset("forecast.nc")
    np.testing.assert_allclose(forecast["theta"], true[:, 50:76, 0], atol=0.01)


def test_recordings_at_uneven_times_are_truths_too(video):
    model, _, _ = video
    samples, true = recordings(count=4, steps=90, friction=0.0, seed=3)
    states = [state.name for state in model.states]
    truth = dynsamp.from_arrays(true, samples.t, names=states, time_unit="s")
    forecast = dynsamp.forecast(model, truth, duration=2)
    assert forecast["lead_time"].values[-1] == pytest.approx(2)  # whatever the median of the steps
    scores = dynsamp.evaluate(forecast, truth, metrics=["nrmse"])
    lead = forecast["lead_time"].values
    exact = np.stack([pendulum(true[k, 0], lead, 0.0) for k in range(4)])
    expected = dynsamp.evaluate(
        forecast, dynsamp.from_arrays(exact, lead, names=states, time_unit="s"), metrics=["nrmse"]
    )
    np.testing.assert_allclose(scores["nrmse"], expected["nrmse"], atol=3e-4)
    assert scores.attrs["truth_times"] == "interpolated to the times of the forecast by cubic splines"
    beyond = dynsamp.evaluate(dynsamp.forecast(model, truth, duration=20), truth, metrics=["nrmse"])
    assert np.isfinite(beyond["nrmse"].values[..., :60]).all()
    assert np.isnan(beyond["nrmse"].values[..., -1]).all()  # the recordings have ended


def test_what_no_hamiltonian_can_say_is_said():
    """Velocities taken for momenta of a double pendulum of equal masses and lengths, whose inertia is not constant."""

    def tendency(s):
        a, b, u, v = s.T
        c, d = np.cos(a - b), np.sin(a - b)
        first, second = -v * v * d - 2 * 9.81 * np.sin(a), u * u * d - 9.81 * np.sin(b)
        whole = 2 - c * c
        return np.stack([u, v, (first - c * second) / whole, (2 * second - c * first) / whole], axis=1)

    points = np.random.default_rng(0).uniform(-0.7, 0.7, (1500, 4))
    names = ["theta1", "theta2", "omega1", "omega2"]
    model = dynsamp.fit(dynsamp.from_points(points, tendency(points), names=names), HamiltonianNetwork())
    assert "no H explains the data" in model.report["coordinates"]
    momenta = np.stack(
        [
            2 * points[:, 2] + np.cos(points[:, 0] - points[:, 1]) * points[:, 3],
            np.cos(points[:, 0] - points[:, 1]) * points[:, 2] + points[:, 3],
        ],
        axis=1,
    )
    change = tendency(points)
    shift, turn = np.cos(points[:, 0] - points[:, 1]), -np.sin(points[:, 0] - points[:, 1])
    turn = turn * (points[:, 2] - points[:, 3])
    rates = [
        2 * change[:, 2] + shift * change[:, 3] + turn * points[:, 3],
        shift * change[:, 2] + turn * points[:, 2] + change[:, 3],
    ]
    slopes = np.stack([points[:, 2], points[:, 3], *rates], axis=1)
    canonical = dynsamp.from_points(np.hstack([points[:, :2], momenta]), slopes, names=["theta1", "theta2", "p1", "p2"])
    assert "coordinates" not in dynsamp.fit(canonical, HamiltonianNetwork()).report


def test_two_positions_are_no_pair():
    """Two coupled oscillators, of which the positions alone are given, as a sum of two normal modes."""
    rng, times = np.random.default_rng(0), 0.1 * np.arange(60)
    size, phase = rng.uniform(0.2, 1.0, (2, 10, 1)), rng.uniform(0.0, 2 * np.pi, (2, 10, 1))
    modes = size * np.cos(np.array([1.0, np.sqrt(2.0)])[:, None, None] * times + phase)
    positions = np.stack([modes[0] + modes[1], modes[0] - modes[1]], axis=2)
    model = dynsamp.fit(dynsamp.from_arrays(positions, times, names=["a", "b"]), HamiltonianNetwork())
    assert "no H explains the data" in model.report["coordinates"]
    assert "noise" not in model.report
    assert model.report["error"] > 0.3
