"""Ctrl-C: seconds from the signal to the KeyboardInterrupt in work that would go on for minutes or days.

Every case is a process of its own. It compiles on a short call, begins a long one, is sent SIGINT a second later, and
must end, leave no thread at work, and give the short result once more. (POSIX)

    python tests/benchmarks/bench_interrupt.py [words of the cases to run]
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import dynsamp as ds
from dynsamp.solve import Event, Kernel, lyapunov_spectrum, solve, statistics

AFTER = 1.0  # seconds from the start of the long call to the signal
FOREVER, LATE = 1e11, 1e6  # steps


def velocity(t, p, theta, dq):
    """Of a pendulum."""
    dq[0] = p[0]


def force(t, q, theta, dp):
    """Of a pendulum."""
    dp[0] = -theta[0] * math.sin(q[0])


def turning(t, y, theta, dy):
    """Of an oscillator."""
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0]


def branching(t, y, theta, dy):
    """Of an oscillator that cannot run on lanes."""
    if y[0] > 0.0:
        dy[0] = y[1]
    else:
        dy[0] = 1.0 * y[1]
    dy[1] = -theta[0] * y[0]


def slow(t, y, theta, dy):
    """Of an oscillator, some hundred microseconds long."""
    total = 0.0
    for n in range(10_000):
        total += math.sin(y[0] + n)
    dy[0] = y[1]
    dy[1] = -theta[0] * y[0] + 0.0 * total


def chain(t, y, theta, dy):
    """Of 100 000 numbers."""
    for i in range(len(y)):
        dy[i] = -theta[0] * math.sin(y[i])


def behind(t, y, theta, z, dy):
    """Of an equation with a delay."""
    total = 0.0
    for n in range(10_000):
        total += math.sin(y[0] + n)
    dy[0] = -theta[0] * math.sin(z[0, 0]) + 0.0 * total
    dy[1] = 0.0


def noise(t, y, theta, g):
    """Additive, diagonal."""
    g[0] = 0.1
    g[1] = 0.1


def rate(t, y, theta):
    """Of jumps."""
    return 1.0


def jump(t, y, z, theta, dy):
    """Back and forth."""
    dy[0] = 0.1 * z[0]
    dy[1] = 0.0


def iterated(t, y, theta, out):
    """Of a rotation."""
    out[0] = y[0] + 0.1 * y[1]
    out[1] = y[1] - 0.1 * out[0]


ONE = np.array([1.0])
SEPARABLE, FIELD = Kernel("separable", (velocity, force), ONE), Kernel("field", (turning,), ONE)
BRANCHES, SLOW, CHAIN = (Kernel("field", (f,), ONE) for f in (branching, slow, chain))
DELAYED = Kernel("field", (behind,), ONE, delays=(1.0,), history="start")
NOISY = Kernel("sde", (turning, noise), ONE, noise="diagonal")
JUMPING = Kernel("sde", (turning, noise, rate, jump), ONE, noise="diagonal")
MAP = Kernel("map", (iterated,), ONE, dt=1.0)


def solved(kernel, span=1.0, many=1, verb=solve, dim=2, **options):
    """One interval of so many steps, or of a hundred."""

    def case(long):
        steps = LATE if len(kernel.delays) else FOREVER / many  # a past, and a run, of more than that is refused
        times, kept = [0.0, span * (steps if long else 10.0)], dict(options)
        if "rtol" not in kept and kernel is not MAP:
            kept.setdefault("step", span)
        return verb(kernel, times, np.full((many, dim), 0.5), **kept)

    return case


def spectrum(long):
    """Of a few intervals."""
    times = np.linspace(0.0, 1e9 if long else 10.0, 4)
    return lyapunov_spectrum(SEPARABLE, times, np.array([[0.5, 0.5]]), max_steps=10**12)


def verbs(long):
    """A learned model's forecast in one long interval."""
    return ds.forecast(model(), [[1.0, 0.0]], times=[0.0, 1e9 if long else 1.0], step=0.02)


def model():
    """Of a pendulum, small."""
    global _model
    if _model is None:
        data = ds.generate("pendulum", trajectories=4, duration=4.0, progress=False)
        _model = ds.fit(data, ds.HamiltonianNetwork(width=50, activation="tanh", scale=1.0), progress=False)
    return _model


_model = None


def stored(long):
    """Chunks of a store."""
    with tempfile.TemporaryDirectory() as folder:
        times = [0.0, 1e10 if long else 1.0]
        out = Path(folder) / "out.zarr"
        ds.generate("pendulum", trajectories=4, times=times, method="rk4", step=0.1, store=out, progress=False)
    return np.zeros(1)


def fitted(estimator, data, short, **knobs):
    """A fit that takes long, and one with these knobs."""
    few = knobs or {"width": 20, "activation": "tanh", "scale": 1.0}

    def case(long):
        return ds.fit(data() if long else short(), estimator(**({} if long else few)), progress=False)

    return case


