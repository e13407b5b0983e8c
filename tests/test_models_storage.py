"""Model files: round trips, an independent reader and writer of the layout, and hostile or damaged files."""

import json
import os
import stat
import struct
import sys
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np
import pytest
import safetensors.numpy as safetensors  # the oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dynsamp.models.base import Model
from dynsamp.models.safetensors import HEADER_LIMIT
from dynsamp.models.storage import read_model, write_model
from dynsamp.words import Facts, State


@dataclass(frozen=True, kw_only=True)
class Sample(Model):
    name: ClassVar[str] = "sample"

    weights: np.ndarray
    steps: np.ndarray = field(default_factory=lambda: np.array(3, np.int32))
    mask: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), bool))
    knobs: dict = field(default_factory=dict)
    scale: float | None = None


STATES = (State("q", "m", "position", conjugate="p"), State("p", "kg m s-1", dims={"site": 2}), State("a", period=6.25))


@pytest.fixture
def model():
    return Sample(
        states=STATES,
        facts=Facts(system="spring", dt=0.1, parameters={"k": 2}, other={"tags": ["a", "b"]}),
        report={"width": np.int64(7), "condition": np.inf, "seconds": np.float64(0.5), "chosen": "tänh"},
        low=np.zeros(4),
        high=np.ones(4),
        weights=np.random.default_rng(0).standard_normal((3, 5)),
        knobs={"width": 7, "activations": ("sin", "tanh")},
    )


def resolve(name):
    return {"sample": Sample}[name]


def test_a_round_trip_keeps_every_bit(model, tmp_path):
    path = tmp_path / "some.model"
    write_model(model, path)
    back = read_model(path, resolve)
    assert type(back) is Sample
    for item in fields(Sample):
        value = getattr(model, item.name)
        if isinstance(value, np.ndarray):
            again = getattr(back, item.name)
            assert (again.shape, again.dtype) == (value.shape, value.dtype)
            assert_array_equal(again, value)
            assert again.flags.writeable
            assert again.flags.c_contiguous
    assert back.states == STATES
    assert back.facts == model.facts
    assert back.report == {"width": 7, "condition": None, "seconds": 0.5, "chosen": "tänh"}
    assert back.knobs == {"width": 7, "activations": ["sin", "tanh"]}
    assert back.scale is None
    assert os.listdir(tmp_path) == ["some.model"]


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f8"])
def test_data_types_and_shapes_survive(tmp_path, dtype):
    values = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    for weights in (values, values[:0], np.asarray(values[0, 0]), np.asfortranarray(values), values[:, ::2]):
        write_model(Sample(states=STATES, weights=weights), tmp_path / "m")
        back = read_model(tmp_path / "m", resolve).weights
        assert_array_equal(back, weights, strict=dtype != ">f8")
        assert back.dtype.isnative


def test_the_safetensors_library_reads_our_files(model, tmp_path):
    write_model(model, tmp_path / "m")
    arrays = safetensors.load_file(tmp_path / "m")
    assert set(arrays) == {"weights", "steps", "mask", "low", "high"}
    assert_array_equal(arrays["weights"], model.weights)
    assert arrays["steps"].shape == ()
    with open(tmp_path / "m", "rb") as file:
        assert int.from_bytes(file.read(8), "little") % 8 == 0


def test_we_read_files_of_the_safetensors_library(model, tmp_path):
    write_model(model, tmp_path / "m")
    metadata = parts(tmp_path / "m")[0]["__metadata__"]
    del metadata["sha256"]  # of another file
    safetensors.save_file({"weights": model.weights, "steps": np.array(9, np.int32)}, tmp_path / "theirs", metadata)
    back = read_model(tmp_path / "theirs", resolve)
    assert_array_equal(back.weights, model.weights)
    assert back.steps == 9


def parts(path):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def file(model, tmp_path):
    write_model(model, tmp_path / "m")
    return tmp_path / "m"


def about(header, **changes):
    entry = json.loads(header["__metadata__"]["dynsamp"])
    entry.update(changes)
    header["__metadata__"]["dynsamp"] = json.dumps(entry)


def change(path, **spans):
    header, data = parts(path)
    header["weights"].update(spans)
    put(path, header, data)


def test_a_newer_format_says_so(file):
    header, data = parts(file)
    about(header, format_version=2, versions={"dynsamp": "9.0"})
    put(file, header, data)
    with pytest.raises(ValueError, match=r"written by a newer dynsamp \(9.0, format version 2"):
        read_model(file, resolve)


def test_an_unknown_estimator_says_so(file):
    header, data = parts(file)
    about(header, estimator="os.system")
    put(file, header, data)
    with pytest.raises(ValueError, match=r"'os\.system', which is not installed here"):
        read_model(file, resolve)


@pytest.mark.parametrize("kept", [0, 7, 8, 20, 900, -1])
def test_truncated_files_are_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match="not an intact dynsamp model file"):
        read_model(file, resolve)


def test_trailing_bytes_are_refused(file):
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(ValueError, match="follow the header"):
        read_model(file, resolve)


