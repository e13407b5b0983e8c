"""Datasets and files that say what cannot be: one sentence, before anything is allocated or another file is opened."""

import json
import os
import sys
import tracemalloc

import h5py
import numpy as np
import pytest
import xarray as xr

import dynsamp as ds
from dynsamp.dataset import open_dataset, pack, save_dataset, schema, state_list, validate
from dynsamp.dataset.variables import open_rows

ESCAPE = "\x1b[31m\x07\n"


def swing(count=2, steps=6):
    t = np.linspace(0, 1, steps)
    y = np.stack([np.cos(t), -np.sin(t)], axis=-1)
    return ds.from_arrays(y * np.linspace(1, 2, count)[:, None, None], t, names=["q", "p"], canonical=True)


def with_attr(name, key, value):
    data = swing()
    (data if name is None else data[name]).attrs[key] = value
    return data


FIELDS = ("trajectory", "time")
BY_HAND = {
    "role that is an array": (lambda: with_attr("q", "role", np.array([1.0, 2.0])), "has role '[1. 2.]'"),
    "role of a megabyte": (lambda: with_attr("q", "role", "u" * 10**6), "has role"),
    "period beyond floats": (lambda: with_attr("q", "period", 10**400), "period of 'q' is"),
    "facts that nest": (lambda: with_attr(None, "facts", "[" * 10**5), "should hold JSON, got '[[["),
    "facts that are an array": (lambda: with_attr(None, "facts", np.arange(2)), "should be a JSON object"),
    "inputs that are none": (
        lambda: with_attr(None, "facts", json.dumps({"inputs": {"u": 5}})),
        "'inputs' should name",
    ),
    "a fact of a wrong type": (lambda: with_attr(None, "facts", json.dumps({"kind": 5})), "'kind' should be a text"),
    "a name that is a number": (lambda: swing().rename({"q": 0}), "the name 0 is no text"),
    "objects": (lambda: swing().assign(q=swing()["q"].astype(object)), "'q' has dtype object"),
    "complex": (lambda: swing().assign(q=swing()["q"] * 1j), "'q' has dtype complex128"),
    "status of objects": (
        lambda: swing().assign(status=("trajectory", np.array([0, None], object))),
        "status holds the code 0",
    ),
    "parameter of text": (lambda: swing().assign(parameter_k=("trajectory", ["a", "b"])), "'parameter_k' has dtype"),
    "valid until a text": (lambda: swing().assign(truth_valid_until=("trajectory", ["a", "b"])), "has dtype"),
    "valid until over time": (lambda: swing().assign(truth_valid_until=("time", np.ones(6))), "has dims (time)"),
    "no members": (lambda: swing().expand_dims(member=0, axis=1), "member has size 0"),
    "infinite time": (lambda: swing().assign_coords(time=[0, 1, 2, 3, 4, np.inf]), "time[5] is infinite"),
    "whole times that floats cannot tell apart": (
        lambda: swing().assign_coords(time=np.arange(6) + 2**60),
        "time[1] repeats",
    ),
    "times that cannot be squared": (
        lambda: swing().assign_coords(time=np.linspace(-1, 1, 6) * 1.7e308),
        "beyond 1e+150; use another unit of time",
    ),
    "labels that are objects": (
        lambda: swing().assign_coords(trajectory=np.array([{}, None], object)),
        "neither numbers nor text",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_datasets_by_hand(refused, case):
    make, message = BY_HAND[case]
    data = make()
    assert message in refused(validate, data)
    for verb in (ds.fit, lambda one: ds.evaluate(one, swing()), lambda one: ds.evaluate(swing(), one)):
        with pytest.raises(ValueError, match="this Dataset cannot be used"):
            verb(data)


@pytest.mark.parametrize("name", ["linear", "flow-map", "hamiltonian"])
def test_values_that_cannot_be_squared(refused, name):
    assert "reach 2e+300" in refused(ds.fit, swing().assign(q=swing()["q"] * 1e300), name)


def test_dates_and_numbers_are_not_compared(refused):
    dates = np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(1, "D")
    assert "are dates" in refused(ds.evaluate, swing(), swing().assign_coords(time=dates))


def test_labels_do_not_steer_the_terminal():
    for state in state_list(with_attr("q", "units", f"m{ESCAPE}")):
        assert state.units.isprintable()
    assert len(state_list(with_attr("q", "long_name", "x" * 10**6))[0].long_name) <= schema.LONGEST


def test_many_problems_are_counted():
    odd = swing().assign({f"v{k}": swing()["q"].astype(object) for k in range(50)})
    with pytest.raises(ValueError, match="and 41 others"):
        validate(odd)


def test_a_parameter_that_is_no_number(refused):
    odd = with_attr(None, "parameters", json.dumps({"mass": "heavy"}))
    assert "the parameter 'mass' is 'heavy'" in refused(ds.evaluate, odd, swing())


def axes(file):
    for name, size in (("trajectory", 2), ("time", 5)):
        file[name] = np.arange(float(size))
        file[name].make_scale(name)


def variable(file, name="x", values=None):
    file[name] = np.ones((2, 5)) if values is None else values
    for k, dim in enumerate(FIELDS):
        file[name].dims[k].attach_scale(file[dim])
    return file[name]


def loop(file):
    axes(file)
    variable(file)
    inner = file.create_group("inner")
    inner["again"] = inner
    inner["outside"] = h5py.ExternalLink(ESCAPE, "/x")


def virtual(file):
    layout = h5py.VirtualLayout((5,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (5,))
    file.create_virtual_dataset("x", layout)


def ragged(sizes, samples=5):
    def write(file):
        for name, size in (("obs", samples), ("traj", len(sizes))):
            file[name] = np.arange(size)
            file[name].make_scale(name)
        file["time"] = np.arange(float(samples))
        file["time"].dims[0].attach_scale(file["obs"])
        file["count"] = np.array(sizes)
        file["count"].dims[0].attach_scale(file["traj"])
        file["count"].attrs["sample_dimension"] = "obs"

    return write


def scaled(name, key, value):
    def write(file):
        axes(file)
        variable(file)
        file[name].attrs[key] = value

    return write


HDF5 = {
    "1e13 values": (lambda f: f.create_dataset("x", (10**6, 10**7), "f8", chunks=(1000, 1000)), "declares 8e+13 bytes"),
    "link to another file": (lambda f: f.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/x")), "'/etc/passwd'"),
    "link deep inside, and a loop": (loop, "takes 'outside' from another file"),
    "values in another file": (
        lambda f: f.create_dataset("x", (10,), "u1", external=[("/etc/passwd", 0, 10)]),
        "takes 'x' from another file",
    ),
    "virtual values": (virtual, "takes 'x' from another file, 'other.h5'"),
    "scale of zero": (scaled("x", "scale_factor", 0.0), "scale_factor of 'x' is"),
    "scale of text": (scaled("x", "scale_factor", "abc"), "scale_factor of 'x' is 'abc'"),
    "offset that is NaN": (scaled("time", "add_offset", np.nan), "add_offset of 'time' is"),
    "negative counts": (ragged([-(10**12), 10**12 + 5]), "numbers of samples"),
    "counts that are no numbers": (ragged([np.nan, 5.0]), "numbers of samples"),
    "records": (lambda f: (axes(f), variable(f, "x", np.zeros((2, 5), [("a", "f8")]))), "x.nc"),
    "nothing": (lambda f: None, "no dimension 'time'"),
}


@pytest.mark.parametrize("case", HDF5)
def test_netcdf_4_files(tmp_path, refused, case):
    write, message = HDF5[case]
    with h5py.File(tmp_path / "x.nc", "w") as file:
        write(file)
    assert message in refused(open_dataset, tmp_path / "x.nc")


def test_a_pipe_behind_a_link_is_not_waited_for(tmp_path, refused):
    if sys.platform == "win32":
        pytest.skip("pipes have no names in folders")
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file["x"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/x")
    assert "from another file" in refused(open_dataset, tmp_path / "x.nc")
    (tmp_path / "y.nc").symlink_to(tmp_path / "pipe")
    assert "is a pipe or a device" in refused(open_dataset, tmp_path / "y.nc")
    with pytest.raises(FileExistsError):
        save_dataset(swing(), tmp_path / "y.nc")


def test_no_count_of_a_classic_header_is_believed(tmp_path, refused, monkeypatch):
    monkeypatch.setattr(schema, "installed", lambda *modules: False)
    content = save_dataset(swing(), tmp_path / "x.nc").read_bytes()
    said = []
    tracemalloc.start()
    try:
        for place in range(4, 400, 4):
            (tmp_path / "y.nc").write_bytes(content[:place] + b"\x7f\xff\xff\xf0" + content[place + 4 :])
            try:
                pack(open_dataset(tmp_path / "y.nc"))
            except ValueError as error:
                said.append(str(error))
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()
    assert all(line.isprintable() for message in said for line in message.split("\n"))
    for end in range(0, len(content) - 8, 97):
        (tmp_path / "y.nc").write_bytes(content[:end])
        refused(open_dataset, tmp_path / "y.nc")


@pytest.mark.parametrize("read", [open_dataset, open_rows])
def test_stores_whose_headers_lie(tmp_path, read):
    save_dataset(swing(), tmp_path / "x.zarr")
    for path in (tmp_path / "x.zarr" / "zarr.json", tmp_path / "x.zarr" / "q" / "zarr.json"):
        content = path.read_text()
        for hostile in (
            "[" * 10**5,
            "{}",
            "5",
            content[:-20],
            content.replace('"zarr_format": 3', '"zarr_format": []'),
        ):
            path.write_text(hostile)
            with pytest.raises(ValueError, match=r"x\.zarr"):
                read(tmp_path / "x.zarr")
        path.write_text(content)


def test_attributes_that_a_file_cannot_hold(tmp_path, refused):
    for suffix in (".nc", ".zarr"):
        assert "cannot write" in refused(
            save_dataset, with_attr("q", "units", {"a": object()}), tmp_path / f"x{suffix}"
        )
    assert not list(tmp_path.iterdir())
    assert isinstance(swing(), xr.Dataset)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names in folders")
@pytest.mark.parametrize("read", [open_dataset, open_rows])
def test_nothing_in_a_store_is_waited_for(tmp_path, read):
    for name in ("zarr.json", "q/zarr.json", "q/c/0/0"):
        path = save_dataset(swing(), tmp_path / f"{name.count('/')}.zarr") / name
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(ValueError, match=r"pipe or a device|is missing"):
            read(tmp_path / f"{name.count('/')}.zarr")
    (tmp_path / "loop.zarr").symlink_to(tmp_path / "loop.zarr")
    with pytest.raises(OSError, match="symbolic links"):
        read(tmp_path / "loop.zarr")
