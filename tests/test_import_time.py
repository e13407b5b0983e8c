"""Nothing heavy is imported before it is needed."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "scipy", "numba", "xarray", "pandas", "matplotlib", "pluggy")


def loaded_by(code):
    """Which heavy packages a fresh interpreter has loaded after running the code."""
    report = f"import sys\n{code}\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return done.stdout.rpartition("loaded:")[2].split()


def test_import_loads_no_numerics():
    assert loaded_by("import dynsamp") == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["plugins", "new", "--help"], ["rnu"], []]
)
def test_help_version_and_usage_load_no_numerics(arguments):
    assert loaded_by(f"from dynsamp.cli import main; main({arguments!r})") == []


def test_listing_names_and_words_load_no_numerics():
    assert loaded_by("import dynsamp; dir(dynsamp); dynsamp.State('q'); dynsamp.Box([0], [1])") == []


def test_models_and_systems_do_not_load_labels_or_plots():
    """Plugins import these: a plugin must not cost the import of xarray or matplotlib."""
    loaded = loaded_by("import dynsamp; dynsamp.HamiltonianSystem; dynsamp.HamiltonianNetwork")
    assert not {"xarray", "pandas", "matplotlib"} & set(loaded)
