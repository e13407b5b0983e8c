"""A store belongs to a law by its content: under another one it is neither resumed nor returned."""

import dataclasses
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import xarray as xr

import dynsamp as ds
from dynsamp.batch.beside import Lock
from dynsamp.cli import main
from dynsamp.kernels.jit import UnknownContentError
from dynsamp.workflow import identity

STATES = [ds.State("x", "m"), ds.State("v", "m s-1")]
STIFFNESS = 1.0


def times_stiffness(x):
    return STIFFNESS * x


def spring(rhs=None, **changes):
    def plain(t, y, theta, dy):
        dy[0] = y[1]
        dy[1] = -theta[0] * y[0]

    options = {"name": "spring", "states": STATES, "parameters": {"k": 1.0}, "rhs": rhs or plain, **changes}
    return ds.ODESystem(**{"initial": ds.Box([-1, -1], [1, 1]), "duration": 1.0, "dt": 0.25, **options})


def another_rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -1.01 * theta[0] * y[0]


def drawn(low):
    return lambda rng, n: low + rng.uniform(size=(n, 2))


def energy(t, y, theta):
    return 0.5 * (y[0] ** 2 + y[1] ** 2)


def twice_energy(t, y, theta):
    return y[0] ** 2 + y[1] ** 2


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A finished store of a spring."""
    path = tmp_path_factory.mktemp("laws") / "spring.zarr"
    ds.generate(spring(), trajectories=3, seed=1, store=path)
    return path


@pytest.mark.parametrize(
    ("changes", "arguments", "told"),
    [
        ({"rhs": another_rhs}, {}, "other rhs"),
        ({}, {"seed": 2}, "seed 1, now 2"),
        ({}, {"parameters": {"k": 2.0}}, "k 1.0, now 2.0"),
        ({}, {"parameters": {"k": [1.0, 1.0, 2.0]}}, "other parameters"),
        ({}, {"dt": 0.5}, "times 0 to 1, 5 of them, now 0 to 1, 3 of them"),
        ({}, {"times": [0, 0.25, 0.5, 0.7, 1]}, "other times"),
        ({}, {"rtol": 1e-8}, "rtol 1e-12, now 1e-08"),
        ({}, {"method": "rk4", "step": 0.05}, "method dop853, now rk4; step not given, now 0.05"),
        ({}, {"initial": [0.0, 1.0]}, "other starts"),
        ({}, {"initial": drawn(0.0)}, "other starts"),
        ({"initial": ds.Box([-1, -1], [1, 2])}, {}, "other starts"),
        ({}, {"noise": {"x": 0.1}}, "other noise"),
        ({}, {"derivatives": False}, "derivatives true, now false"),
        ({}, {"trajectories": 4}, "count 3, now 4"),
        ({"diagnostics": {"speed": energy}}, {}, "other speed"),
        ({"lyapunov_exponent": 0.1}, {}, "lyapunov_exponent not given, now 0.1"),
        ({"states": [STATES[0], ds.State("v", "km s-1")]}, {}, "other states"),
        ({"spin_up": 1.0}, {}, "spin_up 0.0, now 1.0"),
    ],
)
def test_another_law_is_refused_with_what_differs(begun, changes, arguments, told):
    with pytest.raises(ValueError, match="belongs to a run with another plan") as caught:
        ds.generate(spring(**changes), **{"trajectories": 3, "seed": 1, "store": begun, **arguments})
    assert told in str(caught.value)
    assert "remove it and spring.zarr.run" in str(caught.value)
    back = ds.generate(spring(), trajectories=3, seed=1, store=begun)  # untouched, and the same law again
    xr.testing.assert_equal(back, ds.generate(spring(), trajectories=3, seed=1))


def test_a_store_that_is_refused_costs_no_computation(begun, monkeypatch):
    monkeypatch.delattr(ds.workflow.generation.Generation, "piece")
    with pytest.raises(ValueError, match="belongs to a run with another plan"):
        ds.generate(spring(), trajectories=3, seed=2, store=begun)
    for path, message in {
        "": "'' is no path",
        5: "a path must be text",
        "a\0b.zarr": "is no path",
        "x.nc": "give a name that ends with .zarr",
    }.items():
        with pytest.raises((ValueError, TypeError), match=message):
            ds.generate(spring(), trajectories=3, store=path)
    with Lock(begun.with_name("spring.zarr.run") / "lock"), pytest.raises(BlockingIOError) as caught:
        ds.generate(spring(), trajectories=3, seed=1, store=begun)
    assert str(caught.value).endswith("writes to spring.zarr; wait for it or stop it")


def test_the_functions_of_a_law_are_told_by_their_content(monkeypatch):
    def told(function):
        return identity.digest(function)

    first = told(times_stiffness)
    assert told(times_stiffness) == first
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "STIFFNESS", 2.0)
        assert told(times_stiffness) != first
    assert told(drawn(0.0)) != told(drawn(1.0))
    assert told(lambda x, a=1.0: x) != told(lambda x, a=2.0: x)
    assert told(energy) != told(twice_energy)


def test_containers_classes_and_instances_are_told_by_their_content():
    large = np.zeros(5000)
    other = large.copy()
    other[2500] = 1.0  # what str() leaves out
    assert identity.digest({"a": [large]}) != identity.digest({"a": [other]})
    assert identity.digest(np.eye(3)[:2]) == identity.digest(np.asfortranarray(np.eye(3)[:2]))
    assert identity.digest(types.SimpleNamespace(k=1)) != identity.digest(types.SimpleNamespace(k=2))
    assert identity.digest(np.sin) != identity.digest(np.cos)
    circle = []
    circle.append(circle)
    assert identity.digest(circle) == identity.digest(circle)
    with pytest.raises(UnknownContentError):
        identity.digest(np.random.default_rng(0))


def test_starts_that_a_function_draws_are_told_by_what_it_gives(tmp_path):
    low = np.array([0.0])

    def starts(rng, n):
        return low + rng.uniform(size=(n, 2))

    first = ds.generate(spring(), trajectories=3, initial=starts, store=tmp_path / "a.zarr")
    again = ds.generate(spring(), trajectories=3, initial=drawn(0.0), store=tmp_path / "a.zarr")
    xr.testing.assert_identical(again, first)
    low[:] = 1.0
    with pytest.raises(ValueError, match="other starts"):
        ds.generate(spring(), trajectories=3, initial=starts, store=tmp_path / "a.zarr")


def test_only_the_last_trajectory_starts_elsewhere(tmp_path):
    def starts(far):
        return lambda rng, n: np.where(np.arange(n)[:, None] == 2, far, rng.uniform(size=(n, 2)))

    ds.generate(spring(), trajectories=3, initial=starts(0.0), store=tmp_path / "a.zarr")
    with pytest.raises(ValueError, match="other starts"):
        ds.generate(spring(), trajectories=3, initial=starts(1.0), store=tmp_path / "a.zarr")


def test_what_cannot_be_told_is_said_and_not_resumed(tmp_path):
    scale = iter([1.0])  # it has a state that nothing shows

    def own(times, y0, theta, ids, seed):
        assert scale is not None
        return np.repeat(y0[:, None], len(times), axis=1), np.zeros(len(ids), np.int8)

    law = spring(generate=own)
    with pytest.warns(UserWarning, match=r"if interrupted, .*a.zarr cannot be resumed: the content of generate"):
        ds.generate(law, trajectories=3, store=tmp_path / "a.zarr")
    with pytest.raises(ValueError, match=r"a.zarr cannot be resumed: the content of generate cannot be told"):
        ds.generate(law, trajectories=3, store=tmp_path / "a.zarr")


def test_a_library_that_computes_otherwise_shows_in_the_first_trajectory(tmp_path, monkeypatch):
    ds.generate(spring(), trajectories=3, store=tmp_path / "a.zarr")
    original = ds.workflow.generation.Generation.piece

    def otherwise(job, low, high):
        piece = original(job, low, high)
        piece.arrays["y"][:, -1] *= 1 + 1e-15
        return piece

    monkeypatch.setattr(ds.workflow.generation.Generation, "piece", otherwise)
    with pytest.raises(ValueError, match="other first trajectory"):
        ds.generate(spring(), trajectories=3, store=tmp_path / "a.zarr")


@pytest.mark.parametrize("package", ["numba", "numpy"])
def test_other_versions_are_refused(begun, monkeypatch, package):
    found = identity.versions()
    monkeypatch.setattr(identity, "versions", lambda: {**found, f"{package}_version": "0.1"})
    with pytest.raises(ValueError, match=rf"another plan \({package} .*, now 0.1\)"):
        ds.generate(spring(), trajectories=3, seed=1, store=begun)


def test_a_model_is_told_by_what_it_learned(tmp_path):
    data = ds.generate(spring(), trajectories=3, seed=1)
    model, store = ds.fit(data, ds.Linear()), tmp_path / "forecast.zarr"
    first = ds.forecast(model, data, store=store)
    again = dataclasses.replace(model, report={**model.report, "cpu_seconds": 1e3})  # the same, fitted again
    xr.testing.assert_equal(ds.forecast(again, data, store=store), first)
    ds.save_model(model, tmp_path / "linear.model")
    xr.testing.assert_equal(ds.forecast(ds.load_model(tmp_path / "linear.model"), data, store=store), first)
    other = ds.fit(data.isel(trajectory=[0, 1]), ds.Linear())
    with pytest.raises(ValueError, match="other model"):
        ds.forecast(other, data, store=store)
    for arguments, told in (
        ({"dt": 0.5}, "times 0 to 1, 5 of them"),
        ({"start": "last", "duration": 1.0}, "other starts"),
    ):
        with pytest.raises(ValueError, match=told):
            ds.forecast(model, data, store=store, **arguments)


SPRING = """
import dynsamp

def rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]

states = [dynsamp.State("x"), dynsamp.State("v")]
spring = dynsamp.ODESystem(name="spring", states=states, parameters={"k": 1.0}, rhs=rhs, duration=400.0, dt=0.01)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_the_command_line_goes_on_where_it_was_stopped(tmp_path, monkeypatch, capsys, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spring.py").write_text(SPRING)
    arguments = ["generate", "./spring.py", "--trajectories", "30", "--out", "x.zarr"]
    journal = tmp_path / "x.zarr.run" / "journal.jsonl"
    process = subprocess.Popen([sys.executable, "-m", "dynsamp", *arguments], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n")):
        time.sleep(0.005)
    process.send_signal(getattr(signal, how))
    _, said = process.communicate(timeout=120)
    if how == "SIGINT" and process.returncode == 130:  # else it was done before
        assert "interrupted with" in said
        assert "x.zarr; give the same command again to resume" in said
    assert main(arguments) == 0
    assert journal.read_bytes().count(b"\n") == 2  # nothing was computed twice
    assert main(arguments) == 0
    assert main([*arguments, "--seed", "1"]) == 1
    assert (
        "x.zarr belongs to a run with another plan (seed 0, now 1); remove it and x.zarr.run" in capsys.readouterr().err
    )
    law = ds.plugins.load_system_file(tmp_path / "spring.py")
    xr.testing.assert_equal(ds.open_dataset(tmp_path / "x.zarr"), ds.generate(law, trajectories=30))
