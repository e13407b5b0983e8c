"""Dataset to arrays and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dynsamp.dataset import (
    build,
    component_names,
    from_arrays,
    from_points,
    open_dataset,
    pack,
    record,
    state_list,
    to_dates,
)
from dynsamp.models.base import bounds
from dynsamp.words import Input, State, Status

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
PAIR = (State("q", "m", conjugate="p"), State("p", "kg m s-1"))


@st.composite
def problems(draw):
    """States with own dims and values of matching shape."""
    shapes = draw(st.lists(st.lists(st.integers(1, 3), max_size=2), min_size=1, max_size=3))
    states = tuple(
        State(f"s{k}", dims={f"d{k}{n}": size for n, size in enumerate(shape)}) for k, shape in enumerate(shapes)
    )
    count, steps = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    components = sum(state.size for state in states)
    y = draw(hnp.arrays(np.float64, (count, steps, components), elements=finite))
    return states, y


@settings(deadline=None, max_examples=40)
@given(problems())
def test_build_then_pack_is_the_identity(problem):
    states, y = problem
    t = np.arange(y.shape[1]) * 0.5
    samples = pack(build(t=t, y=y, dy=-y, states=states))
    assert samples.y.flags.c_contiguous
    assert samples.y.dtype == np.float64
    np.testing.assert_array_equal(samples.y, y)
    np.testing.assert_array_equal(samples.dy, -y)
    np.testing.assert_array_equal(samples.t, np.broadcast_to(t, y.shape[:2]))
    np.testing.assert_array_equal(samples.length, y.shape[1])
    assert [state.name for state in samples.states] == [state.name for state in states]
    assert [dict(state.dims) for state in samples.states] == [dict(state.dims) for state in states]


def test_component_names_follow_the_components():
    assert component_names((State("a"), State("x", dims={"i": 2, "j": 2}))) == [
        "a",
        *(f"x[{i},{j}]" for i in (0, 1) for j in (0, 1)),
    ]


def test_facts_periods_and_pairs_travel():
    states = (State("q", "rad", conjugate="p", period=2 * np.pi), State("p"))
    attrs = {"system": "pendulum", "facts": {"separable": True, "lyapunov_exponent": None}}
    ds = build(t=np.arange(3.0), y=np.zeros((2, 3, 2)), states=states, time_unit="s", attrs=attrs)
    samples = pack(ds)
    assert samples.facts.separable is True
    assert samples.facts.system == "pendulum"
    assert samples.facts.time_unit == "s"
    assert samples.states[0].conjugate == "p"
    assert samples.states[0].period == pytest.approx(2 * np.pi)


def test_order_of_states_survives_another_order_of_variables():
    ds = from_arrays(np.random.default_rng(0).normal(size=(4, 2)), np.arange(4.0), names=["z", "a"])
    shuffled = ds[["a", "z"]]
    assert [state.name for state in state_list(shuffled)] == ["z", "a"]
    np.testing.assert_array_equal(pack(shuffled).y, pack(ds).y)


def test_selecting_a_part_drops_its_conjugate():
    ds = from_arrays(np.zeros((4, 2)), np.arange(4.0), names=["q", "p"], canonical=True)
    assert state_list(ds)[0].conjugate == "p"
    assert pack(ds[["q"]]).states == (State("q", long_name="q"),)


def test_shorter_trajectories_are_padded():
    t = np.array([[0.0, 1.0, 2.0], [5.0, 6.0, np.nan]])
    y = np.array([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [np.nan]]])
    samples = pack(build(t=t, y=y, states=(State("x"),)))
    np.testing.assert_array_equal(samples.length, [3, 2])
    np.testing.assert_array_equal(samples.t, t)
    np.testing.assert_array_equal(samples.y, y)


def test_a_failed_trajectory_keeps_its_valid_part():
    y = np.ones((3, 4, 2))
    y[1, 2:] = np.nan
    y[2] = np.nan
    status = [Status.OK, Status.DIVERGED, Status.INVALID_INPUT]
    samples = pack(build(t=np.arange(4.0), y=y, states=PAIR, status=np.array(status), ids=np.array([7, 8, 9])))
    np.testing.assert_array_equal(samples.length, [4, 2])
    np.testing.assert_array_equal(samples.ids, [7, 8])
    assert samples.facts.failed == 2
    with pytest.raises(ValueError, match=r"all 1 trajectories failed at their start"):
        pack(build(t=np.arange(4.0), y=y[2:], states=PAIR, status=np.array(status[2:])))


def test_a_warning_keeps_all_values():
    ds = build(t=np.arange(4.0), y=np.ones((2, 4, 2)), states=PAIR, status=np.array([0, Status.LEFT_DOMAIN]))
    samples = pack(ds)
    np.testing.assert_array_equal(samples.length, 4)
    assert samples.facts.left_domain == 1
    assert samples.facts.failed == 0


@pytest.mark.parametrize(("value", "word"), [(np.nan, "missing"), (np.inf, "inf")])
def test_gaps_inside_are_located(value, word):
    y = np.ones((2, 4, 2))
    y[1, 2, 1] = value
    ds = build(t=np.arange(4.0) / 2, y=y, states=PAIR, ids=np.array([10, 20]))
    with pytest.raises(ValueError, match=f"'p' is {word} in trajectory 20 at time 1.0 .*interpolate_na"):
        pack(ds)


def test_missing_derivatives_and_inputs_are_located():
    y, dy = np.ones((1, 3, 2)), np.ones((1, 3, 2))
    dy[0, 1, 0] = np.nan
    with pytest.raises(ValueError, match=r"'tendency_of_q' is missing in trajectory 0 at time 1.0"):
        pack(build(t=np.arange(3.0), y=y, dy=dy, states=PAIR))
    with pytest.raises(ValueError, match=r"'wind' is inf in trajectory 0 at time 2.0"):
        pack(build(t=np.arange(3.0), y=y, states=PAIR, inputs={"wind": (np.array([[0, 1, np.inf]]), "m s-1")}))


def test_inputs_shared_and_by_trajectory():
    own, shared = np.random.default_rng(1).normal(size=(2, 3)), np.arange(3.0)
    ds = build(
        t=np.arange(3.0),
        y=np.ones((2, 3, 2)),
        states=PAIR,
        inputs={"wind": (own, "m s-1"), "tide": (shared, "m", "tide", True)},
    )
    samples = pack(ds[sorted(ds.data_vars)])
    np.testing.assert_array_equal(samples.u, np.stack([own, np.broadcast_to(shared, (2, 3))], axis=-1))
    assert samples.facts.inputs == (Input("wind", "m s-1"), Input("tide", "m", hold=True))


def test_dates_become_days_since_the_first():
    t = np.datetime64("2026-03-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
    samples = pack(build(t=t, y=np.ones((1, 4, 2)), states=PAIR))
    np.testing.assert_array_equal(samples.t[0], [0, 0.25, 0.5, 0.75])
    assert samples.facts.time_unit == "d"
    assert np.datetime64(samples.facts.time_origin) == t[0]
    hours = pack(build(t=t, y=np.ones((1, 4, 2)), states=PAIR, time_unit="h"))
    np.testing.assert_array_equal(hours.t[0], [0, 6, 12, 18])


def test_dates_come_back():
    t = np.datetime64("2026-03-01T01:02:03", "ns") + np.cumsum(np.arange(1, 200)) * np.timedelta64(777, "us")
    for unit in ("s", "min", "h", "d", "days"):
        samples = pack(build(t=t, y=np.ones((1, len(t), 2)), states=PAIR, time_unit=unit))
        back = to_dates(samples.t[0], samples.facts.time_unit, samples.facts.time_origin)
        assert abs(back - t).max() <= np.timedelta64(1, "us")
    assert np.isnat(to_dates(np.array([np.nan]), "d", "2026-01-01"))[0]


def test_a_trajectory_without_values_is_no_silent_loss():
    y = np.ones((2, 3, 2))
    y[1] = np.nan
    with pytest.raises(ValueError, match="trajectory 1 has no values at all; drop it"):
        pack(build(t=np.arange(3.0), y=y, states=PAIR))


def test_seconds_of_dates_keep_their_digits():
    t = np.datetime64("2026-03-01", "ns") + np.arange(1000) * np.timedelta64(1, "s")
    steps = np.diff(pack(build(t=t, y=np.ones((1, 1000, 2)), states=PAIR)).t[0])
    np.testing.assert_allclose(steps, 1 / 86400, rtol=1e-10)


def test_members_are_trajectories_to_learn_from():
    y = np.random.default_rng(2).normal(size=(2, 3, 4, 2))
    samples = pack(build(t=np.arange(4.0), y=y, states=PAIR, inputs={"u": (np.array([[0.0] * 4, [1.0] * 4]), "1")}))
    np.testing.assert_array_equal(samples.y, y.reshape(6, 4, 2))
    np.testing.assert_array_equal(samples.u[:, 0, 0], [0, 0, 0, 1, 1, 1])


def test_points_are_trajectories_with_one_time():
    y, dy = np.random.default_rng(3).normal(size=(2, 10, 2))
    samples = pack(from_points(y, dy, names=["q", "p"], canonical=[("q", "p")]))
    np.testing.assert_array_equal(samples.y[:, 0], y)
    np.testing.assert_array_equal(samples.dy[:, 0], dy)
    assert samples.length.tolist() == [1] * 10


def test_record_of_an_ensemble():
    y = np.random.default_rng(4).normal(size=(2, 3, 4, 2))
    ds = build(
        t=np.array([1.0, 2.0, 3.0, 4.0]),
        y=y,
        states=PAIR,
        status=np.zeros((2, 3)),
        swept={"k": np.array([5.0, 6.0])},
        valid_until=np.array([3.0, np.nan]),
        attrs={"parameters": {"m": 2.0, "k": 5.0, "c": 7.0}},
    )
    result = record(ds)
    np.testing.assert_array_equal(result.t, [0, 1, 2, 3])
    np.testing.assert_array_equal(result.y, y)
    np.testing.assert_array_equal(result.theta, [[2, 5, 7], [2, 6, 7]])
    np.testing.assert_array_equal(result.valid_until, [2, np.inf])
    assert result.status.shape == (2, 3)


def test_record_of_a_truth_has_one_member_and_keeps_failures():
    y = np.ones((2, 3, 2))
    y[1, 1:] = np.nan
    result = record(build(t=np.arange(3.0), y=y, states=PAIR, status=np.array([0, 1])))
    assert result.y.shape == (2, 1, 3, 2)
    assert np.isnan(result.y[1, 0, 1:]).all()
    np.testing.assert_array_equal(result.status, [[0], [1]])
    assert np.isinf(result.valid_until).all()
    assert result.theta.shape == (2, 0)


def test_record_selects_and_orders_states():
    ds = from_arrays(np.random.default_rng(5).normal(size=(4, 2)), np.arange(4.0), names=["a", "b"])
    np.testing.assert_array_equal(record(ds, (State("b"), State("a"))).y[..., 0], ds["b"].values[:, None])
    with pytest.raises(ValueError, match=r"no state 'velocty'"):
        record(ds, (State("velocty"),))
    with pytest.raises(ValueError, match=r"has 1 components here, but 3"):
        record(ds, (State("a", dims={"i": 3}),))


def test_lead_times_must_be_shared_but_starts_may_differ():
    starts = np.array([[0.0], [0.1], [1e3]])
    t = starts + np.arange(5) * 0.1
    ds = build(t=t, y=np.ones((3, 5, 2)), states=PAIR, valid_until=starts[:, 0] + 0.2)
    result = record(ds)
    np.testing.assert_allclose(result.t, np.arange(5) * 0.1, atol=1e-9)
    np.testing.assert_allclose(result.valid_until, 0.2, atol=1e-9)
    t[1, 3] += 0.05
    with pytest.raises(ValueError, match=r"trajectory 1 has lead time 0.35 where others have 0.3"):
        record(build(t=t, y=np.ones((3, 5, 2)), states=PAIR))


def test_other_dimension_orders_are_refused_with_the_remedy():
    ds = build(t=np.arange(3.0), y=np.ones((2, 3, 2)), states=PAIR)
    with pytest.raises(ValueError, match=r"try ds.transpose\('trajectory', 'time', ...\)"):
        pack(ds.transpose("time", "trajectory"))


def test_bounds_travel_as_cf_attributes_unless_the_data_cross_them(tmp_path, caplog):
    n = State("n", "1", bounds=(0, None))
    ds = build(t=np.arange(3.0), y=np.ones((2, 3, 1)), states=[n])
    assert ds["n"].attrs["valid_min"] == 0
    assert "valid_max" not in ds["n"].attrs
    ds.to_netcdf(tmp_path / "n.nc", engine="scipy")
    assert pack(open_dataset(tmp_path / "n.nc")).states[0].bounds == (0.0, None)
    low, high = bounds([n, State("v", dims={"site": 2}, bounds=(-1, 2.5))])
    assert low.tolist() == [0, -1, -1]
    assert high.tolist() == [np.inf, 2.5, 2.5]
    ds["n"][0, 1] = -0.1
    assert pack(ds).states[0].bounds == (None, None)
    assert "n reaches from -0.1 to 1, beyond its bounds" in caplog.text
    for wrong in ({"valid_min": "zero"}, {"valid_min": 2, "valid_max": 1}, {"valid_min": np.nan}):
        assert state_list(ds.assign(n=ds["n"].assign_attrs(wrong)))[0].bounds == (None, None)
    with pytest.raises(ValueError, match=r"bounds of state 'n' must be \(low, high\), got \(1, 0\)"):
        State("n", bounds=(1, 0))
