"""What cannot end, cannot be held or is no number is refused in one sentence; what runs hears of Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import dynsamp as ds
from dynsamp import limits
from dynsamp.interruption import obeying
from dynsamp.kernels.jit import CompileError
from dynsamp.kernels.problem import _has_while
from dynsamp.solve import Event, Kernel, lyapunov_spectrum, solve, statistics
from dynsamp.solve.options import usual_step

BENCH = Path(__file__).parent / "benchmarks" / "bench_interrupt.py"
HUGE = 10**400


def velocity(t, p, theta, dq):
    dq[0] = p[0]


def force(t, q, theta, dp):
    dp[0] = -theta[0] * q[0]


def turning(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]


def through(t, y, theta):
    return y[0]


SPRING = Kernel("separable", (velocity, force), np.array([1.0]))
FIELD = Kernel("field", (turning,), np.array([1.0]))
START = np.array([[1.0, 0.0]])
SHORT = {"trajectories": 2, "duration": 1.0, "dt": 0.25, "progress": False}


def generated(**given):
    return ds.generate("pendulum", **{**SHORT, **given})


@pytest.fixture(scope="module", autouse=True)
def data():
    return ds.generate("pendulum", trajectories=4, duration=4.0, dt=0.1, progress=False)


@pytest.fixture(scope="module")
def model(data):
    return ds.fit(data, ds.HamiltonianNetwork(width=20, activation="tanh", scale=1.0), progress=False)


# --- what cannot end


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: generated(step=1e-13, method="rk4"), "mean 2e\\+13 steps, more than the 1e\\+12 .* lengthen step"),
        (lambda: generated(step=1e-300, method="blanes_moan6"), "steps, more than"),
        (lambda: generated(dt=5e-324), "dt=.* mean more than 1e308 steps, .* increase dt"),
        (lambda: generated(duration=1e308), "increase dt, or shorten duration"),
        (lambda: generated(duration=1e308, dt=1e-308), "increase dt"),
        (lambda: generated(duration=1e12, dt=1.0), "need 24 TB of memory"),
        (lambda: generated(trajectories=10**18), "need .* of memory, .* take fewer trajectories"),
        (lambda: generated(trajectories=10**18, store="there.zarr"), "on disk"),
        (lambda: solve(SPRING, [0.0, 1.0], START, step=1e-13), "steps"),
        (lambda: solve(SPRING, [0.0, 1.0], np.ones((1000, 2)), step=1e-10), "1000 trajectories .* mean 1e\\+13 steps"),
        (lambda: solve(SPRING, [0.0, 1e300], START, step=1e-10), "steps, more than the 1e"),
        (lambda: solve(FIELD, [0.0, 1.0], START, max_steps=10**18), "max_steps may be at most"),
        (lambda: solve(FIELD, [0.0, 1.0], START, events=[Event(through)], max_events=10**12), "lower max_events"),
        (lambda: lyapunov_spectrum(FIELD, np.arange(10.0), np.ones((10**6, 2)), count=10**9), "count"),
        (lambda: ds.lyapunov("lorenz63", duration=1e15), "increase dt, or shorten duration"),
        (lambda: ds.crossings("pendulum", events="q = 0", duration=1.0, max_events=10**15), "lower max_events"),
        (lambda: ds.HamiltonianNetwork(width=10**9), "width=1000000000 need .* of memory"),
        (lambda: ds.SampledNetwork(width=(10**9, 10)), "of memory"),
        (lambda: ds.FlowMap(width=10**30), "of memory"),
    ],
)
def test_what_cannot_end_or_be_held_is_refused_at_once(call, message):
    for _ in range(2):  # the first may compile
        begin = time.monotonic()
        with pytest.raises(ValueError, match=message):
            call()
    assert time.monotonic() - begin < 2


def test_delays_count_the_steps_that_they_ask_for():
    def behind(t, y, theta, z, dy):
        dy[0] = -z[0, 0]

    kernel = Kernel("field", (behind,), np.array([1.0]), delays=(1e-12,), history="start")
    with pytest.raises(ValueError, match="no longer than a delay, mean 1e\\+13 steps"):
        solve(kernel, [0.0, 10.0], np.ones((1, 1)))


def test_memory_is_that_of_the_machine_or_of_a_tighter_container(tmp_path, monkeypatch):
    free = limits.free_memory()
    assert free is None or 2**20 < free < 2**50
    group = tmp_path / "a" / "b"
    group.mkdir(parents=True)
    (tmp_path / "a" / "memory.max").write_text("1000000\n")
    (tmp_path / "a" / "memory.current").write_text("600000\n")
    (tmp_path / "a" / "memory.stat").write_text("anon 1\ninactive_file 100000\n")
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("1\n")
    (tmp_path / "own").write_text("0::/a/b\n")
    monkeypatch.setattr(limits, "_GROUPS", tmp_path)
    monkeypatch.setattr(limits, "_OWN_GROUPS", tmp_path / "own")
    assert limits.free_memory() == 500000
    monkeypatch.setattr(limits, "SURE", 1000)
    with pytest.raises(ValueError, match="these need 1 MB of memory, but 500 kB are free; take less"):
        limits.check_bytes(1e6, "these", "take less")
    limits.check_bytes(1e5, "these", "take less")


# --- the step


def test_a_fixed_step_is_not_the_smallest_gap_of_the_saved_times():
    assert usual_step(np.array([0.0, 1e-17, 1.0, 2.0, 3.0])) == 1.0
    even = np.arange(11) * 0.1
    assert usual_step(even) == np.diff(even).min()  # to the last bit
    assert usual_step(even, scale=0.03) == 0.03
    assert usual_step(np.array([0.0, 1.0]), scale=5.0, parts=10) == 0.1


def test_a_gap_in_the_saved_times_costs_one_step_and_no_accuracy(model):
    dense = ds.forecast(model, [[1.0, 0.0]], times=[0.0, 1e-17, 1.0], progress=False)
    plain = ds.forecast(model, [[1.0, 0.0]], times=[0.0, 1.0], progress=False)
    assert dense.attrs["step"] == pytest.approx(0.1)  # the spacing of the data, not 1e-17
    np.testing.assert_allclose(dense["q"][0, -1], plain["q"][0, -1], rtol=1e-8)
    np.testing.assert_allclose(dense["q"][0, 1], 1.0)


def test_one_long_interval_is_as_accurate_as_many(model):
    long = ds.forecast(model, [[1.0, 0.0]], times=[0.0, 20.0], progress=False)
    many = ds.forecast(model, [[1.0, 0.0]], times=np.linspace(0.0, 20.0, 201), progress=False)
    np.testing.assert_allclose(long["q"][0, -1], many["q"][0, -1], rtol=1e-4)


# --- arguments

NO_NUMBERS = ["three", b"1", 1j, [], {}, np.timedelta64(1, "s"), object(), HUGE, "x" * 5000, "\x1b[31m"]
NO_COUNTS = [*NO_NUMBERS, -1, 0, 1.5, np.nan, np.inf, True, np.array([])]
NO_LENGTHS = [*NO_NUMBERS, -1.0, 0.0, np.nan, -np.inf]


def refused(call):
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    text = str(caught.value)
    assert len(text) < 400
    assert text.isprintable()
    for raw in ("could not convert", "not supported", "ambiguous", "float()", "too large", "not iterable", "Unable to"):
        assert raw not in text
    return text


@pytest.mark.parametrize("name", ["trajectories", "workers", "memory"])
@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: repr(value)[:20] if value is not HUGE else "huge")
def test_no_count(name, value):
    refused(lambda: generated(**{name: value}))


@pytest.mark.parametrize("name", ["duration", "dt", "step", "rtol", "atol"])
@pytest.mark.parametrize("value", NO_LENGTHS, ids=lambda value: repr(value)[:20] if value is not HUGE else "huge")
def test_no_length(name, value):
    assert name in refused(lambda: generated(**{name: value}))


@pytest.mark.parametrize("name", ["initial", "noise", "parameters", "times"])
@pytest.mark.parametrize(
    "value", [*NO_NUMBERS[2:3], *NO_NUMBERS[5:], np.nan, "1,2"], ids=lambda v: repr(v)[:20] if v is not HUGE else "huge"
)
def test_no_value(name, value):
    given = {**SHORT, name: value}
    if name == "times":
        del given["duration"], given["dt"]
    refused(lambda: ds.generate("pendulum", **given))


@pytest.mark.parametrize("value", [[], (), np.array([]), "heavy", 1j, [1j], HUGE, np.nan, [[1.0]], None])
def test_no_mass(value):
    assert "mass" in refused(lambda: generated(parameters={"mass": value})) or np.ndim(value) or value is np.nan


@pytest.mark.parametrize("knob", ["width", "scale", "regularisation", "tolerance"])
@pytest.mark.parametrize("value", [*NO_NUMBERS, np.nan, -1], ids=lambda v: repr(v)[:20] if v is not HUGE else "huge")
def test_no_knob(knob, value):
    assert knob in refused(lambda: ds.HamiltonianNetwork(**{knob: value}))


@pytest.mark.parametrize("knob", ["activation", "sampler", "place", "length", "separable", "positions", "terms"])
@pytest.mark.parametrize("value", [np.array([]), 1.5, object(), "x" * 5000], ids=lambda v: repr(v)[:20])
def test_no_word(knob, value):
    assert knob in refused(lambda: ds.HamiltonianNetwork(**{knob: value}))


@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: repr(value)[:20] if value is not HUGE else "huge")
def test_no_bytes(data, value):
    refused(lambda: ds.fit(data, ds.HamiltonianNetwork(width=20, activation="tanh", scale=1.0), memory=value))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: ds.lyapunov("lorenz63", exponents=0), "exponents"),
        (lambda: ds.crossings("lorenz63", "x = 0", duration=1.0, workers=-1), "workers"),
        (lambda: generated(progress="a"), "progress"),
        (lambda: generated(duration=5e-324), "try duration=0.25, or"),
        (lambda: ds.Box([-1e308], [1e308]), "narrow it"),
    ],
)
def test_a_message_names_what_was_typed(call, named):
    with pytest.raises((TypeError, ValueError), match=named):
        call()


def test_no_model_and_no_period(data):
    with pytest.raises(TypeError, match="model must be a fitted model"):
        ds.evaluate(data, data, model=3)
    with pytest.raises(TypeError, match="periodic must be True or False"):
        ds.fit(data, ds.HamiltonianNetwork(periodic=3), progress=False)


@pytest.mark.parametrize("matrix", [[[2.0, 0.0], [0.0, 0.5]], np.zeros((2, 2))])
def test_a_symmetry_without_end_is_refused_at_once(data, matrix):
    with pytest.raises(ValueError, match="a symmetry must have finite order"):
        ds.fit(data, ds.HamiltonianNetwork(symmetries=[matrix]), progress=False)


@pytest.mark.parametrize("value", [1, 1.5, object(), b"x", ["q = 0", 3], []], ids=lambda v: repr(v)[:20])
def test_no_events(value):
    refused(lambda: ds.crossings("pendulum", events=value, duration=1.0))


@pytest.mark.parametrize("name", ["duration", "dt", "members", "step", "start", "reduce", "dtype"])
@pytest.mark.parametrize(
    "value", [1j, object(), np.nan, "x" * 5000, HUGE], ids=lambda v: repr(v)[:20] if v is not HUGE else "huge"
)
def test_no_forecast(data, model, name, value):
    refused(lambda: ds.forecast(model, data, **{name: value}, progress=False))


# --- Ctrl-C

posix = pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process on Windows")


@posix
@pytest.mark.parametrize("case", ["rk4, one trajectory", "a store in chunks"])
def test_ctrl_c_ends_what_would_take_hours(case):
    """The benchmark's own cases: one interval of 10^11 steps; then a call as before."""
    command = [sys.executable, str(BENCH), "--case", case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=dict(os.environ))
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["seconds"] < 5, done.stderr
    assert found["left"] == []


