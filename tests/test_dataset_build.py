"""What build makes of arrays: dims, units, names, attributes."""

import json

import numpy as np
import pytest

from dynsamp.dataset import build, check_time_units, decode, encode, facts, time_unit, uneven, validate
from dynsamp.words import Facts, Input, State, Status

STATES = (State("theta", "rad", "angle", conjugate="p", period=2 * np.pi), State("p", "kg m2 s-1", "angular momentum"))


def arrays(count=3, steps=5, components=2, seed=0):
    rng = np.random.default_rng(seed)
    return np.linspace(0, 1, steps), rng.normal(size=(count, steps, components))


def test_states_keep_names_units_and_order():
    t, y = arrays()
    ds = validate(build(t=t, y=y, dy=2 * y, states=STATES, time_unit="s", ids=np.array([4, 5, 9])))
    assert ds["theta"].dims == ("trajectory", "time")
    assert ds["theta"].attrs == {"units": "rad", "long_name": "angle", "conjugate": "p", "period": 2 * np.pi}
    assert ds["p"].attrs["units"] == "kg m2 s-1"
    assert ds["tendency_of_theta"].attrs["units"] == "rad s-1"
    np.testing.assert_array_equal(ds["tendency_of_p"], 2 * y[..., 1])
    np.testing.assert_array_equal(ds["trajectory"], [4, 5, 9])
    assert ds["time"].attrs["units"] == "s"
    assert ds.attrs["Conventions"].startswith("CF-")
    assert ds.attrs["states"] == "theta p"
    assert {"dynsamp_version", "numpy_version", "numba_version", "python_version"} <= set(ds.attrs)


@pytest.mark.parametrize(("unit", "expected"), [("1", "rad"), ("s", "rad s-1"), ("model day", "rad (model day)-1")])
def test_units_of_derivatives(unit, expected):
    t, y = arrays()
    ds = build(t=t, y=y, dy=y, states=STATES, time_unit=unit)
    assert ds["tendency_of_theta"].attrs["units"] == expected


def test_own_dims_are_filled_in_c_order():
    field = State("x", dims={"site": 2, "level": 3})
    y = np.arange(2 * 4 * 7, dtype=float).reshape(2, 4, 7)
    ds = build(t=np.arange(4.0), y=y, states=(State("a"), field))
    assert ds["x"].dims == ("trajectory", "time", "site", "level")
    np.testing.assert_array_equal(ds["x"].values.reshape(2, 4, 6), y[..., 1:])
    assert ds["x"].values[1, 2, 1, 0] == y[1, 2, 1 + 3]


def test_members_inputs_diagnostics_and_records():
    t, _ = arrays()
    y = np.zeros((3, 4, 5, 2))
    ds = build(
        t=t,
        y=y,
        states=STATES,
        time_unit="s",
        status=np.full((3, 4), Status.LEFT_DOMAIN),
        diagnostics={"energy": (np.ones((3, 4, 5)), "J", "total energy")},
        inputs={"wind": (np.ones((3, 5)), "m s-1"), "tide": (np.ones(5), "m", "tide", True)},
        swept={"mass": np.array([1.0, 2.0, 3.0])},
        valid_until=np.ones(3),
        left_domain_time=np.full((3, 4), np.nan),
        lead=True,
    )
    validate(ds)
    assert ds["theta"].dims == ("trajectory", "member", "time")
    assert ds["member"].attrs["standard_name"] == "realization"
    assert ds["lead_time"].attrs["standard_name"] == "forecast_period"
    assert ds["energy"].attrs == {"units": "J", "long_name": "total energy", "role": "diagnostic"}
    assert ds["wind"].attrs["role"] == "input"
    assert ds["tide"].dims == ("time",)
    assert ds["tide"].attrs["interpolation"] == "hold"
    assert ds["parameter_mass"].dims == ("trajectory",)
    assert ds["left_domain_time"].attrs["units"] == "s"
    assert ds["truth_valid_until"].dims == ("trajectory",)
    assert ds["status"].dtype == np.int8
    meanings = ds["status"].attrs["flag_meanings"].split()
    assert [Status[word.upper()] for word in meanings] == list(ds["status"].attrs["flag_values"])


def test_lead_time_counts_from_each_start():
    starts = np.array([0.0, 10.0, 20.0])
    t = starts[:, None] + np.arange(5.0)
    ds = build(t=t, y=np.zeros((3, 5, 2)), states=STATES, lead=True)
    assert ds["time"].dims == ("trajectory", "time")
    assert ds["lead_time"].dims == ("time",)
    np.testing.assert_array_equal(ds["lead_time"], np.arange(5.0))


