"""`dynsamp run` and `dynsamp compare`: folders that hold everything, and short reports."""

import json

import numpy as np
import pytest

import dynsamp
from dynsamp.cli import main

SPRING = """
import dynsamp

def velocity(t, p, theta, dq):
    dq[0] = p[0] / theta[1]

def force(t, q, theta, dp):
    dp[0] = -theta[0] * q[0] - 0.3 * q[0] ** 3

def energy(t, y, theta):
    return 0.5 * (y[1] ** 2 / theta[1] + theta[0] * y[0] ** 2) + 0.075 * y[0] ** 4

duffing = dynsamp.HamiltonianSystem(
    name="duffing", title="Stiffening spring", states=[dynsamp.State("q", "m"), dynsamp.State("p", "kg m s-1")],
    parameters={"k": 1.0, "m": 1.0}, velocity=velocity, force=force, hamiltonian=energy, time_unit="s",
    initial=dynsamp.Box([-1, -1], [1, 1]), duration=2.0, dt=0.1, estimator=dynsamp.HamiltonianNetwork(width=40),
)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "spring.py").write_text(SPRING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_of_a_single_file_leaves_a_folder_and_a_few_lines(place, capsys):
    assert main(["run", "./spring.py", "--trajectories", "4", "--seed", "3"]) == 0
    captured = capsys.readouterr()
    names = {path.name for path in (place / "duffing").iterdir()}
    assert {"train.nc", "truth.nc", "forecast.nc", "scores.nc", "duffing.model", "index.html", "phase.png"} <= names
    assert not [name for name in names if name.startswith(".") or "tmp" in name]
    for word in ("neurons", "fit time", "error of H", "energy drift"):
        assert word in captured.out
    assert len(captured.out.splitlines()) < 20
    assert "duffing/index.html" in captured.err.replace("\\", "/")
    model, truth = dynsamp.load_model("duffing/duffing.model"), dynsamp.open_dataset("duffing/truth.nc")
    assert model.energy(np.array([0.1, 0.2])).shape == ()
    assert int(truth.attrs["seed"]) == 4


def test_run_file_and_options_that_win_over_it(place, capsys):
    (place / "run.toml").write_text(
        'file = "spring.py"\nout = "results"\nseed = 5\n'
        "[generate]\ntrajectories = 3\nparameters = { k = 2.0 }\n[truth]\nduration = 3.0\n"
        '[estimator]\nname = "linear"\n[evaluate]\nmetrics = ["nrmse"]\n'
    )
    assert main(["run", "run.toml", "--seed", "7", "--param", "m=3", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["estimator"] == "linear"
    assert list(document["scores"]) == ["nrmse"]
    train, truth = (dynsamp.open_dataset(place / "results" / f"{name}.nc") for name in ("train", "truth"))
    assert int(train.attrs["seed"]) == 7
    assert json.loads(train.attrs["parameters"]) == {"k": 2.0, "m": 3.0}
    assert float(train["time"][-1]) == pytest.approx(2)
    assert float(truth["time"][-1]) == pytest.approx(3)


def test_forecast_duration_lengthens_truth_and_forecast_alone(place):
    options = ["--trajectories", "3", "--estimator", "linear", "--forecast-duration", "4", "-q", "--out", "long"]
    assert main(["run", "./spring.py", *options]) == 0
    ends = {name: float(dynsamp.open_dataset(f"long/{name}.nc")["time"][-1]) for name in ("train", "truth", "forecast")}
    assert ends == pytest.approx({"train": 2, "truth": 4, "forecast": 4})


def test_run_refuses_a_file_as_its_folder(place, capsys):
    assert main(["run", "./spring.py", "--out", "spring.py"]) == 1
    assert "is a file" in capsys.readouterr().err


def test_compare_writes_a_picture_and_says_what_it_means(place, capsys):
    assert main(["compare", "./spring.py", "--budget", "0.3", "--trajectories", "4", "--out", "both"]) == 0
    captured = capsys.readouterr()
    for word in ("neurons", "fit time", "energy used", "error of H", "iteratively trained", "Sampling took"):
        assert word in captured.out
    assert {path.name for path in (place / "both").iterdir()} == {
        "energy_error.png", "sampled.model", "trained.model", "comparison.json",
    }  # fmt: skip
    numbers = json.loads((place / "both" / "comparison.json").read_text())
    assert numbers["training"]["loss"] < numbers["training"]["first_loss"]
    assert numbers["sampled"]["error"] < numbers["trained"]["error"]
    trained = dynsamp.load_model("both/trained.model")
    assert isinstance(trained, type(dynsamp.load_model("both/sampled.model")))
