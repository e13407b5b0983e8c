"""Third-party distributions, laid out as pip installs them: a good one and a broken one, in a process of their own."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dynsamp

PACKAGES = Path(__file__).parent / "plugin_packages"


def lay_out(name, site):
    """What `pip install` leaves: the import package and its metadata."""
    project = tomllib.loads((PACKAGES / name / "pyproject.toml").read_text(encoding="utf-8"))
    about = project["project"]
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        shutil.copytree(PACKAGES / name / package, site / Path(package).name)
    info = site / f"{name.replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {about['version']}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    entries = about["entry-points"]["dynsamp.plugins"]
    lines = [f"{key} = {value}" for key, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[dynsamp.plugins]", *lines, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of installed distributions."""
    folder = tmp_path_factory.mktemp("site")
    lay_out("dynsamp-spring", folder)
    lay_out("dynsamp-broken", folder)
    return folder


def run(site, code, **environment):
    """Standard output and error of a fresh interpreter that sees the folder."""
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DYNSAMP_")}
    clean["DYNSAMP_CACHE_DIR"] = os.environ.get("DYNSAMP_CACHE_DIR", "")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


LIST = """
import json, dynsamp
from dynsamp.plugins import metrics, plugins
records = {r.name: [r.distribution, r.version, r.status, r.error] for r in plugins()}
print(json.dumps([sorted(dynsamp.systems()), sorted(dynsamp.estimators()), sorted(metrics()), records]))
"""


def test_a_strangers_plugin_is_there_and_a_broken_one_harms_nobody(site):
    out, err = run(site, LIST)
    systems, estimators, metrics, records = json.loads(out)
    assert {"spring", "pendulum", "lorenz63", "ou"} <= set(systems)
    assert {"oscillator", "flow-map"} <= set(estimators)
    assert {"amplitude_error", "nrmse"} <= set(metrics)
    assert records["spring"][:3] == ["dynsamp-spring", "1.0.0", "ok"]
    assert records["broken"][:3] == ["dynsamp-broken", "0.3.0", "broken"]
    assert "a_dependency_that_is_not_installed" in records["broken"][3]
    assert err.count("DYNSAMP_DISABLE_PLUGINS=broken") == 1


def test_a_disabled_broken_plugin_is_silent(site):
    out, err = run(site, LIST, DYNSAMP_DISABLE_PLUGINS="broken")
    assert json.loads(out)[3]["broken"][2] == "disabled"
    assert err == ""


def test_names_come_from_metadata_alone(site):
    code = """
import sys
from dynsamp.plugins import plugin_names
print(plugin_names())
print([name for name in sys.modules if name in ("numba", "numpy", "pluggy", "dynsamp_spring", "dynsamp_pendulum")])
"""
    out, _ = run(site, code)
    names, imported = out.splitlines()
    assert {"pendulum", "climate", "prices", "spring", "broken"} <= set(eval(names))
    assert imported == "[]"


def test_all_four_verbs_on_a_strangers_system_estimator_and_metric(site):
    code = """
import dynsamp as ds
train = ds.generate("spring", trajectories=4, seed=1, progress=False)
model = ds.fit(train, "oscillator", progress=False)
ds.save_model(model, "spring.model")
model = ds.load_model("spring.model")
truth = ds.generate("spring", trajectories=2, seed=2, progress=False)
forecast = ds.forecast(model, truth, progress=False)
scores = ds.evaluate(forecast, truth, model=model, metrics=["amplitude_error", "nrmse"])
print(model.facts.distribution, float(scores["amplitude_error"].max()) < 1e-6)
"""
    out, _ = run(site, f"import os; os.chdir({str(site)!r})\n{code}", DYNSAMP_DISABLE_PLUGINS="broken")
    assert out.split("\n")[0] == "dynsamp-spring 1.0.0 True"
    with pytest.raises(ValueError, match=r"the estimator 'oscillator', .*dynsamp-spring 1\.0\.0"):
        dynsamp.load_model(site / "spring.model")


def test_a_strangers_system_keeps_the_contract(site):
    out, _ = run(site, "import dynsamp.testing as t; t.check_system('spring'); print('kept')")
    assert out == "kept\n"
