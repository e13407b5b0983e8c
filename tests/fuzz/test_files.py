"""Datasets, netCDF files, stores and model files: mutants of those that dynsamp writes."""

import contextlib
import json
import shutil
import struct

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import strategies as st

import dynsamp
from dynsamp.dataset import from_arrays, open_dataset, pack, save_dataset, schema, validate

SMALL = {"trajectories": 3, "duration": 1.0, "dt": 0.25, "seed": 1}


def swing():
    t = np.linspace(0, 1, 6)
    y = np.stack([np.cos(t), -np.sin(t)], axis=-1)
    return from_arrays(y * np.array([1.0, 2.0])[:, None, None], t, names=["q", "p"], canonical=True, time_unit="s")


def dated():
    return swing().assign_coords(time=np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(1, "D"))


def foreign(path, engine):
    ds = swing()
    ds.attrs = {}
    ds["p"].encoding = {"scale_factor": 0.001, "add_offset": 1.0, "dtype": "int16", "_FillValue": -1}
    ds.to_netcdf(path, engine=engine)
    return path.read_bytes()


VALUE = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=6),
    st.binary(max_size=3),
    st.sampled_from(
        ["q", "input", "hold", "\x1b[31m", "u" * 10**5, "[" * 10**4, '{"kind": 1}', "9" * 5000, "days since x"]
    ),
    st.sampled_from([np.arange(2.0), np.array([]), np.array(["a", "b"]), {"a": object()}, ["q"], 10**400, np.nan, 1j]),
)
KEY = st.sampled_from(
    ["units", "long_name", "role", "period", "conjugate", "standard_name", "interpolation", "sample_dimension"]
)
GLOBAL = st.sampled_from(
    ["states", "inputs", "facts", "parameters", "system", "seed", "method", "time_unit", "comment"]
)
ARRAY = st.sampled_from(
    [
        np.full((2, 6), np.nan),
        np.full((2, 6), 1e308),
        np.full((2, 6), "x"),
        np.full((2, 6), None),
        np.ones((2, 6), complex),
        np.ones((2, 6), "m8[ns]"),
        np.ones((2, 6), "f2"),
        np.arange(12.0).reshape(2, 6),
    ]
)
TIMES = st.one_of(
    st.lists(st.floats(), min_size=6, max_size=6).map(np.array),
    st.sampled_from([np.arange(6) + 2**60, np.arange(6) * 5e-324, np.arange(6) * 1e307, np.arange(6) * 1j]),
    st.sampled_from([np.array(list("abcdef")), np.full(6, "NaT", "M8[ns]"), np.arange(6).astype("M8[Y]")]),
    st.sampled_from([np.arange(6, dtype=np.uint8)[::-1], np.arange(6).astype("m8[s]"), np.full(6, None)]),
)
LABELS = st.sampled_from(
    [np.array(["a", "\x1b"]), np.array([0.5, np.nan]), np.array([2**64 - 1, 0], "u8"), np.full(2, None), np.ones(2)]
)
CHANGE = st.one_of(
    st.tuples(st.just("attr"), st.sampled_from(["q", "p", "time", "trajectory"]), st.tuples(KEY, VALUE)),
    st.tuples(st.just("attr"), st.none(), st.tuples(GLOBAL, VALUE)),
    st.tuples(
        st.just("values"), st.sampled_from(["q", "u", "status", "parameter_k", "tendency_of_q", "a b", "1"]), ARRAY
    ),
    st.tuples(st.just("one each"), st.sampled_from(["status", "parameter_k", "truth_valid_until", "u"]), LABELS),
    st.tuples(st.just("time"), st.none(), TIMES),
    st.tuples(st.just("trajectory"), st.none(), LABELS),
    st.tuples(
        st.just("rename"), st.sampled_from(["q", "time", "trajectory"]), st.sampled_from(["x", 0, "\x1b", "a b"])
    ),
    st.tuples(st.just("take"), st.sampled_from(["time", "trajectory"]), st.sampled_from([[], [0], [1, 0], [0, 0]])),
    st.tuples(st.just("widen"), st.sampled_from(["member", "site", "a-b", "time"]), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.sampled_from(["q", "time", "trajectory"]), st.none()),
)


def changed(ds, kind, name, value):
    if kind == "attr":
        (ds if name is None else ds[name]).attrs[value[0]] = value[1]
        return ds
    if kind == "values":
        return ds.assign({name: (("trajectory", "time"), value)})
    if kind == "one each":
        return ds.assign({name: ("trajectory", value)})
    if kind in ("time", "trajectory"):
        return ds.assign_coords({kind: value})
    if kind == "rename":
        return ds.rename({name: value})
    if kind == "take":
        return ds.isel({name: value})
    return ds.expand_dims({name: value}, axis=1) if kind == "widen" else ds.drop_vars(name)


def test_datasets_by_hand(fuzz):
    def use(changes):
        ds = swing()
        for change in changes:
            try:
                ds = changed(ds, *change)
            except (ValueError, KeyError, TypeError, IndexError, UserWarning):  # xarray does not make such a Dataset
                return
        validate(ds)
        with np.errstate(all="ignore"):
            dynsamp.fit(ds, "linear")
            dynsamp.evaluate(swing(), ds, metrics=["nrmse"])

    use([])
    fuzz(st.lists(CHANGE, min_size=1, max_size=3), use, examples=60)