def test_a_thread_gives_up_when_its_owner_says_so():
    order, came = threading.Event(), []

    def work():
        try:
            with obeying(order):
                solve(FIELD, [0.0, 1e9], START, method="rk4", step=0.01)
        except KeyboardInterrupt:
            came.append(time.monotonic())

    solve(FIELD, [0.0, 1.0], START, method="rk4", step=0.01)  # compiles
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    order.set()
    thread.join(timeout=30)
    assert came
    time.sleep(0.01)  # in which threads that have done their work end
    assert not [other for other in threading.enumerate() if other.name.startswith("dynsamp")]


IN_LLVM = """
import gc, signal
import numpy as np
from llvmlite.binding import ffi
from dynsamp.solve import Kernel, solve

calls, lib = [], ffi.lib

class Interrupted:  # Ctrl-C comes while LLVM owns what Python believes to own
    def __getattr__(self, name):
        def linked(*arguments):
            result = lib.LLVMPY_LinkModules(*arguments)
            calls.append(name)
            if len(calls) == 3:
                signal.raise_signal(signal.SIGINT)
            return result
        return linked if name == "LLVMPY_LinkModules" else getattr(lib, name)

def rhs(t, y, theta, dy):
    dy[0] = -0.12345 * y[0]

def go():
    return solve(Kernel("field", (rhs,), np.empty(0)), [0.0, 1.0], [[1.0]], method="rk4", step=0.5)

ffi.lib = Interrupted()
try:
    go()
except KeyboardInterrupt:
    print("interrupted")
gc.collect()
print(go().states.shape)
"""

