"""Tables that say too much, or something else than they seem to: read rightly or refused, never half read."""

import os
import sys

import numpy as np
import pandas as pd
import pytest

from dynsamp import words
from dynsamp.dataset import from_csv, from_dataframe, open_dataset, pack, to_dates

ESCAPE = "\x1b[31m\x07"


@pytest.fixture
def write(tmp_path):
    def _write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("theta", "'theta'"),
        (f"a{ESCAPE}\nb", r"'a\x1b[31m\x07\nb'"),
        ("x" * 500, f"'{'x' * words.QUOTED}'..."),
        (10**6000, "<int>"),
        (np.arange(4).reshape(2, 2), "array([[0, 1], [2, 3]])"),
        ("\u202e", r"'\u202e'"),
    ],
    ids=["plain", "escapes", "long", "digits", "array", "bidirectional"],
)
def test_quoted_values_are_short_and_on_one_line(value, said):
    assert words.quoted(value) == said


def test_what_cannot_be_written_out_is_named_by_its_type():
    class Odd:
        def __repr__(self):
            raise RuntimeError

    nest = []
    for _ in range(10_000):
        nest = [nest]
    assert words.quoted(Odd()) == words.shown(Odd()) == "<Odd>"
    assert words.quoted(nest) == "<list>"


def test_lists_of_names_end():
    assert words.listed(["q", "p"]) == "q, p"
    many = words.listed(f"c{k}" for k in range(10**5))
    assert len(many) < 200
    assert many.endswith("more")
    assert words.closest("c" * 10**6, (f"c{k}" for k in range(10**6))) is None


READ = {
    "byte order mark": ("\ufefft,x\n0,1.5\n1,2\n", [1.5, 2]),
    "UTF-16": ("t,x\n0,1.5\n1,2\n".encode("utf-16"), [1.5, 2]),
    "line ends of all kinds": ("t,x\r0,1.5\r\n1,2\n2,3\r", [1.5, 2, 3]),
    "decimal commas": ("t;x\n0;1,5\n1;2,5\n", [1.5, 2.5]),
    "columns counted by pandas": (",0\n0,0.5\n1,0.75\n", [0.5, 0.75]),
    "columns counted, no index": ("0,1\n0.1,0.5\n0.2,0.75\n", [0.5, 0.75]),
    "text over lines": ('t,x,note\n0,1,"a\nb"\n1,2,c\n', [1, 2]),
    "a header that is nearly a name": ("t,m²\n0,1\n1,2\n", [1, 2]),
}


@pytest.mark.parametrize("case", READ)
def test_read_rightly(write, case):
    text, expected = READ[case]
    ds = from_csv(write(text))
    np.testing.assert_array_equal(next(iter(ds.data_vars.values())).values, [expected])


def test_nanoseconds_are_kept_and_long_times_do_not_wrap(write, refused):
    fine = from_csv(write("t,x\n2020-01-01T00:00:00.000000123,1\n2020-01-01T00:00:00.000000999,2\n"))
    assert np.diff(fine["time"].values)[0] == np.timedelta64(876, "ns")
    far = from_csv(write("t,x\n1000-01-01,1\n2000-01-01,4\n2900-01-01,2\n"))
    np.testing.assert_array_equal(pack(far).t, [[0, 365242, 693961]])
    assert "1678 to 2262" in refused(to_dates, np.array([0.0, 365242.0]), "d", "1000-01-01")