def test_bytes_of_netcdf_3(fuzz, bytes_like, tmp_path, monkeypatch):
    path = tmp_path / "a.nc"
    seeds = [foreign(tmp_path / "b.nc", "scipy")]
    with monkeypatch.context() as core:
        core.setattr(schema, "installed", lambda *modules: False)
        seeds += [save_dataset(make(), path).read_bytes() for make in (swing, dated)]

    def read(content):
        path.write_bytes(content)
        pack(open_dataset(path))

    fuzz(bytes_like(seeds), read, examples=120)


ENCODING = st.sampled_from(
    (
        *("scale_factor", "add_offset", "_FillValue", "missing_value", "units", "calendar", "_Unsigned", "dtype"),
        *("coordinates", "role", "sample_dimension", "long_name", "bounds", "cell_methods"),
    )
)
STORED = st.one_of(
    st.floats(),
    st.integers(-(2**62), 2**62),
    st.sampled_from(["x", "\x1b[31m", "days since 1-1-1", "days since x", "noleap", "true", "time x", "u" * 10**4]),
    st.sampled_from([np.arange(2.0), np.array([], "f8"), np.bytes_(b"\xff"), np.float32(2), np.uint8(255)]),
)


def test_attributes_of_netcdf_4(fuzz, tmp_path):
    """What HDF5 says soundly but wrongly; mutants of its bytes can keep the library itself busy for ever."""
    sound, path = tmp_path / "sound.nc", tmp_path / "a.nc"
    foreign(sound, "h5netcdf")

    def read(changes):
        shutil.copy(sound, path)
        with h5py.File(path, "r+") as file:
            for name, key, value in changes:
                file[name].attrs[key] = value
        pack(open_dataset(path))

    name = st.sampled_from(["q", "p", "time", "trajectory"])
    fuzz(st.lists(st.tuples(name, ENCODING, STORED), min_size=1, max_size=3), read, examples=60)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_stores(fuzz, bytes_like, tmp_path):
    sound = tmp_path / "sound.zarr"
    dynsamp.generate("pendulum", store=sound, **SMALL)
    expected = open_dataset(sound).load()
    names = [
        str(path.relative_to(tmp_path)) for folder in (sound, tmp_path / "sound.zarr.run") for path in files_of(folder)
    ]
    work = tmp_path / "work"

    def read(case):
        name, content = case
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for folder in (sound, tmp_path / "sound.zarr.run"):
            shutil.copytree(folder, work / folder.name)
        if content is None:
            (work / name).unlink()
        else:
            (work / name).write_bytes(content)
        found = open_dataset(work / sound.name)
        pack(found)
        if "/c/" not in name:  # a header: what is read are the values that were written
            for key in ("q", "p"):
                np.testing.assert_array_equal(found[key].values, expected[key].values)

    def mend(case):
        with contextlib.suppress(ValueError):
            read(case)
        again = dynsamp.generate("pendulum", store=work / sound.name, **SMALL)
        for key in ("q", "p"):
            np.testing.assert_array_equal(again[key].values, expected[key].values)

    name = st.sampled_from(names)
    case = name.flatmap(lambda n: st.tuples(st.just(n), st.none() | bytes_like([(tmp_path / n).read_bytes()])))
    fuzz(case, read, examples=40)
    fuzz(case, mend, allowed=(ValueError, RuntimeError), examples=10)


def written(header, arrays):
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + arrays


@pytest.fixture(scope="module")
def model_files(tmp_path_factory):
    """Bytes of small models of several families."""
    folder = tmp_path_factory.mktemp("models")
    data = dynsamp.generate("pendulum", trajectories=8, duration=2.0, dt=0.25, seed=1)
    estimators = {
        "linear": "linear",
        "hamiltonian": dynsamp.HamiltonianNetwork(width=8, activation="tanh", separable=True, scale=1.0),
        "flow-map": dynsamp.FlowMap(width=8, activation="tanh"),
    }
    found = {}
    for name, estimator in estimators.items():
        dynsamp.save_model(dynsamp.fit(data, estimator), folder / name)
        found[name] = (folder / name).read_bytes()
    return found


def use_model(path):
    model = dynsamp.load_model(path)
    assert model.summary()
    if len(model.states) == 2:
        dynsamp.forecast(model, np.array([[0.1, 0.2]]), duration=0.5, dt=0.25)


def test_bytes_of_model_files(fuzz, bytes_like, model_files, tmp_path):
    def read(content):
        (tmp_path / "a.model").write_bytes(content)
        use_model(tmp_path / "a.model")

    for content in model_files.values():
        read(content)
    fuzz(st.one_of(bytes_like(list(model_files.values())), st.binary(max_size=100)), read, examples=120)


def test_headers_of_model_files(fuzz, trees_like, model_files, tmp_path):
    """What a header says is changed; its arrays stay, and the digest that would tell is left out."""
    parts = {}
    for name, content in model_files.items():
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        about = {key: value for key, value in header.pop("__metadata__").items() if key != "sha256"}
        nested = {key: json.loads(value) if value[:1] in "[{" else value for key, value in about.items()}
        parts[name] = (header, nested, content[8 + size :])

    def read(case):
        name, tree = case
        arrays, about = tree
        if isinstance(about, dict):
            about = {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in about.items()}
        header = {"__metadata__": about, **arrays} if isinstance(arrays, dict) else {"__metadata__": about}
        (tmp_path / "a.model").write_bytes(written(header, parts[name][2]))
        use_model(tmp_path / "a.model")

    for name, (header, nested, _) in parts.items():
        read((name, [header, nested]))
    name = st.sampled_from(sorted(parts))
    case = name.flatmap(lambda n: st.tuples(st.just(n), trees_like([parts[n][0], parts[n][1]])))
    fuzz(case, read, examples=200)


def test_the_seeds_are_sound():
    assert isinstance(validate(swing()), xr.Dataset)
