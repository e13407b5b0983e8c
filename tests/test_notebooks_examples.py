"""Notebooks and examples run as they stand, and a notebook's two files say the same."""

import functools
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
SAYS = {"01_first_look": "same forecast: True", "02_order_to_chaos": "distance of the sections"}


def environment(folder):
    """As a user's shell, with what is tested here on the path, no window, and its own temporary folder."""
    own = os.pathsep.join([str(ROOT), str(ROOT / "plugins"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": own, "MPLBACKEND": "Agg", "TMPDIR": str(folder), "TEMP": str(folder)}


def run(script, *arguments, folder):
    result = subprocess.run(
        [sys.executable, "-W", "error", str(script), *map(str, arguments)],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@functools.cache
def printed_by(notebook):
    with tempfile.TemporaryDirectory() as folder:
        return run(notebook, folder=folder)


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_from_top_to_bottom(script):
    assert SAYS[script.stem] in printed_by(script)


def test_order_turns_to_chaos_in_the_model_as_in_the_truth():
    found = {}
    for line in printed_by(ROOT / "notebooks" / "02_order_to_chaos.py").splitlines():
        if line.startswith("E = "):
            found[line[4:10].strip()] = [int(part.split()[-1]) for part in line.split(",")[:2]]
    assert found["1/12"] == [0, 0]  # regular: Henon and Heiles (1964)
    assert 0 < found["1/8"][0] < 8
    assert 0 < found["1/8"][1] < 8
    assert min(found["1/6"]) >= 7


@pytest.mark.parametrize("script", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_pair_says_the_same_and_keeps_no_outputs(script):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the reader's own dependencies
        import jupytext

        source, paired = jupytext.read(script), jupytext.read(script.with_suffix(".ipynb"))
    assert [(cell.cell_type, cell.source) for cell in paired.cells] == [
        (cell.cell_type, cell.source) for cell in source.cells
    ], f"run: jupytext --sync {script.name}"
    for cell in paired.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_own_csv_forecasts_from_the_last_row(tmp_path):
    printed = run(ROOT / "examples" / "own_csv.py", tmp_path, folder=tmp_path)
    assert {"swing.csv", "swing.model", "swing.png"} <= {path.name for path in tmp_path.iterdir()}
    header, first, *_ = (tmp_path / "swing.csv").read_text(encoding="utf-8").splitlines()
    assert header == "time,angle,velocity"
    assert first.startswith("0,")
    assert "of an amplitude of" in printed


def test_own_system_learns_the_spring(tmp_path):
    printed = run(ROOT / "examples" / "own_system.py", tmp_path, folder=tmp_path)
    assert {"spring.model", "spring.png"} <= {path.name for path in tmp_path.iterdir()}
    (line,) = [line for line in printed.splitlines() if line.startswith("error of H")]
    assert float(line.split()[-1]) < 1e-6  # a quadratic H is easy


def test_measured_pendulum_has_its_friction(tmp_path):
    printed = run(ROOT / "examples" / "measured_pendulum.py", tmp_path, folder=tmp_path)
    assert {"measured.csv", "measured.model"} <= {path.name for path in tmp_path.iterdir()}
    (line,) = [line for line in printed.splitlines() if line.startswith("friction")]
    assert float(line.split()[1]) == pytest.approx(0.25, abs=0.01)
    (line,) = [line for line in printed.splitlines() if line.startswith("angle of the last trial")]
    assert float(line.split(": ")[1].split()[0]) < 0.03


def test_importing_an_example_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / "own_system.py"), run_name="imported")
    assert not list(tmp_path.iterdir())
