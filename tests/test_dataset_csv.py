"""CSV files: what can be read, and what is said of what cannot."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynsamp.dataset import from_csv, open_dataset, pack, uneven

GOOD = "time,q,p\n0,1,2\n0.5,3,4\n1,5,6\n"


@pytest.fixture
def write(tmp_path):
    def _write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return _write


def test_a_plain_file(write):
    ds = from_csv(write(GOOD), time_unit="s", units={"q": "m"}, canonical=True)
    np.testing.assert_array_equal(ds["time"], [0, 0.5, 1])
    np.testing.assert_array_equal(ds["q"], [[1, 3, 5]])
    assert ds["time"].attrs["units"] == "s"
    assert ds["q"].attrs == {"units": "m", "long_name": "q", "conjugate": "p"}
    assert open_dataset(write(GOOD)).equals(ds)


VARIANTS = {
    "semicolons": "time;q;p\n0;1;2\n0.5;3;4\n1;5;6\n",
    "decimal commas": "time;q;p\n0;1,0;2\n0,5;3;4\n1;5;6,0\n",
    "tabs": GOOD.replace(",", "\t"),
    "bars": GOOD.replace(",", "|"),
    "blanks": GOOD.replace(",", "   "),
    "blanks after commas": GOOD.replace(",", ", "),
    "Windows": GOOD.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + GOOD,
    "no last newline": GOOD.rstrip(),
    "comments and empty lines": "# station 7\n\n# units: m\n" + GOOD.replace("0.5", "# pause\n0.5") + "\n\n",
    "quotes": GOOD.replace("q", '"q"').replace("3", '"3"'),
    "separator at the end": GOOD.replace("\n", ",\n"),
    "exponents": "time,q,p\n0,1e0,+2\n5E-1,.3e1,4.\n1,5,6\n",
    "time elsewhere": "q,time,p\n1,0,2\n3,0.5,4\n5,1,6\n",
    "index of pandas": ",time,q,p\n0,0,1,2\n1,0.5,3,4\n2,1,5,6\n",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_dialects_say_the_same(write, variant):
    ds = from_csv(write(VARIANTS[variant]))
    np.testing.assert_array_equal(ds["time"], [0, 0.5, 1])
    np.testing.assert_array_equal(pack(ds).y, [[[1, 2], [3, 4], [5, 6]]])


def test_without_header(write):
    ds = from_csv(write("0,1,2\n1,3,4\n2,5,6\n"))
    assert list(ds.data_vars) == ["x1", "x2"]
    np.testing.assert_array_equal(ds["x2"], [[2, 4, 6]])


def test_the_first_column_is_the_time_where_none_is_called_so(write):
    ds = from_csv(write("step,q\n1,5\n2,6\n"))
    np.testing.assert_array_equal(ds["time"], [1, 2])


def test_trajectories_by_number_and_by_name(write):
    numbered = from_csv(write("run,t,x\n7,0,1\n7,1,2\n3,0,3\n3,1,4\n"), trajectory="run")
    np.testing.assert_array_equal(numbered["trajectory"], [7, 3])
    np.testing.assert_array_equal(numbered["x"], [[1, 2], [3, 4]])
    assert numbered["time"].dims == ("time",)
    named = from_csv(write("run,t,x\nb,0,1\na,0,3\nb,1,2\nb,3,9\na,1,4\n"), trajectory="run")
    assert named["trajectory_name"].values.tolist() == ["b", "a"]
    np.testing.assert_array_equal(named["time"], [[0, 1, 3], [0, 1, np.nan]])
    np.testing.assert_array_equal(named["x"], [[1, 2, 9], [3, 4, np.nan]])


def test_dates(write):
    text = "date,x\n2026-01-31,1\n2026-02-01T12:00:00,2\n2026-02-02 00:00:00+00:00,3\n"
    ds = from_csv(write(text))
    assert ds["time"].dtype == "datetime64[ns]"
    np.testing.assert_array_equal(pack(ds).t, [[0, 1.5, 2]])
    zoned = from_csv(write("time,x\n2026-01-01T02:00:00+02:00,1\n2026-01-01T02:00:00Z,2\n"), time_unit="h")
    np.testing.assert_array_equal(pack(zoned).t, [[0, 2]])


def test_columns_of_text_are_no_states(write):
    ds = from_csv(write("time,station,x\n0,A,1\n1,B,2\n"))
    assert list(ds.data_vars) == ["x"]


def test_derivatives_are_known_by_their_name(write):
    samples = pack(from_csv(write("time,x,tendency_of_x\n0,1,10\n1,2,20\n")))
    assert [state.name for state in samples.states] == ["x"]
    np.testing.assert_array_equal(samples.dy[..., 0], [[10, 20]])


def test_names_become_identifiers(write):
    ds = from_csv(write("time,sea level (m),2m,trajectory\n0,1,2,3\n1,2,3,4\n"), units={"sea level (m)": "m"})
    assert list(ds.data_vars) == ["sea_level", "x_2m", "trajectory_"]
    assert ds["sea_level"].attrs["long_name"] == "sea level"
    assert ds["sea_level"].attrs["units"] == "m"


def test_missing_rows_are_kept_as_uneven_steps(write):
    message = uneven(from_csv(write("time,x\n0,1\n1,1\n3,1\n4,1\n5,1\n")))
    assert message is not None
    assert "between 1 and 3" in message


MISTAKES = {
    "text": (GOOD.replace("3", "abc"), "data.csv, line 3, column 'q': 'abc' is not a number"),
    "empty": (GOOD.replace("4", ""), "data.csv, line 3, column 'p': the cell is empty, expected a number; fill"),
    "NA": (GOOD.replace("4", "NA"), "data.csv, line 3, column 'p': the cell is 'NA'"),
    "all empty": ("time,q\n0,\n1,\n", "data.csv, line 2, column 'q': the cell is empty"),
    "infinite": (GOOD.replace("4", "inf"), "data.csv, line 3, column 'p': 'inf' is not a number"),
    "after comments": ("# a\n# b\n" + GOOD.replace("3", "x"), "data.csv, line 5, column 'q': 'x'"),
    "short row": (GOOD.replace("3,4", "3"), "data.csv, line 3: 2 cells, but there are 3 columns .time, q, p."),
    "long row": (GOOD.replace("3,4", "3,4,9"), "data.csv, line 3: 4 cells, .* separated by commas"),
    "decimal comma": ("time,q\n0,1\n1,2,5\n", "line 3: 3 cells, but there are 2 columns"),
    "date": (
        "time,q\n2026-01-01,1\n31/01/2026,2\n",
        "line 3, column 'time': '31/01/2026' is not a number or a date like",
    ),
    "repeated time": (GOOD.replace("0.5", "0"), "'time' must increase, but line 3 has 0.0 after 0.0 in line 2"),
    "unsorted": (GOOD.replace("0.5", "7"), "but line 4 has 1.0 after 7.0 in line 3; if the table holds several"),
    "twice": ("time,q,q\n0,1,2\n", "the column 'q' appears twice"),
    "nothing": ("", "data.csv has no rows; it is empty"),
    "comments only": ("# nothing\n", "data.csv has no rows"),
    "header only": ("time,q\n", "data.csv has a header .time, q. but no rows"),
    "one column": ("q\n1\n2\n", "data.csv has only the column 'q'"),
    "no numbers": ("time,name\n0,a\n1,b\n", "no column of numbers besides 'time'"),
    "binary": ("time,q\n\0\0\n", "is not a text file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_has_its_place(write, mistake):
    text, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        from_csv(write(text))


def test_columns_that_are_not_there(write):
    path = write("time,velocity,run\n0,1,a\n")
    with pytest.raises(ValueError, match=r"data.csv: there is no column 'velocty' .*; did you mean 'velocity'"):
        from_csv(path, states=["velocty"])
    with pytest.raises(ValueError, match=r"no column 'tim' .*; did you mean 'time'"):
        from_csv(path, time="tim")
    with pytest.raises(TypeError, match=r"got the string 'velocity'; try \['velocity'\]"):
        from_csv(path, states="velocity")
    with pytest.raises(ValueError, match=r"line 2, column 'run': 'a' is not a number"):
        from_csv(path, states=["run"])


def test_files_that_are_no_text(write, tmp_path):
    with pytest.raises(ValueError, match=r"not text in UTF-8"):
        from_csv(write("time,größe\n0,1\n", encoding="latin-1"))
    with pytest.raises(FileNotFoundError):
        from_csv(tmp_path / "absent.csv")


def test_a_few_hundred_noisy_rows_agree_with_pandas(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(400) * 0.05
    frame = pd.DataFrame({"time": t, "x": np.sin(t) + 0.05 * rng.normal(size=400), "v": rng.normal(size=400)})
    path = tmp_path / "noisy.csv"
    frame.to_csv(path)
    ds = from_csv(path)
    np.testing.assert_array_equal(pack(ds).y[0], frame[["x", "v"]])  # what was written
    oracle = pd.read_csv(path)  # may round the last digits otherwise
    np.testing.assert_allclose(pack(ds).y[0], oracle[["x", "v"]], rtol=1e-12)
    np.testing.assert_allclose(ds["time"], oracle["time"], rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t|"),
)
def test_written_numbers_come_back_bitwise(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    lines = [separator.join(["time", "a", "b"])]
    lines += [separator.join([str(k), repr(a), repr(b)]) for k, (a, b) in enumerate(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    np.testing.assert_array_equal(pack(from_csv(path)).y[0], np.array(rows))