def test_lead_time_of_dates_is_in_days():
    t = np.datetime64("2026-01-01", "ns") + np.arange(5) * np.timedelta64(12, "h")
    ds = build(t=t, y=np.zeros((3, 5, 2)), states=STATES, lead=True)
    np.testing.assert_array_equal(ds["lead_time"], np.arange(5) / 2)
    assert ds["lead_time"].attrs["units"] == "d"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros((3, 5, 1))}, "2 components for the states theta, p"),
        ({"y": np.zeros((3, 5))}, "expected \\(trajectory, \\[member,\\] time, component\\)"),
        ({"t": np.zeros(4)}, "t has shape \\(4,\\), but y has 3 trajectories with 5 times"),
        ({"dy": np.zeros((3, 5, 1))}, "dy has shape"),
        ({"ids": np.arange(2)}, "there are 3 trajectories"),
    ],
)
def test_shapes_that_contradict(change, message):
    t, y = arrays()
    with pytest.raises(ValueError, match=message):
        build(**{"t": t, "y": y, "states": STATES, **change})


def test_nested_attributes_are_json():
    attrs = {"n": np.int64(3), "x": np.nan, "flag": True, "none": None, "deep": {"a": np.arange(2)}, "text": "1"}
    encoded = encode(attrs)
    assert "none" not in encoded
    assert encoded["n"] == 3
    assert encoded["text"] == "1"
    assert json.loads(encoded["deep"]) == {"a": [0, 1]}
    assert decode(encoded, "flag") is True
    assert np.isnan(decode(encoded, "x"))
    with pytest.raises(ValueError, match=r"attribute 'text' should hold JSON"):
        decode({"text": "{broken"}, "text")
    with pytest.raises(TypeError, match=r"attributes hold JSON values, got object"):
        encode({"thing": {"a": object()}})


def test_facts_of_a_system():
    t, y = arrays()
    attrs = {"system": "pendulum", "facts": {"separable": True}, "parameters": {"m": 1.0}, "seed": 3}
    known = facts(build(t=t, y=y, states=STATES, time_unit="s", attrs=attrs))
    assert known == Facts(system="pendulum", separable=True, parameters={"m": 1.0}, seed=3, time_unit="s")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"dt": "fast"}, "the fact 'dt' should be a number, got 'fast'"),
        ({"stiff": 1}, "'stiff' should be true or false"),
        ({"seed": True}, "'seed' should be a whole number"),
        ({"inputs": "u"}, "'inputs' should be an object or a list"),
    ],
)
def test_facts_of_a_wrong_type_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        Facts.from_json(said)


def test_facts_survive_a_file_and_say_only_what_is_known():
    known = Facts(dt=0.1, inputs=(Input("wind", "m s-1"), Input("tide", hold=True)), other={"lab": [1, 2]})
    assert Facts.from_json(json.loads(json.dumps(known.to_json()))) == known
    assert Facts.from_json({"numpy_version": "2.0"}).versions == {"numpy_version": "2.0"}  # of older files
    assert repr(Facts(dt=0.1)) == "Facts(dt=0.1)"
    assert Facts(separable=False).over(Facts(separable=True, stiff=True)) == Facts(separable=False, stiff=True)


def test_time_units_must_agree_but_spelling_may_differ():
    t, y = arrays()
    seconds, spelt, days, none = (build(t=t, y=y, states=STATES, time_unit=unit) for unit in ("s", "seconds", "d", "1"))
    check_time_units(seconds, spelt)
    check_time_units("days", days)
    check_time_units(None, days)
    for other in (days, none):
        with pytest.raises(ValueError, match=r"time is in 's' in train of two Datasets"):
            check_time_units(seconds, other, ("train", "test"))


def test_dates_are_counted_in_days_unless_told():
    t = np.datetime64("2026-01-01", "ns") + np.arange(5) * np.timedelta64(1, "h")
    y = np.zeros((1, 5, 2))
    assert time_unit(build(t=t, y=y, states=STATES)) == "d"
    assert time_unit(build(t=t, y=y, states=STATES, time_unit="hours")) == "h"


def test_uneven_steps_are_pointed_out():
    even = build(t=np.arange(6) * 0.1, y=np.zeros((1, 6, 2)), states=STATES)
    assert uneven(even) is None
    gap = even.isel(time=[0, 1, 2, 4, 5])
    message = uneven(gap)
    assert message is not None
    assert "1 of 4 time steps differ from the usual 0.1" in message
    assert "between 0.2 and 0.4" in message