def test_files_of_others_are_refused(tmp_path, file):
    strange = tmp_path / "strange"
    for content in (b"CDF\x01" + bytes(200), b"\x89HDF\r\n\x1a\n" + bytes(99), b"PK\x03\x04" + bytes(60), b"{}" * 50):
        strange.write_bytes(content)
        with pytest.raises(ValueError, match=r"not (a|an intact) dynsamp model file"):
            read_model(strange, resolve)
    safetensors.save_file({"weights": np.zeros(3)}, strange)
    with pytest.raises(ValueError, match="another program's file"):
        read_model(strange, resolve)


@pytest.mark.parametrize(
    "spans",
    [
        {"dtype": "F16"},
        {"dtype": 3},
        {"dtype": "O"},
        {"shape": [1 << 40, 1 << 40]},
        {"shape": [5, -3]},
        {"shape": [True, 15]},
        {"shape": [1.0, 15]},
        {"shape": "15"},
        {"shape": [1] * 40 + [15]},
        {"data_offsets": [0, 1 << 62]},
        {"data_offsets": [-8, 112]},
        {"data_offsets": [120, 0]},
        {"data_offsets": [8, 128]},
        {"data_offsets": [0]},
        {"surprise": 1},
    ],
)
def test_lies_about_sizes_are_refused(file, spans):
    change(file, **spans)
    with pytest.raises(ValueError, match=r"not an intact dynsamp model file: (array|the entry)"):
        read_model(file, resolve)


def test_overlaps_and_gaps_are_refused(file):
    header, data = parts(file)
    header["high"]["data_offsets"] = header["low"]["data_offsets"]
    put(file, header, data)
    with pytest.raises(ValueError, match="but the one before it ends at"):
        read_model(file, resolve)


def test_a_huge_header_is_refused_before_it_is_read(file):
    content = file.read_bytes()
    file.write_bytes(struct.pack("<Q", HEADER_LIMIT + 1) + content[8:])
    with pytest.raises(ValueError, match="is not a dynsamp model file"):
        read_model(file, resolve)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b"[1]", b"\xff\xfe{}", b'{"a": NaN}', b'{"a": 1e999}', b'{"a":1,"a":2}']
)
def test_headers_that_are_not_plain_json_are_refused(file, text):
    put(file, text, b"")
    with pytest.raises(ValueError, match="not an intact dynsamp model file: its header"):
        read_model(file, resolve)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "other"),
        ("format_version", "1"),
        ("format_version", True),
        ("states", {}),
        ("states", [{"name": "no identifier"}]),
        ("states", [{"name": "x", "color": 1}]),
        ("facts", None),
        ("fields", {"knobs": {}, "colour": 1}),
        ("fields", {"weights": [1, 2]}),
        ("fields", {"states": []}),
        ("states", [{"name": "x", "dims": {"site": 7}}]),
    ],
)
def test_entries_that_do_not_fit_the_model_are_refused(file, key, value):
    header, data = parts(file)
    about(header, **{key: value})
    put(file, header, data)
    with pytest.raises(ValueError, match="not an intact dynsamp model file"):
        read_model(file, resolve)


def test_a_missing_array_is_named(file):
    header, _ = parts(file)
    put(file, {"__metadata__": header["__metadata__"]}, b"")
    with pytest.raises(ValueError, match=r"missing: \['weights'\]"):
        read_model(file, resolve)


@given(data=st.data())
@settings(deadline=None, max_examples=200)
def test_a_damaged_file_is_refused(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "m"
    write_model(Sample(states=STATES, weights=np.arange(6.0)), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if content == path.read_bytes():
        return
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"not (a|an intact) dynsamp model file|newer dynsamp|not installed"):
        read_model(path, resolve)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system")
def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a pipe or a device, not a model file"):
        read_model(tmp_path / "pipe", resolve)


def test_fields_that_a_file_cannot_hold_are_refused(tmp_path):
    path = tmp_path / "m"
    with pytest.raises(TypeError, match="'weights' has data type complex128"):
        write_model(Sample(states=STATES, weights=np.ones(2, complex)), path)
    with pytest.raises(TypeError, match=r"knobs\.f is a function"):
        write_model(Sample(states=STATES, weights=np.ones(2), knobs={"f": resolve}), path)
    with pytest.raises(ValueError, match=r"facts\.dt is nan"):
        write_model(Sample(states=STATES, weights=np.ones(2), facts=Facts(dt=np.nan)), path)
    assert not os.listdir(tmp_path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(model, tmp_path, monkeypatch):
    path = tmp_path / "m"
    write_model(model, path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write the model \(No space left on device\)"):
        write_model(model, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


def test_places_that_cannot_be_written_are_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="cannot write the model"):
        write_model(model, tmp_path / "nowhere" / "m")
    with pytest.raises(IsADirectoryError, match="cannot write the model"):
        write_model(model, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode bits")
def test_a_new_file_has_the_usual_permissions(model, tmp_path):
    write_model(model, tmp_path / "m")
    (tmp_path / "other").touch()
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)
