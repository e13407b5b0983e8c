import numpy as np
import pytest

from dynsamp.words import Box, State
from dynsamp.workflow.starts import BLOCK, sampled_starts, saved_times, start_array

STATES = (State("x"), State("X", dims={"site": 3}))


def times(duration=None, dt=None, t=None):
    return saved_times(duration, dt, t, default_duration=10.0, default_dt=0.1)


def test_saved_times_include_start_and_end():
    assert times().shape == (101,)
    np.testing.assert_allclose(times(1.0, 0.25), [0, 0.25, 0.5, 0.75, 1.0], rtol=0, atol=0)
    # a hundred thousand steps end where they should: no accumulation
    assert times(1e4, 0.1)[-1] == pytest.approx(1e4, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duration": 1.03, "dt": 0.1}, "try duration=1 or duration=1.1"),
        ({"duration": -1.0}, "duration must be positive"),
        ({"dt": float("nan")}, "dt must be positive"),
        ({"t": [0, 1, 1]}, r"times\[2\] = 1 follows 1"),
        ({"t": [0, float("inf")]}, r"times\[1\] is not"),
        ({"t": [[0, 1]]}, "1-d"),
        ({"t": [0, 1, 2], "duration": 3.0}, "not both"),
        ({"t": [0, 1, 3], "dt": 1.0}, "not both"),
    ],
)
def test_contradicting_times_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        times(**arguments)


def test_consistent_times_and_duration_pass():
    np.testing.assert_array_equal(times(2.0, 1.0, [0, 1, 2]), [0, 1, 2])


def test_start_depends_on_its_id_alone():
    box = Box([0, -1], [1, 1])
    ids = np.arange(3 * BLOCK)
    together = sampled_starts(box, STATES, ids, seed=3)
    np.testing.assert_array_equal(sampled_starts(box, STATES, ids[5:7], seed=3), together[5:7])
    np.testing.assert_array_equal(
        sampled_starts(box, STATES, ids[BLOCK - 1 : BLOCK + 1], 3), together[BLOCK - 1 : BLOCK + 1]
    )
    assert not np.array_equal(sampled_starts(box, STATES, ids[:4], seed=4), together[:4])
    assert np.all((together[:, 0] >= 0) & (together[:, 0] <= 1))
    # uniform on [-1, 1]: mean 0 with standard error 1 / sqrt(3 n)
    assert abs(together[:, 1:].mean()) < 5 / np.sqrt(3 * together[:, 1:].size)


def test_start_arrays():
    np.testing.assert_array_equal(start_array({"X": [[1, 2, 3]], "x": 0.0}, STATES), [[0, 1, 2, 3]])
    assert start_array([0, 1, 2, 3], STATES).shape == (4,)
    rows = np.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(sampled_starts(rows, STATES, np.arange(3), 0), rows[[0, 1, 0]])


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ({"x": 1.0}, "lacks the state X"),
        ({"xx": 1.0, "X": [1, 2, 3]}, "'xx', which is no state .* did you mean 'x'"),
        ({"x": 1.0, "X": [1, 2]}, r"must have shape \(trajectory,\) \+ \(3,\)"),
        (np.zeros((2, 3)), r"\(trajectory, 4\) in the order x, X"),
        (Box([0, 0, 0], [1, 1, 1]), "3 intervals, but there are 2 states with 4 components"),
        (lambda rng, n: rng.normal(size=n), r"must return an array of shape \(n, 4\)"),
    ],
)
def test_bad_starts_are_named(initial, message):
    with pytest.raises(ValueError, match=message):
        sampled_starts(initial, STATES, np.arange(2), 0)
