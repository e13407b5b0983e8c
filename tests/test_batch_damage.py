"""A store whose files were changed gives the right numbers or one sentence; it never gives others."""

import json
import os
import shutil
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from dynsamp import Linear, batch, fit
from dynsamp.batch import run_chunks
from dynsamp.dataset import build, open_dataset, save_dataset, zarrcheck, zarrstore
from dynsamp.words import State

COUNT, STEPS = 11, 4
MOST = 300  # characters of a message


def compute(low, high):
    ids = np.arange(low, high)
    y = np.sin(ids[:, None, None] * 1000.0 + np.arange(STEPS)[:, None] * 10.0 + np.arange(2.0))
    return build(t=np.arange(STEPS) * 0.5, y=y, states=(State("x", "m"), State("v")), ids=ids, status=ids * 0)


def written(folder, **options):
    return run_chunks({"seed": 0}, compute, folder / "out.zarr", count=COUNT, chunk=4, durable=False, **options)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder with a store of a run and a saved one."""
    folder = tmp_path_factory.mktemp("sound")
    written(folder)
    save_dataset(compute(0, COUNT), folder / "saved.zarr")
    return folder


@pytest.fixture
def store(tmp_path, sound):
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out.zarr"


def complaint(call: Callable[[], object]) -> str:
    """What is said against a call; nothing where it succeeds."""
    try:
        call()
    except (ValueError, OSError) as error:
        return str(error)
    return ""


FILES = (
    *("out.zarr/zarr.json", "out.zarr/x/zarr.json", "out.zarr/time/zarr.json", "out.zarr/x/c/1/0"),
    *("out.zarr/status/c/2", "out.zarr/time/c/0", "out.zarr.run/plan.json", "out.zarr.run/journal.jsonl"),
)
DAMAGE = {
    "first bit": lambda b: bytes([b[0] ^ 1]) + b[1:],
    "middle bit": lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 4]) + b[len(b) // 2 + 1 :],
    "another digit": lambda b: b.replace(b"1", b"2", 1),
    "cut": lambda b: b[: len(b) // 2],
    "cut by a byte": lambda b: b[:-1],
    "longer": lambda b: b + b"\x00",
    "empty": lambda b: b"",
    "deep": lambda b: b"[" * 100_000,
    "no text": lambda b: b"\xff\xfe\x00" * 20,
    "a list": lambda b: b"[1, 2, 3]\n",
    "an object": lambda b: b"{}\n",
    "strange types": lambda b: b'{"chunk": "a", "crc": [1], "plan": 3, "digest": {}, "attributes": 1, "shape": null}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_mended_or_named(tmp_path, store, name):
    path, whole = tmp_path / name, compute(0, COUNT)
    content = path.read_bytes()
    for how, damage in DAMAGE.items():
        path.write_bytes(damage(content))
        said = complaint(lambda: written(tmp_path))
        if said:
            assert name in ("out.zarr.run/plan.json", "out.zarr/zarr.json"), (how, said)
            assert "\n" not in said
            assert len(said.replace(str(tmp_path), "")) < MOST
            assert path.read_bytes() == damage(content)  # nothing is touched
            path.write_bytes(content)
            continue
        for variable in whole.variables:
            np.testing.assert_array_equal(open_dataset(store)[variable], whole[variable], err_msg=how)
        assert batch.verify(store) == []


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize("name", [name for name in FILES if "zarr.run" not in name])
@pytest.mark.parametrize("kind", ["run", "saved"])
def test_a_damaged_store_is_not_opened(store, monkeypatch, kind, name, library):
    if not library:
        monkeypatch.setattr("dynsamp.dataset.schema.installed", lambda *modules: False)
    folder = store if kind == "run" else store.with_name("saved.zarr")
    path = folder / name.partition("/")[2]
    if not path.exists():  # a saved one has one chunk
        path = folder / {"x/c/1/0": "x/c/0/0", "status/c/2": "status/c/0"}[name.partition("/")[2]]
    content = path.read_bytes()
    for how in ("first bit", "another digit", "cut", "longer", "empty", "deep", "no text", "a list"):
        path.write_bytes(DAMAGE[how](content))
        if path.read_bytes() == content:
            continue
        said = complaint(lambda: open_dataset(folder))
        assert said, how
        assert "\n" not in said
        assert len(said.replace(str(folder), "")) < MOST


def swapped(store):
    """Two chunks of a variable change places: every size stays as it was."""
    one, two = store / "x" / "c" / "0" / "0", store / "x" / "c" / "1" / "0"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def flipped(store):
    path = store / "time" / "c" / "0"
    path.write_bytes(DAMAGE["middle bit"](path.read_bytes()))


@pytest.mark.parametrize("damage", [swapped, flipped])
def test_values_are_those_that_were_written(store, monkeypatch, damage):
    damage(store)
    with pytest.raises(ValueError, match=r"values of '\w+' in .*out.zarr are not what was written; .* mends it"):
        open_dataset(store)
    monkeypatch.setattr(zarrcheck, "SMALL", 0)
    open_dataset(store)  # a large one is opened without reading all of it
    for call in (lambda: open_dataset(store, verify=True), lambda: fit(store, Linear())):
        with pytest.raises(ValueError, match="are not what was written"):
            call()
    assert open_dataset(store, verify=False).sizes["trajectory"] == COUNT
    written(store.parent)
    np.testing.assert_array_equal(open_dataset(store, verify=True)["x"], compute(0, COUNT)["x"])


@pytest.mark.parametrize("key", ["seed", "states", zarrstore.CHECK, zarrstore.VALUES, zarrstore.ORDER])
@pytest.mark.parametrize("indent", [None, 1])
def test_attributes_are_those_that_were_written(store, key, indent):
    header = json.loads((store / "zarr.json").read_text())
    header["attributes"][key] = 5
    (store / "zarr.json").write_text(json.dumps(header, indent=indent))
    with pytest.raises(ValueError, match=r"a header in .* is not what was written"):
        open_dataset(store)
    if key == zarrstore.ORDER:
        with pytest.raises(ValueError, match=r"the store has '?5'? for the order of its variables"):
            open_dataset(store, verify=False)
    else:
        np.testing.assert_array_equal(open_dataset(store, verify=False)["x"], compute(0, COUNT)["x"])


def test_a_copy_by_the_zarr_library_is_its_own(store):
    pytest.importorskip("zarr")
    other = store.with_name("other.zarr")
    xr.open_zarr(store, consolidated=False, chunks=None).isel(trajectory=[2, 1]).to_zarr(other, consolidated=False)
    np.testing.assert_array_equal(open_dataset(other, verify=True)["x"], compute(1, 3)["x"][::-1])


STRANGERS = {
    "zz": lambda store: shutil.copytree(store / "x", store / "zz"),
    "x/c/9/0": lambda store: shutil.copytree(store / "x" / "c" / "0", store / "x" / "c" / "9"),
    "x/c/0/00": lambda store: shutil.copy(store / "x" / "c" / "0" / "0", store / "x" / "c" / "0" / "00"),
    "time/notes.txt": lambda store: (store / "time" / "notes.txt").write_text("do not lose me"),
}


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("finished", [True, False])
def test_what_others_put_into_a_store_does_not_become_data(store, name, finished):
    if not finished:
        (store / "zarr.json").unlink()
        (store / "x" / "c" / "2" / "0").unlink()
    STRANGERS[name](store)
    computed = []
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"{name} is no part of the store .*; move it elsewhere$"):
            run_chunks({"seed": 0}, lambda *ends: computed.append(ends), store, count=COUNT, template=compute(0, 1))
        if finished:
            with pytest.raises(ValueError, match=rf"{name} is no part of the store .*; move it elsewhere$"):
                open_dataset(store)
    assert not computed
    (store / name).rename(store.parent / "elsewhere")
    written(store.parent)
    assert [*open_dataset(store)] == [*compute(0, 1)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize("name", ["lock", "plan.json", "journal.jsonl"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_a_run_keeps_is_in_files_of_its_own(store, kind, name):
    path, treasure = store.with_name("out.zarr.run") / name, store.with_name("treasure")
    treasure.write_text("do not lose me")
    path.unlink(missing_ok=True)
    {"pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to(treasure), "folder": path.mkdir}[kind]()
    for call in (lambda: written(store.parent), lambda: batch.verify(store)):
        with pytest.raises(FileExistsError, match=rf"{name} is no file, as a run writes it; remove it"):
            call()
    assert treasure.read_text() == "do not lose me"


def test_a_folder_in_the_place_of_a_chunk_is_named(store):
    path = store / "x" / "c" / "1" / "0"
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"cannot write .*x.c.1.0: is a directory; remove the folder"):
        written(store.parent)


@pytest.mark.parametrize("library", [True, False])
def test_a_missing_chunk_is_named(store, monkeypatch, library):
    if not library:
        monkeypatch.setattr("dynsamp.dataset.schema.installed", lambda *modules: False)
    store.joinpath("v", "c", "1", "0").unlink()
    with pytest.raises(
        ValueError, match=r"v/c/1/0 is missing; the store is damaged; the command that wrote it mends it"
    ):
        open_dataset(store)
    written(store.parent)
    np.testing.assert_array_equal(open_dataset(store)["v"], compute(0, COUNT)["v"])


@pytest.mark.parametrize("word", ["attributes", "node_type", "group", "variable_order", "2026", '"trajectory'])
def test_a_header_with_another_letter_is_not_what_was_written(store, word):
    for folder in (store, store.with_name("saved.zarr")):
        path = folder / "zarr.json"
        text = path.read_text()
        if word in text:
            path.write_text(text.replace(word, word[:-1] + "_", 1))
            assert complaint(lambda: open_dataset(folder)), folder  # noqa: B023 - called at once


def test_a_damaged_chunk_is_computed_again_with_a_line_in_the_log(store, caplog):
    path = store.joinpath("x", "c", "1", "0")
    content = path.read_bytes()
    path.write_bytes(content[:40] + b"\x01" + content[41:])
    before = path.read_bytes()
    written(store.parent, verify=False)
    assert path.read_bytes() == before  # sizes fit
    computed = []
    run_chunks(
        {"seed": 0}, lambda a, b: (computed.append(a), compute(a, b))[1], store, count=COUNT, template=compute(0, 1)
    )
    assert computed == [4]
    assert path.read_bytes() == content
    assert "trajectories 4 to 7 in" in caplog.text


def test_a_finished_store_stays_as_it_is(store):
    def states():
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in store.rglob("*") if path.is_file()}

    before = states()
    written(store.parent)
    assert states() == before


HEADERS = [
    {"shape": [10**15, STEPS]},
    {"shape": [10**30, STEPS], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**30, STEPS]}}},
    {"shape": [COUNT, STEPS], "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [1, 10**12]}}},
    {"shape": [-1, STEPS]},
    {"shape": ["many", STEPS]},
    {"shape": [4.0, STEPS]},
    {"shape": [True, STEPS]},
    {"dimension_names": ["time", "time"]},
    {"dimension_names": ["../../etc", "time"]},
    {"fill_value": {"a": 1}},
    {"fill_value": "x" * 10**6},
    {"attributes": [1]},
    {"attributes": {"labels": "[1", "units": "fortnights since \x1b[31m"}},
    {"attributes": {"labels": '["a"]'}},
    {"attributes": {"flag_values": {"a": 1}}},
    {"codecs": [{"name": "bytes", "configuration": {"endian": "big"}}]},
    {"codecs": "bytes"},
    {"codecs": []},
    {"data_type": "object"},
    {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "../"}}},
]


@pytest.mark.parametrize("name", ["x", "trajectory", "status"])
@pytest.mark.parametrize("library", [True, False])
def test_a_hostile_header_costs_nothing(store, monkeypatch, name, library):
    """Of a store that is not sealed, so that each is judged by what it says."""
    if not library:
        monkeypatch.setattr("dynsamp.dataset.schema.installed", lambda *modules: False)
    folder = store.with_name("saved.zarr")
    path = folder / name / "zarr.json"
    content = json.loads(path.read_text())
    group = {"zarr_format": 3, "node_type": "group", "attributes": {zarrstore.ORDER: ["x"], "dynsamp_version": "0"}}
    (folder / "zarr.json").write_bytes(zarrstore.text_of(group))
    for header in HEADERS:
        if "shape" in header and len(content["shape"]) == 1:
            header = {**header, "shape": header["shape"][:1]}
        for ending in (b"", b" "):  # as we write it, or another
            path.write_bytes(zarrstore.text_of({**content, **header}) + ending)
            said = complaint(lambda: np.asarray(open_dataset(folder)["v"]))
            assert said.isprintable(), header
            assert len(said.replace(str(folder), "")) < MOST


@pytest.mark.parametrize("what", ["", ".run", ".run/lock", ".run/journal.jsonl", ".run/plan.json", "/x/c", "/x/c/1/0"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_something_else_in_the_place_is_named(tmp_path, store, what, kind):
    place = tmp_path / f"out.zarr{what}"
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    if kind == "file":
        place.write_text("do not lose me")
    else:
        place.mkdir()
    said = complaint(lambda: written(tmp_path))
    if said:
        assert "\n" not in said
        assert "out.zarr" in said
        assert kind == "folder" or place.read_text() == "do not lose me"
    else:
        np.testing.assert_array_equal(open_dataset(store)["x"], compute(0, COUNT)["x"])
