"""Run files: what they mean, and everything that is wrong with one at once."""

import dataclasses
from pathlib import Path

import pytest

import dynsamp
from dynsamp.runfile import RunFileError, configured, read_run_file
from dynsamp.words import Box


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path):
    with pytest.raises(RunFileError) as caught:
        read_run_file(path)
    assert str(path) in str(caught.value)
    return caught.value.problems


def test_everything_that_a_run_file_can_say(write, tmp_path):
    plan = read_run_file(
        write(
            """
            system = "pendulum"
            seed = 3
            out = "results"
            [generate]
            trajectories = 8
            duration = 2
            parameters = { length = 2.0, mass = [1.0, 2.0] }
            initial = { low = [-1, -1], high = [1, 1] }
            noise = { q = 0.1 }
            [truth]
            duration = 4.0
            [estimator]
            name = "hamiltonian"
            width = 50
            [forecast]
            method = "verlet"
            step = 0.01
            [evaluate]
            metrics = ["energy_error"]
            """
        )
    )
    assert plan.system is dynsamp.system("pendulum")
    assert (plan.seed, plan.out) == (3, tmp_path / "results")
    assert plan.generate == {
        "trajectories": 8,
        "duration": 2,
        "parameters": {"length": 2.0, "mass": [1.0, 2.0]},
        "initial": Box([-1, -1], [1, 1]),
        "noise": {"q": 0.1},
    }
    assert plan.truth == {"duration": 4.0}
    assert plan.estimator == dynsamp.HamiltonianNetwork(width=50)
    assert plan.forecast == {"method": "verlet", "step": 0.01}
    assert plan.evaluate == {"metrics": ["energy_error"]}


def test_a_system_is_enough(write):
    plan = read_run_file(write('system = "ou"'))
    assert plan.estimator is None
    assert plan.out is None
    assert plan.generate == plan.truth == plan.forecast == {}


def test_knobs_without_a_name_are_those_of_the_systems_estimator(write):
    plan = read_run_file(write('system = "pendulum"\n[estimator]\nwidth = 30'))
    assert plan.estimator == dataclasses.replace(dynsamp.system("pendulum").estimator, width=30)


def test_system_in_a_file_beside_the_run_file(write, tmp_path):
    (tmp_path / "decay.py").write_text(
        "import dynsamp\n"
        "def rhs(t, y, theta, dy):\n    dy[0] = -y[0]\n"
        "decay = dynsamp.ODESystem(name='decay', states=[dynsamp.State('x')], rhs=rhs)\n"
    )
    assert read_run_file(write('file = "decay.py"')).system.name == "decay"


def test_all_problems_are_reported_at_once_with_suggestions(write):
    found = problems(
        write(
            """
            system = "pendulum"
            sede = 1
            [generate]
            trajectorys = 8
            duration = -1
            parameters = { lenght = 2.0 }
            [truth]
            times = [0.0, 1.0]
            dt = 0.1
            [estimator]
            name = "hamiltonian"
            widht = 50
            [forecast]
            members = "many"
            [evaluate]
            metrics = ["energy_eror"]
            """
        )
    )
    text = "\n".join(found)
    assert len(found) == 8
    for part in (
        "sede is unknown; did you mean 'seed'?",
        "generate.trajectorys is unknown; did you mean 'trajectories'?",
        "generate.duration must be a positive number, got -1",
        "generate.parameters.lenght is unknown; did you mean 'length'?",
        "truth has times as well as duration or dt",
        "estimator 'hamiltonian' has no knob 'widht'; did you mean 'width'?",
        "forecast.members must be a positive whole number, got 'many'",
        "evaluate.metrics: 'energy_eror' is unknown; did you mean 'energy_error'?",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "give either system"),
        ('system = "pendulum"\nfile = "x.py"', "give either system"),
        ('system = "pendlum"', "pendulum"),
        ('file = "missing.py"', "missing.py"),
        ("system = 3", "system must be text, got 3"),
        ('system = "pendulum"\ngenerate = 3', "generate must be a table"),
        ('system = "pendulum"\nestimator = 3', "estimator must be a name or a table"),
        ('system = "pendulum"\nestimator = "hamiltonain"', "did you mean 'hamiltonian'?"),
        ('system = "pendulum"\n[estimator]\nactivation = "cosine"', "activation"),
        ('system = "pendulum"\n[generate]\ntrajectories = true', "positive whole number"),
        ('system = "pendulum"\n[generate]\ninitial = { qq = 1.0, p = 0.0 }', "generate.initial.qq is unknown"),
    ],
)
def test_each_problem_says_what_to_do(write, text, expected):
    assert any(expected in problem for problem in problems(write(text)))


@pytest.mark.parametrize("content", [b"system = ", b"\xff\xfe", b"system = 'a'\nsystem = 'b'"])
def test_broken_toml(tmp_path, content):
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    assert "not a TOML file" in problems(path)[0]


def test_missing_file_is_the_usual_error():
    with pytest.raises(FileNotFoundError):
        read_run_file(Path("no-such-file.toml"))


def test_run_files_are_frozen(write):
    plan = read_run_file(write('system = "pendulum"'))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.seed = 1


def test_configured_lists_every_unknown_knob():
    with pytest.raises(ValueError, match=r"'widht'.*'width'.*'sclae'.*'scale'"):
        configured("flow-map", {"widht": 1, "sclae": 2})


def test_configured_keeps_the_other_knobs():
    start = dynsamp.HamiltonianNetwork(separable=True, width=10)
    assert configured(start, {"width": 20}) == dynsamp.HamiltonianNetwork(separable=True, width=20)
