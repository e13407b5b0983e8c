import json
import math

import numpy as np
import pytest

import dynsamp as ds
from dynsamp.words import Status


def velocity(t, p, theta, dq):
    dq[0] = p[0] / theta[1]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * q[0]


def energy(t, y, theta):
    return 0.5 * (y[1] ** 2 / theta[1] + theta[0] * y[0] ** 2)


SPRING = ds.HamiltonianSystem(
    name="spring",
    states=[ds.State("q", "m", "position"), ds.State("p", "kg m s-1", "momentum")],
    parameters={"k": ds.Parameter(1.0, "N m-1"), "m": ds.Parameter(1.0, "kg")},
    velocity=velocity,
    force=force,
    hamiltonian=energy,
    time_unit="s",
    initial=ds.Box([-1, -1], [1, 1]),
    duration=5.0,
    dt=0.25,
)


def square(t, y, theta, dy):
    dy[0] = y[0] * y[0]


BLOW_UP = ds.ODESystem(name="blow_up", states=[ds.State("y")], rhs=square, duration=2.0, dt=0.1)


def test_spring_follows_the_closed_form():
    k, m = 4.0, 0.25
    data = ds.generate(SPRING, trajectories=3, parameters={"k": k, "m": m}, seed=5)
    q, p, t = data["q"].values, data["p"].values, data["time"].values
    omega = np.sqrt(k / m)
    exact = q[:, :1] * np.cos(omega * t) + p[:, :1] / (m * omega) * np.sin(omega * t)
    np.testing.assert_allclose(q, exact, rtol=0, atol=1e-10)
    np.testing.assert_allclose(data["tendency_of_q"], p / m, rtol=0, atol=1e-14)
    np.testing.assert_allclose(data["tendency_of_p"], -k * q, rtol=0, atol=1e-14)
    np.testing.assert_allclose(data["energy"], data["energy"][:, :1].values * np.ones(t.size), rtol=1e-10)
    assert json.loads(data.attrs["parameters"]) == {"k": k, "m": m}
    assert data["q"].attrs["conjugate"] == "p"
    assert data["q"].attrs["units"] == "m"
    assert data["tendency_of_q"].attrs["units"] not in ("", "m")
    assert (data["status"] == Status.OK).all()


def test_a_trajectory_depends_on_seed_and_id_alone():
    all_of_them = ds.generate(SPRING, trajectories=9, seed=1)
    few = ds.generate(SPRING, trajectories=2, seed=1, workers=1)
    np.testing.assert_array_equal(few["q"], all_of_them["q"][:2])
    other = ds.generate(SPRING, trajectories=2, seed=2)
    assert not np.array_equal(few["q"], other["q"])


def test_swept_parameters_are_separate_runs():
    k = np.array([1.0, 4.0])
    swept = ds.generate(SPRING, initial=[1.0, 0.0], parameters={"k": k})
    assert swept.sizes["trajectory"] == 2
    for row, value in enumerate(k):
        alone = ds.generate(SPRING, trajectories=1, initial=[1.0, 0.0], parameters={"k": value})
        np.testing.assert_array_equal(swept["q"][row], alone["q"][0])
    np.testing.assert_array_equal(swept["parameter_k"], k)


def test_scattered_points_are_trajectories_with_one_time():
    points = ds.generate(SPRING, trajectories=50, times=[0.0], initial=ds.Box([-2, -3], [2, 3]))
    assert dict(points.sizes) == {"trajectory": 50, "time": 1}
    np.testing.assert_allclose(points["tendency_of_p"], -points["q"])
    assert float(abs(points["p"]).max()) > 1


def test_observation_noise_is_relative_or_absolute_and_spares_derivatives():
    clean = ds.generate(SPRING, trajectories=200, seed=3)
    noisy = ds.generate(SPRING, trajectories=200, seed=3, noise=0.1)
    error = (noisy["q"] - clean["q"]).values
    n = error.size
    assert error.std() == pytest.approx(0.1 * float(clean["q"].std()), rel=5 / np.sqrt(2 * n))
    assert abs(error.mean()) < 5 * error.std() / np.sqrt(n)
    np.testing.assert_array_equal(noisy["tendency_of_q"], clean["tendency_of_q"])
    absolute = ds.generate(SPRING, trajectories=200, seed=3, noise={"p": 0.5})
    np.testing.assert_array_equal(absolute["q"], clean["q"])
    assert (absolute["p"] - clean["p"]).values.std() == pytest.approx(0.5, rel=5 / np.sqrt(2 * n))


