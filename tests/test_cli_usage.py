"""Names and options that make no sense: exit code 2 and one sentence that says what to try."""

import json

import pytest

from dynsamp.cli import main

SPRING = """
import dynsamp
def rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]
spring = dynsamp.ODESystem(
    name="spring", title="Mass on a spring", states=[dynsamp.State("q", "m"), dynsamp.State("v", "m s-1")],
    parameters={"k": dynsamp.Parameter(1.0, "s-2", "stiffness")}, rhs=rhs, time_unit="s",
)
"""


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def fails(capsys, *arguments, code=2):
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["rnu"], "did you mean 'run'?"),
        ([], "required"),
        (["info", "pendlum"], "did you mean 'pendulum'?"),
        (["run", "henon_heils"], "did you mean 'henon_heiles'?"),
        (["run", "./missing.py"], "there is no file ./missing.py"),
        (["run", "missing.toml"], "there is no file missing.toml"),
        (["generate", "pendulum", "--param", "lenght=2"], "did you mean 'length'?"),
        (["generate", "pendulum", "--param", "length"], "expected NAME=VALUE"),
        (["generate", "pendulum", "--duration", "1", "--dt", "0.3"], "duration=0.9 or duration=1.2"),
        (["generate", "pendulum", "--duration", "-1"], "expected a positive number, got -1"),
        (["generate", "pendulum", "--duration", "nan"], "finite"),
        (["generate", "pendulum", "--trajectories", "2.5"], "whole number"),
        (["generate", "pendulum", "--trajectories", "0"], "positive whole number"),
        (["generate", "pendulum", "--seed", "-1"], "not negative"),
        (["fit", "missing.csv"], "there is no file missing.csv"),
        (["forecast", "missing.model"], "there is no file missing.model"),
        (["forecast", "m", "--steps", "3", "--duration", "2"], "contradict"),
        (["forecast", "m", "--start", "middle"], "expected first, last or a time"),
        (["plugins", "new", "Spring"], "lower-case"),
        (["compare", "ou"], "has noise"),
        (["compare", "pendulum", "--budget", "0"], "positive"),
        (["plot", "missing.nc"], "there is no file"),
    ],
)
def test_wrong_usage(capsys, arguments, expected):
    assert expected in fails(capsys, *arguments)


def test_misspelt_file_suggests_the_nearest_one(capsys, tmp_path):
    (tmp_path / "data.csv").write_text("t,x\n0,1\n")
    assert "did you mean data.csv?" in fails(capsys, "fit", "daat.csv")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--estimator", "flow-mpa"], "did you mean 'flow-map'?"),
        (["--estimator", "flow-map", "--knob", "widht=3"], "did you mean 'width'?"),
        (["--estimator", "flow-map", "--knob", "activation=cosine"], "activation"),
        (["--knob", "width=3"], "--knob needs --estimator"),
    ],
)
def test_wrong_estimator(capsys, tmp_path, options, expected):
    (tmp_path / "data.csv").write_text("t,x\n0,1\n1,2\n2,3\n")
    assert expected in fails(capsys, "fit", "data.csv", *options)


def test_run_file_with_problems_lists_them_all(capsys, tmp_path):
    (tmp_path / "run.toml").write_text('system = "pendlum"\nsede = 1\n')
    message = fails(capsys, "run", "run.toml")
    assert "2 problems" in message
    assert "did you mean 'seed'?" in message
    assert "did you mean 'pendulum'?" in message


def test_file_that_raises_is_failed_work_and_names_the_line(capsys, tmp_path):
    (tmp_path / "bad.py").write_text("x = 1\nraise KeyError('no')\n")
    message = fails(capsys, "info", "./bad.py", code=1)
    assert "line 2" in message
    assert len(message.strip().splitlines()) == 1


def test_a_function_that_slips_is_no_surprise(capsys, tmp_path):
    lines = (
        "import dynsamp as ds",
        "def f(t, y, theta, dy): return [-y[0]]",
        "s = ds.ODESystem(name='slip', title='s', states=[ds.State('a')], rhs=f, initial=ds.Box([0.0], [1.0]),"
        " duration=1.0, dt=0.1)",
    )
    (tmp_path / "slip.py").write_text("\n".join(lines))
    message = fails(capsys, "generate", "./slip.py", "--out", "x.nc", code=1)
    assert "writes nothing into dy" in message
    assert "unexpected" not in message


