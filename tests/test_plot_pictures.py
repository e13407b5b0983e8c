"""Pictures: what is drawn is what the Dataset holds, under its name and units."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from dynsamp import dataset, plot
from dynsamp.words import State

TIMES = np.linspace(0.0, 10.0, 201)
OSCILLATOR = (
    State("q", "rad", "angle from rest", conjugate="p", period=2 * np.pi),
    State("p", "kg m2 s-1", "angular momentum"),
)


def oscillations(amplitudes, **options):
    """Exact trajectories of H = (q^2 + p^2) / 2."""
    size = np.asarray(amplitudes)[:, None]
    y = np.stack([size * np.cos(TIMES), -size * np.sin(TIMES)], axis=-1)
    return dataset.build(t=TIMES, y=y, states=OSCILLATOR, time_unit="s", **options)


@pytest.fixture
def truth():
    return oscillations([0.5, 1.0, 1.5])


@pytest.fixture
def forecast():
    return oscillations([0.5, 1.0, 1.4], lead=True)


@pytest.fixture
def ensemble():
    y = np.random.default_rng(1).normal(size=(2, 50, TIMES.size, 1)).cumsum(axis=2)
    return dataset.build(t=TIMES, y=y, states=[State("x", "kg", "mass")], time_unit="d", lead=True)


def growing(factor=1.0, *, count=5):
    """Scores whose medians are known: trajectory k has k times the error of the first."""
    error = np.arange(1.0, count + 1)[:, None, None] * 1e-9 * np.exp(TIMES) * factor
    lead = {"units": "s", "long_name": "lead time"}
    return xr.Dataset(
        {
            "energy_error": (
                ("trajectory", "member", "lead_time"),
                error,
                {"units": "1", "long_name": "relative energy error"},
            ),
            "truth_energy_error": (("trajectory", "lead_time"), error[:, 0] * 1e-3, {"units": "1"}),
            "nrmse": (("trajectory", "member", "lead_time"), error, {"units": "1", "long_name": "NRMSE"}),
            "valid_prediction_time": (
                ("trajectory", "member"),
                np.arange(1.0, count + 1)[:, None],
                {"units": "s", "long_name": "valid prediction time", "threshold": 0.4, "censored": 0},
            ),
            "hamiltonian_error": ((), 2.5e-13, {"units": "1", "long_name": "error of H"}),
        },
        {"lead_time": ("lead_time", TIMES, lead)},
    )


def line(ax, label):
    (found,) = [each for each in ax.lines if each.get_label() == label]
    return found


def test_phase_draws_coordinates_against_momenta_with_units(forecast, truth):
    ax = plot.phase(forecast, truth)
    assert ax.get_xlabel() == "angle from rest [rad]"
    assert ax.get_ylabel().replace("\N{NO-BREAK SPACE}", " ") == "angular momentum [kg m² s⁻¹]"
    radii = [np.hypot(*each.get_data()) for each in ax.lines]
    assert len(radii) == 6
    for radius, amplitude in zip(radii, [0.5, 1.0, 1.5, 0.5, 1.0, 1.4], strict=True):
        np.testing.assert_allclose(radius, amplitude)


def test_phase_draws_a_few_trajectories_or_those_named(truth):
    many = oscillations(np.linspace(0.1, 1, 40))
    assert len(plot.phase(many).lines) == 6
    (only,) = plot.phase(truth, trajectories=[2]).lines
    np.testing.assert_allclose(np.hypot(*only.get_data()), 1.5)


def test_phase_finds_the_truth_by_id(forecast, truth):
    ax = plot.phase(forecast.isel(trajectory=[2]), truth)
    np.testing.assert_allclose(np.hypot(*ax.lines[0].get_data()), 1.5)
    with pytest.raises(ValueError, match="the truth has no trajectory 2; it has 0, 1"):
        plot.phase(forecast, truth.isel(trajectory=[0, 1]))


def test_angles_are_wrapped_without_a_line_across(truth):
    rotation = truth.isel(trajectory=[0]).copy(deep=True)
    rotation["q"].values[:] = 3.0 * TIMES  # several turns
    x, y = plot.phase(rotation).lines[0].get_data()
    assert np.nanmax(np.abs(x)) <= np.pi
    assert np.nanmax(np.abs(np.diff(x))) < 1
    assert np.isnan(x).sum() == np.floor((30 + np.pi) / (2 * np.pi))
    np.testing.assert_array_equal(np.isnan(x), np.isnan(y))


def test_without_conjugates_the_first_and_last_state_are_drawn():
    y = np.zeros((1, 5, 3))
    data = dataset.build(t=np.arange(5.0), y=y, states=[State(name) for name in "xyz"])
    ax = plot.phase(data)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "z")
    assert plot.phase(data, y="y").get_ylabel() == "y"


def test_an_element_of_a_field_is_named_by_its_index():
    y = np.random.default_rng(0).normal(size=(1, 9, 4))
    data = dataset.build(t=np.arange(9.0), y=y, states=[State("x", "K", "temperature", dims={"site": 4})])
    ax = plot.phase(data, x="x[1]", y="x[3]")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), y[0, :, 1])
    assert ax.get_ylabel() == "temperature [3] [K]"


def test_unknown_names_are_answered_with_what_there_is(forecast, ensemble):
    with pytest.raises(ValueError, match="no state variable 'velocity'; there are: q, p"):
        plot.phase(forecast, x="velocity")
    with pytest.raises(ValueError, match=r"needs two state variables, but there is only 'x'; try time_series"):
        plot.phase(ensemble)
    with pytest.raises(ValueError, match=r"no score 'energy_error'; there are: nrmse; evaluate\(\.\.\., metrics="):
        plot.energy_error(growing()[["nrmse"]])
    with pytest.raises(ValueError, match="no trajectory 7; there are 3"):
        plot.time_series(forecast, trajectory=7)
    with pytest.raises(ValueError, match="does not change with lead time"):
        plot.nrmse(growing().drop_vars("nrmse").rename(valid_prediction_time="nrmse"))


def test_time_series_has_a_panel_a_state_and_the_truth_beneath(forecast, truth):
    figure = plot.time_series(forecast, truth, trajectory=2)
    upper, lower = figure.axes
    np.testing.assert_allclose(line(upper, "truth").get_ydata(), 1.5 * np.cos(TIMES))
    np.testing.assert_allclose(line(lower, "forecast").get_ydata(), -1.4 * np.sin(TIMES))
    assert line(upper, "truth").zorder <= line(upper, "forecast").zorder
    assert lower.get_xlabel() == "time [s]"


def test_a_forecast_continues_its_history_on_one_axis(truth):
    future = truth.isel(trajectory=[0]).copy()
    future = future.assign_coords(time=("time", TIMES + 10.0, {"units": "s"}))
    ax = plot.time_series(future, truth, names=["q"]).axes[0]
    assert line(ax, "past").get_xdata()[-1] == line(ax, "data").get_xdata()[0] == 10.0


def test_dates_are_drawn_as_dates():
    days = np.datetime64("2024-01-01", "ns") + np.arange(5) * np.timedelta64(1, "D")
    data = dataset.build(t=days, y=np.ones((1, 5, 1)), states=[State("x")], time_unit="d")
    ax = plot.time_series(data).axes[0]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), days)


def test_energy_error_shows_medians_beside_the_truth():
    ax = plot.energy_error({"sampled": growing(), "trained": growing(1e3)})
    assert ax.get_yscale() == "log"
    np.testing.assert_allclose(line(ax, "sampled").get_ydata(), 3e-9 * np.exp(TIMES))
    np.testing.assert_allclose(line(ax, "trained").get_ydata(), 3e-6 * np.exp(TIMES))
    np.testing.assert_allclose(line(ax, "truth").get_ydata(), 3e-12 * np.exp(TIMES))
    assert len({line(ax, label).get_color() for label in ("sampled", "trained", "truth")}) == 3
    assert ax.get_xlabel() == "lead time [s]"


def test_failures_count_as_the_largest_error_and_missing_truth_not_at_all():
    scores = growing(count=5)
    scores["nrmse"].values[:3, :, 100:] = np.inf  # most have failed: so has the median
    median = line(plot.nrmse(scores), "forecast").get_ydata()
    assert np.isfinite(median[:100]).all()
    assert not np.isfinite(median[100:]).any()
    scores = growing(count=5)
    scores["nrmse"].values[3:] = np.nan
    np.testing.assert_allclose(line(plot.nrmse(scores), "forecast").get_ydata(), 2e-9 * np.exp(TIMES))


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_quantiles_agree_with_numpy(level):
    values = np.random.default_rng(3).normal(size=(17, 4))
    values[:5, 1] = np.nan
    result = plot.extracts.quantiles(values, [level])
    np.testing.assert_allclose(result[0], np.nanquantile(values, level, axis=0), rtol=1e-14)


def test_valid_prediction_time_falls_where_forecasts_end():
    ax = plot.valid_prediction_time(growing(count=4))
    curve = ax.lines[0]
    np.testing.assert_allclose(curve.get_xdata(), [0, 1, 2, 3, 4])
    np.testing.assert_allclose(curve.get_ydata(), [1, 0.75, 0.5, 0.25, 0])
    assert line(ax, "median 2.5").get_xdata()[0] == 2.5


def test_a_forecast_that_outlives_the_truth_does_not_fall():
    scores = growing(count=4)
    scores["valid_prediction_time"].values[:] = [[1.0], [9.0], [9.0], [9.0]]
    scores["valid_prediction_time"].attrs["censored"] = 3  # as files say that do not flag each
    ax = plot.valid_prediction_time(scores)
    assert ax.lines[0].get_ydata()[-1] == 0.75
    line(ax, "median at least 9")


def test_censored_times_are_marked_on_the_curve():
    scores = growing(count=4)
    scores["valid_prediction_time"].values[:] = [[1.0], [2.0], [3.0], [9.0]]
    scores["valid_prediction_time_censored"] = (("trajectory", "member"), [[0], [1], [0], [1]], {"role": "flag"})
    ax = plot.valid_prediction_time(scores)
    # 1/4 ends at 1, half of the two that are left at 3
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [0, 1, 3, 9])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1, 0.75, 0.375, 0.375])
    (crosses,) = [each for each in ax.lines if each.get_marker() == "+"]
    np.testing.assert_allclose(crosses.get_xydata(), [[2, 0.75], [9, 0.375]])
    line(ax, "median 3")


def test_fan_bands_are_quantiles_over_members(ensemble):
    truth = ensemble.isel(member=0, drop=True)
    ax = plot.fan(ensemble, truth, trajectory=1)
    members = ensemble["x"].values[1]
    np.testing.assert_allclose(line(ax, "median of 50 members").get_ydata(), np.median(members, axis=0))
    top = ax.collections[0].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(np.quantile(members, 0.95, axis=0).max())
    assert ax.get_ylabel() == "mass [kg]"
    with pytest.raises(ValueError, match="needs members"):
        plot.fan(truth)


def test_the_overview_draws_every_score_once():
    figure = plot.scores(growing())
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert len(labels) == 3  # the truth's error is beside the forecast's, the number above
    assert "error of H: 2.5e-13" in figure.get_suptitle()
    with pytest.raises(ValueError, match="no scores"):
        plot.scores(xr.Dataset())
    only = plot.scores(growing()[["hamiltonian_error"]])
    assert only.get_suptitle()


def test_dollars_are_money_not_formulas(tmp_path):
    data = dataset.build(t=TIMES, y=np.ones((1, TIMES.size, 1)), states=[State("x", "$", "cost of a $\\frac{ call")])
    plot.time_series(data).savefig(tmp_path / "cost.png")  # as a formula this would not parse


def test_given_axes_are_drawn_into(forecast, truth):
    ax = Figure().subplots()
    assert plot.phase(forecast, truth, ax=ax) is ax
    assert plot.time_series(forecast, names=["q"], ax=ax) is ax.figure
    with pytest.raises(ValueError, match="1 axes for 2 panels"):
        plot.time_series(forecast, ax=ax)


@pytest.mark.parametrize("broken", ["one time", "failed", "all failed"])
def test_odd_data_do_not_break_a_picture(forecast, truth, ensemble, broken, tmp_path):
    def spoil(data):
        data = data.copy(deep=True)
        if broken == "one time":
            return data.isel(time=[0])
        for name in dataset.component_names(dataset.state_list(data)):
            data[name].values[: 1 if broken == "failed" else None, ..., 3:] = np.nan
        return data

    scores = growing(count=3)
    if broken == "one time":
        scores = scores.isel(lead_time=[0])
    if broken == "all failed":
        scores["energy_error"].values[:] = np.inf
        scores["nrmse"].values[:] = np.nan
        scores["valid_prediction_time"].values[:] = np.nan
    run = SimpleNamespace(forecast=spoil(forecast), truth=truth, scores=scores)
    stochastic = ensemble.isel(member=0, drop=True)
    spread = SimpleNamespace(forecast=spoil(ensemble), truth=stochastic, scores=growing(count=2)[["nrmse"]])
    pictures = {**plot.figures(run), **plot.figures(spread), "scores": plot.scores(scores)}
    assert {"phase", "fan", "energy_error"} <= set(pictures)
    assert all(path.stat().st_size > 1000 for path in plot.save_figures(pictures, tmp_path))


def test_what_suits_a_run(forecast, truth, ensemble):
    conservative = SimpleNamespace(forecast=forecast, truth=truth, scores=growing())
    assert list(plot.figures(conservative)) == ["phase", "time_series", "energy_error", "valid_prediction_time"]
    ranked = growing(count=2)[["nrmse"]].rename(nrmse="crps")
    spread = SimpleNamespace(forecast=ensemble, truth=ensemble.isel(member=0, drop=True), scores=ranked)
    assert list(plot.figures(spread)) == ["fan", "time_series", "crps"]


def test_saved_pictures_are_the_same_bytes_and_nothing_else_is_left(forecast, truth, tmp_path):
    run = SimpleNamespace(forecast=forecast, truth=truth, scores=growing())
    first, second = tmp_path / "a", tmp_path / "b"
    plot.save_figures(plot.figures(run), first)
    plot.save_figures(plot.figures(run), second)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["energy_error.png", "phase.png", "time_series.png", "valid_prediction_time.png"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_no_window_system_is_asked_and_pyplot_keeps_no_figure(forecast, truth):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    plot.phase(forecast, truth)
    plot.time_series(forecast)
    assert pyplot.get_fignums() == []


def test_an_interactive_backend_gets_its_figure(forecast, monkeypatch):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    monkeypatch.setattr(plot.canvas.matplotlib, "get_backend", lambda: "QtAgg")
    try:
        plot.phase(forecast)
        assert len(pyplot.get_fignums()) == 1
        monkeypatch.setattr(plot.canvas.matplotlib, "get_backend", lambda: "inline")
        assert isinstance(plot.time_series(forecast), Figure)  # the value of its cell, not shown by pyplot as well
        assert len(pyplot.get_fignums()) == 1
    finally:
        pyplot.close("all")
