import dataclasses
import json

import numpy as np
import pytest

import dynsamp as ds
from dynsamp.words import Status


def oscillator(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]


OSCILLATOR = ds.ODESystem(
    name="oscillator",
    states=[ds.State("x", "m"), ds.State("v", "m s-1")],
    parameters={"k": 1.0},
    rhs=oscillator,
    time_unit="s",
    initial=ds.Box([-1, -1], [1, 1]),
    duration=6.0,
    dt=0.1,
)


@pytest.fixture(scope="module")
def train():
    return ds.generate(OSCILLATOR, trajectories=20, seed=1)


@pytest.fixture(scope="module")
def model(train):
    return ds.fit(train, ds.FlowMap(width=40), system=OSCILLATOR)


@pytest.fixture(scope="module")
def truth():
    return ds.generate(OSCILLATOR, trajectories=5, seed=2)


def test_forecast_follows_the_truth(model, truth):
    forecast = ds.forecast(model, truth)
    np.testing.assert_array_equal(forecast["time"], truth["time"])
    np.testing.assert_allclose(forecast["x"], truth["x"], rtol=0, atol=1e-6)
    assert forecast["x"].attrs["units"] == "m"
    assert (forecast["status"] == Status.OK).all()
    assert forecast.attrs["estimator"] == "flow-map"
    assert "lead_time" in forecast.coords


def test_starts_from_the_last_state_and_from_a_time(model, truth):
    last = ds.forecast(model, truth, start="last", duration=1.0)
    np.testing.assert_array_equal(last["x"][:, 0], truth["x"][:, -1])
    assert float(last["time"][0]) == pytest.approx(6.0)
    middle = ds.forecast(model, truth, start=3.0, duration=1.0)
    np.testing.assert_array_equal(middle["x"][:, 0], truth["x"].sel(time=3.0, method="nearest"))
    with pytest.raises(ValueError, match=r"start=3\.05 is not a time"):
        ds.forecast(model, truth, start=3.05)


def test_starts_given_as_arrays_and_names(model):
    by_array = ds.forecast(model, [[1.0, 0.0], [0.0, 1.0]], duration=2.0)
    by_name = ds.forecast(model, {"v": [0.0, 1.0], "x": [1.0, 0.0]}, duration=2.0)
    np.testing.assert_array_equal(by_array["x"], by_name["x"])
    drawn = ds.forecast(model, ds.Box([-1, -1], [1, 1]), trajectories=3, duration=1.0, seed=4)
    assert drawn.sizes["trajectory"] == 3


def test_forecast_is_the_same_in_any_company_and_on_any_number_of_threads(model, truth):
    together = ds.forecast(model, truth, workers=2)
    alone = ds.forecast(model, truth.isel(trajectory=[3]), workers=1)
    np.testing.assert_array_equal(alone["x"][0], together["x"][3])
    assert int(alone["trajectory"][0]) == int(truth["trajectory"][3])


def test_a_forecast_that_leaves_the_training_box_says_so(model):
    forecast = ds.forecast(model, [[1.0, 0.0], [40.0, 0.0]], duration=1.0)
    assert forecast["status"].values.tolist() == [Status.OK, Status.LEFT_DOMAIN]
    assert float(forecast["left_domain_time"][1]) == 0.0
    assert np.isnan(forecast["left_domain_time"][0])


def test_states_ten_widths_beyond_the_training_box_have_diverged(model):
    # x' = v, v' = 0.2 v: the second path is beyond ten widths of x in [-1, 1] from some time on, alone or in company
    away = dataclasses.replace(
        model, low=np.array([-0.05, -0.05]), high=np.array([0.05, 0.05]), linear=np.array([[0, 0.1], [0, 0.02]]),
        coefficients=np.zeros_like(model.coefficients), constant=np.zeros(2), centre=np.zeros(2),
    )  # fmt: skip
    forecast = ds.forecast(away, [[0.0, 0.0], [0.0, 0.05], [np.inf, 0.0]], duration=20.0)
    assert forecast["status"].values.tolist() == [Status.OK, Status.DIVERGED, Status.INVALID_INPUT]
    v = 0.05 * 1.02 ** np.arange(201)  # Euler steps
    x = 0.1 * np.concatenate([[0.0], np.cumsum(v)[:-1]])
    inside = (np.maximum(x, v) <= 0.05 + 10 * 0.1).astype(bool)
    np.testing.assert_allclose(forecast["x"][1], np.where(inside, x, np.nan), rtol=1e-9)
    np.testing.assert_array_equal(ds.forecast(away, [[0.0, 0.05]], duration=20.0)["x"][0], forecast["x"][1])
    turning = dataclasses.replace(away, states=(ds.State("x", "rad"), away.states[1]))  # an angle may turn round
    assert int(ds.forecast(turning, [[0.0, 0.05]], duration=12.0)["status"][0]) == Status.LEFT_DOMAIN
    constant = dataclasses.replace(away, low=np.array([0.0, -9.0]), high=np.array([0.0, 9.0]))  # x has no width
    assert int(ds.forecast(constant, [[0.0, 0.05]], duration=20.0)["status"][0]) == Status.LEFT_DOMAIN


