"""A system in one file: `dynsamp run ./spring.py`."""

import sys
import textwrap

import pytest

from dynsamp.plugins import load_system_file

LAW = """
    import dynsamp

    def rhs(t, y, theta, dy):
        dy[0] = -y[0]

    {name} = dynsamp.ODESystem(name="{name}", states=[dynsamp.State("x")], rhs=rhs)
"""
HOOK = """
    @dynsamp.hookimpl
    def dynsamp_systems():
        return [{name}]
"""


@pytest.fixture
def write(tmp_path):
    """Write a Python file and forget the modules made of it afterwards."""

    def written(source, name="spring.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return path

    before = set(sys.modules)
    yield written
    for name in set(sys.modules) - before:
        if name.startswith("dynsamp_file_"):
            del sys.modules[name]


def test_a_system_at_module_level_is_found(write):
    law = load_system_file(write(LAW.format(name="decay")))
    assert law.name == "decay"
    assert sys.modules[law.rhs.__module__].rhs is law.rhs


def test_a_hook_decides_what_a_file_offers(write):
    source = LAW.format(name="helper") + LAW.format(name="decay") + HOOK.format(name="decay")
    assert load_system_file(write(source)).name == "decay"


def test_several_systems_are_told_apart_by_name(write):
    path = write(LAW.format(name="slow") + LAW.format(name="fast"))
    with pytest.raises(ValueError, match=r"defines 2 systems \(slow, fast\); say which one"):
        load_system_file(path)
    assert load_system_file(path, "fast").name == "fast"
    with pytest.raises(ValueError, match="has no system 'fats'; did you mean 'fast'"):
        load_system_file(path, "fats")


def test_a_file_that_was_edited_is_read_again(write):
    first = load_system_file(write(LAW.format(name="decay")))
    second = load_system_file(write(LAW.format(name="decay").replace("-y[0]", "-2 * y[0]")))
    assert first.rhs.__code__.co_consts != second.rhs.__code__.co_consts


def test_files_of_one_name_do_not_share_a_module(write, tmp_path):
    (tmp_path / "other").mkdir()
    first, second = (
        load_system_file(write(LAW.format(name="a"))),
        load_system_file(write(LAW.format(name="b"), "other/spring.py")),
    )
    assert first.rhs.__module__ != second.rhs.__module__


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "defines no system"),
        ("import dynsamp\n\nlaw = 1 / 0", r"ZeroDivisionError: division by zero \(line 3\)"),
        ("import dynsamp\ndef (", r"SyntaxError: .* \(line 2\)"),
        ("import sys\nsys.exit(2)", r"SystemExit: 2 \(line 2\)"),
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        (LAW.format(name="a") + LAW.format(name="a").replace("a = ", "b = "), "two systems named 'a'"),
        (LAW.format(name="a") + HOOK.format(name="a").replace("[a]", "a"), r"must return a list, got ODESystem"),
    ],
)
def test_a_file_without_a_usable_system_is_refused(write, source, said):
    with pytest.raises(ValueError, match=said):
        load_system_file(write(source))


def test_a_file_that_raises_leaves_no_module(write):
    before = set(sys.modules)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_system_file(write("raise ValueError"))
    assert set(sys.modules) == before


def test_a_missing_file_a_folder_and_another_kind_of_file(write, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_system_file(tmp_path / "nowhere.py")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        load_system_file(tmp_path)
    with pytest.raises(ValueError, match=r"ends in \.py"):
        load_system_file(write("x", "notes.txt"))


def test_an_interrupt_is_not_swallowed(write):
    with pytest.raises(KeyboardInterrupt):
        load_system_file(write("raise KeyboardInterrupt"))
