"""netCDF and Zarr files: what is written comes back, whole or not at all."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
import zarr  # the oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dynsamp.dataset import build, from_arrays, open_dataset, pack, save_dataset, schema, zarrstore
from dynsamp.words import State


@pytest.fixture(params=["installed", "core"])
def libraries(request, monkeypatch):
    """With the optional libraries, and as if they were not there."""
    if request.param == "core":
        monkeypatch.setattr(schema, "installed", lambda *modules: False)
    return request.param


def rich():
    """A Dataset with everything that the schema has."""
    rng = np.random.default_rng(0)
    return build(
        t=np.array([[0.0, 0.5, 1.0], [0.0, 0.25, np.nan]]),
        y=rng.normal(size=(2, 3, 4)),
        states=[State("z", "m", "height", period=1.5), State("a", dims={"site": 3})],
        time_unit="days",
        ids=np.array([3, 2**31 - 1]),
        status=np.array([0, 4]),
        inputs={"wind": (rng.normal(size=(2, 3)), "m s-1"), "aid": (rng.normal(size=(2, 3)), "1")},
        swept={"k": np.array([1.0, 2.0])},
        valid_until=np.array([1.0, np.inf]),
        attrs={"facts": {"separable": None, "list": [1]}, "seed": 3, "system": "", "reason": "größer", "rtol": 1e-9},
    ).assign_coords(trajectory_name=("trajectory", ["Zürich", "b"]))


def ensemble():
    return build(
        t=np.arange(3.0),
        y=np.random.default_rng(1).normal(size=(2, 4, 3, 1)),
        states=[State("x")],
        lead=True,
        status=np.zeros((2, 4)),
    )


def dated():
    t = np.datetime64("2026-01-01", "ns") + np.arange(3) * np.timedelta64(1, "D")
    return build(t=t, y=np.ones((1, 3, 1)), states=[State("x")], lead=True)


def odd_types():
    variables = {
        "flag": ("trajectory", [True, False]),
        "single": ("trajectory", np.array([1.5, np.nan], np.float32)),
        "count": ("trajectory", np.array([1, 2], np.int32)),
        "scalar": ((), 3.5),
    }
    return from_arrays(np.ones((2, 3, 1)), np.arange(3.0), names=["x"]).assign(variables)


def lonely_coordinates():
    """A coordinate along which no variable lies, as in scores that are one number."""
    return ensemble().drop_vars(["x", "status"]).assign(score=0.5)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("make", [rich, ensemble, dated, odd_types, lonely_coordinates])
def test_round_trip(tmp_path, libraries, suffix, make):
    ds = make()
    path = save_dataset(ds, tmp_path / f"data{suffix}")
    back = open_dataset(path)
    xr.testing.assert_identical(back, ds)
    if make is not lonely_coordinates:
        np.testing.assert_array_equal(pack(back).y, pack(ds).y)
    if make is rich:
        np.testing.assert_array_equal(pack(back).u, pack(ds).u)
    assert os.listdir(tmp_path) == [path.name]


@settings(deadline=None, max_examples=25)
@given(
    y=hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4), st.just(1)), elements=st.floats(width=64)),
    suffix=st.sampled_from([".nc", ".zarr"]),
)
def test_all_floats_come_back_bitwise(tmp_path_factory, y, suffix):
    ds = build(t=np.arange(y.shape[1]), y=y, states=[State("x")])
    path = save_dataset(ds, tmp_path_factory.mktemp("files") / f"data{suffix}")
    back = open_dataset(path)["x"].values
    assert (back.view(np.int64) == y[..., 0].view(np.int64))[~np.isnan(y[..., 0])].all()
    np.testing.assert_array_equal(np.isnan(back), np.isnan(y[..., 0]))


def test_netcdf_is_what_its_suffix_says(tmp_path, libraries):
    path = save_dataset(ensemble(), tmp_path / "data.nc")
    magic = path.read_bytes()[:4]
    assert magic in ((b"\x89HDF",) if libraries == "installed" else (b"CDF\x01", b"CDF\x02"))
    engine = "h5netcdf" if libraries == "installed" else "scipy"
    with xr.open_dataset(path, engine=engine) as oracle:
        np.testing.assert_array_equal(oracle["x"], ensemble()["x"])


def test_the_zarr_library_reads_our_stores(tmp_path):
    ds = rich()
    path = save_dataset(ds, tmp_path / "data.zarr")
    group = zarr.open_group(path, mode="r")
    assert set(group.array_keys()) == set(map(str, ds.variables))
    np.testing.assert_array_equal(group["a"][:], ds["a"])
    np.testing.assert_array_equal(group["status"][:], ds["status"])
    assert group["a"].metadata.dimension_names == ("trajectory", "time", "site")
    with xr.open_dataset(path, engine="zarr", consolidated=False, chunks=None, decode_timedelta=False) as oracle:
        np.testing.assert_array_equal(oracle["a"], ds["a"])
        assert oracle["a"].attrs == ds["a"].attrs


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_arrays_in_chunks_agree_with_the_zarr_library(tmp_path_factory, data):
    shape = data.draw(st.lists(st.integers(1, 6), min_size=0, max_size=3).map(tuple))
    chunks = tuple(data.draw(st.integers(1, size)) for size in shape)
    dtype = data.draw(st.sampled_from(["bool", "int8", "int64", "uint16", "float32", "float64", "complex128"]))
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    folder = tmp_path_factory.mktemp("store") / "v"
    dims = [f"d{k}" for k in range(len(shape))]
    array = zarrstore.create_array(folder, shape, chunks, values.dtype, dims, {"units": "1"})
    grid = [range(-(-size // chunk)) for size, chunk in zip(shape, chunks, strict=True)]
    for index in np.ndindex(*map(len, grid)):
        low = [k * chunk for k, chunk in zip(index, chunks, strict=True)]
        window = tuple(slice(a, a + chunk) for a, chunk in zip(low, chunks, strict=True))
        zarrstore.write_chunk(folder, array, index, values[window])
    np.testing.assert_array_equal(zarrstore.read_array(folder), values)
    oracle = zarr.open_array(folder, mode="r")
    np.testing.assert_array_equal(oracle[...], values)
    assert oracle.chunks == chunks


def test_large_variables_are_written_in_chunks(tmp_path, monkeypatch, libraries):
    monkeypatch.setattr(zarrstore, "CHUNK", 100)
    ds = from_arrays(np.random.default_rng(0).normal(size=(7, 5, 1)), np.arange(5.0), names=["x"])
    path = save_dataset(ds, tmp_path / "data.zarr")
    assert len(list((path / "x" / "c").iterdir())) == 4
    xr.testing.assert_identical(open_dataset(path), ds)


def test_what_netcdf_3_cannot_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "installed", lambda *modules: False)
    ds = from_arrays(np.ones((1, 3, 1)), np.arange(3.0), names=["x"])
    with pytest.raises(ValueError, match=r"'trajectory' holds integers beyond 32 bits.*save as .zarr"):
        save_dataset(ds.assign_coords(trajectory=[2**40]), tmp_path / "data.nc")
    assert not os.listdir(tmp_path)
    save_dataset(ds.assign_attrs(seed=2**40), tmp_path / "data.nc")
    assert open_dataset(tmp_path / "data.nc").attrs["seed"] == str(2**40)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_own_files_are_replaced_and_foreign_ones_kept(tmp_path, suffix, libraries):
    first, second = ensemble(), ensemble() * 2
    path = tmp_path / f"data{suffix}"
    save_dataset(first, path)
    save_dataset(second, path)
    np.testing.assert_array_equal(open_dataset(path)["x"], second["x"])
    save_dataset(open_dataset(path), path)  # from itself
    np.testing.assert_array_equal(open_dataset(path)["x"], second["x"])
    foreign = tmp_path / f"foreign{suffix}"
    if suffix == ".nc":
        xr.Dataset({"x": 1.0}).to_netcdf(foreign, engine="scipy")
    else:
        foreign.mkdir()
        (foreign / "letters.txt").write_text("do not lose me")
    with pytest.raises(FileExistsError, match="was not written by dynsamp; remove it or choose another name"):
        save_dataset(first, foreign)
    assert foreign.exists()


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, suffix):
    path = save_dataset(ensemble(), tmp_path / f"data{suffix}")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zarrstore, "write_bytes", full)
    monkeypatch.setattr(xr.Dataset, "to_netcdf", full)
    for name in (path.name, f"new{suffix}"):
        with pytest.raises(OSError, match=r"cannot write .*: no space left on device; free some space") as caught:
            save_dataset(ensemble() * 2, tmp_path / name)
        assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == [path.name]
    np.testing.assert_array_equal(open_dataset(path)["x"], ensemble()["x"])


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    # the limit stands for the full disk: writes fail in the middle of a file
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from dynsamp.dataset import build, save_dataset\n"
        "from dynsamp.words import State\n"
        "ds = build(t=np.arange(1000.0), y=np.ones((200, 1000, 1)), states=[State('x')])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        save_dataset(ds, name)\n"
        "    except OSError as error:\n"
        "        print(error)\n"
    )
    names = [str(tmp_path / "data.nc"), str(tmp_path / "data.zarr")]
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.count("cannot write") == 2, done.stdout + done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"cannot write .*check the permissions"):
            save_dataset(ensemble(), tmp_path / "data.nc")
    finally:
        tmp_path.chmod(0o700)


def test_places_that_are_not_there(tmp_path):
    for suffix in (".nc", ".zarr"):
        with pytest.raises(FileNotFoundError, match=r"cannot write .*create the folder first"):
            save_dataset(ensemble(), tmp_path / "absent" / f"data{suffix}")
    save_dataset(ensemble(), tmp_path / "pendulum.nc")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*; did you mean 'pendulum.nc'"):
        open_dataset(tmp_path / "pendulm.nc")


@pytest.mark.parametrize("name", ["data.h5", "data.mat", "data"])
def test_unknown_suffixes_say_which_are_known(tmp_path, name):
    with pytest.raises(ValueError, match=r"is not supported; use .nc and .zarr"):
        save_dataset(ensemble(), tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=r"is unknown; use .nc and .zarr \(and .csv to read\)"):
        open_dataset(tmp_path / name)
    with pytest.raises(ValueError, match=r"save as .nc or .zarr instead"):
        save_dataset(ensemble(), tmp_path / "data.csv")


@pytest.mark.parametrize("keep", [0.999, 0.6, 0.1, 0.0])
def test_truncated_netcdf(tmp_path, libraries, keep):
    path = save_dataset(ensemble(), tmp_path / "data.nc")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) - 1] if keep else b"")
    with pytest.raises((ValueError, OSError), match=r"data.nc"):
        open_dataset(path)


def test_damaged_stores(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "installed", lambda *modules: False)
    path = save_dataset(ensemble(), tmp_path / "data.zarr")
    (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')  # not sealed: of a stranger
    header = path / "x" / "zarr.json"
    content = json.loads(header.read_text())

    def damage(**changes):
        header.write_text(json.dumps({**content, **changes}))

    for changes, message in (
        ({"zarr_format": 2}, "is not the header of a Zarr version 3 store"),
        ({"codecs": [{"name": "zstd"}]}, r"install dynsamp\[zarr\]"),
        ({"data_type": "r16"}, r"install dynsamp\[zarr\]"),
        ({"shape": [2, 4]}, "the store is damaged"),
        ({"shape": "many"}, "the store is damaged"),
        ({"shape": [-1, 4, 3]}, "the store is damaged"),
        (
            {"shape": [1, 1, 1], "chunk_grid": {"configuration": {"chunk_shape": [10**6, 10**6, 10**3]}}},
            r"install dynsamp\[zarr\]",
        ),
    ):
        damage(**changes)
        with pytest.raises(ValueError, match=message):
            open_dataset(path)
    header.write_text("{")
    with pytest.raises(ValueError, match="is not JSON; the store is damaged"):
        open_dataset(path)
    header.write_text(json.dumps(content))
    chunk = path.joinpath("x", "c", "0", "0", "0")
    chunk.write_bytes(chunk.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"bytes, expected .*; the store is damaged"):
        open_dataset(path)


def test_a_folder_that_is_no_store(tmp_path, libraries):
    (tmp_path / "data.zarr").mkdir()
    with pytest.raises((ValueError, OSError), match=r"data.zarr"):
        open_dataset(tmp_path / "data.zarr")


def test_foreign_files_without_the_schema_get_a_remedy(tmp_path):
    foreign = xr.Dataset({"x": (("traj", "t"), np.ones((2, 3)))}, {"t": [0.0, 1.0, 2.0]})
    foreign.to_netcdf(tmp_path / "other.nc", engine="scipy")
    with pytest.raises(ValueError, match=r"other.nc: .*ds.rename\(\{'t': 'time'\}\)"):
        open_dataset(tmp_path / "other.nc")
    right = foreign.rename(t="time", traj="trajectory")
    right.to_netcdf(tmp_path / "right.nc", engine="scipy")
    assert open_dataset(tmp_path / "right.nc")["x"].dims == ("trajectory", "time")


def test_order_of_foreign_states_is_kept_in_a_file(tmp_path, libraries):
    ds = xr.Dataset(
        {name: (("trajectory", "time"), np.ones((1, 3))) for name in ("q", "b", "p", "a")}, {"time": [0.0, 1.0, 2.0]}
    )
    for suffix in (".nc", ".zarr"):
        back = open_dataset(save_dataset(ds, tmp_path / f"data{suffix}"))
        assert [state.name for state in pack(back).states] == ["q", "b", "p", "a"]


def test_calendars_of_climate_models_become_floats(tmp_path):
    time = ("time", [0.0, 30.0, 60.0], {"units": "days since 1850-01-01", "calendar": "360_day"})
    ds = xr.Dataset({"x": (("trajectory", "time"), np.ones((1, 3)))}, {"time": time})
    ds.to_netcdf(tmp_path / "model.nc", engine="scipy")
    samples = pack(open_dataset(tmp_path / "model.nc"))
    np.testing.assert_array_equal(samples.t, [[0, 30, 60]])
    assert samples.facts.time_unit == "days"


def test_nothing_but_datasets_is_saved(tmp_path):
    with pytest.raises(TypeError, match="expected an xarray Dataset, got ndarray"):
        save_dataset(np.zeros(3), tmp_path / "data.nc")
