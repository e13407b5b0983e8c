"""`dynsamp plugins`: what authors of plugins type."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

from dynsamp.cli import main
from dynsamp.commands.plugin_tools import plugin_files
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


LOOK = """
import dynsamp, numpy, random

def drawn():
    return numpy.random.rand(), random.random()

numpy.random.seed(5)
random.seed(5)
expected = drawn()
numpy.random.seed(5)
random.seed(5)
dynsamp.systems()
assert drawn() == expected
assert numpy.geterr()["divide"] == "warn"
"""

UNRULY = {
    "printer": "import ctypes, atexit, os\nprint('hello')\nos.write(1, b'raw')\natexit.register(print, 'bye')\n"
    "if os.name == 'posix': ctypes.CDLL(None).puts(b'from C')",
    "ender": "import os\nos._exit(3)",
    "silent": "import os\nos._exit(0)",
    "closer": "import sys\nsys.stdout.close()",
    "shallow": "import sys\nsys.setrecursionlimit(90)",
    "leaver": "raise SystemExit(0)",
    "crasher": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()",
    "strict": "import numpy\nnumpy.seterr(all='raise')",
    "seeded": "import numpy, random\nnumpy.random.seed(1)\nrandom.seed(1)",
    "wide": "import os, sys, warnings\nos.environ['X1'] = '1'\nsys.path.append('x')\nwarnings.simplefilter('ignore')",
    "patched": "import numpy\nnumpy.sin = abs",
}


@pytest.fixture
def unruly(tmp_path):
    """Runs a command beside plugins of the given names."""

    def run(names, *arguments):
        for name in names:
            body = f"{UNRULY[name]}\nimport dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    return []\n"
            (tmp_path / f"{name}_plugin.py").write_text(body)
            info = tmp_path / f"{name}_plugin-1.2.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.2\n")
            (info / "entry_points.txt").write_text(f"[dynsamp.plugins]\n{name} = {name}_plugin\n")
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "dynsamp", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=240, env={**os.environ, "PYTHONPATH": path}
        )  # fmt: skip

    return run


def test_what_a_plugin_prints_does_not_break_json(unruly):
    done = unruly(["printer", "leaver"], "systems", "--json")
    assert done.returncode == 0, done.stderr
    assert "pendulum" in [system["name"] for system in json.loads(done.stdout)]
    for word in ("hello", "raw", "bye", "plugin 'leaver'"):
        assert word in done.stderr


def test_plugins_that_close_leave_or_stay_harm_no_other_command(unruly):
    done = unruly(["closer", "silent", "shallow", "thread"], "systems", "--json")
    assert done.returncode == 0, done.stderr
    assert "pendulum" in [system["name"] for system in json.loads(done.stdout)]
    assert "it calls os._exit(0)" in done.stderr
    assert "a plugin left a thread that does not end" in done.stderr


@pytest.mark.parametrize("where", ["rhs", "initial", "file"])
def test_a_function_that_ends_the_program_is_no_success(tmp_path, where):
    ends = {name: "sys.exit(0)" if name == where else "pass" for name in ("rhs", "initial", "file")}
    (tmp_path / "law.py").write_text(
        f"import os, sys\nimport dynsamp as ds\nimport numpy as np\n"
        f"def rhs(t, y, theta, dy):\n    {ends['rhs']}\n    dy[0] = -y[0]\n"
        f"def initial(rng, n):\n    {ends['initial']}\n    return np.ones((n, 1))\n"
        f"{ends['file'].replace('sys.exit', 'os._exit')}\n"
        "law = ds.ODESystem(name='law', states=[ds.State('x')], rhs=rhs, initial=initial, duration=1.0, dt=0.5)\n"
    )
    command = [sys.executable, "-m", "dynsamp", "generate", "./law.py", "--trajectories", "2", "--out", "x.nc"]
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 1
    said = {
        "rhs": "the function 'rhs' ends the program",
        "initial": "the function 'initial' raised SystemExit",
        "file": "os._exit(0)",
    }
    assert said[where] in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_plugins_that_end_the_process_or_change_what_belongs_to_all(unruly):
    done = unruly(UNRULY, "plugins", "doctor", "--json")
    assert done.returncode == 1, done.stderr
    found = {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}
    assert found["pendulum"] == {"name": "pendulum", "status": "ok", "error": "", "changes": []}
    broken = {name: plugin["error"] for name, plugin in found.items() if plugin["status"] == "broken"}
    assert set(broken) == {"ender", "silent", "leaver", "crasher", "thread"}
    assert broken["silent"] == "ends the process with exit code 0 when it is loaded"
    assert broken["ender"] == "ends the process with exit code 3 when it is loaded"
    assert broken["leaver"] == "SystemExit: 0"
    assert "process" in broken["crasher"]
    assert broken["thread"] == "does not let the process end when it is loaded"
    assert found["closer"]["changes"] == ["changes standard streams"]
    assert found["strict"]["changes"] == ["changes NumPy's error state"]
    assert found["seeded"]["changes"] == ["changes NumPy's global generator", "changes the generator of random"]
    for name in ("the filters of warnings", "sys.path", "environment variables"):
        assert f"changes {name}" in found["wide"]["changes"]
    assert found["patched"]["changes"] == ["changes functions of NumPy"]
    assert found["printer"]["changes"] == ["prints to standard output"]


def test_a_plugin_changes_nobodys_numbers(unruly, tmp_path):
    (tmp_path / "look.py").write_text(LOOK)
    unruly(["strict", "seeded"], "--version")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "look.py"], env={**os.environ, "PYTHONPATH": path}, timeout=120)
    assert done.returncode == 0


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
