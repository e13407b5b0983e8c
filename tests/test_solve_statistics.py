"""Statistics without states agree with those of the states; float32 output; buffers of the caller."""

from __future__ import annotations

import numpy as np
import pytest

from dynsamp.kernels.blocks import merged
from dynsamp.solve import Kernel, solve, statistics
from dynsamp.words import Status

OPTIONS = {"method": "rk4", "step": 0.02}
TIMES = np.arange(0.0, 2.0, 0.05)


def lorenz(t, y, theta, dy):
    dy[0] = theta[0] * (y[1] - y[0])
    dy[1] = y[0] * (theta[1] - y[2]) - y[1]
    dy[2] = y[0] * y[1] - theta[2] * y[2]


def blow_up(t, y, theta, dy):
    dy[0] = y[0] * y[0]


def drift(t, y, theta, dy):
    dy[0] = -y[0]


def diffusion(t, y, theta, g):
    g[0] = 1.0


LORENZ = Kernel("field", (lorenz,), np.array([10.0, 28.0, 8.0 / 3.0]))
BLOW_UP = Kernel("field", (blow_up,), np.zeros(1))


@pytest.fixture(scope="module")
def starts():
    return np.random.default_rng(0).normal([1.0, 1.0, 25.0], size=(200, 3))


@pytest.fixture(scope="module")
def states(starts):
    return solve(LORENZ, TIMES, starts, **OPTIONS).states


@pytest.mark.parametrize("group", [None, 1, 50, 100])
def test_over_trajectories(starts, states, group):
    found = statistics(LORENZ, TIMES, starts, group=group, **OPTIONS)
    blocks = states.reshape(-1, group or len(starts), len(TIMES), 3)
    np.testing.assert_allclose(found.mean, blocks.mean(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.std, blocks.std(axis=1), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(found.low, blocks.min(axis=1))
    np.testing.assert_array_equal(found.high, blocks.max(axis=1))
    assert np.all(found.number == blocks.shape[1])


@pytest.mark.parametrize("options", [OPTIONS, {"rtol": 1e-6}])
def test_over_time(starts, options):
    states = solve(LORENZ, TIMES, starts[:20], **options).states
    found = statistics(LORENZ, TIMES, starts[:20], over="time", **options)
    np.testing.assert_allclose(found.mean, states.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.std, states.std(axis=1), rtol=1e-10)
    np.testing.assert_array_equal(found.low, states.min(axis=1))
    np.testing.assert_array_equal(found.high, states.max(axis=1))
    np.testing.assert_array_equal(found.last, states[:, -1])
    assert np.all(found.number == len(TIMES))


def test_a_failed_trajectory_counts_up_to_its_failure():
    times, y0 = np.linspace(0.0, 2.0, 21), np.array([[1.0], [-1.0], [-2.0]])
    found = statistics(BLOW_UP, times, y0, method="rk4", step=0.001)
    states = solve(BLOW_UP, times, y0, method="rk4", step=0.001).states
    assert found.status.tolist() == [Status.DIVERGED, Status.OK, Status.OK]
    np.testing.assert_array_equal(found.number[0, :, 0], np.isfinite(states[..., 0]).sum(axis=0))
    np.testing.assert_allclose(found.mean[0], np.nanmean(states, axis=0), rtol=1e-12)
    over_time = statistics(BLOW_UP, times, y0, over="time", method="rk4", step=0.001)
    assert np.isnan(over_time.mean[0, 0])
    assert over_time.number[:, 0].tolist() == [0, 21, 21]


def test_invalid_starts_do_not_count(starts):
    y0 = starts[:10].copy()
    y0[3, 1] = np.nan
    found = statistics(LORENZ, TIMES, y0, **OPTIONS)
    assert np.all(found.number == 9)
    assert found.status[3] == Status.INVALID_INPUT


def test_nothing_left_is_nan_not_infinity():
    found = statistics(LORENZ, TIMES, np.full((2, 3), np.nan), **OPTIONS)
    for value in (found.mean, found.std, found.low, found.high):
        assert np.isnan(value).all()


def test_same_bits_for_any_number_of_threads(starts):
    one, two = (statistics(LORENZ, TIMES, starts, threads=n, **OPTIONS) for n in (1, 2))
    for name in ("mean", "std", "low", "high"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_group_does_not_depend_on_other_groups(starts):
    whole = statistics(LORENZ, TIMES, starts, group=100, **OPTIONS)
    alone = statistics(LORENZ, TIMES, starts[100:], group=100, **OPTIONS)
    np.testing.assert_array_equal(whole.mean[1], alone.mean[0])
    np.testing.assert_array_equal(whole.std[1], alone.std[0])


def test_ornstein_uhlenbeck_moments():
    # Gardiner (2009), section 4.5.4: mean exp(-t), variance (1 - exp(-2 t)) / 2 from y = 1
    kernel = Kernel("sde", (drift, diffusion), np.zeros(1), noise="diagonal")
    found = statistics(kernel, [0.0, 0.5, 1.0], np.ones((40_000, 1)), step=0.005, seed=4)
    t = np.array([0.5, 1.0])
    variance = (1 - np.exp(-2 * t)) / 2
    error = np.sqrt(variance / 40_000)
    assert np.all(np.abs(found.mean[0, 1:, 0] - np.exp(-t)) < 4 * error + 0.0025)
    np.testing.assert_allclose(found.std[0, 1:, 0], np.sqrt(variance), rtol=0.02)


def test_merging_is_that_of_all_values():
    rng = np.random.default_rng(5)
    a, b = rng.normal(3.0, 1.0, 40), rng.normal(-1.0, 2.0, 60)

    def total(x):
        return np.array([len(x), x.mean(), ((x - x.mean()) ** 2).sum(), x.min(), x.max()])[:, np.newaxis]

    np.testing.assert_allclose(merged(total(a), total(b)), total(np.concatenate([a, b])), rtol=1e-13)


@pytest.mark.parametrize("options", [OPTIONS, {"rtol": 1e-8}])
def test_float32_is_float64_rounded(starts, options):
    single = solve(LORENZ, TIMES, starts[:40], dtype="float32", **options).states
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, solve(LORENZ, TIMES, starts[:40], **options).states.astype(np.float32))


def test_float32_overflow_is_a_failure():
    kernel = Kernel("field", (drift,), np.zeros(1))
    found = solve(kernel, [0.0, 0.1, 0.2], [[1e39], [1.0]], method="rk4", step=0.1, dtype="float32")
    assert found.status.tolist() == [Status.DIVERGED, Status.OK]
    assert np.isnan(found.states[0]).all()


def test_buffer_of_the_caller(starts):
    for dtype in (np.float32, np.float64):
        out = np.empty((10, len(TIMES), 3), dtype)
        assert solve(LORENZ, TIMES, starts[:10], out=out, **OPTIONS).states is out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: solve(LORENZ, TIMES, [[1, 1, 1]], dtype="int32"), "float64 or float32"),
        (lambda: solve(LORENZ, TIMES, [[1, 1, 1]], out=np.empty((1, 40, 3), np.float16)), "float64 or float32"),
        (lambda: solve(LORENZ, TIMES, [[1, 1, 1]], out=np.empty((1, 40, 3)), dtype="float32"), "give one of them"),
        (lambda: statistics(LORENZ, TIMES, [[1, 1, 1]], over="state"), "'trajectory' or 'time'"),
        (lambda: statistics(LORENZ, TIMES, np.ones((3, 3)), group=2), "must divide"),
        (lambda: statistics(LORENZ, TIMES, np.ones((3, 3)), over="time", group=3), "group="),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
