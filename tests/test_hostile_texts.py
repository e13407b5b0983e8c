"""Run files, systems in a file and what a terminal is told: text of others is not believed and does not steer."""

import os
import sys
import time

import pytest

import dynsamp
from dynsamp.cli import main
from dynsamp.plugins import load_system_file
from dynsamp.runfile import RunFileError, read_run_file

ESCAPE = "\\u001b[31m"
HEAD = 'system = "pendulum"\n'

RUN_FILES = {
    "lists in lists": ("x = " + "[" * 10**4, "nested too deeply"),
    "tables in tables": ("x = " + "{a=" * 5000, "nested too deeply"),
    "a key of 20000 parts": ("a" + " . a" * 20000 + " = 1", "nested too deeply"),
    "a key of 20000 quoted parts": ('"a b"' + '."a b"' * 20000 + " = 1", "nested too deeply"),
    "numbers in many lists": (f"{HEAD}[generate]\ntimes = {'[' * 150}1{']' * 150}", "must be a list of numbers"),
    "5000 digits": (f"{HEAD}seed = {'9' * 5000}", "not a TOML file"),
    "a whole number beyond floats": (f"{HEAD}[generate]\nduration = 0x{'f' * 500}", "must be a positive number"),
    "1e400": (f"{HEAD}[generate]\nduration = 1e400", "must be a positive number, got inf"),
    "keys that steer": (f'{HEAD}"{ESCAPE}\\n" = 1', r"\x1b[31m is unknown"),
    "a system that steers": (f'system = "{ESCAPE}"', r"system must be text, got '\x1b[31m'"),
    "a system of a megabyte": (f'system = "{"x" * 900_000}"', "unknown system 'xxx"),
    "a place with a null": (f'{HEAD}out = "a\\u0000"', "out must be text"),
    "60000 keys": ("\n".join(f"k{k} = 1" for k in range(60000)), "and 59981 others"),
    "60000 knobs": (f"{HEAD}[estimator]\n" + "\n".join(f"k{k} = 1" for k in range(60000)), "has no knob 'k0'"),
    "a knob that is a nest": (f'{HEAD}[estimator]\nname = "hamiltonian"\nwidth = [[[[1]]]]', "width must be"),
    "two megabytes": ("#" * 2**21, "it has 2097152 bytes"),
    "UTF-16": (HEAD.encode("utf-16"), "not a TOML file"),
    "nothing": ("", "give either system"),
}


@pytest.mark.parametrize("case", RUN_FILES)
def test_run_files(tmp_path, case):
    content, message = RUN_FILES[case]
    (tmp_path / "r.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    began = time.process_time()
    with pytest.raises(RunFileError) as caught:
        read_run_file(tmp_path / "r.toml")
    assert time.process_time() - began < 2
    assert message in str(caught.value)
    assert len(str(caught.value)) < 4000
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "r.toml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert read_run_file(tmp_path / "r.toml").system.name == "pendulum"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names in folders")
def test_run_files_and_systems_that_are_no_files(tmp_path, refused):
    os.mkfifo(tmp_path / "pipe.toml")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    assert "is a pipe" in refused(read_run_file, tmp_path / "pipe.toml", kind=RunFileError)
    assert "is a folder" in refused(read_run_file, tmp_path, kind=RunFileError)
    for name in ("pipe.py", "loop.py"):
        assert "is no file" in refused(load_system_file, tmp_path / name, kind=FileNotFoundError)


SYSTEMS = {
    "a quote that does not end": 'x = "',
    "a null": "x = 1\0",
    "another encoding": b"x = '\xff'",
    "brackets in brackets": "x = " + "(" * 10**4,
    "signs before signs": "x = " + "-" * 10**5 + "1",
    "5000 digits": "x = " + "9" * 5000,
    "an error that steers": "raise ValueError('\\x1b[31m' + 'x' * 10**6)",
    "an end": "raise SystemExit(3)",
    "an error without text": "class Odd(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Odd",
}


@pytest.mark.parametrize("case", SYSTEMS)
def test_systems_in_a_file_that_do_not_load(tmp_path, refused, case):
    content = SYSTEMS[case]
    (tmp_path / "odd.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert "odd.py cannot be loaded: " in refused(load_system_file, tmp_path / "odd.py")


def test_no_command_lets_a_file_steer_the_terminal(tmp_path, capsys):
    data = tmp_path / "a.csv"
    data.write_text("t,\x1b[31mq,\x1b]0;title\x07p,n\n0,1,2,x\n1,2,3,y\n2,3,4,z\n", encoding="utf-8")
    assert main(["fit", str(data), "--estimator", "linear", "-o", str(tmp_path / "a.model")]) == 0
    (tmp_path / "b.csv").write_text("t,\x1b[31mq\n0,\x1b[2J\n", encoding="utf-8")
    assert main(["fit", str(tmp_path / "b.csv")]) == 1
    odd = dynsamp.from_csv(data)
    odd["x_31mq"].attrs["units"] = "m\x1b[31m"
    odd.attrs["comment"] = "\x1b[31m" * 1000
    dynsamp.save_dataset(odd, tmp_path / "odd.nc")
    assert main(["fit", str(tmp_path / "odd.nc"), "--estimator", "linear", "-o", str(tmp_path / "c.model")]) == 0
    assert main(["evaluate", str(tmp_path / "odd.nc"), str(tmp_path / "odd.nc")]) == 0
    assert main(["evaluate", str(tmp_path / "odd.nc"), str(tmp_path / "odd.nc"), "--json"]) == 0
    said = capsys.readouterr()
    for line in (said.out + said.err).split("\n"):
        assert line.isprintable()
        assert len(line) < 1000
