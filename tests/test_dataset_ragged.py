"""CF contiguous ragged files."""

import numpy as np
import pytest
import xarray as xr

from dynsamp.dataset import open_dataset, pack


def ragged(sizes=(3, 1, 2), ids=("a", "b", "c")):
    """As in the CF Conventions, example H.14 (trajectories in a contiguous ragged array)."""
    total = sum(sizes)
    return xr.Dataset(
        {
            "rowsize": ("drifter", np.array(sizes, np.int32), {"sample_dimension": "obs"}),
            "temperature": ("obs", np.arange(total) * 1.5, {"units": "K"}),
            "profile": (("obs", "level"), np.arange(2.0 * total).reshape(total, 2)),
            "mass": ("drifter", np.arange(len(sizes)) * 1.0),
        },
        {
            "time": (
                "obs",
                np.concatenate([np.arange(n) * 6.0 for n in sizes]),
                {"units": "h", "standard_name": "time"},
            ),
            "drifter_id": ("drifter", list(ids), {"cf_role": "trajectory_id"}),
        },
        {"featureType": "trajectory"},
    )


def test_trajectories_are_padded(tmp_path):
    ragged().to_netcdf(tmp_path / "drifters.nc", engine="scipy")
    ds = open_dataset(tmp_path / "drifters.nc")
    samples = pack(ds)
    np.testing.assert_array_equal(samples.length, [3, 1, 2])
    np.testing.assert_array_equal(samples.t, [[0, 6, 12], [0, np.nan, np.nan], [0, 6, np.nan]])
    assert samples.facts.time_unit == "h"
    np.testing.assert_array_equal(ds["temperature"], [[0, 1.5, 3], [4.5, np.nan, np.nan], [6, 7.5, np.nan]])
    assert ds["profile"].dims == ("trajectory", "time", "level")
    assert ds["profile"].values[2, 1].tolist() == [10, 11]
    assert ds["trajectory_name"].values.tolist() == ["a", "b", "c"]
    assert ds["temperature"].attrs["units"] == "K"


def test_equal_lengths_share_their_times(tmp_path):
    ragged((2, 2), (8, 9)).to_netcdf(tmp_path / "drifters.nc", engine="scipy")
    ds = open_dataset(tmp_path / "drifters.nc")
    assert ds["time"].dims == ("time",)
    np.testing.assert_array_equal(ds["trajectory"], [8, 9])


def test_sizes_must_add_up(tmp_path):
    ds = ragged()
    ds["rowsize"].values[0] = 4
    ds.to_netcdf(tmp_path / "drifters.nc", engine="scipy")
    with pytest.raises(ValueError, match="'rowsize' adds up to 7 samples, but its sample dimension 'obs' has 6"):
        open_dataset(tmp_path / "drifters.nc")


def test_some_variable_must_be_the_time(tmp_path):
    ds = ragged().rename(time="when")
    ds["when"].attrs.clear()
    ds.to_netcdf(tmp_path / "drifters.nc", engine="scipy")
    with pytest.raises(ValueError, match="no variable over 'obs' holds the times"):
        open_dataset(tmp_path / "drifters.nc")
