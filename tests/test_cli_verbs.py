"""The verbs on files, in one process: what they write, what they print, what they refuse."""

import json

import numpy as np
import pytest

import dynsamp
from dynsamp.cli import main

SMALL = ["--trajectories", "3", "--duration", "1", "--dt", "0.1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """train.nc, truth.nc, pendulum.model, forecast.nc and scores.nc, each made by its command."""
    place = tmp_path_factory.mktemp("verbs")
    quietly = ["-q", "--out"]
    assert main(["generate", "pendulum", *SMALL, *quietly, str(place / "train.nc")]) == 0
    assert main(["generate", "pendulum", *SMALL, "--seed", "1", *quietly, str(place / "truth.nc")]) == 0
    knobs = ["--knob", "width=20", "--knob", "activation=tanh", "--knob", "scale=1"]
    assert main(["fit", str(place / "train.nc"), "--system", "pendulum", *knobs, *quietly, str(place / "p.model")]) == 0
    start = [str(place / "p.model"), str(place / "truth.nc"), "--start", "first"]
    assert main(["forecast", *start, *quietly, str(place / "forecast.nc")]) == 0
    both = [str(place / "forecast.nc"), str(place / "truth.nc"), "--model", str(place / "p.model")]
    assert main(["evaluate", *both, *quietly, str(place / "scores.nc")]) == 0
    return place


@pytest.fixture
def csv(tmp_path):
    """Looks measured: damped oscillation, noise, a header, a column of remarks."""
    rng = np.random.default_rng(0)
    t = np.arange(300) * 0.1
    rows = [
        f"{a:.1f},{b:.4f},{c:.4f},ok"
        for a, b, c in zip(
            t,
            np.exp(-0.02 * t) * np.cos(t) + 0.01 * rng.normal(size=t.size),
            -np.exp(-0.02 * t) * np.sin(t) + 0.01 * rng.normal(size=t.size),
            strict=True,
        )
    ]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["time,position,speed,remark", *rows]))
    return path


def test_forecast_from_the_first_states_has_the_times_of_the_truth(folder):
    forecast, truth = (dynsamp.open_dataset(folder / f"{name}.nc") for name in ("forecast", "truth"))
    np.testing.assert_allclose(forecast["time"], truth["time"])
    np.testing.assert_allclose(forecast["q"].isel(time=0), truth["q"].isel(time=0))


def test_generate_is_the_verb_of_the_package(folder):
    expected = dynsamp.generate("pendulum", trajectories=3, duration=1, dt=0.1, seed=1)
    found = dynsamp.open_dataset(folder / "truth.nc")
    np.testing.assert_array_equal(found["q"], expected["q"])
    np.testing.assert_array_equal(found["tendency_of_p"], expected["tendency_of_p"])


def test_parameters_of_the_command_line_can_sweep(tmp_path):
    out = tmp_path / "sweep.nc"
    assert main(["generate", "pendulum", *SMALL[2:], "--param", "length=1,2", "-q", "--out", str(out)]) == 0
    assert dynsamp.open_dataset(out)["parameter_length"].values.tolist() == [1, 2]


def test_evaluate_prints_a_table_or_json(folder, capsys):
    both = ["evaluate", str(folder / "forecast.nc"), str(folder / "truth.nc"), "--model", str(folder / "p.model")]
    assert main(both) == 0
    assert "hamiltonian_error" in capsys.readouterr().out
    assert main([*both, "--json", "--metrics", "energy_drift"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["scores"]) == ["energy_drift"]
    assert document["scores"]["energy_drift"]["count"] == 3


def test_unknown_metric_suggests_the_nearest(folder, capsys):
    both = [str(folder / "forecast.nc"), str(folder / "truth.nc")]
    assert main(["evaluate", *both, "--metrics", "energy_drfit"]) == 2
    assert "did you mean 'energy_drift'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "options"), [("forecast.nc", []), ("scores.nc", []), ("forecast.nc", ["--kind", "time_series"])]
)
def test_plot_writes_a_picture(folder, tmp_path, name, options):
    out = tmp_path / "picture.png"
    assert main(["plot", str(folder / name), *options, "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_plot_refuses_what_the_file_cannot_show(folder, capsys, tmp_path):
    assert main(["plot", str(folder / "forecast.nc"), "--kind", "energy_error"]) == 2
    assert "holds trajectories; choose from phase, time_series, fan" in capsys.readouterr().err
    assert main(["plot", str(folder / "forecast.nc"), "--out", str(tmp_path / "a.docx")]) == 2
    assert ".png" in capsys.readouterr().err


def test_measured_csv_is_fitted_and_goes_on_where_it_ends(csv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "data.csv"]) == 0
    captured = capsys.readouterr()
    assert "position, speed" in captured.out
    assert "next: dynsamp forecast data.model data.csv" in captured.err
    assert main(["forecast", "data.model", "data.csv"]) == 0
    assert "1 forecast of 60 steps" in capsys.readouterr().out  # a fifth of 299
    forecast, data = dynsamp.open_dataset("forecast.nc"), dynsamp.from_csv("data.csv")
    assert float(forecast["time"][0]) == pytest.approx(29.9)
    assert float(forecast["time"][-1]) == pytest.approx(35.9)
    assert float(forecast["position"][0, 0]) == float(data["position"][0, -1])
    t = forecast["time"].values
    exact = np.exp(-0.02 * t) * np.cos(t)
    assert np.sqrt(np.mean((forecast["position"].values[0] - exact) ** 2)) < 0.3 * np.std(exact)


def test_forecast_without_data_starts_where_they_ended(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "data.csv", "-q", "--estimator", "linear"]) == 0
    assert main(["forecast", "data.model", "data.csv", "-q", "--out", "with.nc"]) == 0
    assert main(["forecast", "data.model", "-q", "--out", "without.nc"]) == 0
    given, kept = dynsamp.open_dataset("with.nc"), dynsamp.open_dataset("without.nc")
    for name in ("time", "position", "speed"):
        np.testing.assert_array_equal(given[name], kept[name])


def test_steps_and_start(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "data.csv", "-q", "--estimator", "linear", "--states", "position,speed"]) == 0
    assert main(["forecast", "data.model", "data.csv", "-q", "--start", "10", "--steps", "7"]) == 0
    forecast = dynsamp.open_dataset("forecast.nc")
    assert forecast.sizes["time"] == 8
    assert float(forecast["time"][0]) == pytest.approx(10)


def test_forecast_reads_the_next_csv_as_the_first_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{run},{0.5 * k},{np.cos(k) + run}" for run in (1, 2) for k in range(20)]
    (tmp_path / "runs.csv").write_text("\n".join(["run,when,x", *rows]))
    columns = ["--time", "when", "--trajectory", "run", "--time-unit", "s"]
    assert main(["fit", "runs.csv", "-q", "--estimator", "linear", *columns]) == 0
    assert main(["forecast", "runs.model", "runs.csv", "-q", "--steps", "3"]) == 0
    forecast = dynsamp.open_dataset("forecast.nc")
    assert forecast.sizes["trajectory"] == 2
    assert forecast["time"].attrs["units"] == "s"


def test_model_that_does_not_know_where_its_data_end_asks_for_data(tmp_path, capsys):
    data = dynsamp.generate("pendulum", trajectories=2, duration=1, dt=0.1)
    path = tmp_path / "bare.model"
    dynsamp.save_model(dynsamp.fit(data, "linear"), path)
    assert main(["forecast", str(path)]) == 2
    assert "give DATA to start from" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["not ours", "truncated", "newer"])
def test_model_files_that_cannot_be_used(folder, tmp_path, capsys, kind):
    path = tmp_path / "bad.model"
    good = (folder / "p.model").read_bytes()
    if kind == "not ours":
        path.write_text("hello, this is no model at all\n" * 10)
    elif kind == "truncated":
        path.write_bytes(good[:-40])
    else:
        path.write_bytes(good.replace(b'\\"format_version\\": 1', b'\\"format_version\\": 9'))
        assert path.read_bytes() != good
    assert main(["forecast", str(path), str(folder / "truth.nc")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "bad.model" in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    if kind == "newer":
        assert "newer" in captured.err


@pytest.mark.parametrize("kind", ["not ours", "truncated"])
def test_datasets_that_cannot_be_used(folder, tmp_path, capsys, kind):
    path = tmp_path / "bad.nc"
    path.write_bytes(b"no data here" * 50 if kind == "not ours" else (folder / "truth.nc").read_bytes()[:2000])
    assert main(["fit", str(path), "-q"]) == 1
    captured = capsys.readouterr()
    assert "bad.nc" in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not path.with_suffix(".model").exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [(["generate", "pendulum", *SMALL], "x.nc"), (["fit", "TRAIN", "--estimator", "linear"], "x.model")],
)
def test_full_disk_leaves_nothing_behind(folder, tmp_path, capsys, monkeypatch, command, name):
    import os

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    command = [str(folder / "train.nc") if word == "TRAIN" else word for word in command]
    monkeypatch.setattr(os, "replace", full)
    assert main([*command, "--out", str(tmp_path / name)]) == 1
    assert "no space left on device" in capsys.readouterr().err.lower()
    assert list(tmp_path.iterdir()) == []


def test_no_permission_says_where(folder, tmp_path, capsys, monkeypatch):
    import os

    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    assert main(["generate", "pendulum", *SMALL, "--out", str(tmp_path / "x.nc")]) == 1
    assert "permission denied" in capsys.readouterr().err.lower()


def test_folder_that_is_not_there(capsys, tmp_path):
    assert main(["generate", "pendulum", *SMALL, "--out", str(tmp_path / "no" / "x.nc")]) == 1
    assert "no such file" in capsys.readouterr().err.lower()


def test_forecast_reduced_over_trajectories(folder, tmp_path, capsys):
    start = [str(folder / "p.model"), str(folder / "truth.nc"), "--start", "first", "-q"]
    out = tmp_path / "mean.nc"
    assert main(["forecast", *start, "--reduce", "trajectory", "--out", str(out)]) == 0
    found, states = dynsamp.open_dataset(out), dynsamp.open_dataset(folder / "forecast.nc")
    np.testing.assert_allclose(found["q_mean"], states["q"].mean("trajectory"), rtol=1e-12)
    assert "3 forecasts" in capsys.readouterr().out


def test_lyapunov_prints_a_table_and_json(tmp_path, capsys):
    options = ["--trajectories", "4", "--duration", "20", "--dt", "0.2", "--method", "rk4", "--step", "0.01"]
    assert main(["lyapunov", "lorenz63", *options, "--out", str(tmp_path / "spectrum.nc")]) == 0
    assert "standard error" in capsys.readouterr().out
    assert dynsamp.open_dataset(tmp_path / "spectrum.nc").sizes["exponent"] == 3
    assert main(["lyapunov", "lorenz63", *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["mean_divergence"] == pytest.approx(-41 / 3)
    assert sum(document["exponents"]) == pytest.approx(-41 / 3, rel=1e-3)


def test_lyapunov_of_a_model_needs_data(folder, capsys):
    assert main(["lyapunov", str(folder / "p.model")]) == 2
    assert "needs DATA" in capsys.readouterr().err
