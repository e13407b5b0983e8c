"""What validate says of a Dataset that is not in the schema."""

import numpy as np
import pytest
import xarray as xr

from dynsamp.dataset import build, pack, validate
from dynsamp.words import State


@pytest.fixture
def ds():
    y = np.random.default_rng(0).normal(size=(2, 4, 4))
    states = [State("theta", conjugate="p_theta"), State("x", conjugate="p_x"), State("p_theta"), State("p_x")]
    return build(t=np.arange(4.0), y=y, dy=y, states=states, status=np.zeros(2), attrs={"parameters": {"m": 1.0}})


def test_a_good_dataset_comes_back(ds):
    assert validate(ds) is ds


def change(ds, **attrs):
    ds = ds.copy()
    ds["theta"].attrs.update(attrs)
    return ds


CASES = {
    "no time": (
        lambda ds: ds.drop_vars("time").rename(time="t"),
        r"no dimension 'time' .*ds.rename\(\{'t': 'time'\}\)",
    ),
    "misspelt time": (lambda ds: ds.drop_vars("time").rename(time="tiime"), r"try ds.rename\(\{'tiime': 'time'\}\)"),
    "no time, nothing alike": (lambda ds: ds.rename(time="week"), "name the dimension of the samples 'time'"),
    "no trajectory": (lambda ds: ds.isel(trajectory=0, drop=True), r"try ds.expand_dims\(trajectory=\[0\]\)"),
    "other trajectory": (lambda ds: ds.rename(trajectory="run"), r"try ds.rename\(\{'run': 'trajectory'\}\)"),
    "no coordinate": (lambda ds: ds.drop_vars("time"), r"no coordinate; try ds.assign_coords"),
    "empty": (lambda ds: ds.isel(time=slice(0)), "time has size 0"),
    "reversed": (lambda ds: ds.isel(time=slice(None, None, -1)), r"time\[1\] = 2.0 follows 3.0; sort"),
    "repeated": (lambda ds: ds.isel(time=[0, 1, 1, 2]), r"time\[2\] repeats 1.0; keep one sample for each time"),
    "text time": (lambda ds: ds.assign_coords(time=list("abcd")), "time has dtype .*expected floats or dates"),
    "missing time": (lambda ds: ds.assign_coords(time=[0.0, np.nan, 2.0, 3.0]), r"time\[1\] is missing; only the end"),
    "transposed": (lambda ds: ds.transpose("time", ...), r"'theta' has dims \(time, trajectory\)"),
    "text values": (lambda ds: ds.assign(x=ds["x"].astype(str)), "'x' has dtype .*expected real numbers"),
    "complex values": (lambda ds: ds.assign(x=ds["x"] * 1j), "'x' has dtype complex128"),
    "no trajectory dim": (
        lambda ds: ds.assign(wind=("time", np.zeros(4))),
        "'wind' has dims .*set its role to 'input'",
    ),
    "unknown role": (lambda ds: change(ds, role="output"), "role 'output', expected 'input' or 'diagnostic'"),
    "misspelt derivative": (
        lambda ds: ds.rename(tendency_of_theta="tendency_of_tetha"),
        "derivative of 'tetha', which is not a state here; did you mean 'theta'",
    ),
    "half of the derivatives": (lambda ds: ds.drop_vars("tendency_of_x"), "'x' has no 'tendency_of_x'"),
    "misspelt conjugate": (
        lambda ds: ds.rename(p_theta="p_tetha", tendency_of_p_theta="tendency_of_p_tetha").assign_attrs(states=""),
        "conjugate of 'theta' is 'p_theta', which is not a state here; did you mean 'p_tetha'",
    ),
    "own conjugate": (lambda ds: change(ds, conjugate="theta"), "names itself as its conjugate"),
    "shared conjugate": (lambda ds: change(ds, conjugate="p_x"), "'p_x' is named as conjugate by more than one"),
    "bad period": (lambda ds: change(ds, period=-1.0), "period of 'theta' is -1.0"),
    "unknown status": (lambda ds: ds.assign(status=("trajectory", [0, 77])), "code 77, which has no meaning .0 ok"),
    "status dims": (lambda ds: ds.assign(status=("time", [0] * 4)), "status has dims"),
    "parameter dims": (lambda ds: ds.assign(parameter_m=1.0), "'parameter_m' has dims"),
    "parameters": (lambda ds: ds.assign_attrs(parameters="m = 1"), "attribute 'parameters' should hold JSON"),
    "facts": (lambda ds: ds.assign_attrs(facts="[1]"), "attribute 'facts' should be a JSON object"),
    "no state": (lambda ds: ds[["status"]].assign_coords(time=ds["time"]), "no state variable"),
    "member": (lambda ds: ds.assign(x=ds["x"].expand_dims(member=2, axis=1)), "'x' has a dimension 'member' but"),
    "date unit": (
        lambda ds: ds.assign_coords(time=np.arange(4).astype("datetime64[D]").astype("datetime64[ns]")).assign_attrs(
            time_unit="fortnight"
        ),
        "time_unit is 'fortnight'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_mistake_has_its_sentence(ds, case):
    spoil, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        validate(spoil(ds))
    with pytest.raises(ValueError, match=message):
        pack(spoil(ds))


def test_all_problems_are_told_at_once(ds):
    bad = change(ds.assign(wind=("time", np.zeros(4)), status=("trajectory", [0, 77])), period=-1.0)
    with pytest.raises(ValueError, match="cannot be used:\n") as caught:
        validate(bad)
    assert len(str(caught.value).splitlines()) == 4


def test_unsorted_times_of_one_trajectory_are_named():
    t = np.array([[0.0, 1.0, 2.0], [0.0, 2.0, 1.0]])
    ds = build(t=t, y=np.zeros((2, 3, 1)), states=[State("x")], ids=[3, 8])
    with pytest.raises(ValueError, match=r"time\[2\] = 1.0 of trajectory 8 follows 2.0"):
        validate(ds)


def test_other_things_than_datasets():
    with pytest.raises(TypeError, match=r"got a DataArray; try .to_dataset"):
        validate(xr.DataArray([1.0]))
    with pytest.raises(TypeError, match=r"got ndarray; try dynsamp.from_arrays"):
        validate(np.zeros(3))


def test_variables_without_time_are_left_alone(ds):
    validate(ds.assign(station=("trajectory", ["a", "b"]), depth=3.0))