HOSTILE = {
    "quote to the end": ('t,x,n\n0,1,a\n1,2,"b\n2,3,c\n3,4,d\n', "line 3: a quoted cell goes on over lines"),
    "quote to a later line": ('t,x,n\n0,1,a\n1,2,"b\n2,3,c"\n3,4,d\n', "line 3: a quoted cell goes on over lines"),
    "two quotes": ('t,x,y\n0,",0.5\n1,",1.5\n', "line 2: a quoted cell goes on over lines"),
    "cell of a megabyte": ("t,x\n0," + "9" * 2**20 + "\n", "field larger than"),
    "header of 1e5 columns": (("a," * 10**5)[:-1] + "\n" + ("1," * 10**5)[:-1] + "\n", "100000 columns"),
    "name of 1e5 characters": ("t,(" + "a" * 10**5 + "\n0,1\n1,2\n", "has 100001 characters"),
    "1e400": ("t,x\n0,1e400\n1,2\n", "'1e400' is beyond the largest number"),
    "5000 digits": ("t,x\n0," + "1" * 5000 + "\n1,2\n", "is beyond the largest number"),
    "time of 5000 digits": ("t,x\n0,1\n" + "1" * 5000 + ",2\n", "is beyond the largest number"),
    "steers the terminal": (f"t,{ESCAPE}x\n0,1\n1,a{ESCAPE}\n", r"column '\x1b[31m\x07x': 'a\x1b[31m\x07' is not"),
    "UTF-16 without mark": ("t,x\n0,1.5\n".encode("utf-16-le"), "not a text file"),
    "UTF-16 cut off": ("t,x\n0,1.5\n".encode("utf-16")[:-1], "not text in UTF-8"),
    "compressed": (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "not text in UTF-8"),
    "decimal commas in quotes": ('t,x\n0,"1,5"\n1,"2,5"\n', "line 2, column 'x': '1,5' is not a number"),
    "thousands": ('t,x,y\n0,"1,234",1\n1,"2,567",2\n', "'1,234' is not a number"),
    "thousands and decimals": ("t;x;y\n0.5;1,234;2\n1.5;2,345;3\n", "have different decimal signs"),
    "thousands with blanks": ("t\tx\ty\n0\t1 234,5\t1\n1\t2 234,5\t2\n", "'1 234,5' is not a number"),
    "underscores": ("t,x,y\n0,1_000,1\n1,2_000,2\n", "'1_000' is not a number"),
    "hexadecimal": ("t,x,y\n0,0x1F,1\n1,0x2A,2\n", "'0x1F' is not a number"),
    "units in cells": ("t,x,y\n0,5 kg,1\n1,6 kg,2\n", "'5 kg' is not a number"),
    "per cent": ("t,x,y\n0,5%,1\n1,6%,2\n", "'5%' is not a number"),
    "money": ("t,x,y\n0,$5.1,1\n1,$6.2,2\n", "'$5.1' is not a number"),
    "typographer's minus": ("t,x,y\n0,\u22125.1,1\n1,\u22126.2,2\n", "'\u22125.1' is not a number"),
    "Fortran": ("t,x,y\n0,1.0D+03,1\n1,1.0D+02,2\n", "'1.0D+03' is not a number"),
    "row that begins with #N/A": ("t,x\n0,1\n#N/A,4\n2,3\n", "line 3, column 't': '#N/A' is not a number"),
    "second header": ("t,x\n0,1\n1,2\nt,x\n2,3\n", "line 4, column 't': 't' is not a number"),
    "units below": ("t,x\n0,1\n1,2\ns,m\n", "line 4, column 't': 's' is not a number"),
    "dates of two kinds": ("t,x\n2020-01-01,1\n01/02/2020,2\n", "'01/02/2020' is not a number or a date"),
    "separators alone": (",,,\n,,\n", "has no rows; it holds separators alone"),
    "a number among dates": ("t,x\n2020-01-01,1\n3,2\n", "line 3, column 't': '3' is not a date, as the first time is"),
    "a number among times of day": ("t,x\n00:00:01,1\n3,2\n", "line 3, column 't': '3' is not a time of day"),
    "a word among times": ("t,x\n0,1\na,2\n", "'a' is not a number; correct it, or choose another column with time="),
    "zones and none": ("t,x\n2020-01-01T00:00+02:00,1\n2020-01-01T03:00,2\n", "give all of them a zone"),
    "before the year 1": ("t,x\n0001-01-01T00:00+23:00,1\n2020-01-01T03:00,2\n", "is not a number or a date"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_never_half_read(write, refused, case):
    content, message = HOSTILE[case]
    assert message in refused(from_csv, write(content))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"states": ["x", "x"]}, "the column 'x' appears twice; name it once in states="),
        ({"states": 5}, "states must be a sequence of columns, got 5; try a list"),
        *(({"canonical": wrong}, "canonical must be pairs of states") for wrong in ("x", ["xy"], 5, [("x",)], [5])),
        ({"canonical": [("x", "y"), ("x", "y")]}, "pairs a coordinate twice"),
        *(({"time_unit": wrong}, "time_unit must be a short text") for wrong in (5, None, ["s"], ESCAPE, "s" * 500)),
        ({"units": 5}, "units must be a sequence or a mapping by state, got 5; try a list"),
    ],
)
def test_options_of_another_kind_are_named(write, options, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        from_csv(write("t,x,y\n0,1,2\n1,2,4\n2,0,1\n"), **options)
    assert str(caught.value).isprintable()


def test_two_parameters_of_one_name_are_both_kept(write):
    rows = "".join(f"{k // 8},{k // 8},{k // 8 + 7},{k % 8},{k * k % 5}\n" for k in range(32))
    ds = from_csv(write("id,a b,a-b,t,x\n" + rows))
    assert ds["parameter_a_b"].values[0] == 0
    assert ds["parameter_a_b_"].values[0] == 7


def test_what_is_no_file_is_not_read(tmp_path, refused):
    folder, pipe, loop = tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"
    folder.mkdir()
    assert "is a folder, not a table" in refused(from_csv, folder)
    if sys.platform == "win32":
        return
    os.mkfifo(pipe)
    assert "is a pipe or a device" in refused(from_csv, pipe)
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    assert "is a pipe or a device" in refused(open_dataset, tmp_path / "zero.csv")
    loop.symlink_to(loop)
    assert "symbolic link" in refused(from_csv, loop, kind=OSError)


@pytest.mark.parametrize(
    ("column", "message"),
    [(["1.5", "2.5"], "has dtype"), (["1,5", "2,5"], "has dtype"), ([1.5, np.inf], "is inf in row 1")],
)
def test_columns_of_a_frame_are_numbers_or_refused(refused, column, message):
    assert message in refused(from_dataframe, pd.DataFrame({"t": [0, 1], "x": column, "y": [1.0, 2.0]}))


def test_large_labels_of_a_frame_stay_apart():
    frame = pd.DataFrame({"id": [2**60, 2**60, 2**60 + 1, 2**60 + 1], "t": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 4.0]})
    assert from_dataframe(frame).sizes == {"trajectory": 2, "time": 2}


def test_what_is_no_frame_is_named(refused):
    assert "got dict; try pandas.DataFrame" in refused(from_dataframe, {"t": [0, 1]}, kind=TypeError)


def test_long_names_are_cut_and_stay_apart(write):
    long = "velocity of the bob along the track " * 10
    ds = from_csv(write(f"t,{long} a,{long} b,{long} c\n0,1,2,3\n1,2,3,4\n"))
    assert len(set(ds.data_vars)) == 3
    assert all(len(name) <= words.LONGEST for name in ds.data_vars)
    assert [ds[name].attrs["long_name"] for name in ds.data_vars] == [f"{long} {k}" for k in "abc"]