def test_failures_are_marked_not_dropped():
    # y' = y^2 blows up at t = 1 / y0: only the second and third trajectory live to t = 2
    data = ds.generate(BLOW_UP, initial=[[1.0], [0.1], [-1.0], [np.nan]])
    assert data["status"].values.tolist() == [Status.DIVERGED, Status.OK, Status.OK, Status.INVALID_INPUT]
    t = data["time"].values
    np.testing.assert_allclose(data["y"][1:3], [0.1 / (1 - 0.1 * t), -1 / (1 + t)], rtol=1e-9)
    dead = np.isnan(data["y"][0].values)
    assert dead[-1]
    assert not dead[t < 0.95].any()
    assert np.isnan(data["y"][3]).all()


def test_chaotic_truth_says_how_long_it_is_one():
    data = ds.generate("lorenz63", trajectories=4, duration=45.0, dt=0.05, seed=1)
    valid = data["truth_valid_until"].values * 0.9056
    # float64 with tight tolerance is known to hold for about 28 to 33 Lyapunov times
    assert np.all((valid > 20) & (valid < 38))
    assert data.attrs["rtol"] == 3e-14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"system": "pendulm"}, "did you mean 'pendulum'"),
        ({"parameters": {"mm": 1.0}}, "no parameter 'mm'.*did you mean 'm'"),
        ({"initial": {"q": 1.0, "P": 0.0}}, "'P', which is no state"),
        ({"noise": {"Q": 0.1}}, "'Q', which is no state"),
        ({"noise": -0.1}, "fraction >= 0"),
        ({"duration": 1.0, "times": [0.0, 2.0]}, "not both"),
        ({"trajectories": 0}, "positive integer"),
        ({"seed": -1}, r"seed must lie in \[0"),
        ({"inputs": {"u": ([0, 1], [0, 1])}}, "no input 'u'"),
        ({"method": "rk5"}, "rk4"),
    ],
)
def test_bad_arguments_get_one_clear_sentence(arguments, message):
    arguments = {"system": SPRING, **arguments}
    with pytest.raises(ValueError, match=message):
        ds.generate(**arguments)


def driven(t, y, theta, u, dy):
    dy[0] = y[1]
    dy[1] = u[0] - y[0]


def test_an_input_drives_the_system_and_stands_in_the_data():
    system = ds.ODESystem(
        name="driven", states=[ds.State("x"), ds.State("v")], inputs=[ds.Input("f", "N")], rhs=driven, duration=4.0
    )
    t = np.linspace(0.0, 4.0, 9)
    data = ds.generate(system, initial=[[0.0, 0.0]], inputs={"f": (t, 0.5 * t)})
    # x'' = t / 2 - x from rest: x = (t - sin t) / 2, exact for a signal that is linear between its samples
    time = data["time"].values
    np.testing.assert_allclose(data["x"][0], 0.5 * (time - np.sin(time)), rtol=0, atol=1e-11)
    np.testing.assert_allclose(data["f"][0], 0.5 * time)
    assert data["f"].attrs["role"] == "input"
    with pytest.raises(ValueError, match="needs inputs="):
        ds.generate(system)


def test_a_store_holds_the_same_bits(tmp_path):
    store = ds.generate(SPRING, trajectories=40, seed=6, store=tmp_path / "spring.zarr", memory=20_000)
    memory = ds.generate(SPRING, trajectories=40, seed=6)
    for name in ("q", "p", "tendency_of_q", "energy", "status"):
        np.testing.assert_array_equal(store[name], memory[name])
    with pytest.raises(ValueError, match="fraction"):
        ds.generate(SPRING, store=tmp_path / "noisy.zarr", noise=0.1)
    model = ds.fit(memory, ds.HamiltonianNetwork(width=0), system=SPRING)
    stored = ds.forecast(model, memory, store=tmp_path / "forecast.zarr", memory=20_000)
    np.testing.assert_array_equal(stored["q"], ds.forecast(model, memory)["q"])


def broken(t, y, theta, dy):
    dy[0] = y[0].unknown


def test_a_function_that_does_not_compile_is_named():
    system = ds.ODESystem(name="broken", states=[ds.State("y")], rhs=broken)
    with pytest.raises(TypeError, match="broken"):
        ds.generate(system, trajectories=1)


def test_derivatives_of_a_map_are_refused():
    with pytest.raises(ValueError, match="no derivatives"):
        ds.generate("garch", derivatives=True)


def drained(t, y, theta, u, dy):
    dy[0] = -theta[0] * y[0] + u[0]