def points(count, inputs):
    """Of a function of so many inputs."""
    x = np.random.default_rng(0).normal(size=(count, inputs))
    return x, np.sin(x.sum(axis=1, keepdims=True)) + 0.1 * x[:, :1] ** 2


def regression(long):
    """Many rows and neurons."""
    x, y = points(200_000 if long else 200, 10)
    return ds.SampledNetwork(width=4000 if long else 20, activation="tanh", scale=1.0).fit(x, y)


def snapshots(count):
    """Of a pendulum, without derivatives."""
    return lambda: ds.generate("pendulum", trajectories=count, duration=20.0, dt=0.1, derivatives=False, progress=False)


def slopes(count):
    """Of a double pendulum, with derivatives."""
    return lambda: ds.generate("double_pendulum", trajectories=count, duration=10.0, progress=False)


EVENT = [Event(lambda t, y, theta: y[0], name="through")]
CASES = {
    "rk4, one trajectory": solved(FIELD, 0.01, method="rk4"),
    "rk4, a thousand trajectories": solved(FIELD, 0.01, 1000, method="rk4"),
    "rk4, an if on a value": solved(BRANCHES, 0.01, method="rk4"),
    "rk4, a slow right-hand side": solved(SLOW, 0.01, method="rk4"),
    "rk4, 100 000 components": solved(CHAIN, 0.01, dim=100_000, method="rk4"),
    "rk4 with events": solved(FIELD, 0.01, method="rk4", events=EVENT),
    "blanes_moan6": solved(SEPARABLE, 0.01, method="blanes_moan6"),
    "gauss_legendre8": solved(SEPARABLE, 0.01, method="gauss_legendre8"),
    "dop853": solved(FIELD, method="dop853", rtol=1e-13, max_steps=10**12),
    "dop853 with events": solved(FIELD, method="dop853", rtol=1e-9, max_steps=10**12, events=EVENT),
    "tsit5": solved(FIELD, method="tsit5", rtol=1e-9, max_steps=10**12),
    "taylor": solved(FIELD, method="taylor", rtol=1e-13, max_steps=10**12),
    "radau5": solved(FIELD, method="radau5", rtol=1e-9, max_steps=10**12),
    "euler_maruyama": solved(NOISY, 0.01, method="euler_maruyama"),
    "sra1 on a refined path": solved(NOISY, 0.01, method="sra1", path_step=0.04),
    "jumps": solved(JUMPING, 0.01, method="euler_maruyama"),
    "rk4_delay": solved(DELAYED, 0.01, method="rk4_delay"),
    "map": solved(MAP),
    "statistics": solved(FIELD, 0.01, 1000, statistics, method="rk4"),
    "lyapunov": spectrum,
    "forecast": verbs,
    "a store in chunks": stored,
    "fit: regression, 200 000 x 4000": regression,
    "fit: H from derivatives": fitted(ds.HamiltonianNetwork, slopes(60), slopes(2)),
    "fit: H from snapshots": fitted(ds.HamiltonianNetwork, snapshots(200), snapshots(2)),
    "fit: flow map": fitted(ds.FlowMap, snapshots(200), snapshots(2)),
    "fit: drift and diffusion": fitted(
        ds.DriftDiffusion,
        lambda: ds.generate("ou", trajectories=2000, progress=False),
        lambda: ds.generate("ou", trajectories=10, progress=False),
        width=20,
    ),
}


def child(name: str) -> None:
    """Run one case, and print what came of it as JSON."""
    case, sent = CASES[name], []

    def send() -> None:
        time.sleep(AFTER)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    case(False)
    threading.Thread(target=send, daemon=True).start()
    begin = time.perf_counter()
    try:
        case(True)
    except KeyboardInterrupt:
        end = time.perf_counter()
    else:
        print(json.dumps({"ended": time.perf_counter() - begin}))
        return
    time.sleep(0.01)  # in which threads that have done their work end
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("dynsamp")]
    case(False)
    print(json.dumps({"seconds": end - sent[0], "left": left}))


def main() -> None:
    """Print the table."""
    print(f"{'case':36s} {'seconds':>8s}   goal 1")
    for name in CASES:
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        command = [sys.executable, __file__, "--case", name]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            print(f"{name:36s} {'never':>8s}", flush=True)
            continue
        found = json.loads(ran.stdout.splitlines()[-1]) if ran.returncode == 0 and ran.stdout else {}
        if "seconds" in found:
            left = f"   still at work: {found['left']}" if found["left"] else ""
            print(f"{name:36s} {found['seconds']:8.3f}{left}", flush=True)
        else:
            print(f"{name:36s} {'':8s}   {found or (ran.stderr.splitlines() or ['no output'])[-1]}", flush=True)


if __name__ == "__main__":
    child(sys.argv[2]) if sys.argv[1:2] == ["--case"] else main()
