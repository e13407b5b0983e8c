"""Model files that lie, are damaged, or are of strangers: one sentence, or as good as what `fit` makes."""

import contextlib
import hashlib
import json
import logging
import random
import struct
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import dynsamp as ds
from dynsamp.models import safetensors
from dynsamp.models.base import Model, Samples
from dynsamp.models.null import LinearModel
from dynsamp.models.schema import Above, Array, Items, check_model
from dynsamp.models.storage import read_model, write_model
from dynsamp.plugins.registry import estimators
from dynsamp.solve import diffusion_values, field_values, jacobian_values, scalar_values, solve
from dynsamp.solve.kernel import posed
from dynsamp.solve.lyapunov import lyapunov_spectrum
from dynsamp.solve.statistics import statistics
from dynsamp.words import State

PAIR, TWO = (State("q", "rad", conjugate="p"), State("p")), (State("x"), State("y"))
SITES = (State("q", conjugate="p", dims={"site": 6}), State("p", dims={"site": 6}))
QUICK = {"width": 8, "activation": "tanh", "scale": 1.0}
MEGABYTE = 1 << 20
WRONG = [
    None,
    True,
    0,
    -1,
    3,
    10**8,
    10**30,
    1.5,
    "",
    "x",
    "\x1b[31m",
    [],
    [0],
    [1, 2],
    ["tanh"],
    [[0]],
    {},
    {"site": 10**8},
]
FAMILIES = (
    "separable", "general", "factors", "port", "lattice", "flow", "stencil", "diffusion", "one diffusion", "regression",
    "deep", "persistence", "climatology", "linear", "random-walk",
)  # fmt: skip


def points(states, signals=None):
    """Independent pendulums, their derivatives known."""
    half = sum(state.size for state in states) // 2
    y = np.random.default_rng(0).uniform(-1, 1, (200, 1, 2 * half))
    dy = np.concatenate([y[..., half:], -np.sin(y[..., :half])], axis=-1)
    return Samples(np.zeros((200, 1)), y, states, dy=dy, u=signals)


def series(states):
    """Components that turn into one another, with noise."""
    rng = np.random.default_rng(1)
    y = rng.uniform(-1, 1, (3, 120, sum(state.size for state in states)))
    for n in range(1, y.shape[1]):
        y[:, n] = 0.99 * y[:, n - 1] + 0.05 * np.roll(y[:, n - 1], 1, axis=1) + 0.02 * y[:, n]
    return Samples(np.tile(0.1 * np.arange(120), (3, 1)), y, states)


@pytest.fixture(scope="module")
def family():
    """A small fitted model of every family."""
    x = np.random.default_rng(2).uniform(-1, 1, (80, 2))
    signals = np.random.default_rng(3).normal(size=(200, 1, 1))
    models = [
        ds.HamiltonianNetwork(separable=True, **QUICK).fit(points(PAIR)),
        ds.HamiltonianNetwork(separable=False, terms=["cos(q)", "q**2*p"], **QUICK).fit(points(PAIR)),
        ds.HamiltonianNetwork(separable=False, quadratic_in_p=True, **QUICK).fit(points(PAIR)),
        ds.PortHamiltonianNetwork(**QUICK).fit(points(PAIR, signals)),
        ds.LatticeHamiltonian(**QUICK).fit(points(SITES)),
        ds.FlowMap(**QUICK).fit(series(TWO)),
        ds.FlowMap(stencil=(-1, 0, 1), **QUICK).fit(series(SITES)),
        ds.DriftDiffusion(width=4).fit(series(TWO)),
        ds.DriftDiffusion(width=4).fit(series(TWO[:1])),
        ds.SampledNetwork(**QUICK).fit(x, np.sin(x)),
        ds.SampledNetwork(width=(6, 8), activation="tanh", scale=1.0).fit(x, np.sin(x)),
        *(estimators()[name]().fit(series(TWO)) for name in FAMILIES[-4:]),
    ]
    return dict(zip(FAMILIES, models, strict=True))


# --- files --------------------------------------------------------------------------------------------------------


def parts(model, path):
    """What a file says of a model, and its arrays as (data type, shape, bytes)."""
    write_model(model, path)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    about = json.loads(header.pop("__metadata__")["dynsamp"])
    spans = {
        name: (start + entry["data_offsets"][0], start + entry["data_offsets"][1]) for name, entry in header.items()
    }
    return about, {name: (e["dtype"], e["shape"], content[slice(*spans[name])]) for name, e in header.items()}


