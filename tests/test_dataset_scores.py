"""Scores as a Dataset."""

import json

import numpy as np
import pytest

from dynsamp.dataset import open_dataset, save_dataset, scores
from dynsamp.metrics.base import Score, metric
from dynsamp.words import State

STATES = (State("x", dims={"site": 2}), State("y"))


@metric("error", ("trajectory", "member", "lead_time"))
def error(forecast, truth):
    """Error relative to the spread."""


@metric("valid", ("trajectory",), units="time")
def valid(forecast, truth):
    """Valid time."""


@metric("bias", ("state",))
def bias(forecast, truth):
    """Mean error."""


def make(**results):
    known = {"error": error, "valid": valid, "bias": bias}
    return scores(
        {name: (known[name], score) for name, score in results.items()},
        lead_time=np.arange(3.0),
        ids=np.array([4, 7]),
        states=STATES,
        time_unit="s",
        skipped={"crps": "needs members"},
        attrs={"system": "pendulum"},
    )


def test_dims_units_and_what_must_be_said(tmp_path):
    ds = make(
        error=Score(np.ones((2, 5, 3)), {"norm": "std", "threshold": 0.4, "reference": {"a": 1}}),
        valid=Score(np.ones(2)),
    )
    assert ds["error"].dims == ("trajectory", "member", "lead_time")
    assert ds["error"].attrs["units"] == "1"
    assert ds["error"].attrs["long_name"] == "Error relative to the spread"
    assert ds["error"].attrs["threshold"] == 0.4
    assert json.loads(ds["error"].attrs["reference"]) == {"a": 1}
    assert ds["valid"].attrs["units"] == "s"
    assert json.loads(ds.attrs["skipped"]) == {"crps": "needs members"}
    assert ds["lead_time"].attrs == {"units": "s", "standard_name": "forecast_period", "long_name": "lead time"}
    np.testing.assert_array_equal(ds["trajectory"], [4, 7])
    np.testing.assert_array_equal(ds["member"], np.arange(5))
    for suffix in (".nc", ".zarr"):
        back = open_dataset(save_dataset(ds, tmp_path / f"scores{suffix}"))
        assert back.identical(ds)


def test_units_that_a_score_states_win():
    ds = make(valid=Score(np.ones(2), {"units": "Lyapunov times"}))
    assert ds["valid"].attrs["units"] == "Lyapunov times"


def test_states_or_components_are_labelled():
    assert make(bias=Score(np.zeros(2)))["state"].values.tolist() == ["x", "y"]
    assert make(bias=Score(np.zeros(3)))["state"].values.tolist() == ["x[0]", "x[1]", "y"]


def test_values_must_have_the_dims():
    with pytest.raises(ValueError, match=r"metric 'valid' returned an array of shape \(2, 1\), but declares the dims"):
        make(valid=Score(np.ones((2, 1))))
    with pytest.raises(ValueError, match="metric 'error' returned 4 values along 'lead_time', but there are 3"):
        make(error=Score(np.ones((2, 5, 4))))
