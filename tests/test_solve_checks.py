"""The door: bad arguments and bad functions give one clear sentence."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dynsamp.solve import Kernel, Options, diffusion_values, field_values, scalar_values, solve


def decay(t, y, theta, dy):
    dy[0] = -theta[0] * y[0]


def logistic(t, y, theta, out):
    out[0] = theta[0] * y[0] * (1 - y[0])


def walk(t, y, theta, xi, out):
    out[0] = y[0] + theta[0] * xi[0]


def driven(t, y, theta, u, dy):
    dy[0] = theta[0] * u[0] + u[1]


def unknown_attribute(t, y, theta, dy):
    dy[0] = y.speed


def refuses(t, y, theta, dy):
    if y[0] > -1.0:
        raise ValueError("too fast")
    dy[0] = 1.0


FIELD = Kernel("field", (decay,), np.array([1.0]))
MAP = Kernel("map", (logistic,), np.array([3.7]), dt=0.5)
DRIVEN = Kernel("field", (driven,), np.array([2.0]), inputs=(False, True))
SIGNALS = (np.array([0.0, 1.0, 2.0]), np.array([[[0.0, 1.0], [1.0, -1.0], [0.0, 0.0]]]))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.0, 2.0, 1.0], [[1.0]]), {}, r"times\[2\] = 1 follows 2"),
        (([0.0, np.nan], [[1.0]]), {}, r"times\[1\] is not"),
        (([0.0, 1.0], [1.0]), {}, r"\(trajectory, state\)"),
        (([0.0, 1.0], [[1.0]]), {"method": "verlet"}, "'verlet' does not solve a field kernel; choose from dop853"),
        (([0.0, 1.0], [[1.0]]), {"method": "rk4", "step": -0.1}, "step must be positive"),
        (([0.0, 1.0], [[1.0]]), {"rtol": 0.0}, "tolerances"),
        (([0.0, 1.0], [[1.0]]), {"max_steps": 0}, "max_steps"),
        (([0.0, 1.0], [[1.0]]), {"ids": [1, 2]}, "one entry a trajectory"),
        (([0.0, 1.0], [[1.0]]), {"out": np.empty((1, 2, 2))}, "out must be"),
        (([0.0, 1.0], [[1.0]]), {"inputs": SIGNALS}, "the kernel has none"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        solve(FIELD, *arguments, **options)


@pytest.mark.parametrize("options", [{"rtol": "tight"}, {"step": [0.1], "method": "rk4"}, {"max_steps": True}])
def test_an_option_that_is_no_number_is_named(options):
    with pytest.raises(TypeError, match=f"{next(iter(options))} must be a (whole )?number, got"):
        solve(FIELD, [0.0, 1.0], [[1.0]], **options)


def test_options_are_keywords_or_a_value():
    given = solve(FIELD, [0.0, 1.0], [[1.0]], method="rk4", step=0.25)
    whole = solve(FIELD, [0.0, 1.0], [[1.0]], options=Options(method="rk4", step=0.25))
    changed = solve(FIELD, [0.0, 1.0], [[1.0]], options=Options(method="rk4", step=0.5), step=0.25, rtol=None)
    assert whole.states.tobytes() == given.states.tobytes() == changed.states.tobytes()
    assert whole.options == given.options == changed.options == {"step": 0.25}


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(TypeError, match="did you mean 'method'"):
        solve(FIELD, [0.0, 1.0], [[1.0]], metod="rk4")


def test_theta_with_a_wrong_number_of_rows():
    with pytest.raises(ValueError, match="row for each of 2 trajectories"):
        solve(Kernel("field", (decay,), np.ones((3, 1))), [0.0, 1.0], [[1.0], [2.0]])


def test_map_off_its_grid():
    with pytest.raises(ValueError, match=r"map with dt = 0.5 cannot reach times\[1\] = 0.75"):
        solve(MAP, [0.0, 0.75], [[0.3]])


def test_map_iterates():
    states = solve(MAP, [0.0, 0.5, 1.5], [[0.3]]).states[0, :, 0]
    y = [0.3]
    for _ in range(3):
        y.append(3.7 * y[-1] * (1 - y[-1]))
    np.testing.assert_allclose(states, [y[0], y[1], y[3]], rtol=1e-14)


def test_noisy_map_draws_by_id():
    kernel = Kernel("map", (walk,), np.array([2.0]), noise=1, dt=1.0)
    states = solve(kernel, np.arange(5.0), np.zeros((2, 1)), ids=[4, 9], seed=3).states[..., 0]
    from dynsamp.kernels.random import normals

    steps = 2.0 * normals(3, np.array([[4], [9]]), np.arange(4), 0)
    np.testing.assert_allclose(states[:, 1:], np.cumsum(steps, axis=1), atol=1e-14)


def test_signals_are_linear_or_held():
    # y' = 2 u0 + u1; u0 rises and falls by 1, u1 = 1 then -1
    states = solve(DRIVEN, [0.0, 1.0, 2.0], [[0.0], [5.0]], inputs=SIGNALS, method="rk4", step=0.01).states[..., 0]
    np.testing.assert_allclose(states, [[0.0, 2.0, 2.0], [5.0, 7.0, 7.0]], atol=0.02)
    at = field_values(DRIVEN, [0.25, 1.5, 2.0], np.zeros((3, 1)), inputs=SIGNALS)[:, 0]
    np.testing.assert_allclose(at, [1.5, 0.0, 0.0], atol=1e-14)


def test_signals_must_cover_the_times():
    with pytest.raises(ValueError, match="known from 0 to 2, but times run from 0 to 3"):
        solve(DRIVEN, [0.0, 3.0], [[0.0]], inputs=SIGNALS)
    with pytest.raises(ValueError, match="has 2 inputs; pass inputs="):
        solve(DRIVEN, [0.0, 1.0], [[0.0]])


def test_function_that_does_not_compile():
    with pytest.raises(TypeError, match=r"'unknown_attribute' does not compile: .*attribute 'speed'"):
        solve(Kernel("field", (unknown_attribute,), np.empty(0)), [0.0, 1.0], [[1.0]], method="rk4")


def test_function_that_is_no_function():
    with pytest.raises(TypeError, match=r"must be a plain Python function or njit, got functools\.partial"):
        solve(Kernel("field", (functools.partial(decay),), np.ones(1)), [0.0, 1.0], [[1.0]])


def test_function_that_raises():
    with pytest.raises(RuntimeError, match="'refuses' raised ValueError: too fast"):
        solve(Kernel("field", (refuses,), np.empty(0)), [0.0, 1.0], [[1.0]], method="rk4")


def test_only_an_sde_has_a_diffusion():
    with pytest.raises(ValueError, match="only an sde"):
        diffusion_values(FIELD, 0.0, [[1.0]])


def test_scalars_take_one_theta_a_point():
    def product(t, y, theta):
        return theta[0] * y[0] + t

    values = scalar_values(product, [0.0, 1.0], [[2.0], [3.0]], [[5.0], [7.0]])
    np.testing.assert_allclose(values, [10.0, 22.0])


def test_out_is_filled():
    out = np.full((1, 2, 1), np.nan)
    solution = solve(FIELD, [0.0, 1.0], [[1.0]], method="rk4", step=0.01, out=out)
    assert solution.states is out
    np.testing.assert_allclose(out[0, :, 0], [1.0, np.exp(-1.0)], rtol=1e-9)


PROGRAM = """
import sys, numpy as np
from dynsamp.solve import Kernel, solve

def rhs(t, y, theta, dy):
    dy[0] = y[1]
    dy[1] = -y[0]

kernel = Kernel("field", (rhs,), np.empty(0))
solve(kernel, [0.0, 1.0], [[1.0, 0.0]])
print("ready", flush=True)
solve(kernel, [0.0, 1e12], [[1.0, 0.0]], max_steps=10**12)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupt_ends_a_long_run():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