def put(path, about, arrays, digest=True):
    """Write such a file, its digest right."""
    header, data = {"__metadata__": {"sha256": 64 * "0"} if digest else {}}, b""
    header["__metadata__"]["dynsamp"] = json.dumps(about)
    for name, (dtype, shape, content) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text = len(text).to_bytes(8, "little") + text
    path.write_bytes(text.replace(64 * b"0", hashlib.sha256(text + data).hexdigest().encode(), 1) + data)


def places(value, at=()):
    """Where something stands in JSON."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*at, key)
        yield from places(value[key], (*at, key))


def changed(value, at, *new):
    """A copy with something else there, or nothing."""
    value = json.loads(json.dumps(value))
    inner = value
    for key in at[:-1]:
        inner = inner[key]
    if at[-1] in inner or isinstance(inner, list):
        inner.pop(at[-1])
    if new and isinstance(inner, dict):
        inner[at[-1]] = new[0]
    elif new:
        inner.insert(at[-1], new[0])
    return value


def other_arrays(arrays):
    """The same with one of them gone, of another size, type or content."""
    for name, (dtype, shape, content) in arrays.items():
        others = [None, (dtype, [0] * len(shape), b""), (dtype, [0, 2**61], b""), (dtype, [len(content) // 8], content)]
        others += [
            (dtype, [*shape, 1], content),
            (dtype, shape[::-1], content),
            ("F32", [2 * k for k in shape], content),
        ]
        others += [
            (dtype, [k + 1 for k in shape], bytes(8 * int(np.prod(np.array(shape) + 1)))),
            ("BOOL", shape, b"\7"),
        ]
        kind, numbers = (
            ("<d", (np.nan, np.inf, -1.0, 1e308)) if dtype == "F64" else ("<q", (-2, 1, 99, 2**62, -(2**63)))
        )
        others += [(dtype, shape, struct.pack(kind, number) + content[8:]) for number in numbers]
        for other in others:
            yield {**arrays, name: other} if other else {key: span for key, span in arrays.items() if key != name}


def mutants(about, arrays, count):
    """Files with one thing wrong in them, and with states that are too few or too many."""
    drawn, said = random.Random(0), [at for at in places(about) if at[0] not in ("report", "versions")]
    found = [(changed(about, at, value), arrays) for at in said for value in WRONG]
    found += [(changed(about, at), arrays) for at in said]
    found += [(about, other) for other in other_arrays(arrays)]
    found = drawn.sample(found, min(count, len(found)))
    first, bare = about["states"][0], {**arrays, "low": ("F64", [0], b""), "high": ("F64", [0], b"")}
    for states in (about["states"][:-1], [first], [], [*about["states"], {"name": "more"}], 2 * about["states"]):
        found += [({**about, "states": states}, arrays), ({**about, "states": states}, bare)]
    for size in (1, 5, 10**8):
        resized = [{**state, "dims": {"site": size}} for state in about["states"]]
        found += [({**about, "states": resized}, arrays), ({**about, "states": resized}, bare)]
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_what_fit_makes_is_what_its_class_declares(family, name, tmp_path):
    model = family[name]
    check_model(model)
    ds.save_model(model, tmp_path / "m")
    again = ds.load_model(tmp_path / "m")
    for item in fields(model):
        if isinstance(value := getattr(model, item.name), np.ndarray):
            assert_array_equal(getattr(again, item.name), value, strict=True)
            assert "Array(" in str(item.type)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_wrong_file_is_refused_in_one_sentence_or_a_sound_model(family, name, tmp_path):
    path, sentences = tmp_path / "m", []
    for about, arrays in mutants(*parts(family[name], path), count=80):
        put(path, about, arrays)
        try:
            model = ds.load_model(path)
        except ValueError as error:
            sentences.append(str(error))
            continue
        check_model(model)
        if model.has_kernel and model.size < 100 and (name != "separable" or (np.diff(model.pairs.ravel()) == 1).all()):
            kernel = model.kernel()
            assert (kernel.size, kernel.parameters) == (model.size, kernel.theta.shape[-1])
    assert len(sentences) > 40
    assert all(len(sentence) < 500 and sentence.isprintable() for sentence in sentences)


@pytest.mark.parametrize("name", FAMILIES)
def test_states_of_any_size_take_no_memory(family, name, tmp_path):
    about, arrays = parts(family[name], tmp_path / "m")
    states = [{**state, "dims": {"site": 10**8}} for state in about["states"]]
    for box in (arrays, {**arrays, "low": ("F64", [0], b""), "high": ("F64", [0], b"")}):
        put(tmp_path / "m", {**about, "states": states}, box)
        tracemalloc.start()
        with contextlib.suppress(ValueError):  # without a box, some laws hold on any number of sites
            ds.load_model(tmp_path / "m")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < (tmp_path / "m").stat().st_size + MEGABYTE


def test_a_large_file_takes_its_size_of_memory(tmp_path):
    write_model(ds.SampledNetwork(width=0).fit(np.eye(2), np.eye(2)), tmp_path / "first")  # imports what loading needs
    ds.load_model(tmp_path / "first")
    size = 700
    states, ones = tuple(State(f"x{k}") for k in range(size)), np.ones(size)
    model = estimators()["linear"].Model(states=states, dt=1.0, mean=ones, constant=ones, matrix=np.ones((size, size)))
    write_model(model, tmp_path / "m")
    tracemalloc.start()
    ds.load_model(tmp_path / "m")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (tmp_path / "m").stat().st_size + MEGABYTE


def test_every_flipped_bit_is_refused(family, tmp_path):
    path = tmp_path / "m"
    ds.save_model(family["linear"], path)
    content = path.read_bytes()
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << (at // 3 % 8))]) + content[at + 1 :])
        with pytest.raises(ValueError, match=r"dynsamp model file|newer dynsamp|not installed"):
            ds.load_model(path)
    data = bytearray(content)
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="it is damaged: its content does not have the digest that it says"):
        ds.load_model(path)


def test_a_file_without_a_digest_is_read_with_a_remark(family, tmp_path, caplog):
    about, arrays = parts(family["flow"], tmp_path / "m")
    put(tmp_path / "m", about, arrays, digest=False)
    with caplog.at_level(logging.WARNING, "dynsamp"):
        again = ds.load_model(tmp_path / "m")
    assert_array_equal(again.weights, family["flow"].weights)
    assert "without a digest" in caplog.text
    ds.save_model(again, tmp_path / "m")
    caplog.clear()
    ds.load_model(tmp_path / "m")
    assert not caplog.text


@pytest.mark.parametrize(
    ("name", "at", "value", "message"),
    [
        ("separable", ("fields", "widths"), [8.0, 8], "widths should be a list of whole numbers, got"),
        ("separable", ("fields", "activations"), ["tanh", "magic"], "activations should be a list"),
        ("separable", ("fields", "offset"), None, "offset should be a number, got None"),
        ("separable", ("states", 0, "dims"), ["site"], "dims of state 'q' should be an object of whole numbers"),
        ("separable", ("states", 0, "dims"), {"site": 100_000_000}, "low should be float64 of shape"),
        ("separable", ("states",), [{"name": "q"}], "low should be float64 of shape"),
        ("separable", ("facts", "system"), {"a": 1}, "the fact 'system' should be a text"),
        ("general", ("fields", "terms"), ["cos(q)", "q**2*p", "p"], "term_coefficients should be"),
        ("general", ("fields", "terms"), ["cos(q)", "log(q - 5)"], "log"),
        ("general", ("fields", "terms"), ["cos(q)", "1 / q"], "a pole between points of the data"),
        ("flow", ("states", 0, "conjugate"), "x", "the conjugate of state 'x' should be another state"),
        ("flow", ("states", 0, "conjugate"), "\x1b[2J", "the conjugate of state 'x' should be another state"),
        ("flow", ("states", 0), "x", "a state should be an object of name"),
        ("flow", ("states", 0, "unit"), "m", "a state should be an object of name"),
        ("lattice", ("fields", "ends"), "open", "ends should be one of"),
        ("lattice", ("fields", "separable"), False, "widths should have one item for each of 1 parts"),
        ("flow", ("fields", "dt"), 0, "dt should be larger than 0"),
        ("deep", ("fields", "widths"), [8, 6], "should be float64 of shape"),
        ("one diffusion", ("states",), [{"name": "x"}, {"name": "y"}], "is not a drift and diffusion of 2 components"),
    ],
)
def test_a_wrong_field_is_named(family, tmp_path, name, at, value, message):
    about, arrays = parts(family[name], tmp_path / "m")
    put(tmp_path / "m", changed(about, at, value), arrays)
    with pytest.raises(ValueError, match="not an intact dynsamp model file") as error:
        ds.load_model(tmp_path / "m")
    assert message in str(error.value)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_file_leaves_out_is_missing_or_told(family, name, tmp_path, caplog):
    path = tmp_path / "m"
    about, arrays = parts(family[name], path)
    for field_name in (*about["fields"], *arrays):
        plain = {key: value for key, value in about["fields"].items() if key != field_name}
        rest = {key: value for key, value in arrays.items() if key != field_name}
        put(path, {**about, "fields": plain}, rest)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "dynsamp"), contextlib.suppress(ValueError):
            ds.load_model(path)
            assert f"does not say {field_name};" in caplog.text


@pytest.mark.parametrize(("name", "at"), [("general", "offset"), ("port", "offset"), ("linear", "dt"), ("flow", "dt")])
@pytest.mark.parametrize("value", [3, 10**9, 2**63])
def test_whole_numbers_are_read_as_the_numbers_they_stand_for(family, tmp_path, name, at, value):
    about, arrays = parts(family[name], tmp_path / "m")
    about = changed(changed(about, ("fields", at), value), ("states", 0, "period"), 7)
    put(tmp_path / "m", changed(about, ("facts", "dt"), value), arrays)
    model = ds.load_model(tmp_path / "m")
    assert [type(number) for number in (getattr(model, at), model.facts.dt, model.states[0].period)] == 3 * [float]
    if at == "offset":
        assert abs(model.energy(np.zeros(2)) - value) < 1e-9 * value + 3


@pytest.mark.parametrize(
    ("name", "at", "shape"), [("separable", "factors", [2, 0]), ("general", "pairs", [2, 0]), ("port", "low", [0, 0])]
)
def test_arrays_of_nothing_say_nothing_or_are_refused(family, tmp_path, name, at, shape):
    about, arrays = parts(family[name], tmp_path / "m")
    put(tmp_path / "m", about, {**arrays, at: (arrays[at][0], shape, b"")})
    with pytest.raises(ValueError, match=f"{at} should"):
        ds.load_model(tmp_path / "m")


def test_no_report_of_a_file_steers_the_terminal(family, tmp_path):
    about, arrays = parts(family["linear"], tmp_path / "m")
    report = {"a\x1b[2J": "\x1b[2J", "b": ["\x07", {"\x9b": "\u202e"}]}
    put(tmp_path / "m", {**about, "report": report}, arrays)
    assert all(line.isprintable() for line in ds.load_model(tmp_path / "m").summary().split("\n"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ds.HamiltonianNetwork(terms=(term for term in ["cos(q)"])),
        lambda: ds.PortHamiltonianNetwork(symmetries=iter(["parity"])),
        lambda: ds.LatticeHamiltonian(stencil=map(int, "01")),
        lambda: ds.SampledNetwork(inputs=iter("xy"), targets=["z"]),
    ],
)
def test_knobs_that_can_be_read_once_are_refused(make):
    with pytest.raises(ValueError, match=r"must be a list, got a .*; write list\(...\) around it"):
        make()


@pytest.mark.parametrize("term", [3, b"q", ["q"], None])
def test_terms_that_are_no_text_are_named(term):
    with pytest.raises(TypeError, match="a term must be a formula such as"):
        ds.HamiltonianNetwork(terms=[term])


@pytest.mark.parametrize("path", [None, 5, b"m", "", "a\0b"])
def test_what_is_no_path_is_named(family, path):
    uses = [ds.load_model, ds.open_dataset, ds.from_csv, lambda path: ds.save_model(family["linear"], path)]
    if path is not None:
        uses += [lambda path: ds.generate("pendulum", store=path), lambda path: ds.run("pendulum", out=path)]
    for use in uses:
        with pytest.raises((TypeError, ValueError), match=r"a path must be text|is no path"):
            use(path)


@pytest.mark.parametrize(
    ("name", "size", "dt"),
    [("linear", 1e-200, 1.0), ("random-walk", 1e140, 1e-100), ("drift-diffusion", 1e100, 1e-149)],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_fit_that_is_not_finite_is_refused(name, size, dt):
    y = np.random.default_rng(0).normal(size=(200, 1)) * size
    with pytest.raises(ValueError, match=rf"the fit of {name} is not finite .*; use other units"):
        ds.fit(ds.from_arrays(y, dt * np.arange(200), names=["x"]), name)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("separable", {"pairs": np.array([[0.0], [1.0]])}, "pairs should be int"),
        ("separable", {"pairs": np.array([[0], [0]])}, "name each of 2 once"),
        ("separable", {"pairs": np.array([[0], [2]])}, "less than 2"),
        ("separable", {"factors": np.zeros((16, 2), int)}, "a separable H has none"),
        ("factors", {"factors": np.full((8, 2), 2)}, "less than 2"),
        ("factors", {"factors": np.tile([0, -1], (8, 1))}, "come in pairs"),
        ("general", {"half_width": np.array([1.0, 0.0])}, "larger than 0"),
        ("general", {"weights": np.full((8, 2), np.nan)}, "should be finite, got nan"),
        ("general", {"weights": np.zeros((8, 2), np.float32)}, "should be float64"),
        ("general", {"low": np.ones(2), "high": np.zeros(2)}, "low <= high"),
        ("port", {"activations": ["tanh"], "dissipation": np.array([[0.0, 1.0], [0.0, 0.0]])}, "symmetric"),
        ("climatology", {"mean": np.empty(0)}, "component = 2"),
    ],
)
def test_arrays_that_do_not_fit_make_no_model(family, name, changes, message):
    model = family[name]
    if name == "factors" and len(model.factors) != 8:
        changes = {"factors": np.resize(changes["factors"], model.factors.shape)}
    with pytest.raises(ValueError, match=message):
        replace(model, **changes)


# --- classes of strangers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Declared(Model):
    name: ClassVar[str] = "strange"
    gain: Annotated[np.ndarray, Array("mode", "component")]
    order: Annotated[np.ndarray, Array("mode", dtype="int", below="mode", permutation=True)]
    labels: Annotated[Sequence[str], Items("mode")]
    rate: Annotated[float, Above(0.0)] = 1.0
    way: Literal["up", "down"] = "up"


@dataclass(frozen=True, kw_only=True)
class Annotations(Model):
    name: ClassVar[str] = "strange"
    gain: np.ndarray
    count: int = 1
    shares: dict[str, float] = field(default_factory=dict)
    extra: np.ndarray | None = None
    anything: Any = None
    unknown: "Missing" = 3  # noqa: F821 - imported for type checkers only


GOOD = {
    Declared: {"gain": np.ones((3, 2)), "order": np.array([2, 0, 1]), "labels": ["a", "b", "c"]},
    Annotations: {"gain": np.ones(3), "shares": {"a": 1.0}},
}


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (Declared, {}, None),
        (Declared, {"gain": np.ones((3, 3))}, "component = 2"),
        (Declared, {"order": np.array([0, 0, 1])}, "each of 3 once, got no 2"),
        (Declared, {"labels": ["a", "b"]}, "gain should be float64 of shape .mode, component. with mode = 2"),
        (Declared, {"rate": -1.0}, "rate should be larger than 0"),
        (Declared, {"way": "left"}, "one of 'up', 'down'"),
        (Annotations, {}, None),
        (Annotations, {"extra": np.ones(2), "anything": [1, {"a": None}], "unknown": "x"}, None),
        (Annotations, {"anything": np.ones(2)}, None),
        (Annotations, {"gain": [1.0, 2.0]}, "gain should be an array, got"),
        (Annotations, {"count": 1.5}, "count should be a whole number, got 1.5"),
        (Annotations, {"count": np.ones(1)}, "count should be a whole number, got an array"),
        (Annotations, {"shares": {"a": "b"}}, "shares should be an object of numbers"),
    ],
)
def test_a_strangers_model_is_checked_by_what_it_says(tmp_path, kind, changes, message):
    values = {"states": TWO, **GOOD[kind], **changes}
    if message is None:
        write_model(kind(**values), tmp_path / "m")
        read_model(tmp_path / "m", {"strange": kind}.__getitem__)
        return
    with pytest.raises(ValueError, match=message):
        kind(**values)
    about, arrays = parts(kind(states=TWO, **GOOD[kind]), tmp_path / "m")
    for name, value in changes.items():
        arrays.pop(name, None)
        about["fields"].pop(name, None)
        if isinstance(value, np.ndarray):
            arrays[name] = "F64" if value.dtype == float else "I64", list(value.shape), value.tobytes()
        else:
            about["fields"][name] = value
    put(tmp_path / "m", about, arrays)
    with pytest.raises(ValueError, match=message):
        read_model(tmp_path / "m", {"strange": kind}.__getitem__)


# --- the door to compiled code ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("regression", "deep", *FAMILIES[-4:-2])])
def test_no_kernel_is_called_with_other_sizes(family, name):
    model = family[name]
    kernel = model.kernel()
    signals = ([0.0, 1.0], np.zeros((1, 2, len(kernel.inputs)))) if kernel.inputs else None
    for size in (model.size - 1, model.size + 1, 2 * model.size):
        y = np.full((3, size), 0.1)
        if not size:
            continue
        for verb in (solve, posed, lyapunov_spectrum, statistics):
            with pytest.raises(ValueError, match="components"):
                verb(kernel, [0.0, 0.5, 1.0], y, inputs=signals)
        values = [field_values] if kernel.kind != "map" else []
        for verb in (*values, jacobian_values, *([diffusion_values] if kernel.kind == "sde" else [])):
            with pytest.raises(ValueError, match="components"):
                verb(kernel, 0.0, y, inputs=signals)
        for method in ("vector_field", "step", "jacobian", "energy", "drift", "diffusion"):
            if hasattr(model, method):
                with pytest.raises(ValueError, match=r"y must be \(\.\.\., "):
                    getattr(model, method)(y)
    y = np.full((3, model.size), 0.1)
    for theta in (kernel.theta[:-1], np.append(kernel.theta, 0.0), np.empty(0)):
        with pytest.raises(ValueError, match=r"theta has \d+ parameters"):
            solve(replace(kernel, theta=theta), [0.0, 0.1], y, inputs=signals)
    for place in () if kernel.trusted is None else kernel.trusted[0]:
        for number in (1e9, -7.0, np.nan):
            theta = np.tile(kernel.theta, (3, 1))
            theta[2, place] = number
            with pytest.raises(ValueError, match="theta has other sizes"):
                solve(replace(kernel, theta=theta), [0.0, 0.1], y, inputs=signals)


def test_functions_of_a_system_get_its_sizes_alone():
    law = ds.system("pendulum")
    for y, theta in ((np.ones((2, 4)), law.theta()), (np.ones((2, 2)), law.theta()[:1])):
        with pytest.raises(ValueError, match="but the functions are of"):
            scalar_values(law.energy, 0.0, y, theta, (law.size, len(law.parameters)))
        with pytest.raises(ValueError, match="but the functions are of"):
            solve(law.kernel(theta), [0.0, 1.0], y)


def test_no_score_is_made_with_the_parameters_of_another_system():
    truth = ds.generate("pendulum", trajectories=2, duration=1, dt=0.1, progress=False)
    truth.attrs["parameters"] = '{"mass": 1.0}'
    with pytest.raises(ValueError, match="theta has 1 parameters, but the functions are of 3"):
        ds.evaluate(truth, truth, metrics=["energy_drift"])


@pytest.mark.parametrize("noise", [0, -1, 2.5, True, "both"])
def test_noise_is_a_number_of_processes(family, noise):
    kernel = family["diffusion"].kernel()
    with pytest.raises(ValueError, match="noise of a sde kernel must be diagonal or a whole number"):
        posed(replace(kernel, noise=noise), [0.0, 1.0], np.ones((1, 2)))


@pytest.mark.parametrize("threads", [True, False])
def test_large_file_is_checked_with_and_without_a_thread_to_spare(tmp_path, monkeypatch, threads):
    n = 400
    matrix = np.random.default_rng(0).normal(size=(n, n))
    box = {"low": np.zeros(n), "high": np.ones(n), "mean": np.zeros(n), "constant": np.ones(n)}
    model = LinearModel(states=(State("x", dims={"s": n}),), dt=1.0, matrix=matrix, **box)
    path = tmp_path / "large.model"
    ds.save_model(model, path)
    content = bytearray(path.read_bytes())
    assert len(content) > safetensors.SMALL

    def refused(_):
        raise RuntimeError("can't start new thread")

    if not threads:
        monkeypatch.setattr(safetensors.Thread, "start", refused)
    assert_array_equal(ds.load_model(path).matrix, matrix)
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        ds.load_model(path)
    path.write_bytes(content[:-8])
    with pytest.raises(ValueError, match="cut short"):
        ds.load_model(path)


def test_arrays_behind_short_numbers_lie_where_compiled_code_looks(tmp_path, family):
    model = family["factors"]
    path = tmp_path / "short.model"
    ds.save_model(replace(model, pairs=model.pairs.astype(np.int8)), path)
    found = ds.load_model(path)
    assert found.factors.size
    assert found.factors.flags.aligned
    assert found.factors.flags.writeable
    assert_array_equal(found.factors, model.factors)
    assert set(vars(found)) == {item.name for item in fields(found)} | {"_formulas"}
