"""`dynsamp plugins`: what authors of plugins type."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from dynsamp.cli import main
from dynsamp.commands.scaffold import plugin_files
from dynsamp.hookspecs import API_VERSION, SUPPORTED

BAD = """
import dynsamp
def rhs(t, y, theta, dy):
    dy[0] = float("nan")
bad = dynsamp.ODESystem(name="bad", states=[dynsamp.State("x")], rhs=rhs)
"""


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_list_names_plugins_and_what_they_bring(capsys):
    assert main(["plugins"]) == 0
    text = capsys.readouterr().out
    assert "pendulum" in text
    assert main(["plugins", "--json"]) == 0
    records = {record["name"]: record for record in json.loads(capsys.readouterr().out)}
    assert records["pendulum"]["status"] == "ok"
    assert "henon_heiles" in records["pendulum"]["systems"]


def test_doctor_reports_versions_cache_and_plugins(capsys):
    assert main(["plugins", "doctor"]) == 0
    text = capsys.readouterr().out
    for word in ("python", "numba", "cache", "plugins", "all is well"):
        assert word in text
    assert main(["plugins", "doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packages"]["numpy"]


def test_doctor_works_while_a_plugin_is_broken_and_says_why(tmp_path):
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no luck today')\n")
    info = tmp_path / "broken_plugin-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[dynsamp.plugins]\nunlucky = broken_plugin\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dynsamp.cli import main; sys.exit(main({{}}))"

    def run(*arguments):
        command = [sys.executable, "-c", code.replace("{}", repr(list(arguments)))]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    doctor = run("plugins", "doctor")
    assert doctor.returncode == 1
    assert "no luck today" in doctor.stdout
    assert "DYNSAMP_DISABLE_PLUGINS=unlucky" in doctor.stdout
    systems = run("systems")
    assert systems.returncode == 0
    assert "pendulum" in systems.stdout
    assert systems.stderr.startswith("dynsamp: warning: plugin 'unlucky'")
    assert "Traceback" not in systems.stderr


def test_check_passes_and_fails(capsys, tmp_path):
    assert main(["plugins", "check", "ou"]) == 0
    assert "ou keeps the contract" in capsys.readouterr().out
    (tmp_path / "bad.py").write_text(BAD)
    assert main(["plugins", "check", "./bad.py"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_new_plugin_is_complete_and_keeps_the_contract(capsys, tmp_path):
    assert main(["plugins", "new", "my-spring"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "pip install -e dynsamp-my-spring"
    folder = tmp_path / "dynsamp-my-spring"
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["dynsamp.plugins"] == {"my_spring": "dynsamp_my_spring"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")],
        capture_output=True, text=True, cwd=folder, timeout=300, env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout


def test_new_does_not_touch_what_is_there(capsys, tmp_path):
    (tmp_path / "dynsamp-spring").mkdir()
    assert main(["plugins", "new", "spring"]) == 2
    assert "exists" in capsys.readouterr().err
    assert list((tmp_path / "dynsamp-spring").iterdir()) == []


def test_new_leaves_nothing_behind_on_a_full_disk(capsys, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["plugins", "new", "spring"]) == 1
    assert "no space left" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_scaffold_is_python_that_compiles():
    for path, text in plugin_files("two_words").items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_scaffold_declares_the_version_of_the_contract_that_it_is_written_for():
    text = plugin_files("two_words")["dynsamp_two_words/__init__.py"]
    assert f"\n__dynsamp_api__ = {API_VERSION}  #" in text
    assert API_VERSION in SUPPORTED