def test_a_bad_start_fails_alone(model):
    forecast = ds.forecast(model, [[1.0, 0.0], [np.nan, 0.0]], duration=1.0)
    assert forecast["status"].values.tolist() == [Status.OK, Status.INVALID_INPUT]
    assert np.isfinite(forecast["x"][0]).all()
    assert np.isnan(forecast["x"][1]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"members": 5}, ValueError, "deterministic"),
        ({"reduce": "member"}, ValueError, "this one has none"),
        ({"dt": 0.25, "duration": 1.0}, ValueError, "multiple"),
        ({"times": [1.0, 2.0]}, ValueError, "first must be 0"),
        ({"duration": 1.0, "times": [0.0, 2.0]}, ValueError, "not both"),
        ({"start": "frist"}, ValueError, "'first', 'last' or a time"),
    ],
)
def test_bad_forecast_arguments(model, truth, arguments, error, message):
    with pytest.raises(error, match=message):
        ds.forecast(model, truth, **arguments)


def test_wrong_things_are_named(model, train, truth):
    with pytest.raises(TypeError, match="load_model"):
        ds.forecast("x.model", truth)
    with pytest.raises(ValueError, match="forecasts x, v, but initial holds v, q"):
        ds.forecast(model, truth.rename(x="q", tendency_of_x="tendency_of_q"))
    with pytest.raises(ValueError, match="did you mean 'flow-map'"):
        ds.fit(train, "flowmap")
    with pytest.raises(TypeError, match="from_arrays"):
        ds.fit(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="rename them"):
        ds.fit(train.rename(x="q", tendency_of_x="tendency_of_q"), system=OSCILLATOR)


def test_times_in_other_units_are_refused(model, truth):
    minutes = truth.assign_coords(time=truth["time"].assign_attrs(units="min"))
    with pytest.raises(ValueError, match="min"):
        ds.forecast(model, minutes)
    with pytest.raises(ValueError, match="min"):
        ds.evaluate(ds.forecast(model, truth), minutes)


def test_forecast_and_truth_start_at_the_same_states(model, truth, caplog):
    forecast = ds.forecast(model, truth)
    other = ds.generate(OSCILLATOR, trajectories=5, seed=3)
    with pytest.raises(ValueError, match="5 of 5 forecasts start at other states than the truth"):
        ds.evaluate(forecast, other, model=model)
    assert "starts" not in ds.evaluate(ds.forecast(model, truth, dtype="float32"), truth).attrs
    assert "start at other states" not in caplog.text
    noisy = ds.generate(OSCILLATOR, trajectories=5, seed=2, noise=0.02)
    scores = ds.evaluate(ds.forecast(model, noisy), truth)
    assert "5 of 5 forecasts start at other states" in scores.attrs["starts"]
    assert "noisy starts only" in caplog.text


def test_a_parameter_that_varies_is_never_mixed_into_one_law():
    sweep = ds.generate(OSCILLATOR, parameters={"k": [1.0, 4.0, 4.0]}, seed=1)
    for estimator in (None, "persistence", ds.FlowMap(width=5), ds.HamiltonianNetwork(width=5)):
        with pytest.raises(ValueError, match="differ in k, but a fit learns one law") as refused:
            ds.fit(sweep, estimator, system=OSCILLATOR)
    advice = str(refused.value).rpartition(": ")[2]
    chosen = eval(advice, {"data": sweep})  # it works as it is typed
    assert chosen["trajectory"].values.tolist() == [1, 2]
    model = ds.fit(chosen, ds.FlowMap(width=0), system=OSCILLATOR)
    assert model.facts.parameters["k"] == 4.0
    frequency = np.angle(np.linalg.eigvals(model.jacobian(np.zeros(2)))).max() / model.dt
    assert frequency == pytest.approx(2.0, rel=1e-6)
    with pytest.raises(ValueError, match="name parameter_k in inputs"):
        ds.fit(sweep, ds.SampledNetwork(inputs=["x"], targets=["v"], width=5))
    assert ds.fit(sweep, ds.SampledNetwork(inputs=["x", "parameter_k"], targets=["v"], width=5)).size == 2


def test_a_perfect_forecast_has_no_error(truth):
    scores = ds.evaluate(truth, truth, system=OSCILLATOR)
    assert float(scores["nrmse"].max()) == 0.0
    assert scores["valid_prediction_time"].values == pytest.approx(6.0)


