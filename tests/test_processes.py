"""Other processes: what is sent to them arrives, and what was forked does not hang."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import dynsamp as ds
from dynsamp.metrics import METRICS
from dynsamp.solve import Kernel, Options
from dynsamp.solve.kernel import Solution
from dynsamp.workflow.identity import Told

cloudpickle = pytest.importorskip("cloudpickle")

JOB = """
import sys
import dynsamp as ds

G = 9.81

def rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -G * y[0]

law = ds.ODESystem(name="mine", states=[ds.State("x"), ds.State("v")], rhs=rhs, duration=1.0, dt=0.1)

def work(seed):
    return float(ds.generate(law, trajectories=2, seed=seed)["x"].sum())

if __name__ == "__main__":
    if sys.argv[1] == "joblib":
        import joblib
        found = joblib.Parallel(2)(joblib.delayed(work)(seed) for seed in range(3))
    else:
        import multiprocessing
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            found = pool.map(work, range(3))
    print(found == [work(seed) for seed in range(3)])
"""

FORK = """
import os, signal, sys, threading, time
import numpy as np
import dynsamp
from dynsamp.kernels import jit
from dynsamp.plugins import registry

def rhs(t, y, theta, dy):
    dy[0] = -y[0]

def work():
    dynsamp.systems()
    law = dynsamp.ODESystem(name="decay", states=[dynsamp.State("x")], rhs=rhs)
    dynsamp.solve(law.kernel(), [0.0, 0.1], np.ones((1, 1)), method="rk4", step=0.1)

def hold(lock, held):
    with lock:
        held.set()
        time.sleep(0.5)

work()
for lock in (jit._LOCK, jit.global_compiler_lock, registry._lock):
    held = threading.Event()
    holder = threading.Thread(target=hold, args=(lock, held))
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        jit._MEMO.clear()
        work()
        os._exit(0)
    print(os.waitpid(child, 0)[1])
    holder.join()
"""


def run(tmp_path, code, *arguments):
    path = tmp_path / "job.py"
    path.write_text(code)
    done = subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("how", ["joblib", "spawn"])
def test_functions_of_a_script_work_in_other_processes(tmp_path, how):
    pytest.importorskip("joblib")
    assert run(tmp_path, JOB, how) == ["True"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_does_not_wait_for_a_thread_that_it_lacks(tmp_path):
    assert run(tmp_path, FORK) == ["0", "0", "0"]


@pytest.mark.parametrize("module", [ds, ds.plugins, ds.plot, ds.testing])
def test_modules_are_sent_by_name(module):
    assert cloudpickle.loads(cloudpickle.dumps(module)) is module


def made_inside(k):
    def rhs(t, y, theta, dy):
        dy[0] = -k * y[0]

    return ds.ODESystem(
        name="inside", states=[ds.State("x")], rhs=rhs, diagnostics={"twice": lambda t, y, th: 2 * y[0]}
    )


@pytest.mark.parametrize("library", [pickle, cloudpickle])
def test_laws_arrive_as_they_were(library):
    for law in [*ds.systems().values(), made_inside(2.0)]:
        back = library.loads(library.dumps(law))
        told = [Told(), Told()]
        for known, system in zip(told, (law, back), strict=True):
            known.add_law(system, exact=True)
        assert told[0] == told[1], law.name
        kernel = library.loads(library.dumps(law.kernel()))
        assert len(kernel.functions) == len(law.kernel().functions)


@pytest.mark.parametrize("library", [pickle, cloudpickle])
def test_public_objects_arrive_as_they_were(library):
    law = made_inside(2.0)
    data = ds.generate("pendulum", trajectories=3, duration=1.0)
    model = ds.fit(data, ds.HamiltonianNetwork(width=20, activation="tanh", scale=1.0))
    solution = Solution(np.ones((1, 2, 1)), np.zeros(1, np.int8), "rk4", "asked for", {"step": 0.1})
    plain = (
        *(Options(rtol=1e-8), ds.State("x"), ds.Parameter(1.0), ds.Input("u"), ds.Box([0], [1]), model.facts, *METRICS),
        *(kind() for kind in ds.estimators().values()),
    )
    for value in plain:
        assert library.loads(library.dumps(value)) == value
    for value in (solution, data, *(getattr(ds, name) for name in ds.__all__ if name not in ("plot", "testing"))):
        assert type(library.loads(library.dumps(value))) is type(value)
    back = library.loads(library.dumps(model))
    np.testing.assert_array_equal(back.energy(np.eye(2)), model.energy(np.eye(2)))
    for kernel in (law.kernel(), model.kernel()):
        again: Kernel = library.loads(library.dumps(kernel))
        y0, times = np.full((2, 2 if kernel is not law.kernel() and len(kernel.theta) else 1), 0.3), [0.0, 0.5]
        np.testing.assert_array_equal(
            ds.solve(again, times, y0, step=0.1).states, ds.solve(kernel, times, y0, step=0.1).states
        )