def tank(*, hold=False, **options):
    return ds.ODESystem(
        name="tank",
        states=[ds.State("x")],
        parameters={"k": ds.Parameter(2.0)},
        rhs=drained,
        inputs=[ds.Input("u", hold=hold)],
        duration=2.0,
        dt=0.25,
        **options,
    )


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize(
    "signal",
    [
        np.sin,  # of all times at once
        math.sin,  # of one time
        lambda t: np.sin([t]),  # (trajectory, time) of all, (1,) of one
    ],
)
def test_an_input_may_be_a_function_of_time(hold, signal):
    law, times = tank(hold=hold), 0.25 * np.arange(9)
    found = ds.generate(law, trajectories=3, inputs={"u": signal}, seed=1)
    same = ds.generate(law, trajectories=3, inputs={"u": (times, np.sin(times))}, seed=1)
    for name in ("x", "u"):
        np.testing.assert_array_equal(found[name], same[name])


def test_a_constant_input_has_the_closed_form():
    found = ds.generate(tank(), trajectories=2, initial=[[1.0], [0.0]], inputs={"u": lambda t: 3.0})["x"].values
    t = 0.25 * np.arange(9)
    np.testing.assert_allclose(found, 1.5 + (np.array([[1.0], [0.0]]) - 1.5) * np.exp(-2.0 * t), rtol=0, atol=1e-11)


def test_a_function_of_time_covers_the_spin_up():
    law = tank(spin_up=2.1, initial=ds.Box([0.0], [1.0]))
    times = np.arange(-9, 9) * 0.25
    found = ds.generate(law, trajectories=2, inputs={"u": np.cos}, seed=1)
    np.testing.assert_array_equal(
        found["x"], ds.generate(law, trajectories=2, inputs={"u": (times, np.cos(times))}, seed=1)["x"]
    )


def test_a_function_of_time_of_the_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"input 'u': the function must return a number for a time.* shape \(2,\)"):
        ds.generate(tank(), inputs={"u": lambda t: np.ones(2)})
    with pytest.raises(TypeError, match="or a function of time, got float"):
        ds.generate(tank(), inputs={"u": 1.0})
    with pytest.raises(ValueError, match="'u': times must increase, and times and values be finite"):
        ds.generate(tank(), inputs={"u": lambda t: np.full_like(t, np.inf)})


ROWS = "must return \\(states \\(trajectory, time, state\\), status \\(trajectory,\\)\\)"


def own_paths(states, status):
    return lambda times, y0, theta, ids, seed: (np.zeros((len(y0), *states)), np.full(len(y0) + status[1], status[0]))


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (lambda times, y0, theta, ids, seed: None, f"generate= of system 'own' {ROWS}, got NoneType"),
        (own_paths((12, 1), (0, 0)), rf"{ROWS}, of shapes \(3, 11, 1\) and \(3,\), got \(3, 12, 1\) and \(3,\)"),
        (own_paths((11, 1), (0, 1)), r"got \(3, 11, 1\) and \(4,\)"),
        (own_paths((11, 1), (77, 0)), "but 77 is no code of dynsamp.Status"),
        (lambda times, y0, theta, ids, seed: ("states", "status"), f"{ROWS}, in numbers"),
        (lambda times, y0: None, "the function '<lambda>' raised TypeError"),
        (lambda times, y0, theta, ids, seed: 1 / 0, "the function '<lambda>' raised ZeroDivisionError"),
    ],
)
def test_own_generation_that_slips_is_told(own, sentence):
    law = ds.ODESystem(name="own", states=[ds.State("x")], rhs=lambda t, y, theta, dy: None, generate=own)
    with pytest.raises((TypeError, ValueError, RuntimeError), match=sentence):
        ds.generate(law, trajectories=3, duration=1.0, dt=0.1, progress=False)


def test_functions_of_starts_and_pasts_that_raise_are_named():
    def divides(*_):
        return 1 / 0

    named = "the function 'divides' raised ZeroDivisionError"
    law = {"name": "own", "states": [ds.State("x")]}
    with pytest.raises(RuntimeError, match=named):
        ds.generate(ds.ODESystem(**law, rhs=lambda t, y, theta, dy: None, initial=divides), progress=False)
    late = {**law, "rhs": lambda t, y, theta, z, dy: None, "delays": [1.0], "history": divides}
    with pytest.raises(RuntimeError, match=named):
        ds.ODESystem(**late)
    with pytest.raises(RuntimeError, match=named):
        ds.generate(ds.ODESystem(**late, initial=np.ones(1)), progress=False)