ENDLESS = """
import sys, time
import numpy as np
from dynsamp.solve import Kernel, solve

def helper(x):
    while x > 2.0:
        pass
    return x

def rhs(t, y, theta, dy):
    dy[0] = 1.0 + 0.0 * helper(y[0])

def go(end):
    return solve(Kernel("field", (rhs,), np.empty(0)), [0.0, end], [[1.0]], method=sys.argv[1], step=0.5)

go(0.5)
print("ready", flush=True)
try:
    go(4.0)
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), go(0.5).states.shape)
"""


def started(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@posix
def test_an_interrupt_in_the_midst_of_a_compilation_harms_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNSAMP_CACHE_DIR", str(tmp_path / "empty"))
    with started(IN_LLVM) as process:
        said, errors = process.communicate(timeout=120)
    assert (process.returncode, said.split("\n")[:2]) == (0, ["interrupted", "(1, 2, 1)"]), errors


@posix
@pytest.mark.parametrize("method", ["rk4", "tsit5"])
def test_a_function_without_end_is_given_up(method):
    with started(ENDLESS, method) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "does not come to its end" in errors
    assert float(said.split()[1]) < sent + 3


@pytest.mark.parametrize("write", ["a text", "a complex number"])
def test_what_is_no_number_is_named_where_the_trial_does_not_come(write):
    value = "a" if write == "a text" else 1j

    def rhs(t, y, theta, dy):
        dy[0] = 1.0
        if t > 5.0:
            dy[0] = value

    with pytest.raises(CompileError, match=f"it writes {write} where a number belongs"):
        solve(Kernel("field", (rhs,), np.empty(0)), [0.0, 1.0], [[1.0]], method="rk4", step=0.5)


def test_a_global_variable_that_changes_is_named():
    def rhs(t, y, theta, dy):
        global HUGE
        HUGE += 1
        dy[0] = 1.0

    with pytest.raises(CompileError, match="it changes a global variable; what it must remember"):
        solve(Kernel("field", (rhs,), np.empty(0)), [0.0, 1.0], [[1.0]], method="rk4", step=0.5)


def test_statistics_refuse_what_they_cannot_keep():
    with pytest.raises(TypeError, match="group must be a whole number"):
        statistics(FIELD, [0.0, 1.0], START, group=np.nan)


@pytest.mark.parametrize(
    ("head", "endless"), [("for i in range(3)", False), ("while x < 1", True), ("if x < 1", False)]
)
def test_loops_of_long_functions_are_told_apart(head, endless):
    lines = "".join(f"        x = x * {k}.5\n" for k in range(200))  # jumps that take more than a byte
    made = {}
    exec(f"def law(x):\n    {head}:\n{lines}    return x", made)
    assert _has_while(made["law"].__code__) is endless
