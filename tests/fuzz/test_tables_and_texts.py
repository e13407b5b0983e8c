"""CSV files, run files, formulas, arrays and DataFrames made of what nobody would write."""

import string

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from dynsamp.dataset import from_arrays, from_csv, from_dataframe, pack
from dynsamp.networks.terms import parse
from dynsamp.runfile import RunFileError, read_run_file

TABLES = (
    b"time (s),theta (deg),omega\n0,1.5,2\n0.1,1.25,3\n0.2,1,4\n0.3,0.5,5\n",
    b"trial;t;x;y\n1;0;1,5;2\n1;1;2,5;3\n2;0;3,5;4\n2;1;4,5;5\n",
    b"# made by hand\ndate\tlevel\n2020-01-01\t1.5\n2020-01-02T12:00:00Z\t2\n2020-01-03\t3\n",
    b'"name","t","x"\n"a",0,1\n"a",1,2\n"b ""c""",0,3\n"b ""c""",1,4\n',
    b"0.0 1.0 2.0\n0.1 1.5 2.5\n0.2 1.75 2.25\n",
    b"time,x,tendency_of_x\ns,m,m/s\n12:00:00,1,2\n12:00:01,2,3\n12:00:02,3,4\n",
)
RUNS = (
    b'system = "pendulum"\nseed = 1\nout = "results"\n\n[generate]\ntrajectories = 4\nduration = 2.0\n'
    b"parameters = { length = 2.0 }\ninitial = { low = [0, 1], high = [1, 2] }\nnoise = { q = 0.1 }\n",
    b'system = "lorenz63"\nestimator = "flow-map"\n[forecast]\nmembers = 50\n[truth]\ntimes = [0, 1, 2.5]\n'
    b'[evaluate]\nmetrics = ["nrmse"]\n',
    b'system = "pendulum"\n[estimator]\nname = "hamiltonian"\nwidth = 400\nterms = ["cos(q)"]\nseparable = true\n',
)
ODD_CELLS = (
    *("", "NA", "#N/A", "1,5", "1_000", "0x1F", "5 kg", "1 234", "1.0D+03", "\u22125", "1e400", "inf", "nan", "-", "x"),
    *('"', '"a', 'a"b', "2020-01-01", "12:00:00", "(1.5)", "$5", "5%", "\x1b[31m", "1.5\u00a0", "\uff11\uff12", "True"),
)
CELL = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-9, 9).map(str),
    st.sampled_from(ODD_CELLS),
    st.text(alphabet=string.printable, max_size=6),
)


def test_bytes_of_tables(fuzz, bytes_like, tmp_path):
    def read(content):
        (tmp_path / "a.csv").write_bytes(content)
        pack(from_csv(tmp_path / "a.csv"))

    fuzz(st.one_of(bytes_like(TABLES), bytes_like(TABLES), st.binary(max_size=200)), read, examples=250)


def test_a_column_is_read_as_it_stands_or_not_at_all(fuzz, tmp_path):
    def read(cells):
        lines = [f"{k},{cell},{k * k}.5" for k, cell in enumerate(cells)]
        (tmp_path / "a.csv").write_text("\n".join(["t,x,y", *lines]) + "\n", encoding="utf-8")
        data = from_csv(tmp_path / "a.csv")
        np.testing.assert_array_equal(data["y"].values, [[k * k + 0.5 for k in range(len(cells))]])
        if "x" in data:
            np.testing.assert_array_equal(data["x"].values, [[float(cell) for cell in cells]])
        elif all(map(_is_number, cells)):
            assert "'x'" in data.attrs["comment"]

    fuzz(st.lists(CELL, min_size=2, max_size=8), read, examples=250)


def _is_number(cell):
    try:
        return np.isfinite(float(cell))
    except ValueError:
        return False


def test_run_files(fuzz, bytes_like, tmp_path):
    read_run_file_of = tmp_path / "a.toml"

    def read(content):
        read_run_file_of.write_bytes(content)
        read_run_file(read_run_file_of)

    read(RUNS[0])  # what is imported once is not part of any input's time
    fuzz(
        st.one_of(bytes_like(RUNS), bytes_like(RUNS), st.binary(max_size=200)),
        read,
        allowed=(RunFileError,),
        examples=250,
    )


LEAF = st.sampled_from(
    ["q", "p", "1", "2.5", "0", "-1", "1e308", "1e-320", "9" * 400, "pi", "e", "x", "1j", "'a'", "q.p"]
)
FORMULA = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "**", "//", "%", "<", "and"]), inner
        ),
        st.builds("{}({})".format, st.sampled_from(["sin", "exp", "log", "sqrt", "tanh", "abs", "open", "q"]), inner),
        st.builds("-{}".format, inner),
        st.builds("{}**{}".format, inner, st.integers(-3, 400)),
    ),
    max_leaves=12,
)


def test_formulas(fuzz, bytes_like):
    points = np.random.default_rng(0).normal(size=(50, 2))

    def read(text):
        term = parse(text if isinstance(text, str) else text.decode("latin-1"), ["q", "p"])
        for values in (term.value(points), term.gradient(points), term.hessian(points)):
            assert values.dtype == np.float64

    seeds = (b"cos(q)", b"q**2 * p", b"exp(-(p - q))", b"1 / sqrt(q**2 + p**2)")
    repeated = st.builds(
        lambda text, n: text * n, st.sampled_from(["sin(", "-", "(", "q*", "q**2**"]), st.integers(1, 240)
    )
    fuzz(st.one_of(FORMULA, FORMULA, bytes_like(seeds), repeated), read, examples=200)


ODD = st.one_of(
    st.floats(), st.integers(-(2**70), 2**70), st.text(max_size=3), st.none(), st.booleans(), st.complex_numbers()
)
COLUMN = st.one_of(
    st.lists(st.floats(), min_size=4, max_size=4),
    st.lists(st.integers(-(2**62), 2**62), min_size=4, max_size=4),
    st.lists(ODD, min_size=4, max_size=4),
    st.sampled_from([pd.date_range("2020", periods=4), pd.timedelta_range(0, periods=4), pd.Categorical([1, 2, 1, 2])]),
    st.just([0.0, 1.0, 2.0, 3.0]),
)


def test_frames(fuzz):
    names = st.sampled_from(["t", "time", "x", "id", "trial", "", "\x1b[31m", "x (m)", "a.b", "0"])
    strategy = st.dictionaries(names, COLUMN, max_size=5)
    fuzz(strategy, lambda columns: pack(from_dataframe(pd.DataFrame(columns))), examples=150)


def test_arrays(fuzz):
    shape = st.lists(st.integers(0, 3), max_size=4).map(tuple)
    array = st.one_of(
        st.builds(np.full, shape, st.sampled_from([0.0, np.nan, 1e308, -np.inf, 1j, "x", True, None])),
        st.builds(np.arange, st.integers(0, 6), dtype=st.sampled_from(["f8", "i1", "u8", "m8[s]", "f2", "O"])),
        st.just(np.zeros((2, 3, 1))),
        st.just(np.arange(3.0)),
        st.just(np.arange(3).astype("M8[ns]")),
    )
    names = st.lists(st.sampled_from(["x", "y", "", "time", "a b", "x"]), max_size=3)
    strategy = st.tuples(array, array, names)
    fuzz(
        strategy,
        lambda given: pack(from_arrays(given[0], given[1], names=given[2])),
        allowed=(ValueError, TypeError),
        examples=200,
    )