def test_one_line_without_a_traceback_and_a_traceback_with_v(capsys, tmp_path):
    (tmp_path / "data.csv").write_text("t,x\n0,1\n1,\n2,3\n")
    message = fails(capsys, "fit", "data.csv", code=1)
    assert message.startswith("dynsamp: error: ")
    assert len(message.strip().splitlines()) == 1
    assert "line 3, column 'x'" in message
    assert main(["fit", "data.csv", "-v"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_errors_are_json_too(capsys):
    assert main(["info", "pendlum", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": captured.err.removeprefix("dynsamp: error: ").strip(), "exit_code": 2}


def test_help_is_a_page_with_examples(capsys):
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for command in ("run", "systems", "fit", "forecast", "evaluate", "compare", "plugins", "cache"):
        assert f"\n    {command} " in page
    assert "dynsamp run pendulum" in page
    assert "dynsamp fit data.csv" in page


@pytest.mark.parametrize(
    "command",
    ["run", "generate", "fit", "forecast", "evaluate", "compare", "plot", "systems", "estimators", "info", "plugins"],
)
def test_every_command_explains_itself(capsys, command):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: dynsamp {command}")


def test_version(capsys):
    import dynsamp

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"dynsamp {dynsamp.__version__}\n"


def test_systems_as_table_and_as_json(capsys):
    assert main(["systems"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["name", "kind", "states", "title"]
    assert main(["systems", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"pendulum", "lorenz63", "ou"} <= {entry["name"] for entry in listed}
    assert len(listed) == len(table) - 1


def test_estimators_show_their_knobs_as_json(capsys):
    assert main(["estimators", "--json"]) == 0
    knobs = {entry["name"]: entry["knobs"] for entry in json.loads(capsys.readouterr().out)}
    assert "width" in knobs["hamiltonian"]
    assert knobs["persistence"] == {}


def test_info_of_a_file_shows_states_and_parameters(capsys, tmp_path):
    (tmp_path / "spring.py").write_text(SPRING)
    assert main(["info", "./spring.py"]) == 0
    text = capsys.readouterr().out
    assert "Mass on a spring" in text
    assert "stiffness" in text
    assert main(["info", "./spring.py", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["k"]["units"] == "s-2"


def test_no_escape_sequences_outside_a_terminal(capsys):
    assert main(["systems"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_no_color_is_obeyed_on_a_terminal(capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    main(["systems"])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.delenv("NO_COLOR")
    main(["systems"])
    assert "\x1b[1m" in capsys.readouterr().out


def test_a_cache_that_cannot_be_used_says_why(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DYNSAMP_CACHE_DIR", str(tmp_path / "file" / "cache"))
    reason = f"cannot be made, because {tmp_path / 'file'} is a file"
    assert main(["cache"]) == 0
    assert f"it {reason}: every process compiles anew" in capsys.readouterr().out
    main(["plugins", "doctor", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert (facts["cache_writable"], facts["cache_trouble"]) == (False, reason)


def test_cache_info_and_clear(capsys, tmp_path, monkeypatch):
    kernel = tmp_path / "cache" / "kernel-abc"
    kernel.mkdir(parents=True)
    (kernel / "code.py").write_text("x" * 100)
    (tmp_path / "cache" / "mine.txt").write_text("stays")
    monkeypatch.setenv("DYNSAMP_CACHE_DIR", str(tmp_path / "cache"))
    for command in (["cache", "info", "--json"], ["cache", "--json"]):
        assert main(command) == 0
        assert json.loads(capsys.readouterr().out) == {
            "folder": str(tmp_path / "cache"),
            "functions": 1,
            "bytes": 100,
            "limit": 2 * 2**30,
            "writable": True,
            "trouble": None,
        }
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        str(tmp_path / "cache"),
        "1 compiled functions, 0.0 MiB of at most 2048 MiB",
        "writable",
    ]
    assert main(["cache", "clear"]) == 0
    assert "deleted 1 compiled function" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["mine.txt"]
