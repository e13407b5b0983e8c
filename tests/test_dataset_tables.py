"""Datasets from DataFrames and arrays."""

import numpy as np
import pandas as pd
import pytest

from dynsamp.dataset import from_arrays, from_dataframe, from_points, pack
from dynsamp.words import State


def frame(**changes):
    return pd.DataFrame({"time": [0.0, 1.0, 2.0], "q": [1.0, 2.0, 3.0], "p": [4.0, 5.0, 6.0], **changes})


def test_a_table():
    ds = from_dataframe(frame(), time="time", time_unit="s", canonical=[("q", "p")])
    np.testing.assert_array_equal(pack(ds).y[0], frame()[["q", "p"]])
    assert ds["q"].attrs["conjugate"] == "p"
    assert ds.sizes == {"trajectory": 1, "time": 3}


def test_the_time_is_found():
    by_index = frame().set_index("time")
    dates = frame().drop(columns="time").set_index(pd.date_range("2026-01-01", periods=3, freq="D"))
    named = frame().rename(columns={"time": "date"})[["q", "date", "p"]]
    for table, given in ((by_index, "time"), (dates, None), (named, None), (frame(), None)):
        ds = from_dataframe(table, time=given)
        assert list(ds.data_vars) == ["q", "p"]
        np.testing.assert_array_equal(pack(ds).t[0], [0, 1, 2])


def test_trajectories_of_different_length():
    table = frame(run=["b", "a", "a"])
    ds = from_dataframe(table, time="time", trajectory="run")
    assert ds["trajectory_name"].values.tolist() == ["b", "a"]
    samples = pack(ds)
    np.testing.assert_array_equal(samples.length, [1, 2])
    np.testing.assert_array_equal(samples.t, [[0, np.nan], [1, 2]])


def test_zoned_dates_become_utc():
    table = frame(time=pd.date_range("2026-01-01", periods=3, freq="h", tz="Europe/Berlin"))
    ds = from_dataframe(table, time="time")
    assert ds["time"].values[0] == np.datetime64("2025-12-31T23:00:00")


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (frame(q=[1.0, np.nan, 3.0]), {}, "column 'q' is missing in row 1 .1 such rows.; drop"),
        (frame(q=[1.0, np.inf, 3.0]), {}, "column 'q' is inf in row 1"),
        (frame(q=["a", "b", "c"]), {"states": ["q"]}, "column 'q' has dtype .*pandas.to_numeric"),
        (frame(time=["a", "b", "c"]), {}, "time column 'time' has dtype .*pandas.to_datetime"),
        (frame(time=[0.0, np.nan, 2.0]), {}, "time column 'time' is missing in row 1"),
        (frame(time=[0.0, 0.0, 2.0]), {}, "'time' must increase, but row 1 has 0.0 after 0.0 in row 0"),
        (frame(run=["a", None, "b"]), {"trajectory": "run"}, "'run' is missing in row 1"),
        (frame(), {"states": ["z"]}, "no column 'z'"),
        (frame(), {"states": ["time"]}, "cannot be a state"),
        (frame()[["time"]], {}, "no column of numbers besides 'time'"),
        (frame().iloc[:0], {}, "no rows"),
        (frame(), {"units": {"Q": "m"}}, "units names 'Q', which is not a state"),
        (frame(), {"canonical": [("q", "r")]}, "canonical names 'r'"),
    ],
)
def test_mistakes_in_tables(table, options, message):
    with pytest.raises(ValueError, match=message):
        from_dataframe(table, **{"time": "time", **options})


def test_arrays_of_one_and_of_many_trajectories():
    y = np.random.default_rng(0).normal(size=(3, 4, 2))
    t = np.arange(4)
    many = from_arrays(y, t, names=["q", "p"], units=["m", "kg m s-1"], tendencies=y, canonical=True, time_unit="s")
    np.testing.assert_array_equal(pack(many).y, y)
    assert many["q"].attrs["units"] == "m"
    one = from_arrays(y[0].tolist(), t, names=["q", "p"])
    assert one.sizes["trajectory"] == 1
    own = from_arrays(y, np.arange(3)[:, None] + t, names=[State("q", "m"), State("p")])
    assert own["time"].dims == ("trajectory", "time")
    assert own["q"].attrs["units"] == "m"


@pytest.mark.parametrize(
    ("states", "times", "options", "error", "message"),
    [
        (np.zeros(4), np.arange(4), {}, ValueError, "states has shape .4,., expected"),
        (np.zeros((4, 3)), np.arange(4), {}, ValueError, "3 entries along its last axis, but 2 names"),
        (np.zeros((4, 2)), np.arange(3), {}, ValueError, "times has shape .3,., but states has 1 trajectories with 4"),
        (np.zeros((4, 2)), np.arange(4)[::-1], {}, ValueError, "follows 3"),
        (np.zeros((4, 2)), np.arange(4), {"tendencies": np.zeros((3, 2))}, ValueError, "tendencies has shape"),
        (np.zeros((4, 2)), np.arange(4), {"units": ["m"]}, ValueError, "units has 1 entries, but there are 2"),
        (np.zeros((4, 2)), np.arange(4), {"units": "m"}, TypeError, r"try \['m'\]"),
        (np.zeros((4, 2)), np.arange(4), {"names": ["q", "q"]}, ValueError, "'q' is named twice"),
        (np.zeros((4, 2)), np.arange(4), {"names": "qp"}, TypeError, r"got the string 'qp'; try \['qp'\]"),
        (np.zeros((4, 2)), np.arange(4), {"canonical": [("q", "r")]}, ValueError, "canonical names 'r'"),
        (np.zeros((4, 1)), np.arange(4), {"names": ["q"], "canonical": True}, ValueError, "come in pairs"),
        (np.array([["a", "b"]]), np.arange(1), {}, TypeError, "array of real numbers"),
        (np.zeros((1, 2)), ["now"], {}, TypeError, "times must be numbers or datetime64"),
    ],
)
def test_mistakes_in_arrays(states, times, options, error, message):
    with pytest.raises(error, match=message):
        from_arrays(states, times, **{"names": ["q", "p"], **options})


def test_points_need_as_many_tendencies():
    with pytest.raises(ValueError, match=r"both must be .point, state."):
        from_points(np.zeros((3, 2)), np.zeros((2, 2)), names=["q", "p"])
