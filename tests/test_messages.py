"""What messages advise exists: names, arguments, methods, commands' options, environment variables."""

import argparse
import ast
import dataclasses
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import dynsamp
from dynsamp.cli import build_parser

ROOT = Path(dynsamp.__file__).parent
SAYING = ("warn", "warning", "info", "refuse", "fail")  # functions that say something to people, beside raise
ELSEWHERE = {"event", "n"}  # a dimension of crossings; the argument of a function for starts


def text_of(node):
    """A string, with a gap where a value is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return None


def said(node):
    called = node.func if isinstance(node, ast.Call) else None
    name = getattr(called, "attr", getattr(called, "id", ""))
    return isinstance(node, ast.Raise) or name in SAYING


@cache
def messages():
    """(place, text) of every string in a raise or a warning."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for statement in ast.walk(tree):
            if said(statement):
                inside = [node for node in ast.walk(statement) if text_of(node)]
                parts = {id(part) for node in inside if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
                for node in inside:
                    if isinstance(node, ast.JoinedStr) or id(node) not in parts:
                        found[f"{path.relative_to(ROOT)}:{node.lineno}"] = text_of(node)
    return list(found.items())


@cache
def parameters():
    """Arguments of what people call: public functions, classes and their methods, in the package and beside it."""
    rooms = ("plot", "testing", "sklearn", "solve", "batch", "dataset", "models", "plugins", "system", "words")
    modules = [dynsamp, *(importlib.import_module(f"dynsamp.{room}") for room in rooms)]
    things = [getattr(module, name) for module in modules for name in module.__all__]
    things += [method for thing in things if inspect.isclass(thing) for method in vars(thing).values()]
    found = set()
    for thing in things:
        if dataclasses.is_dataclass(thing):
            found |= {field.name for field in dataclasses.fields(thing)}
        if callable(thing):
            try:
                found |= set(inspect.signature(thing).parameters)
            except ValueError:
                continue
    return found


@cache
def definitions():
    """Names of all functions and classes of the package."""
    kinds = ast.FunctionDef | ast.ClassDef
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, kinds)}


def options(parser):
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from options(inner)


def unknown(pattern, known):
    """Words of the messages that match and are not known, with their places."""
    return [
        f"{place}: {word}"
        for place, text in messages()
        for word in re.findall(pattern, text)
        if not (known(word) if callable(known) else word in known)
    ]


def reachable(name):
    """Whether dynsamp.a.b is a module or a name in one; ``ds`` may also be a Dataset."""
    root, *rest = name.split(".")
    if root == "ds" and hasattr(xr.Dataset, rest[0]):
        return True
    here = dynsamp
    for k, part in enumerate(rest):
        if not hasattr(here, part):
            try:
                importlib.import_module(".".join(["dynsamp", *rest[: k + 1]]))
            except ImportError:
                return False
        here = getattr(here, part)
    return True


def test_there_are_messages():
    assert len(messages()) > 500


def test_names_in_dynsamp():
    assert not unknown(r"\b(?:dynsamp|ds)(?:\.[A-Za-z_]\w*)+", reachable)


def test_classes():
    classes = {*dynsamp.__all__, *definitions()}
    assert not unknown(r"\b[A-Z]\w+(?=\()", classes)  # HamiltonianNetwork()
    assert not unknown(r"\b(?:fit|use|take|learn|give|try) an? ([A-Z][a-z]\w+)", classes)  # fit a FlowMap


def test_functions_and_methods():
    libraries = {*dir(xr.Dataset), *dir(pd.DataFrame)}
    assert not unknown(r"\b([a-z_]\w*)\(\)", {*definitions(), *libraries})


def test_arguments():
    known = parameters() | ELSEWHERE
    assert not unknown(r"(?<![\w\[\]'\"<.-])([a-z_]+)=(?![=\s])", known)


def test_options_of_commands():
    assert not unknown(r"(?<![\w-])--[a-z][\w-]*", set(options(build_parser())))


def test_environment_variables():
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py"))
    assert not unknown(r"\bDYNSAMP_\w+", lambda name: re.search(rf'"{name}"', sources))


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("fit an Ensemble of it", test_classes),
        ("take Ensembles() of it", test_classes),
        ("see dynsamp.backtest", test_names_in_dynsamp),
        ("give ensembles=", test_arguments),
        ("give --ensemble", test_options_of_commands),
        ("use back_test()", test_functions_and_methods),
        ("set DYNSAMP_NOTHING", test_environment_variables),
    ],
)
def test_what_does_not_exist_is_found(monkeypatch, text, test):
    monkeypatch.setitem(globals(), "messages", lambda: [("here", text)])
    with pytest.raises(AssertionError):
        test()