def test_evaluate_matches_times_and_trajectories(model, truth):
    forecast = ds.forecast(model, truth, duration=3.0, dt=0.5)
    scores = ds.evaluate(forecast, truth)
    assert scores.sizes["lead_time"] == 7
    fewer = ds.evaluate(forecast.isel(trajectory=[1, 3]), truth)
    np.testing.assert_allclose(fewer["nrmse"], scores["nrmse"].isel(trajectory=[1, 3]), rtol=0.5)
    with pytest.raises(ValueError, match="lacks trajectory 4"):
        ds.evaluate(forecast, truth.isel(trajectory=slice(4)))
    with pytest.raises(ValueError, match="not a time of the truth"):
        ds.evaluate(forecast, truth.isel(time=slice(10)))
    with pytest.raises(ValueError, match="did you mean 'nrmse'"):
        ds.evaluate(forecast, truth, metrics=["nrmes"])


def test_run_returns_and_writes_everything(tmp_path):
    result = ds.run(
        "pendulum",
        generate={"trajectories": 6, "duration": 5.0},
        truth={"trajectories": 3},
        out=tmp_path / "pendulum",
        seed=3,
    )
    assert set(result.scores) >= {"nrmse", "energy_error", "energy_drift", "hamiltonian_error"}
    assert float(result.scores["hamiltonian_error"]) < 1e-6
    for name in ("train.nc", "truth.nc", "forecast.nc", "scores.nc", "pendulum.model", "index.html"):
        assert (tmp_path / "pendulum" / name).stat().st_size > 0
    model = ds.load_model(tmp_path / "pendulum" / "pendulum.model")
    again = ds.forecast(model, ds.open_dataset(tmp_path / "pendulum" / "truth.nc"))
    np.testing.assert_array_equal(again["q"], result.forecast["q"])


def test_stochastic_run_forecasts_members():
    result = ds.run("ou", generate={"trajectories": 20}, truth={"trajectories": 4}, forecast={"members": 8})
    assert result.forecast["x" if "x" in result.forecast else "r"].sizes["member"] == 8
    alone = ds.forecast(result.model, result.truth.isel(trajectory=[2]), members=3)
    name = next(str(v) for v in alone.data_vars if "member" in alone[v].dims and v != "status")
    np.testing.assert_array_equal(alone[name][0], result.forecast[name][2, :3])
    assert "crps" in result.scores
    assert ds.forecast(result.model, result.truth.isel(trajectory=[2])).sizes["member"] == 100
    one = ds.forecast(result.model, result.truth, members=1)
    scores = ds.evaluate(one, result.truth)
    assert "at least two members" in json.loads(scores.attrs["skipped"])["crps"]
    with pytest.raises(ValueError, match="at least two members"):
        ds.evaluate(one, result.truth, metrics=["crps"])


QUICK = ds.HamiltonianNetwork(width=40, activation="tanh", scale=0.5, separable=True)


def test_forecasts_have_the_energy_units_of_the_truth(tmp_path):
    truth = ds.generate("pendulum", trajectories=6, duration=1.0, dt=0.1, seed=1)
    model = ds.fit(truth, QUICK)
    ds.save_model(model, tmp_path / "pendulum.model")
    for known in (model, ds.load_model(tmp_path / "pendulum.model")):
        forecast = ds.forecast(known, truth)
        assert forecast["energy"].attrs["units"] == truth["energy"].attrs["units"] == "J"
        assert ds.energy_map(known, points=5)["energy"].attrs["units"] == "J"
    alone = ds.energies(truth.drop_attrs(deep=False).drop_vars("energy"), model=model)
    assert alone["learned_energy"].attrs["units"] == "J"


@pytest.mark.parametrize(
    ("units", "time_unit", "expected"),
    [
        (["m", "kg m s-1"], "s", "J"),
        (["rad", "kg m2 s-1"], "s", "J"),
        (["1", "1"], "1", "1"),
        (["m", "m s-1"], "s", "m s-1 m (s)-1"),
    ],
)
def test_energy_units_without_a_system_are_those_of_p_q_over_t(units, time_unit, expected):
    t = np.linspace(0, 5, 40)
    phase = t + np.array([0.0, 1.0, 2.0])[:, None]
    y = np.stack([np.cos(phase), -np.sin(phase)], axis=-1)
    dy = np.stack([y[..., 1], -y[..., 0]], axis=-1)
    data = ds.from_arrays(y, t, names=["a", "b"], units=units, tendencies=dy, canonical=True, time_unit=time_unit)
    assert ds.forecast(ds.fit(data, QUICK), data)["energy"].attrs["units"] == expected
